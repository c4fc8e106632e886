//! The expected number of purchases in a horizon, given that the customer is alive: the second
//! factor of equation (10) of Fader, Hardie & Lee (2005), without its hypergeometric function.
//!
//! With `A = r + x`, `B = b + x`, `s = t / (alpha + T)` and `z = s / (1 + s)` the paper has
//!
//! ```text
//! (a + b + x - 1) / (a - 1) * [1 - (1 - z)^A * 2F1(A, B; a + b + x - 1; z)]
//! ```
//!
//! which is 0/0 at a = 1, and loses digits near it, for small `s` and for large `A`. It is the
//! mean of `(1 - (1 + p s)^-A) / p` over a dropout probability `p ~ Beta(a, B)` (equation (9) with
//! the posterior in place of the prior). Expanding the power in `z (1 - p)` gives
//!
//! ```text
//! sum over n >= 1 of NB(n; A, z) * S(n),   S(n) = sum over k < n of (B)_k / (B + a)_k
//! ```
//!
//! where `NB` is the negative binomial distribution: the purchases of a customer who never leaves,
//! and `S(n)` how many of them a mortal one makes. All terms are positive, so nothing cancels, and
//! no value of `a` is special. `S` depends on the customer by `x` alone and is shared by everybody
//! with the same `x`. A horizon so long that the sum would not end is integrated over `p` instead.

use crate::special::softplus;

/// More terms than this take longer than the integral.
const MAX_TERMS: f64 = 4000.0;
/// Relative size of what the sum leaves away.
const TAIL: f64 = 1e-14;

/// The part of the sum that customers with the same number of repeats share.
#[derive(Debug)]
pub(crate) struct Series {
    /// `r + x`, the shape of the purchase rate.
    shape: f64,
    /// `a`, and `b + x`: the dropout probability.
    a: f64,
    survivals: f64,
    /// `S(n)` for n from 1.
    made: Vec<f64>,
    /// `(A + n) / (n + 1)` for n from 1.
    growth: Vec<f64>,
    /// The next term of `S`.
    next: f64,
}

impl Series {
    pub(crate) fn new(shape: f64, a: f64, survivals: f64) -> Series {
        Series { shape, a, survivals, made: Vec::new(), growth: Vec::new(), next: 1.0 }
    }

    fn extend(&mut self) {
        let n = self.made.len() as f64;
        let sum = self.made.last().copied().unwrap_or(0.0) + self.next;
        self.made.push(sum);
        self.growth.push((self.shape + n + 1.0) / (n + 2.0));
        self.next *= (self.survivals + n) / (self.survivals + self.a + n);
    }

    /// Expected purchases of a living customer within `s`, the horizon in units of `alpha + T`.
    pub(crate) fn expected(&mut self, s: f64) -> f64 {
        if s <= 0.0 {
            return 0.0;
        }
        // Mean and standard deviations of the negative binomial, and its geometric tail.
        let mean = self.shape * s;
        let reach = mean + 8.0 * libm::sqrt(mean * (1.0 + s)) + 36.0 * (1.0 + s);
        if reach > MAX_TERMS { self.integral(s) } else { self.sum(s, mean) }
    }

    fn sum(&mut self, s: f64, mean: f64) -> f64 {
        let z = s / (1.0 + s);
        // Weights are relative to that of n = 0 and are scaled down before they overflow.
        let mut none = 1.0;
        let mut weight = self.shape * z;
        let mut weights = 0.0;
        let mut total = 0.0;
        for n in 0.. {
            if n == self.made.len() {
                self.extend();
            }
            let made = self.made[n];
            let growth = self.growth[n] * z;
            weights += weight;
            total += weight * made;
            // From here on no term grows by more than this; looked at now and then, it costs nothing.
            if n % 8 == 0 && n as f64 > mean {
                let ratio = growth.max(z) * (1.0 + 1.0 / (n as f64 + 1.0));
                if ratio < 1.0 && weight * made * ratio < TAIL * (1.0 - ratio) * total {
                    break;
                }
            }
            weight *= growth;
            if weight > 1e200 {
                for value in [&mut none, &mut weight, &mut weights, &mut total] {
                    *value *= 1e-200;
                }
            }
        }
        total / (none + weights)
    }

    /// The mean over `p` by double exponential quadrature (Takahasi & Mori 1974), with
    /// `p = 1 / (1 + exp(-pi * sinh u))`.
    fn integral(&self, s: f64) -> f64 {
        const PI: f64 = std::f64::consts::PI;
        let (a, b) = (self.a, self.survivals);
        // The density is highest at p = a / (a + b), where the logit is ln(a / b).
        let peak = libm::log(a / b);
        let highest = -a * softplus(-peak) - b * softplus(peak);
        let at = |u: f64| {
            let w = PI * libm::sinh(u);
            let ln_p = -softplus(-w);
            let density = libm::exp(a * ln_p - b * softplus(w) - highest);
            let p = libm::exp(ln_p);
            // Divided by p, where the numerator is as small as p.
            let made = if ln_p < -600.0 {
                self.shape * s
            } else {
                -libm::expm1(-self.shape * libm::log1p(p * s)) / p
            };
            let mass = density * libm::cosh(u);
            (mass * made, mass)
        };
        // Beyond this the density has fallen by 20 digits at either end; the first step is no
        // wider than its peak.
        let reach = libm::asinh((46.0 / a.min(b) + peak.abs() + 10.0) / PI);
        let width = libm::sqrt(1.0 / a + 1.0 / b) / PI / libm::hypot(1.0, peak / PI);
        let mut step = width.min(0.125);
        let mut before = f64::NAN;
        for _ in 0..12 {
            let count = (reach / step) as i32;
            let (mut total, mut mass) = (0.0, 0.0);
            for k in -count..=count {
                let (value, weight) = at(f64::from(k) * step);
                total += value;
                mass += weight;
            }
            let mean = total / mass;
            if (mean - before).abs() <= 1e-13 * mean {
                return mean;
            }
            before = mean;
            step /= 2.0;
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_and_integral_agree() {
        for (shape, a, survivals, s) in [
            (0.24, 0.79, 2.4, 0.9),
            (0.5, 1.0, 2.0, 3.65),
            (12.3, 0.01, 15.0, 20.0),
            (500.8, 30.0, 900.0, 0.5),
            (1.5, 2.0, 0.1, 100.0),
        ] {
            let mut series = Series::new(shape, a, survivals);
            let (sum, integral) = (series.sum(s, shape * s), series.integral(s));
            assert!((sum - integral).abs() < 1e-10 * sum, "{shape} {a}: {sum} {integral}");
        }
    }

    #[test]
    fn nobody_who_never_leaves_buys_more_than_the_rate_says() {
        // With a of nearly nothing the mean is that of the negative binomial, A s.
        let mut series = Series::new(2.5, 1e-12, 3.0);
        assert!((series.expected(4.0) - 10.0).abs() < 1e-8);
        assert_eq!(series.expected(0.0), 0.0);
    }
}
