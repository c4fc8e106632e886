//! What is kept of the clicks of one row, for one figure.

use serde_json::{Value, json};
use shopflow_core::Result;

use crate::click::Click;
use crate::definition::{AggregateKind, DistinctColumn, SumColumn, TopColumn};
use crate::distinct::Distinct;
use crate::hash;
use crate::top::Top;
use crate::wire::{Input, put_number, put_signed};

/// A click, with the hash that more than one figure asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashed<'c> {
    pub click: &'c Click<'c>,
    session: u64,
}

impl<'c> Hashed<'c> {
    #[inline]
    pub fn new(click: &'c Click<'c>) -> Hashed<'c> {
        Hashed { click, session: hash::text(&click.session_id) }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Accumulator {
    Count(u64),
    Sum(i64),
    Distinct(Distinct),
    Top(Box<Top>),
}

impl Accumulator {
    pub fn new(kind: AggregateKind) -> Accumulator {
        match kind {
            AggregateKind::Count => Accumulator::Count(0),
            AggregateKind::Sum(_) => Accumulator::Sum(0),
            AggregateKind::Distinct(_) => Accumulator::Distinct(Distinct::default()),
            AggregateKind::Top { .. } => Accumulator::Top(Box::default()),
        }
    }

    /// Counts a click. The accumulator must be one of this kind.
    #[inline]
    pub fn add(&mut self, kind: AggregateKind, hashed: Hashed<'_>) {
        let click = hashed.click;
        match (self, kind) {
            (Accumulator::Count(count), AggregateKind::Count) => *count = count.saturating_add(1),
            (Accumulator::Sum(sum), AggregateKind::Sum(SumColumn::Amount)) => {
                *sum = sum.saturating_add(click.amount_cents.unwrap_or(0));
            }
            (Accumulator::Distinct(distinct), AggregateKind::Distinct(column)) => {
                let hash = match column {
                    DistinctColumn::SessionId => Some(hashed.session),
                    DistinctColumn::CustomerId => click.customer_id.map(hash::number),
                    DistinctColumn::ProductId => click.product_id.map(hash::number),
                };
                if let Some(hash) = hash {
                    distinct.add(hash);
                }
            }
            (
                Accumulator::Top(top),
                AggregateKind::Top { column: TopColumn::ProductId, keep, .. },
            ) => {
                if let Some(product) = click.product_id {
                    top.add(product, keep);
                }
            }
            (
                Accumulator::Count(_)
                | Accumulator::Sum(_)
                | Accumulator::Distinct(_)
                | Accumulator::Top(_),
                _,
            ) => {}
        }
    }

    /// Takes in what another accumulator of this kind has.
    pub fn merge(&mut self, kind: AggregateKind, other: &Accumulator) {
        match (self, other) {
            (Accumulator::Count(count), Accumulator::Count(other)) => {
                *count = count.saturating_add(*other);
            }
            (Accumulator::Sum(sum), Accumulator::Sum(other)) => *sum = sum.saturating_add(*other),
            (Accumulator::Distinct(distinct), Accumulator::Distinct(other)) => {
                distinct.merge(other)
            }
            (Accumulator::Top(top), Accumulator::Top(other)) => top.merge(other, keep(kind)),
            (
                Accumulator::Count(_)
                | Accumulator::Sum(_)
                | Accumulator::Distinct(_)
                | Accumulator::Top(_),
                _,
            ) => {}
        }
    }

    /// What people see.
    pub fn figure(&self, kind: AggregateKind) -> Value {
        match self {
            Accumulator::Count(count) => Value::from(*count),
            Accumulator::Sum(cents) => Value::from(money(*cents)),
            Accumulator::Distinct(distinct) => Value::from(distinct.count()),
            Accumulator::Top(top) => {
                let show = match kind {
                    AggregateKind::Top { show, .. } => show,
                    AggregateKind::Count | AggregateKind::Sum(_) | AggregateKind::Distinct(_) => 0,
                };
                let list = top.first(show).into_iter();
                let list =
                    list.map(|it| json!({"key": it.key, "count": it.count, "error": it.error}));
                list.collect()
            }
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Accumulator::Count(count) => put_number(*count, out),
            Accumulator::Sum(sum) => put_signed(*sum, out),
            Accumulator::Distinct(distinct) => distinct.encode(out),
            Accumulator::Top(top) => top.encode(out),
        }
    }

    pub fn decode(kind: AggregateKind, input: &mut Input<'_>) -> Result<Accumulator> {
        Ok(match kind {
            AggregateKind::Count => Accumulator::Count(input.number()?),
            AggregateKind::Sum(_) => Accumulator::Sum(input.signed()?),
            AggregateKind::Distinct(_) => Accumulator::Distinct(Distinct::decode(input)?),
            AggregateKind::Top { keep, .. } => {
                Accumulator::Top(Box::new(Top::decode(input, keep)?))
            }
        })
    }
}

fn keep(kind: AggregateKind) -> usize {
    match kind {
        AggregateKind::Top { keep, .. } => keep,
        AggregateKind::Count | AggregateKind::Sum(_) | AggregateKind::Distinct(_) => 0,
    }
}

/// Hundredths with a point before them.
fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_two_decimals() {
        for (cents, text) in [(0, "0.00"), (1250, "12.50"), (-5, "-0.05"), (-1205, "-12.05")] {
            assert_eq!(money(cents), text);
        }
        assert_eq!(money(i64::MIN), "-92233720368547758.08");
    }
}
