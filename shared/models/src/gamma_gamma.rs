//! Gamma-Gamma: how much customers spend per purchase.
//!
//! P. S. Fader, B. G. S. Hardie (2013), The Gamma-Gamma Model of Monetary Value,
//! <http://www.brucehardie.com/notes/025/>. The value of a purchase varies around the customer's
//! own mean as Gamma(p, nu), and nu varies over customers as Gamma(q, gamma); `gamma` is called
//! `v` here, as software does. Spending is independent of how often the customer buys.

use std::collections::BTreeMap;

use crate::bgnbd::InvalidParameters;
use crate::fit::{Degenerate, Outcome};
use crate::newton::{Evaluation, maximise};
use crate::parallel;
use crate::special::{digamma, ln_gamma, trigamma};

/// Customers per piece of a sum. Fixed, so that sums are the same with any number of threads.
const PIECE: usize = 1 << 14;

/// The model with its parameters; `v` in the unit of money of the spending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GammaGamma {
    p: f64,
    q: f64,
    v: f64,
}

/// What one customer spent: `purchases` of them, `mean` each on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spending {
    purchases: u32,
    mean: f64,
}

/// The numbers cannot be a customer's spending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("spending needs at least one purchase and a positive finite mean")]
pub struct InvalidSpending;

impl Spending {
    /// The average value of a number of purchases.
    ///
    /// # Errors
    /// [`InvalidSpending`] without purchases, or when the mean is not a positive number.
    pub fn new(purchases: u32, mean: f64) -> Result<Spending, InvalidSpending> {
        if purchases > 0 && mean.is_finite() && mean > 0.0 {
            Ok(Spending { purchases, mean })
        } else {
            Err(InvalidSpending)
        }
    }

    /// Number of purchases that the mean was taken over.
    pub fn purchases(&self) -> u32 {
        self.purchases
    }

    /// Mean value of a purchase.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    fn total(&self) -> f64 {
        f64::from(self.purchases) * self.mean
    }
}

impl GammaGamma {
    /// Names of the parameters, in the order of a fit's estimates.
    pub const PARAMETERS: [&'static str; 3] = ["p", "q", "v"];

    /// The model with known parameters.
    ///
    /// # Errors
    /// [`InvalidParameters`].
    pub fn new(p: f64, q: f64, v: f64) -> Result<GammaGamma, InvalidParameters> {
        if [p, q, v].iter().all(|value| value.is_finite() && *value > 0.0) {
            Ok(GammaGamma { p, q, v })
        } else {
            Err(InvalidParameters)
        }
    }

    /// The parameters in the order of [`GammaGamma::PARAMETERS`].
    pub fn parameters(&self) -> [f64; 3] {
        [self.p, self.q, self.v]
    }

    /// Fits the model by maximum likelihood to the customers who bought (again).
    ///
    /// The sums depend on the order of the customers in their last digits: who needs the same bits
    /// again gives them in the same order.
    pub fn fit(customers: &[Spending]) -> Outcome<GammaGamma, 3> {
        if customers.is_empty() {
            return Outcome::Degenerate(Degenerate::NoRepeatPurchases);
        }
        let first = customers[0];
        if customers.iter().all(|customer| customer.mean == first.mean) {
            return Outcome::Degenerate(Degenerate::EqualSpending);
        }
        if customers.len() < 3 {
            return Outcome::Degenerate(Degenerate::TooFewPatterns);
        }
        let sums = Sums::of(customers);
        let mean = sums.means / customers.len() as f64;
        // p v / (q - 1) is the mean of the population.
        let start = [0.0, libm::log(3.0), libm::log(2.0 * mean)];
        let optimum = maximise(start, |at| {
            let at = at.map(libm::exp);
            likelihood(&at, customers, &sums).over_logarithms(&at)
        });
        Outcome::of(&optimum, customers.len() as u64, |&[p, q, v]| GammaGamma::new(p, q, v).ok())
    }

    /// Log-likelihood, gradient and Hessian over the parameters at this point.
    pub fn evaluate(&self, customers: &[Spending]) -> Evaluation<3> {
        likelihood(&self.parameters(), customers, &Sums::of(customers))
    }

    /// Expected mean value of a purchase of this customer: their own mean drawn towards that of
    /// the population, the more the less they bought (equation (5)). `None` stands for somebody
    /// whose spending is not known; the answer is `None` where the model has no mean (q of one or
    /// less).
    pub fn expected_value(&self, customer: Option<&Spending>) -> Option<f64> {
        let (purchases, total) =
            customer.map_or((0.0, 0.0), |one| (f64::from(one.purchases), one.total()));
        let weight = self.p * purchases + self.q - 1.0;
        (weight > 0.0).then(|| self.p * (self.v + total) / weight)
    }
}

/// What does not change from one evaluation to the next.
struct Sums {
    /// Per number of purchases: customers, and the sum of the logarithms of their totals.
    counts: Vec<(f64, f64, f64)>,
    /// The sum of the logarithms of the means.
    logarithms: f64,
    means: f64,
}

impl Sums {
    fn of(customers: &[Spending]) -> Sums {
        let parts = parallel::pieces(customers.len(), PIECE, |range| {
            let mut counts: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
            let (mut logarithms, mut means) = (0.0, 0.0);
            for one in &customers[range] {
                let entry = counts.entry(one.purchases).or_default();
                let ln_mean = libm::log(one.mean);
                entry.0 += 1.0;
                entry.1 += ln_mean + libm::log(f64::from(one.purchases));
                logarithms += ln_mean;
                means += one.mean;
            }
            (counts, logarithms, means)
        });
        let mut counts: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        let (mut logarithms, mut means) = (0.0, 0.0);
        for (part, ln_means, sum) in parts {
            for (purchases, (count, ln_totals)) in part {
                let entry = counts.entry(purchases).or_default();
                entry.0 += count;
                entry.1 += ln_totals;
            }
            logarithms += ln_means;
            means += sum;
        }
        let counts = counts.into_iter();
        let counts = counts.map(|(x, (count, ln_totals))| (f64::from(x), count, ln_totals));
        Sums { counts: counts.collect(), logarithms, means }
    }
}

/// Equation (1a), and its derivatives. With the total `s = x * mean` its powers of `x` and the
/// mean are `(px - 1) ln mean + px ln x = px ln s - ln mean`.
fn likelihood(at: &[f64; 3], customers: &[Spending], sums: &Sums) -> Evaluation<3> {
    let &[p, q, v] = at;
    let mut sum = Evaluation::ZERO;
    let (ln_v, ln_gamma_q, psi_q, psi1_q) = (libm::log(v), ln_gamma(q), digamma(q), trigamma(q));
    for &(x, count, ln_totals) in &sums.counts {
        let (shape, both) = (p * x, p * x + q);
        let (psi, psi1) = (digamma(both), trigamma(both));
        sum.value +=
            count * (ln_gamma(both) - ln_gamma(shape) - ln_gamma_q + q * ln_v) + shape * ln_totals;
        sum.gradient[0] += count * x * (psi - digamma(shape)) + x * ln_totals;
        sum.gradient[1] += count * (psi - psi_q + ln_v);
        sum.gradient[2] += count * q / v;
        sum.hessian[0][0] += count * x * x * (psi1 - trigamma(shape));
        sum.hessian[0][1] += count * x * psi1;
        sum.hessian[1][1] += count * (psi1 - psi1_q);
        sum.hessian[1][2] += count / v;
        sum.hessian[2][2] -= count * q / (v * v);
    }
    sum.value -= sums.logarithms;
    let parts = parallel::pieces(customers.len(), PIECE, |range| {
        let mut part = Evaluation::ZERO;
        for one in &customers[range] {
            let (x, scale) = (f64::from(one.purchases), one.total() + v);
            let (ln_scale, inverse) = (libm::log(scale), 1.0 / scale);
            let both = p * x + q;
            part.value -= both * ln_scale;
            part.gradient[0] -= x * ln_scale;
            part.gradient[1] -= ln_scale;
            part.gradient[2] -= both * inverse;
            part.hessian[0][2] -= x * inverse;
            part.hessian[1][2] -= inverse;
            part.hessian[2][2] += both * inverse * inverse;
        }
        part
    });
    for part in parts {
        sum.add(&part);
    }
    for i in 0..3 {
        for j in 0..i {
            sum.hessian[i][j] = sum.hessian[j][i];
        }
    }
    sum
}
