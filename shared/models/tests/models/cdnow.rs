//! The CDNOW sample, on which the models were published.

use shopflow_models::bgnbd::BgNbd;
use shopflow_models::frequency::Frequency;
use shopflow_models::gamma_gamma::{GammaGamma, Spending};
use shopflow_models::lifetime::{self, Plan};
use shopflow_models::newton::Ending;
use shopflow_models::purchases::{Patterns, Purchases};

pub fn sample() -> (Vec<Purchases>, Vec<Option<Spending>>) {
    let rows = include_str!("../data/cdnow.csv").lines().skip(1);
    rows.map(|row| {
        let fields: Vec<&str> = row.split(',').collect();
        let number = |at: usize| fields[at].trim().parse::<f64>().unwrap();
        let repeats = fields[1].parse().unwrap();
        let purchases = Purchases::new(repeats, number(2), number(3)).unwrap();
        (purchases, Spending::new(repeats, number(4)).ok())
    })
    .unzip()
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, expected {expected}");
}

#[test]
fn bg_nbd_has_the_published_estimates() {
    let (customers, _) = sample();
    assert_eq!(customers.len(), 2357);
    let outcome = BgNbd::fit(&Patterns::group(&customers));
    let fit = outcome.converged().unwrap();
    // Fader, Hardie & Lee (2005), table 2.
    for (at, published) in [0.2426, 4.4136, 0.7929, 2.4259].into_iter().enumerate() {
        close(fit.estimates[at], published, 2e-4, BgNbd::PARAMETERS[at]);
    }
    close(fit.log_likelihood, -9582.4, 0.05, "log-likelihood");
    assert_eq!(fit.customers, 2357);
    assert_eq!(fit.convergence.ending, Ending::Maximum);
    assert!(fit.convergence.iterations < 30, "{:?}", fit.convergence);
    assert!(fit.convergence.gradient_norm < 1e-3, "{:?}", fit.convergence);
}

#[test]
fn bg_nbd_has_the_standard_errors_of_lifetimes() {
    let outcome = BgNbd::fit(&Patterns::group(&sample().0));
    let fit = outcome.converged().unwrap();
    // Lifetimes 0.11.3 on the same file; its Hessian is exact, from automatic differentiation.
    for (at, expected) in [0.012_557, 0.378_221, 0.185_719, 0.705_345].into_iter().enumerate() {
        close(fit.standard_errors[at] / expected, 1.0, 1e-3, BgNbd::PARAMETERS[at]);
        let (low, high) = fit.intervals[at];
        assert!(0.0 < low && low < fit.estimates[at] && fit.estimates[at] < high);
    }
}

#[test]
fn gamma_gamma_has_the_published_estimates() {
    let spending: Vec<Spending> = sample().1.into_iter().flatten().collect();
    assert_eq!(spending.len(), 946);
    let outcome = GammaGamma::fit(&spending);
    let fit = outcome.converged().unwrap();
    // Fader & Hardie (2013), section 5.
    for (at, published) in [6.25, 3.74, 15.44].into_iter().enumerate() {
        close(fit.estimates[at], published, 0.01, GammaGamma::PARAMETERS[at]);
    }
    for (at, expected) in [1.189_687, 0.290_166, 4.159_994].into_iter().enumerate() {
        close(fit.standard_errors[at] / expected, 1.0, 2e-3, GammaGamma::PARAMETERS[at]);
    }
    close(fit.log_likelihood, -4055.92, 0.01, "log-likelihood");
}

#[test]
fn the_order_of_the_customers_changes_no_bit_of_the_frequency_model() {
    let (mut customers, _) = sample();
    let first = BgNbd::fit(&Patterns::group(&customers));
    customers.reverse();
    assert_eq!(BgNbd::fit(&Patterns::group(&customers)), first);
}

#[test]
fn lifetime_value_is_that_of_lifetimes() {
    let (customers, spending) = sample();
    let patterns = Patterns::group(&customers);
    let frequency = BgNbd::fit(&patterns).converged().unwrap().model;
    let known: Vec<Spending> = spending.iter().flatten().copied().collect();
    let money = GammaGamma::fit(&known).converged().unwrap().model;
    let plan = Plan { periods: 12, length: 4.345, discount_rate: 0.01 };
    let predictions = lifetime::predict(&Frequency::Leaving(frequency), &patterns, &[39.0], &plan);
    // `BetaGeoFitter.predict(39, …)` for the paper's customer with x 2, t_x 30.43, T 38.86.
    close(predictions[0].purchases[0], 1.225_910, 1e-4, "purchases");
    close(predictions[0].alive, 0.726_609, 1e-5, "alive");
    // A month is 4.345 weeks there.
    // `customer_lifetime_value(…, time=12, discount_rate=0.01, freq="W")`, first five repeaters.
    let expected =
        [(0, 36.278_496), (1, 4.637_466), (5, 283.523_593), (6, 6.881_407), (8, 43.353_642)];
    for (customer, value) in expected {
        let each = money.expected_value(spending[customer].as_ref()).unwrap();
        close(predictions[customer].value(each) / value, 1.0, 1e-4, "value");
    }
}
