//! Which clicks count.

use std::fmt;

use crate::click::Click;
use crate::fact::Fact;
use crate::terms::Terms;

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
    pub fn matches(&self, click: &Click<'_>) -> bool {
        let mut devices = Terms::default();
        let fact = Fact::of(click, &mut devices);
        self.of_type(&click.event_type, &devices).is_some_and(|rest| rest.matches(&fact))
    }

    /// What else clicks of an event type must meet, where devices have these codes; `None` when none of
    /// them counts.
    pub(crate) fn of_type(&self, event_type: &str, devices: &Terms) -> Option<Rest> {
        let mut rest = Vec::new();
        for condition in &self.conditions {
            rest.push(match condition {
                Condition::EventType(values) if is_one_of(values, event_type) => continue,
                Condition::EventType(_) => return None,
                Condition::Device(values) => {
                    Ask::Device(devices.texts().map(|text| is_one_of(values, text)).collect())
                }
                Condition::Country(codes) => Ask::Country(codes.clone()),
                Condition::ProductId(is_there) => Ask::ProductId(*is_there),
                Condition::CustomerId(is_there) => Ask::CustomerId(*is_there),
                Condition::Amount(is_there) => Ask::Amount(*is_there),
            });
        }
        Some(Rest(rest))
    }

    /// True when every click counts.
    pub fn is_everything(&self) -> bool {
        self.conditions.is_empty()
    }
}

/// The conditions that are left when the event type is known.
#[derive(Debug)]
pub(crate) struct Rest(Vec<Ask>);

#[derive(Debug)]
enum Ask {
    /// By code, less 1.
    Device(Vec<bool>),
    Country(Vec<[u8; 2]>),
    ProductId(bool),
    CustomerId(bool),
    Amount(bool),
}

impl Rest {
    /// True for a click that counts.
    #[inline]
    pub fn matches(&self, fact: &Fact) -> bool {
        self.0.is_empty() || self.0.iter().all(|ask| ask.is_met(fact))
    }
}

impl Ask {
    fn is_met(&self, fact: &Fact) -> bool {
        match self {
            Ask::Device(are_met) => {
                let place = (fact.device as usize).checked_sub(1);
                place.and_then(|place| are_met.get(place)).is_some_and(|is_met| *is_met)
            }
            Ask::Country(codes) => codes.contains(&fact.country),
            Ask::ProductId(is_there) => fact.product_id.is_some() == *is_there,
            Ask::CustomerId(is_there) => fact.customer_id.is_some() == *is_there,
            Ask::Amount(is_there) => fact.amount_cents.is_some() == *is_there,
        }
    }
}

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
        assert!(both.of_type("page_view", &Terms::default()).is_none());
        let others = [
            in_france.clone(),
            Condition::ProductId(false),
            Condition::Amount(true),
            Condition::Device(vec!["tablet".to_owned()]),
        ];
        for other in others {
            assert!(!Filter::new(vec![purchases.clone(), other]).matches(&click));
        }
        let on_a_phone = Condition::Device(vec!["tablet".to_owned(), "mobile".to_owned()]);
        assert!(Filter::new(vec![on_a_phone]).matches(&click));
        let written = Filter::new(vec![purchases, in_france, of_guests]).to_string();
        assert_eq!(written, "event_type: [search, purchase], country: [FR], customer_id: absent");
    }
}
