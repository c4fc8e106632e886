//! Predictive lifetime value: purchases expected, times the value of each, discounted.
//!
//! P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), RFM and CLV: Using Iso-value Curves for Customer
//! Base Analysis, Journal of Marketing Research 42(4), 415-430: frequency and spending are
//! independent, so the value is
//! the product of both expectations (that of a purchase: [`crate::gamma_gamma`]). Purchases of a period count at
//! its end.

use crate::bgnbd::BgNbd;
use crate::frequency::Frequency;
use crate::nbd::Nbd;
use crate::parallel;
use crate::purchases::{Patterns, Purchases};
use crate::series::Series;

/// Patterns per piece of work.
const PIECE: usize = 1 << 13;

/// The horizon of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Number of periods.
    pub periods: u32,
    /// Length of a period, in the unit of time of the purchases.
    pub length: f64,
    /// Discount per period, 0.01 for one percent.
    pub discount_rate: f64,
}

/// What is expected of one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction<const H: usize> {
    /// Probability of being alive at the end of observation.
    pub alive: f64,
    /// Expected purchases within each horizon.
    pub purchases: [f64; H],
    /// Expected purchases over the plan, each period discounted.
    pub discounted_purchases: f64,
}

impl<const H: usize> Prediction<H> {
    /// Discounted value of the plan when a purchase is worth `value`.
    pub fn value(&self, value: f64) -> f64 {
        self.discounted_purchases * value
    }
}

/// Predicts every customer of `patterns`, in the order in which they were grouped.
pub fn predict<const H: usize>(
    model: &Frequency,
    patterns: &Patterns,
    horizons: &[f64; H],
    plan: &Plan,
) -> Vec<Prediction<H>> {
    let rows = patterns.rows();
    let discounts: Vec<f64> = (1..=plan.periods)
        .map(|period| libm::pow(1.0 + plan.discount_rate, -f64::from(period)))
        .collect();
    let parts = parallel::pieces(rows.len(), PIECE, |range| {
        let customers = rows[range].iter().map(|row| &row.purchases);
        match model {
            Frequency::Leaving(model) => {
                let state = None;
                let mut predictor =
                    Predictor { model, horizons, plan, discounts: &discounts, state };
                customers.map(|customer| predictor.predict(customer)).collect::<Vec<_>>()
            }
            Frequency::Staying(model) => customers
                .map(|customer| stay(model, customer, horizons, plan, &discounts))
                .collect(),
        }
    });
    let mut order = patterns.order().iter();
    let nobody = Prediction { alive: 0.0, purchases: [0.0; H], discounted_purchases: 0.0 };
    let mut all = vec![nobody; patterns.customers()];
    for (row, prediction) in rows.iter().zip(parts.into_iter().flatten()) {
        for at in order.by_ref().take(row.customers as usize) {
            all[*at as usize] = prediction.clone();
        }
    }
    all
}

/// Of a customer who does not leave.
fn stay<const H: usize>(
    model: &Nbd,
    customer: &Purchases,
    horizons: &[f64; H],
    plan: &Plan,
    discounts: &[f64],
) -> Prediction<H> {
    let rate = model.expected_rate(customer);
    Prediction {
        alive: 1.0,
        purchases: horizons.map(|horizon| rate * horizon),
        discounted_purchases: rate * plan.length * discounts.iter().sum::<f64>(),
    }
}

struct Predictor<'a, const H: usize> {
    model: &'a BgNbd,
    horizons: &'a [f64; H],
    plan: &'a Plan,
    discounts: &'a [f64],
    state: Option<State<H>>,
}

/// What customers with the same repeats and age share; they follow each other in [`Patterns`].
struct State<const H: usize> {
    repeats: u32,
    age: u64,
    series: Series,
    purchases: [f64; H],
    discounted: f64,
}

impl<const H: usize> Predictor<'_, H> {
    fn predict(&mut self, customer: &Purchases) -> Prediction<H> {
        let alive = self.model.probability_alive(customer);
        let state = match self.state.take() {
            Some(state)
                if state.repeats == customer.repeats() && state.age == customer.age().to_bits() =>
            {
                state
            }
            Some(state) if state.repeats == customer.repeats() => {
                self.living(customer, state.series)
            }
            _ => self.living(customer, self.model.series(customer.repeats())),
        };
        let prediction = Prediction {
            alive,
            purchases: state.purchases.map(|purchases| alive * purchases),
            discounted_purchases: alive * state.discounted,
        };
        self.state = Some(state);
        prediction
    }

    fn living(&self, customer: &Purchases, mut series: Series) -> State<H> {
        let mut expected = |horizon| series.expected(self.model.scaled(horizon, customer));
        let purchases = self.horizons.map(&mut expected);
        let mut before = 0.0;
        let mut discounted = 0.0;
        for (period, discount) in (1u32..).zip(self.discounts) {
            let until = expected(f64::from(period) * self.plan.length);
            discounted += (until - before) * discount;
            before = until;
        }
        State {
            repeats: customer.repeats(),
            age: customer.age().to_bits(),
            series,
            purchases,
            discounted,
        }
    }
}
