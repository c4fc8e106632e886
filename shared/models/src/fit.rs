//! What a fit by maximum likelihood answers.

use crate::newton::{Convergence, Ending, Optimum};

/// 97.5 % quantile of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// The end of a fit. Only [`Outcome::Converged`] has parameters that may be used.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<M, const N: usize> {
    /// The maximum of the likelihood, with its uncertainty.
    Converged(Fit<M, N>),
    /// The search ended elsewhere: the data do not look like the model.
    NotConverged(Convergence),
    /// There is nothing to learn from: the search did not start.
    Degenerate(Degenerate),
}

/// Why the data cannot tell the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Degenerate {
    #[error("no customer has bought again")]
    NoRepeatPurchases,
    #[error("there are fewer different customers than parameters")]
    TooFewPatterns,
    #[error("every customer spends the same")]
    EqualSpending,
}

/// A fitted model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit<M, const N: usize> {
    pub model: M,
    /// The parameters in the model's order.
    pub estimates: [f64; N],
    /// From the inverse of the observed information.
    pub standard_errors: [f64; N],
    /// 95 % intervals, symmetric over the logarithm, so that they stay positive.
    pub intervals: [(f64, f64); N],
    pub log_likelihood: f64,
    /// Customers that the likelihood was taken over.
    pub customers: u64,
    pub convergence: Convergence,
}

impl<M, const N: usize> Outcome<M, N> {
    /// The fit, if it may be used.
    pub fn converged(&self) -> Option<&Fit<M, N>> {
        match self {
            Outcome::Converged(fit) => Some(fit),
            Outcome::NotConverged(_) | Outcome::Degenerate(_) => None,
        }
    }

    /// The outcome in one word, for tables and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Converged(_) => "converged",
            Outcome::NotConverged(convergence) => match convergence.ending {
                Ending::Boundary => "boundary",
                Ending::Stalled | Ending::Maximum => "stalled",
            },
            Outcome::Degenerate(Degenerate::NoRepeatPurchases) => "no_repeat_purchases",
            Outcome::Degenerate(Degenerate::TooFewPatterns) => "too_few_patterns",
            Outcome::Degenerate(Degenerate::EqualSpending) => "equal_spending",
        }
    }

    /// Reads a search over log-parameters.
    pub(crate) fn of(
        optimum: &Optimum<N>,
        customers: u64,
        model: impl FnOnce(&[f64; N]) -> Option<M>,
    ) -> Outcome<M, N> {
        let estimates = optimum.at.map(libm::exp);
        let (Ending::Maximum, Some(covariance), Some(model)) =
            (optimum.convergence.ending, optimum.covariance, model(&estimates))
        else {
            return Outcome::NotConverged(optimum.convergence);
        };
        let over_logarithm: [f64; N] = std::array::from_fn(|i| libm::sqrt(covariance[i][i]));
        Outcome::Converged(Fit {
            model,
            estimates,
            // Delta method; exact for the observed information, as the gradient is zero here.
            standard_errors: std::array::from_fn(|i| estimates[i] * over_logarithm[i]),
            intervals: std::array::from_fn(|i| {
                let factor = libm::exp(Z_95 * over_logarithm[i]);
                (estimates[i] / factor, estimates[i] * factor)
            }),
            log_likelihood: optimum.evaluation.value,
            customers,
            convergence: optimum.convergence,
        })
    }
}
