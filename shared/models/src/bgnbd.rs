//! BG/NBD: how often customers buy, and whether they are still there.
//!
//! P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), "Counting Your Customers" the Easy Way: An
//! Alternative to the Pareto/NBD Model, Marketing Science 24(2), 275-284. While alive a customer
//! buys at random moments with a rate of their own, Gamma(r, alpha) over customers; after each
//! repeat purchase they leave with a probability of their own, Beta(a, b) over customers.
//!
//! Somebody who has not come back yet cannot have left by this model, so their probability of
//! being alive is one, however long ago it was.

use std::collections::HashMap;

use crate::fit::{Degenerate, Outcome};
use crate::newton::{Evaluation, maximise};
use crate::parallel;
use crate::purchases::{Pattern, Patterns, Purchases};
use crate::series::Series;
use crate::special::{digamma, ln_gamma, logistic, softplus, trigamma};

/// Patterns per piece of a sum. Fixed, so that sums are the same with any number of threads.
const PIECE: usize = 1 << 14;

/// The model with its parameters; `alpha` in the unit of time of the purchases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BgNbd {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
}

/// A parameter is not a positive number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a parameter of a model is not a positive finite number")]
pub struct InvalidParameters;

impl BgNbd {
    /// Names of the parameters, in the order of a fit's estimates.
    pub const PARAMETERS: [&'static str; 4] = ["r", "alpha", "a", "b"];

    /// The model with known parameters.
    ///
    /// # Errors
    /// [`InvalidParameters`].
    pub fn new(r: f64, alpha: f64, a: f64, b: f64) -> Result<BgNbd, InvalidParameters> {
        if [r, alpha, a, b].iter().all(|value| value.is_finite() && *value > 0.0) {
            Ok(BgNbd { r, alpha, a, b })
        } else {
            Err(InvalidParameters)
        }
    }

    /// The parameters in the order of [`BgNbd::PARAMETERS`].
    pub fn parameters(&self) -> [f64; 4] {
        [self.r, self.alpha, self.a, self.b]
    }

    /// Fits the model by maximum likelihood.
    pub fn fit(customers: &Patterns) -> Outcome<BgNbd, 4> {
        let rows = customers.rows();
        if rows.iter().all(|row| row.purchases.repeats() == 0) {
            return Outcome::Degenerate(Degenerate::NoRepeatPurchases);
        }
        if rows.len() < 4 {
            return Outcome::Degenerate(Degenerate::TooFewPatterns);
        }
        let (repeats, time) = customers.repeats_and_time();
        // alpha starts where r / alpha is the rate of purchases observed, in whatever unit.
        let start = [0.0, libm::log(time / repeats), 0.0, 0.0];
        let counts = Counts::of(rows);
        let optimum = maximise(start, |at| {
            let at = at.map(libm::exp);
            likelihood(&at, rows, &counts).over_logarithms(&at)
        });
        Outcome::of(&optimum, customers.customers() as u64, |&[r, alpha, a, b]| {
            BgNbd::new(r, alpha, a, b).ok()
        })
    }

    /// Log-likelihood of the customers (the paper's equation (6)).
    pub fn log_likelihood(&self, customers: &Patterns) -> f64 {
        let rows = customers.rows();
        likelihood(&self.parameters(), rows, &Counts::of(rows)).value
    }

    /// Log-likelihood, gradient and Hessian over the parameters at this point.
    pub fn evaluate(&self, customers: &Patterns) -> Evaluation<4> {
        let rows = customers.rows();
        likelihood(&self.parameters(), rows, &Counts::of(rows))
    }

    /// Probability that the customer is still there at the end of observation.
    ///
    /// P. S. Fader, B. G. S. Hardie (2008), Computing P(alive) Using the BG/NBD Model,
    /// <http://www.brucehardie.com/notes/021/>; over the logit, which neither overflows nor cancels.
    pub fn probability_alive(&self, customer: &Purchases) -> f64 {
        if customer.repeats() == 0 {
            return 1.0;
        }
        let x = f64::from(customer.repeats());
        let waited = libm::log((self.alpha + customer.age()) / (self.alpha + customer.recency()));
        let left = libm::log(self.a / (self.b + x - 1.0));
        logistic(-((self.r + x) * waited + left))
    }

    /// Expected purchases from the end of observation to `horizon` later (equation (10)).
    pub fn expected_purchases(&self, customer: &Purchases, horizon: f64) -> f64 {
        let mut series = self.series(customer.repeats());
        self.probability_alive(customer) * series.expected(horizon / (self.alpha + customer.age()))
    }

    pub(crate) fn series(&self, repeats: u32) -> Series {
        let x = f64::from(repeats);
        Series::new(self.r + x, self.a, self.b + x)
    }

    /// The horizon in the unit of [`Series`].
    pub(crate) fn scaled(&self, horizon: f64, customer: &Purchases) -> f64 {
        horizon / (self.alpha + customer.age())
    }
}

/// Customers per number of repeats: gamma functions depend on nothing else of a customer.
struct Counts(Vec<(f64, f64)>);

impl Counts {
    fn of(rows: &[Pattern]) -> Counts {
        let mut counts: HashMap<u32, f64> = HashMap::new();
        for row in rows {
            *counts.entry(row.purchases.repeats()).or_default() += f64::from(row.customers);
        }
        let mut counts: Vec<(u32, f64)> = counts.into_iter().collect();
        counts.sort_unstable_by_key(|(repeats, _)| *repeats);
        Counts(counts.into_iter().map(|(x, count)| (f64::from(x), count)).collect())
    }
}

/// Equation (6) in the form of section 7, `ln(A1 A2 (A3 + delta A4))`, and its derivatives.
fn likelihood(at: &[f64; 4], rows: &[Pattern], counts: &Counts) -> Evaluation<4> {
    let mut sum = gammas(at, counts);
    for part in parallel::pieces(rows.len(), PIECE, |range| powers(at, &rows[range])) {
        sum.add(&part);
    }
    sum
}

/// `ln A1 A2`: what depends on the number of repeats alone.
fn gammas(&[r, alpha, a, b]: &[f64; 4], Counts(counts): &Counts) -> Evaluation<4> {
    let mut sum = Evaluation::ZERO;
    let ln_alpha = libm::log(alpha);
    let base = [ln_gamma(r), digamma(r), trigamma(r)];
    let base_b = [ln_gamma(b), digamma(b), trigamma(b)];
    let base_ab = [ln_gamma(a + b), digamma(a + b), trigamma(a + b)];
    for &(x, count) in counts {
        let value = ln_gamma(r + x) - base[0] + r * ln_alpha + base_ab[0] + ln_gamma(b + x)
            - base_b[0]
            - ln_gamma(a + b + x);
        let (psi_abx, psi1_abx) = (digamma(a + b + x), trigamma(a + b + x));
        sum.value += count * value;
        sum.gradient[0] += count * (digamma(r + x) - base[1] + ln_alpha);
        sum.gradient[1] += count * r / alpha;
        sum.gradient[2] += count * (base_ab[1] - psi_abx);
        sum.gradient[3] += count * (base_ab[1] + digamma(b + x) - base_b[1] - psi_abx);
        sum.hessian[0][0] += count * (trigamma(r + x) - base[2]);
        sum.hessian[0][1] += count / alpha;
        sum.hessian[1][1] -= count * r / (alpha * alpha);
        sum.hessian[2][2] += count * (base_ab[2] - psi1_abx);
        sum.hessian[2][3] += count * (base_ab[2] - psi1_abx);
        sum.hessian[3][3] += count * (base_ab[2] + trigamma(b + x) - base_b[2] - psi1_abx);
    }
    mirror(&mut sum);
    sum
}

/// `ln (A3 + delta A4)`: the customer is alive, or left right after the last purchase.
fn powers(&[r, alpha, a, b]: &[f64; 4], rows: &[Pattern]) -> Evaluation<4> {
    let mut sum = Evaluation::ZERO;
    let (ln_a, mut known) = (libm::log(a), (f64::NAN, 0.0));
    for Pattern { purchases, customers } in rows {
        let x = f64::from(purchases.repeats());
        let count = f64::from(*customers);
        let shape = r + x;
        // Rows come by repeats and age: the same age comes many times over.
        if known.0.to_bits() != purchases.age().to_bits() {
            known = (purchases.age(), libm::log(alpha + purchases.age()));
        }
        let (ln_end, end) = (known.1, 1.0 / (alpha + purchases.age()));
        let alive = -shape * ln_end;
        if purchases.repeats() == 0 {
            sum.value += count * alive;
            sum.gradient[0] -= count * ln_end;
            sum.gradient[1] -= count * shape * end;
            sum.hessian[0][1] -= count * end;
            sum.hessian[1][1] += count * shape * end * end;
            continue;
        }
        let last = 1.0 / (alpha + purchases.recency());
        let ln_last = libm::log(alpha + purchases.recency());
        let stays = 1.0 / (b + x - 1.0);
        let odds = ln_a + libm::log(stays) + shape * (ln_end - ln_last);
        let dead = logistic(odds);
        // Of the odds of having left, over r, alpha, a, b.
        let d = [ln_end - ln_last, shape * (end - last), 1.0 / a, -stays];
        sum.value += count * (alive + softplus(odds));
        sum.gradient[0] += count * (dead * d[0] - ln_end);
        sum.gradient[1] += count * (dead * d[1] - shape * end);
        sum.gradient[2] += count * dead * d[2];
        sum.gradient[3] += count * dead * d[3];
        let spread = count * dead * (1.0 - dead);
        for i in 0..4 {
            for j in i..4 {
                sum.hessian[i][j] += spread * d[i] * d[j];
            }
        }
        sum.hessian[0][1] += count * (dead * (end - last) - end);
        sum.hessian[1][1] += count * shape * (end * end - dead * (end * end - last * last));
        sum.hessian[2][2] -= count * dead / (a * a);
        sum.hessian[3][3] += count * dead * stays * stays;
    }
    mirror(&mut sum);
    sum
}

fn mirror(sum: &mut Evaluation<4>) {
    for i in 0..4 {
        for j in 0..i {
            sum.hessian[i][j] = sum.hessian[j][i];
        }
    }
}
