//! Expected purchases against equation (10) at 60 digits.

use shopflow_models::bgnbd::BgNbd;
use shopflow_models::frequency::Frequency;
use shopflow_models::lifetime::{self, Plan};
use shopflow_models::purchases::{Patterns, Purchases};

/// r, alpha, a, b; x, t_x, T; horizon; the value of the formula, by mpmath's 2F1.
type Case = ([f64; 4], (u32, f64, f64), f64, f64);
const KNOWN: [Case; 10] = [
    ([0.2426, 4.4136, 0.7929, 2.4259], (2, 30.43, 38.86), 39.0, 1.225_922_657_987_033),
    ([0.2426, 4.4136, 0.7929, 2.4259], (0, 0.0, 38.86), 39.0, 0.194_786_769_160_620_02),
    ([0.2426, 4.4136, 0.7929, 2.4259], (26, 30.43, 31.0), 52.0, 25.458_855_320_700_46),
    // At a = 1 the formula is 0/0; this is its limit.
    ([0.5, 10.0, 1.0, 2.0], (3, 20.0, 40.0), 365.0, 3.568_206_248_615_251_4),
    // a + b < 1 and no repeats: the third argument of 2F1 is negative.
    ([0.5, 10.0, 0.3, 0.5], (0, 0.0, 100.0), 90.0, 0.344_537_870_133_259_8),
    ([2.5, 7.0, 0.05, 0.2], (150, 300.0, 310.0), 365.0, 164.476_698_587_727_39),
    ([1.5, 0.01, 0.4, 1.2], (0, 0.0, 0.0), 365.0, 1_045.149_371_372_609_6),
    ([0.8, 20.0, 30.0, 400.0], (500, 700.0, 720.0), 365.0, 0.001_053_504_512_205_049),
    ([0.8, 20.0, 1.9, 0.1], (4, 700.0, 720.0), 3650.0, 2.587_170_218_726_569),
    ([0.3, 0.5, 0.01, 3.0], (12, 1.0, 1.0), 3650.0, 27_978.582_840_027_056),
];

#[test]
fn expected_purchases_have_the_values_of_equation_10() {
    for ([r, alpha, a, b], (x, recency, age), horizon, value) in KNOWN {
        let model = BgNbd::new(r, alpha, a, b).unwrap();
        let customer = Purchases::new(x, recency, age).unwrap();
        let found = model.expected_purchases(&customer, horizon);
        assert!((found / value - 1.0).abs() < 1e-9, "x {x}, a {a}: {found}, expected {value}");
    }
}

#[test]
fn predictions_of_many_are_those_of_each() {
    let model = BgNbd::new(0.5, 10.0, 0.8, 2.5).unwrap();
    let customers: Vec<Purchases> = (0..500u32)
        .map(|n| {
            let repeats = n % 5;
            let recency = if repeats == 0 { 0.0 } else { f64::from(1 + n % 30) };
            Purchases::new(repeats, recency, f64::from(31 + n % 7)).unwrap()
        })
        .collect();
    let plan = Plan { periods: 3, length: 30.0, discount_rate: 0.0 };
    let all = lifetime::predict(
        &Frequency::Leaving(model),
        &Patterns::group(&customers),
        &[7.0, 90.0],
        &plan,
    );
    for (customer, found) in customers.iter().zip(&all) {
        assert_eq!(found.alive, model.probability_alive(customer));
        for (horizon, purchases) in [7.0, 90.0].into_iter().zip(found.purchases) {
            let alone = model.expected_purchases(customer, horizon);
            assert!((purchases - alone).abs() <= 1e-12 * alone);
        }
        // Without a discount three months are the horizon of 90 days.
        assert!((found.discounted_purchases - found.purchases[1]).abs() < 1e-9);
    }
}

#[test]
fn waiting_longer_makes_death_likelier_and_purchases_fewer() {
    let model = BgNbd::new(0.5, 10.0, 0.8, 2.5).unwrap();
    let mut before = (1.1, f64::INFINITY);
    for age in [20.0, 30.0, 60.0, 200.0, 1e4, 1e8] {
        let customer = Purchases::new(3, 20.0, age).unwrap();
        let now = (model.probability_alive(&customer), model.expected_purchases(&customer, 30.0));
        assert!(now.0 < before.0 && now.1 < before.1 && now.0 > 0.0, "{now:?}");
        before = now;
    }
}
