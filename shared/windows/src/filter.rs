//! Which clicks count.

use std::fmt;

use crate::click::Click;

/// Conditions that a click must meet, all of them; none is met by every click.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    conditions: Vec<Condition>,
}

/// A condition about one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is one of these.
    EventType(Vec<String>),
    Device(Vec<String>),
    Country(Vec<[u8; 2]>),
    /// There is one, or there is none.
    ProductId(bool),
    CustomerId(bool),
    Amount(bool),
}

impl Filter {
    pub(crate) fn new(conditions: Vec<Condition>) -> Filter {
        Filter { conditions }
    }

    /// True for a click that counts.
    #[inline]
    pub fn matches(&self, click: &Click<'_>) -> bool {
        self.is_everything() || self.conditions.iter().all(|condition| condition.is_met(click))
    }

    /// What else clicks of an event type must meet; `None` when none of them counts.
    pub(crate) fn of_type(&self, event_type: &str) -> Option<Filter> {
        let mut conditions = Vec::new();
        for condition in &self.conditions {
            match condition {
                Condition::EventType(values) if is_one_of(values, event_type) => {}
                Condition::EventType(_) => return None,
                Condition::Device(_)
                | Condition::Country(_)
                | Condition::ProductId(_)
                | Condition::CustomerId(_)
                | Condition::Amount(_) => conditions.push(condition.clone()),
            }
        }
        Some(Filter { conditions })
    }

    /// True when every click counts.
    #[inline]
    pub fn is_everything(&self) -> bool {
        self.conditions.is_empty()
    }
}

impl Condition {
    #[inline]
    fn is_met(&self, click: &Click<'_>) -> bool {
        match self {
            Condition::EventType(values) => is_one_of(values, &click.event_type),
            Condition::Device(values) => is_one_of(values, &click.device),
            Condition::Country(codes) => codes.contains(&click.country),
            Condition::ProductId(is_there) => click.product_id.is_some() == *is_there,
            Condition::CustomerId(is_there) => click.customer_id.is_some() == *is_there,
            Condition::Amount(is_there) => click.amount_cents.is_some() == *is_there,
        }
    }
}

#[inline]
fn is_one_of(values: &[String], value: &str) -> bool {
    values.iter().any(|one| one == value)
}

/// As it is written in a definition, on one line.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, condition) in self.conditions.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{condition}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let there = |is_there: &bool| if *is_there { "present" } else { "absent" };
        match self {
            Condition::EventType(values) => write!(f, "event_type: [{}]", values.join(", ")),
            Condition::Device(values) => write!(f, "device: [{}]", values.join(", ")),
            Condition::Country(codes) => {
                let codes: Vec<_> =
                    codes.iter().map(|code| String::from_utf8_lossy(code)).collect();
                write!(f, "country: [{}]", codes.join(", "))
            }
            Condition::ProductId(is_there) => write!(f, "product_id: {}", there(is_there)),
            Condition::CustomerId(is_there) => write!(f, "customer_id: {}", there(is_there)),
            Condition::Amount(is_there) => write!(f, "amount: {}", there(is_there)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_must_be_met() {
        let click = Click {
            event_id: 1,
            session_id: "s".into(),
            customer_id: None,
            event_type: "purchase".into(),
            product_id: Some(7),
            device: "mobile".into(),
            country: *b"DE",
            timestamp: 0,
            amount_cents: None,
        };
        let purchases = Condition::EventType(vec!["search".to_owned(), "purchase".to_owned()]);
        let in_france = Condition::Country(vec![*b"FR"]);
        let of_guests = Condition::CustomerId(false);
        assert!(Filter::default().matches(&click));
        let both = Filter::new(vec![purchases.clone(), of_guests.clone()]);
        assert!(both.matches(&click));
        assert_eq!(both.of_type("purchase"), Some(Filter::new(vec![of_guests.clone()])));
        assert_eq!(both.of_type("page_view"), None);
        let others = [
            in_france.clone(),
            Condition::ProductId(false),
            Condition::Amount(true),
            Condition::Device(vec!["tablet".to_owned()]),
        ];
        for other in others {
            assert!(!Filter::new(vec![purchases.clone(), other]).matches(&click));
        }
        let written = Filter::new(vec![purchases, in_france, of_guests]).to_string();
        assert_eq!(written, "event_type: [search, purchase], country: [FR], customer_id: absent");
    }
}
