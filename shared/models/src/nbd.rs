//! NBD: how often customers buy when nobody leaves, the limit of [`crate::bgnbd`] without dropout.
//!
//! A. S. C. Ehrenberg (1959), The Pattern of Consumer Purchases, Journal of the Royal Statistical
//! Society C 8(1), 26-41: a customer buys at random moments with a rate of their own, which is
//! Gamma(r, alpha) over customers. The expectation for one customer is that of D. G. Morrison,
//! D. C. Schmittlein (1988), Generalizing the NBD Model for Customer Purchases: What Are the
//! Implications and Is It Worth the Effort?, Journal of Business & Economic Statistics 6(2), 145-159.

use crate::bgnbd::InvalidParameters;
use crate::fit::{Degenerate, Outcome};
use crate::newton::{Evaluation, maximise};
use crate::parallel;
use crate::purchases::{Pattern, Patterns, Purchases};
use crate::special::{digamma, ln_gamma, trigamma};

/// Patterns per piece of a sum. Fixed, so that sums are the same with any number of threads.
const PIECE: usize = 1 << 14;

/// The model with its parameters; `alpha` in the unit of time of the purchases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nbd {
    r: f64,
    alpha: f64,
}

impl Nbd {
    /// Names of the parameters, in the order of a fit's estimates.
    pub const PARAMETERS: [&'static str; 2] = ["r", "alpha"];

    /// The model with known parameters.
    ///
    /// # Errors
    /// [`InvalidParameters`].
    pub fn new(r: f64, alpha: f64) -> Result<Nbd, InvalidParameters> {
        if [r, alpha].iter().all(|value| value.is_finite() && *value > 0.0) {
            Ok(Nbd { r, alpha })
        } else {
            Err(InvalidParameters)
        }
    }

    /// Fits the model by maximum likelihood.
    pub fn fit(customers: &Patterns) -> Outcome<Nbd, 2> {
        let rows = customers.rows();
        if rows.iter().all(|row| row.purchases.repeats() == 0) {
            return Outcome::Degenerate(Degenerate::NoRepeatPurchases);
        }
        if rows.len() < 2 {
            return Outcome::Degenerate(Degenerate::TooFewPatterns);
        }
        let (repeats, time) = customers.repeats_and_time();
        let optimum = maximise([0.0, libm::log(time / repeats)], |at| {
            let at = at.map(libm::exp);
            likelihood(&at, rows).over_logarithms(&at)
        });
        Outcome::of(&optimum, customers.customers() as u64, |&[r, alpha]| Nbd::new(r, alpha).ok())
    }

    /// Log-likelihood, gradient and Hessian over the parameters at this point.
    pub fn evaluate(&self, customers: &Patterns) -> Evaluation<2> {
        likelihood(&[self.r, self.alpha], customers.rows())
    }

    /// Expected purchases per unit of time from the end of observation on: the customer's rate,
    /// Gamma(r + x, alpha + T) by then. It stays the same however far ahead.
    pub fn expected_rate(&self, customer: &Purchases) -> f64 {
        (self.r + f64::from(customer.repeats())) / (self.alpha + customer.age())
    }
}

/// Of the moments of the purchases, as BG/NBD has it, so that both can be compared: that of the
/// counts, the negative binomial distribution, differs by a factor without parameters.
fn likelihood(at: &[f64; 2], rows: &[Pattern]) -> Evaluation<2> {
    let mut sum = Evaluation::ZERO;
    for part in parallel::pieces(rows.len(), PIECE, |range| piece(at, &rows[range])) {
        sum.add(&part);
    }
    sum
}

fn piece(&[r, alpha]: &[f64; 2], rows: &[Pattern]) -> Evaluation<2> {
    let mut sum = Evaluation::<2>::ZERO;
    let ln_alpha = libm::log(alpha);
    let base = [ln_gamma(r), digamma(r), trigamma(r)];
    // Rows come by repeats: gamma functions depend on nothing else.
    let (mut repeats, mut gammas) = (None, [0.0; 3]);
    for Pattern { purchases, customers } in rows {
        let x = f64::from(purchases.repeats());
        if repeats != Some(purchases.repeats()) {
            repeats = Some(purchases.repeats());
            gammas =
                [ln_gamma(r + x) - base[0], digamma(r + x) - base[1], trigamma(r + x) - base[2]];
        }
        let count = f64::from(*customers);
        let (end, ln_end) = (alpha + purchases.age(), libm::log(alpha + purchases.age()));
        sum.value += count * (gammas[0] + r * ln_alpha - (r + x) * ln_end);
        sum.gradient[0] += count * (gammas[1] + ln_alpha - ln_end);
        sum.gradient[1] += count * (r / alpha - (r + x) / end);
        sum.hessian[0][0] += count * gammas[2];
        sum.hessian[0][1] += count * (1.0 / alpha - 1.0 / end);
        sum.hessian[1][1] += count * ((r + x) / (end * end) - r / (alpha * alpha));
    }
    sum.hessian[1][0] = sum.hessian[0][1];
    sum
}
