//! Special functions of one positive argument.

/// Where the asymptotic series of the polygamma functions are accurate to the last digits.
const ASYMPTOTIC_FROM: f64 = 10.0;

/// The natural logarithm of the gamma function, for `x` > 0.
pub fn ln_gamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// The digamma function, the derivative of [`ln_gamma`], for `x` > 0.
///
/// Recurrence (Abramowitz & Stegun 6.3.5) up to 10, then the asymptotic series (6.3.18).
pub fn digamma(x: f64) -> f64 {
    let mut shifted = x;
    let mut sum = 0.0;
    while shifted < ASYMPTOTIC_FROM {
        sum -= 1.0 / shifted;
        shifted += 1.0;
    }
    let y = 1.0 / (shifted * shifted);
    let series = 1.0 / 240.0 - y * (1.0 / 132.0 - y * (691.0 / 32760.0 - y / 12.0));
    let series = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * series)));
    sum + libm::log(shifted) - 0.5 / shifted - series
}

/// The trigamma function, the second derivative of [`ln_gamma`], for `x` > 0.
///
/// Recurrence (Abramowitz & Stegun 6.4.6) up to 10, then the asymptotic series (6.4.12).
pub fn trigamma(x: f64) -> f64 {
    let mut shifted = x;
    let mut sum = 0.0;
    while shifted < ASYMPTOTIC_FROM {
        sum += 1.0 / (shifted * shifted);
        shifted += 1.0;
    }
    let y = 1.0 / (shifted * shifted);
    let series = 1.0 / 30.0 - y * (5.0 / 66.0 - y * (691.0 / 2730.0 - y * 7.0 / 6.0));
    let series = 1.0 / 6.0 - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y * series));
    sum + 1.0 / shifted + 0.5 * y + series * y / shifted
}

/// `ln(1 + exp(x))` without overflow.
pub fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + libm::log1p(libm::exp(-x)) } else { libm::log1p(libm::exp(x)) }
}

/// `1 / (1 + exp(-x))` without overflow.
pub fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of mpmath at 30 digits.
    #[test]
    fn polygamma_functions_have_their_known_values() {
        for (x, psi, psi1) in [
            (0.01, -100.560_885_457_868_67, 10_001.621_213_528_313),
            (0.2425, -4.360_182_381_657_143, 18.212_361_262_395_593),
            (1.0, -0.577_215_664_901_532_9, 1.644_934_066_848_226_4),
            (2.5, 0.703_156_640_645_243_2, 0.490_357_756_100_234_86),
            (9.999, 2.251_647_417_205_735_3, 0.105_177_386_676_728_87),
            (1234.5, 7.118_016_231_827_998, 0.000_810_372_727_126_966_7),
        ] {
            assert!((digamma(x) - psi).abs() <= 1e-13 * psi.abs(), "psi({x}) = {}", digamma(x));
            assert!((trigamma(x) - psi1).abs() <= 1e-13 * psi1, "psi1({x}) = {}", trigamma(x));
        }
    }

    #[test]
    fn far_arguments_do_not_overflow() {
        assert_eq!(softplus(1000.0), 1000.0);
        assert_eq!(softplus(-1000.0), 0.0);
        assert_eq!(logistic(-1000.0), 0.0);
        assert_eq!(logistic(1000.0), 1.0);
    }
}
