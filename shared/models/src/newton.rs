//! Newton's method for a likelihood of a few parameters, damped where it is not concave.
//!
//! With exact first and second derivatives a fit takes a handful of passes over the data, and the
//! Hessian of the last pass gives the standard errors. Damping is Levenberg's: the negative
//! Hessian plus a multiple of the identity, raised until it is positive definite and the step
//! climbs (Nocedal & Wright, Numerical Optimization, 2nd edition, sections 3.4 and 4.3).

/// A function, its gradient and its Hessian at one point.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<const N: usize> {
    pub value: f64,
    pub gradient: [f64; N],
    pub hessian: [[f64; N]; N],
}

impl<const N: usize> Evaluation<N> {
    /// Nothing added up yet.
    pub const ZERO: Evaluation<N> =
        Evaluation { value: 0.0, gradient: [0.0; N], hessian: [[0.0; N]; N] };

    /// Adds another part of a sum.
    pub fn add(&mut self, other: &Evaluation<N>) {
        self.value += other.value;
        for i in 0..N {
            self.gradient[i] += other.gradient[i];
            for j in 0..N {
                self.hessian[i][j] += other.hessian[i][j];
            }
        }
    }

    /// The same function of the logarithms of its arguments, which are `at` (chain rule).
    #[must_use]
    pub fn over_logarithms(mut self, at: &[f64; N]) -> Evaluation<N> {
        for i in 0..N {
            for j in 0..N {
                self.hessian[i][j] *= at[i] * at[j];
            }
            self.gradient[i] *= at[i];
            self.hessian[i][i] += self.gradient[i];
        }
        self
    }

    fn is_finite(&self) -> bool {
        self.value.is_finite()
            && self.gradient.iter().chain(self.hessian.iter().flatten()).all(|v| v.is_finite())
    }
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// At a point from which no step is worth taking, with a negative definite Hessian.
    Maximum,
    /// A parameter ran away: the likelihood has no maximum inside, at least not for this model.
    Boundary,
    /// It took too long, or no step climbed any more.
    Stalled,
}

/// How a search went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convergence {
    pub ending: Ending,
    /// Steps taken.
    pub iterations: u32,
    /// Passes over the data.
    pub evaluations: u32,
    /// The function where it ended.
    pub value: f64,
    /// The largest absolute component of the gradient (over log-parameters) where it ended.
    pub gradient_norm: f64,
}

/// Where a search ended.
#[derive(Debug, Clone, Copy)]
pub struct Optimum<const N: usize> {
    pub at: [f64; N],
    pub evaluation: Evaluation<N>,
    /// The inverse of the negative Hessian; `None` when that is not positive definite.
    pub covariance: Option<[[f64; N]; N]>,
    pub convergence: Convergence,
}

const MAX_ITERATIONS: u32 = 200;
/// Log-likelihood that a further Newton step may still promise at the end.
const PROMISE: f64 = 1e-10;
/// Rounding of a sum relative to its size: gains below it cannot be seen.
const ROUNDING: f64 = 1e-14;
/// No component of a step is longer.
const MAX_STEP: f64 = 2.0;
/// Distance from the start (of a log-parameter: a factor of 1.2 million) that counts as escape.
const MAX_DISTANCE: f64 = 14.0;

/// Climbs from `start` to a maximum of `function`.
pub fn maximise<const N: usize>(
    start: [f64; N],
    function: impl Fn(&[f64; N]) -> Evaluation<N>,
) -> Optimum<N> {
    let mut at = start;
    let mut here = function(&at);
    let mut evaluations = 1;
    let mut damping = 0.0;
    let mut iterations = 0;
    let ending = loop {
        let promise = promise(&here);
        if promise.is_some_and(|gain| gain <= PROMISE.max(ROUNDING * here.value.abs())) {
            break Ending::Maximum;
        }
        if at.iter().zip(&start).any(|(now, then)| (now - then).abs() >= MAX_DISTANCE) {
            break Ending::Boundary;
        }
        if iterations == MAX_ITERATIONS || !here.is_finite() {
            break Ending::Stalled;
        }
        let Some((step, used)) = climb(&here, damping) else { break Ending::Stalled };
        let there = advance(&at, &step);
        let next = function(&there);
        evaluations += 1;
        if next.is_finite() && next.value > here.value {
            damping = if used < 1e-6 * curvature(&here) { 0.0 } else { used / 10.0 };
            (at, here) = (there, next);
            iterations += 1;
        } else {
            damping = (used * 10.0).max(1e-4 * curvature(&here));
            if damping > 1e12 * curvature(&here) {
                break Ending::Stalled;
            }
        }
    };
    let gradient_norm = here.gradient.iter().fold(0.0, |norm: f64, part| norm.max(part.abs()));
    let covariance = negative(&here.hessian, 0.0).and_then(|factor| invert(&factor));
    let convergence =
        Convergence { ending, iterations, evaluations, value: here.value, gradient_norm };
    Optimum { at, evaluation: here, covariance, convergence }
}

/// What the quadratic model promises above this point; `None` where it has no maximum.
fn promise<const N: usize>(here: &Evaluation<N>) -> Option<f64> {
    let factor = negative(&here.hessian, 0.0)?;
    let step = solve(&factor, &here.gradient);
    Some(0.5 * step.iter().zip(&here.gradient).map(|(s, g)| s * g).sum::<f64>())
}

/// A step with the damping it needed.
fn climb<const N: usize>(here: &Evaluation<N>, damping: f64) -> Option<([f64; N], f64)> {
    let mut damping = damping;
    for _ in 0..60 {
        if let Some(factor) = negative(&here.hessian, damping) {
            return Some((solve(&factor, &here.gradient), damping));
        }
        damping = (damping * 10.0).max(1e-4 * curvature(here));
    }
    None
}

fn advance<const N: usize>(at: &[f64; N], step: &[f64; N]) -> [f64; N] {
    let longest = step.iter().fold(0.0, |longest: f64, part| longest.max(part.abs()));
    let scale = if longest > MAX_STEP { MAX_STEP / longest } else { 1.0 };
    std::array::from_fn(|i| at[i] + scale * step[i])
}

/// A size to measure damping by.
fn curvature<const N: usize>(here: &Evaluation<N>) -> f64 {
    (0..N).fold(f64::MIN_POSITIVE, |size, i| size.max(here.hessian[i][i].abs()))
}

/// The Cholesky factor of `-hessian + damping * identity`.
fn negative<const N: usize>(hessian: &[[f64; N]; N], damping: f64) -> Option<[[f64; N]; N]> {
    let mut factor = [[0.0; N]; N];
    for i in 0..N {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i][k] * factor[j][k]).sum();
            let sum = if i == j { damping - hessian[i][j] } else { -hessian[i][j] } - known;
            if i == j {
                // Relative to the diagonal, so that a flat ridge does not pass for a maximum.
                if sum.is_nan() || sum <= 1e-13 * (hessian[i][i].abs() + damping) {
                    return None;
                }
                factor[i][i] = libm::sqrt(sum);
            } else {
                factor[i][j] = sum / factor[j][j];
            }
        }
    }
    Some(factor)
}

/// Solves `factor * factorᵀ * x = right`.
fn solve<const N: usize>(factor: &[[f64; N]; N], right: &[f64; N]) -> [f64; N] {
    let mut x = *right;
    for i in 0..N {
        for k in 0..i {
            x[i] -= factor[i][k] * x[k];
        }
        x[i] /= factor[i][i];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            x[i] -= factor[k][i] * x[k];
        }
        x[i] /= factor[i][i];
    }
    x
}

fn invert<const N: usize>(factor: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut inverse = [[0.0; N]; N];
    for (column, row) in inverse.iter_mut().enumerate() {
        let unit = std::array::from_fn(|i| if i == column { 1.0 } else { 0.0 });
        *row = solve(factor, &unit);
    }
    inverse.iter().flatten().all(|value| value.is_finite()).then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `-(1 - x)² - 100 (y - x²)²`, with its maximum at (1, 1) at the end of a curved ridge.
    fn rosenbrock(&[x, y]: &[f64; 2]) -> Evaluation<2> {
        let ridge = y - x * x;
        Evaluation {
            value: -(1.0 - x) * (1.0 - x) - 100.0 * ridge * ridge,
            gradient: [2.0 * (1.0 - x) + 400.0 * x * ridge, -200.0 * ridge],
            hessian: [[-2.0 + 400.0 * ridge - 800.0 * x * x, 400.0 * x], [400.0 * x, -200.0]],
        }
    }

    #[test]
    fn a_curved_ridge_is_followed_to_its_maximum() {
        let found = maximise([-1.2, 1.0], rosenbrock);
        assert_eq!(found.convergence.ending, Ending::Maximum);
        assert!((found.at[0] - 1.0).abs() < 1e-5 && (found.at[1] - 1.0).abs() < 1e-5);
        // The inverse of [[802, -400], [-400, 200]].
        let covariance = found.covariance.unwrap();
        assert!((covariance[0][0] - 0.5).abs() < 1e-3 && (covariance[0][1] - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_function_that_rises_for_ever_has_no_maximum() {
        let rising = |&[x]: &[f64; 1]| {
            let falling = libm::exp(-x);
            Evaluation { value: -falling, gradient: [falling], hessian: [[-falling]] }
        };
        assert_eq!(
            maximise([0.0], |at| {
                let mut e = rising(at);
                e.value += at[0];
                e.gradient[0] += 1.0;
                e
            })
            .convergence
            .ending,
            Ending::Boundary
        );
    }

    #[test]
    fn a_function_without_values_stalls() {
        let broken =
            |_: &[f64; 1]| Evaluation { value: f64::NAN, gradient: [0.0], hessian: [[0.0]] };
        assert_eq!(maximise([0.0], broken).convergence.ending, Ending::Stalled);
    }
}
