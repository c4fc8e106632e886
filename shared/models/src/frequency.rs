//! Which model says how often customers buy.

use crate::bgnbd::BgNbd;
use crate::fit::Outcome;
use crate::nbd::Nbd;
use crate::purchases::Patterns;

/// What twice the log-likelihood of two more parameters must gain to count: the 95 % quantile of
/// chi-squared with two degrees of freedom.
const SIGNIFICANT: f64 = 5.991_464_547_107_979;

/// The outcomes of both models, of which the second is tried only when the first is not to be had.
#[derive(Debug, Clone, PartialEq)]
pub struct Frequencies {
    pub bg_nbd: Outcome<BgNbd, 4>,
    pub nbd: Option<Outcome<Nbd, 2>>,
}

/// A model to predict with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Frequency {
    /// Customers leave one day.
    Leaving(BgNbd),
    /// Nobody has been seen to leave.
    Staying(Nbd),
}

impl Frequencies {
    /// Fits BG/NBD and, when its likelihood has no maximum inside, NBD: where nobody leaves, the
    /// likelihood climbs for ever as dropout goes to zero, and NBD is what it climbs to.
    pub fn fit(customers: &Patterns) -> Frequencies {
        let bg_nbd = BgNbd::fit(customers);
        let nbd = matches!(bg_nbd, Outcome::NotConverged(_)).then(|| Nbd::fit(customers));
        Frequencies { bg_nbd, nbd }
    }

    /// The model to predict with, if there is one. NBD must explain the purchases as well as BG/NBD
    /// did where its search ended (likelihood ratio test, 5 %): else customers do leave, and how
    /// often they do is not known.
    pub fn model(&self) -> Option<Frequency> {
        match (&self.bg_nbd, &self.nbd) {
            (Outcome::Converged(fit), _) => Some(Frequency::Leaving(fit.model)),
            (Outcome::NotConverged(end), Some(Outcome::Converged(fit)))
                if 2.0 * (end.value - fit.log_likelihood) < SIGNIFICANT =>
            {
                Some(Frequency::Staying(fit.model))
            }
            _ => None,
        }
    }
}
