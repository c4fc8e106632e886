//! What the purchase models know of a customer, and customers who look alike to them.

use crate::parallel;

/// The sufficient statistics of one customer in the notation of Fader, Hardie & Lee (2005): `x`
/// repeat purchases, the last of them at `t_x`, observed until `T`. Time starts at the customer's
/// first purchase, in any unit, the same for all customers.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Purchases {
    repeats: u32,
    age: f64,
    recency: f64,
}

/// Why three numbers cannot be a customer's purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPurchases {
    #[error("recency or age is not a finite number from zero")]
    NotFinite,
    #[error("the last purchase lies after the end of observation")]
    RecencyAfterAge,
    #[error("recency must be zero without repeat purchases and positive with them")]
    RecencyContradictsRepeats,
}

impl Purchases {
    /// `repeats` purchases after the first one, the last of them `recency` after the first,
    /// observed until `age` after the first.
    ///
    /// # Errors
    /// [`InvalidPurchases`] when the numbers contradict each other.
    pub fn new(repeats: u32, recency: f64, age: f64) -> Result<Purchases, InvalidPurchases> {
        if !(recency.is_finite() && age.is_finite() && recency >= 0.0 && age >= 0.0) {
            return Err(InvalidPurchases::NotFinite);
        }
        if recency > age {
            return Err(InvalidPurchases::RecencyAfterAge);
        }
        if (repeats == 0) != (recency == 0.0) {
            return Err(InvalidPurchases::RecencyContradictsRepeats);
        }
        // Adding zero turns -0.0 into 0.0, so that equal customers have equal bits.
        Ok(Purchases { repeats, age: age + 0.0, recency: recency + 0.0 })
    }

    /// Repeat purchases, `x`.
    pub fn repeats(&self) -> u32 {
        self.repeats
    }

    /// Time from the first purchase to the last, `t_x`.
    pub fn recency(&self) -> f64 {
        self.recency
    }

    /// Time from the first purchase to the end of observation, `T`.
    pub fn age(&self) -> f64 {
        self.age
    }

    /// Orders by repeats, then age, then recency. Bits of floats from zero order like the floats.
    fn key(&self) -> (u32, u64, u64) {
        (self.repeats, self.age.to_bits(), self.recency.to_bits())
    }
}

/// Customers with the same purchases, counted: all that the likelihood needs. Sorted by repeats,
/// age, recency, so the order in which customers come makes no difference to any result.
#[derive(Debug, Clone)]
pub struct Patterns {
    rows: Vec<Pattern>,
    /// Positions of the customers in the order of `rows`.
    order: Vec<u32>,
}

/// Customers who cannot be told apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pattern {
    pub purchases: Purchases,
    pub customers: u32,
}

impl Patterns {
    /// Groups customers; at most 4,294,967,295 of them, later ones are ignored.
    pub fn group(customers: &[Purchases]) -> Patterns {
        let mut keyed: Vec<_> =
            (0u32..).zip(customers).map(|(at, customer)| (customer.key(), at)).collect();
        parallel::sort(&mut keyed);
        let mut rows: Vec<Pattern> = Vec::new();
        let mut previous = None;
        for (key, at) in &keyed {
            match rows.last_mut() {
                Some(row) if previous == Some(*key) => row.customers += 1,
                _ => rows.push(Pattern { purchases: customers[*at as usize], customers: 1 }),
            }
            previous = Some(*key);
        }
        Patterns { rows, order: keyed.into_iter().map(|(_, at)| at).collect() }
    }

    /// The distinct patterns.
    pub fn rows(&self) -> &[Pattern] {
        &self.rows
    }

    /// Number of customers.
    pub fn customers(&self) -> usize {
        self.order.len()
    }

    /// Repeat purchases of all customers, and the time over which they were observed.
    pub(crate) fn repeats_and_time(&self) -> (f64, f64) {
        self.rows.iter().fold((0.0, 0.0), |(repeats, time), Pattern { purchases, customers }| {
            let weight = f64::from(*customers);
            (repeats + weight * f64::from(purchases.repeats()), time + weight * purchases.age())
        })
    }

    /// Positions (in the slice that was grouped) of the customers, pattern by pattern.
    pub fn order(&self) -> &[u32] {
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused() {
        let new = Purchases::new;
        assert_eq!(new(1, f64::NAN, 2.0), Err(InvalidPurchases::NotFinite));
        assert_eq!(new(1, 1.0, f64::INFINITY), Err(InvalidPurchases::NotFinite));
        assert_eq!(new(1, -1.0, 2.0), Err(InvalidPurchases::NotFinite));
        assert_eq!(new(1, 3.0, 2.0), Err(InvalidPurchases::RecencyAfterAge));
        assert_eq!(new(0, 1.0, 2.0), Err(InvalidPurchases::RecencyContradictsRepeats));
        assert_eq!(new(2, 0.0, 2.0), Err(InvalidPurchases::RecencyContradictsRepeats));
        assert_eq!(new(0, -0.0, 0.0).map(|p| p.recency().to_bits()), Ok(0));
    }

    #[test]
    fn equal_customers_become_one_pattern_in_a_fixed_order() {
        let customer = |x, tx, age| Purchases::new(x, tx, age).unwrap();
        let a = [customer(1, 2.0, 5.0), customer(0, 0.0, 9.0), customer(1, 2.0, 5.0)];
        let b = [a[1], a[0], a[2]];
        let groups = Patterns::group(&a);
        assert_eq!(groups.rows(), Patterns::group(&b).rows());
        assert_eq!(groups.rows().iter().map(|row| row.customers).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(groups.order(), [1, 0, 2]);
    }
}
