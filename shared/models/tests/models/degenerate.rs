//! Data from which nothing can be learnt get an answer, not numbers.

use shopflow_models::bgnbd::BgNbd;
use shopflow_models::fit::{Degenerate, Outcome};
use shopflow_models::gamma_gamma::{GammaGamma, Spending};
use shopflow_models::purchases::{Patterns, Purchases};

fn customers(of: &[(u32, f64, f64)]) -> Patterns {
    let customers: Vec<Purchases> =
        of.iter().map(|&(x, recency, age)| Purchases::new(x, recency, age).unwrap()).collect();
    Patterns::group(&customers)
}

fn refused(patterns: &Patterns) -> Degenerate {
    match BgNbd::fit(patterns) {
        Outcome::Degenerate(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_repeat_purchases_there_is_no_frequency() {
    assert_eq!(refused(&customers(&[])), Degenerate::NoRepeatPurchases);
    assert_eq!(refused(&customers(&[(0, 0.0, 0.0); 9])), Degenerate::NoRepeatPurchases);
    let many: Vec<_> = (0..100).map(|n| (0, 0.0, f64::from(n))).collect();
    assert_eq!(refused(&customers(&many)), Degenerate::NoRepeatPurchases);
}

#[test]
fn one_customer_or_equal_customers_are_too_few() {
    assert_eq!(refused(&customers(&[(3, 5.0, 9.0)])), Degenerate::TooFewPatterns);
    assert_eq!(refused(&customers(&[(3, 5.0, 9.0); 1000])), Degenerate::TooFewPatterns);
}

#[test]
fn customers_who_never_leave_have_no_maximum_inside() {
    // Everybody buys at a steady rate to the very end: a runs to zero.
    let steady: Vec<_> = (1..60).map(|n| (n, f64::from(n) * 5.0, f64::from(n) * 5.0)).collect();
    let outcome = BgNbd::fit(&customers(&steady));
    assert!(outcome.converged().is_none(), "{outcome:?}");
    assert!(["boundary", "stalled"].contains(&outcome.name()), "{outcome:?}");
}

#[test]
fn odd_sizes_of_time_do_not_matter() {
    // The same customers in days and in microseconds.
    let days: Vec<_> = super::cdnow::sample().0;
    let scaled: Vec<Purchases> = days
        .iter()
        .map(|one| {
            Purchases::new(one.repeats(), one.recency() * 8.64e10, one.age() * 8.64e10).unwrap()
        })
        .collect();
    let fit = |customers: &[Purchases]| {
        BgNbd::fit(&Patterns::group(customers)).converged().unwrap().estimates
    };
    let (days, scaled) = (fit(&days), fit(&scaled));
    assert!((days[0] / scaled[0] - 1.0).abs() < 1e-6);
    assert!((days[1] * 8.64e10 / scaled[1] - 1.0).abs() < 1e-6);
}

#[test]
fn spending_must_be_money() {
    for mean in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Spending::new(3, mean).is_err());
    }
    assert!(Spending::new(0, 5.0).is_err());
}

#[test]
fn spending_that_tells_nothing_is_refused() {
    let spending = |of: &[(u32, f64)]| -> Vec<Spending> {
        of.iter().map(|&(x, mean)| Spending::new(x, mean).unwrap()).collect()
    };
    let name = |of: &[(u32, f64)]| GammaGamma::fit(&spending(of)).name();
    assert_eq!(name(&[]), "no_repeat_purchases");
    assert_eq!(name(&[(2, 9.0)]), "equal_spending");
    assert_eq!(name(&[(2, 9.0), (5, 9.0), (7, 9.0), (1, 9.0)]), "equal_spending");
    assert_eq!(name(&[(2, 9.0), (5, 8.0)]), "too_few_patterns");
}

#[test]
fn a_heavy_tail_has_no_expected_value() {
    let model = GammaGamma::new(2.0, 0.9, 10.0).unwrap();
    assert_eq!(model.expected_value(None), None);
    let known = Spending::new(3, 20.0).unwrap();
    let expected = 2.0 * (10.0 + 60.0) / (2.0 * 3.0 + 0.9 - 1.0);
    assert_eq!(model.expected_value(Some(&known)), Some(expected));
    let fair = GammaGamma::new(2.0, 3.0, 10.0).unwrap();
    assert_eq!(fair.expected_value(None), Some(10.0));
}
