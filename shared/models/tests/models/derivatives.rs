//! Gradients and Hessians against finite differences.

use proptest::prelude::*;
use shopflow_models::bgnbd::BgNbd;
use shopflow_models::gamma_gamma::{GammaGamma, Spending};
use shopflow_models::nbd::Nbd;
use shopflow_models::newton::Evaluation;
use shopflow_models::purchases::{Patterns, Purchases};

/// `size` is that of the terms in the sum before they cancel: differences lose what it rounds away.
fn agrees<const N: usize>(at: [f64; N], size: f64, evaluate: impl Fn(&[f64; N]) -> Evaluation<N>) {
    let here = evaluate(&at);
    for i in 0..N {
        let step = 1e-5 * at[i];
        let beside = |sign: f64| {
            let mut moved = at;
            moved[i] += sign * step;
            evaluate(&moved)
        };
        let (above, below) = (beside(1.0), beside(-1.0));
        let close = |found: f64, difference: f64, noise: f64, what: &str| {
            let tolerance = 1e-5 * found.abs() + noise + 1e-7;
            assert!((found - difference).abs() <= tolerance, "{what}: {found} {difference}");
        };
        let slope = (above.value - below.value) / (2.0 * step);
        let noise = 1e-14 * size / step;
        close(here.gradient[i], slope, noise, "gradient");
        for (j, &value) in at.iter().enumerate() {
            let slope = (above.gradient[j] - below.gradient[j]) / (2.0 * step);
            let terms = here.hessian[j][j].abs() * value + size / value;
            close(here.hessian[i][j], slope, 1e-14 * terms / step + 1e-7 * terms, "hessian");
        }
    }
}

fn purchases() -> impl Strategy<Value = Purchases> {
    (0u32..200, 0.001f64..=1.0, 0.0f64..2000.0).prop_map(|(repeats, share, age)| {
        let recency = share * age;
        let repeats = if recency == 0.0 { 0 } else { repeats };
        Purchases::new(repeats, if repeats == 0 { 0.0 } else { recency }, age).unwrap()
    })
}

proptest! {
    #[test]
    fn bg_nbd_derivatives_are_those_of_its_likelihood(
        customers in prop::collection::vec(purchases(), 1..20),
        r in 0.01f64..5.0, alpha in 0.1f64..200.0, a in 0.01f64..5.0, b in 0.01f64..5.0,
    ) {
        let patterns = Patterns::group(&customers);
        let size = customers.iter().map(|one| 20.0 * (r + f64::from(one.repeats()))).sum();
        agrees([r, alpha, a, b], size, |&[r, alpha, a, b]| {
            BgNbd::new(r, alpha, a, b).unwrap().evaluate(&patterns)
        });
    }

    #[test]
    fn nbd_derivatives_are_those_of_its_likelihood(
        customers in prop::collection::vec(purchases(), 1..20),
        r in 0.01f64..5.0, alpha in 0.1f64..200.0,
    ) {
        let patterns = Patterns::group(&customers);
        let size = customers.iter().map(|one| 20.0 * (r + f64::from(one.repeats()))).sum();
        agrees([r, alpha], size, |&[r, alpha]| Nbd::new(r, alpha).unwrap().evaluate(&patterns));
    }

    #[test]
    fn gamma_gamma_derivatives_are_those_of_its_likelihood(
        customers in prop::collection::vec((1u32..200, 0.01f64..10_000.0), 1..20),
        p in 0.05f64..20.0, q in 0.05f64..20.0, v in 0.1f64..500.0,
    ) {
        let customers: Vec<Spending> =
            customers.into_iter().map(|(x, mean)| Spending::new(x, mean).unwrap()).collect();
        let size = customers.iter().map(|one| 20.0 * (p * f64::from(one.purchases()) + q)).sum();
        agrees([p, q, v], size, |&[p, q, v]| GammaGamma::new(p, q, v).unwrap().evaluate(&customers));
    }
}

/// The likelihood of the paper, customer by customer, without any rearrangement.
#[test]
fn bg_nbd_likelihood_is_equation_6() {
    let (r, alpha, a, b): (f64, f64, f64, f64) = (0.7, 8.0, 0.9, 2.2);
    let beta = |x: f64, y: f64| libm_gamma(x) * libm_gamma(y) / libm_gamma(x + y);
    for (x, recency, age) in [(0, 0.0, 12.0), (1, 3.0, 12.0), (4, 11.0, 12.0)] {
        let customer = Purchases::new(x, recency, age).unwrap();
        let x = f64::from(x);
        let front = libm_gamma(r + x) * alpha.powf(r) / libm_gamma(r);
        let alive = beta(a, b + x) / beta(a, b) * front / (alpha + age).powf(r + x);
        let left = if x > 0.0 {
            beta(a + 1.0, b + x - 1.0) / beta(a, b) * front / (alpha + recency).powf(r + x)
        } else {
            0.0
        };
        let found =
            BgNbd::new(r, alpha, a, b).unwrap().log_likelihood(&Patterns::group(&[customer]));
        assert!((found - (alive + left).ln()).abs() < 1e-12);
    }
}

fn libm_gamma(x: f64) -> f64 {
    shopflow_models::special::ln_gamma(x).exp()
}
