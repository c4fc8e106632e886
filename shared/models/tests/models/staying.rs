//! Customers who never leave: NBD, the limit of BG/NBD without dropout, takes its place.

use shopflow_models::bgnbd::BgNbd;
use shopflow_models::frequency::{Frequencies, Frequency};
use shopflow_models::lifetime::{self, Plan};
use shopflow_models::nbd::Nbd;
use shopflow_models::purchases::{Patterns, Purchases};

/// Purchases at a steady pace to the very end, geometrically many: a Gamma mixture with r = 1.
fn steady() -> Vec<Purchases> {
    let customer = |n: u32| {
        let age = f64::from(100 + n % 50);
        let repeats = (1..12).find(|k| !n.is_multiple_of(1 << k)).unwrap_or(12) - 1;
        let recency = age * f64::from(repeats) / (f64::from(repeats) + 0.5);
        Purchases::new(repeats, recency, age).unwrap()
    };
    (1..2000).map(customer).collect()
}

#[test]
fn who_is_never_seen_to_leave_is_expected_at_the_same_rate_for_ever() {
    let customers = steady();
    let patterns = Patterns::group(&customers);
    let fits = Frequencies::fit(&patterns);
    assert!(fits.bg_nbd.converged().is_none(), "{:?}", fits.bg_nbd);
    let model = fits.model().unwrap();
    let Frequency::Staying(nbd) = model else { panic!("{model:?}") };
    let plan = Plan { periods: 12, length: 30.0, discount_rate: 0.0 };
    let predictions = lifetime::predict(&model, &patterns, &[90.0, 365.0], &plan);
    for (customer, prediction) in customers.iter().zip(&predictions) {
        let rate = nbd.expected_rate(customer);
        assert_eq!(prediction.alive, 1.0);
        assert!((prediction.purchases[0] - 90.0 * rate).abs() < 1e-9);
        assert!((prediction.discounted_purchases - 360.0 * rate).abs() < 1e-9);
    }
    // Over all customers the model expects as many purchases per day as there were.
    let (seen, days) = customers
        .iter()
        .fold((0.0, 0.0), |(seen, days), one| (seen + f64::from(one.repeats()), days + one.age()));
    let mean = predictions.iter().map(|one| one.purchases[1] / 365.0).sum::<f64>() / 1999.0;
    assert!((mean / (seen / days) - 1.0).abs() < 0.02, "{mean} {}", seen / days);
}

#[test]
fn nbd_is_the_limit_of_bg_nbd() {
    let patterns = Patterns::group(&steady());
    for (r, alpha) in [(0.3, 20.0), (1.0, 100.0), (4.0, 7.0)] {
        let limit = Nbd::new(r, alpha).unwrap();
        let near = BgNbd::new(r, alpha, 1e-9, 10.0).unwrap();
        let (limit_value, near_value) =
            (limit.evaluate(&patterns).value, near.evaluate(&patterns).value);
        assert!((limit_value - near_value).abs() < 1e-3, "{limit_value} {near_value}");
        let customer = Purchases::new(3, 40.0, 50.0).unwrap();
        let (limit, near) =
            (limit.expected_rate(&customer) * 30.0, near.expected_purchases(&customer, 30.0));
        assert!((limit - near).abs() < 1e-6, "{limit} {near}");
    }
}

#[test]
fn where_customers_leave_bg_nbd_is_the_model() {
    let fits = Frequencies::fit(&Patterns::group(&super::cdnow::sample().0));
    assert!(fits.nbd.is_none());
    assert!(matches!(fits.model(), Some(Frequency::Leaving(_))));
}

#[test]
fn customers_who_are_all_alike_have_no_model() {
    // One rate for everybody: the spread of the rates has no estimate.
    let alike: Vec<Purchases> =
        (1..40).map(|n| Purchases::new(n, f64::from(n) - 0.5, f64::from(n)).unwrap()).collect();
    let fits = Frequencies::fit(&Patterns::group(&alike));
    assert_eq!(fits.model(), None, "{fits:?}");
}
