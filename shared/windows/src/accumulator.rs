//! What is kept of the clicks of one row, for one figure.

use std::fmt::Write as _;

use shopflow_core::Result;

use crate::definition::{AggregateKind, DistinctColumn, SumColumn, TopColumn};
use crate::distinct::{Distinct, Union};
use crate::fact::Fact;
use crate::hash;
use crate::json::put_number as put_json_number;
use crate::top::{Frequent, Top};
use crate::wire::{Input, put_number, put_signed};

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
    pub fn add(&mut self, kind: AggregateKind, fact: &Fact) {
        match (self, kind) {
            (Accumulator::Count(count), AggregateKind::Count) => *count = count.saturating_add(1),
            (Accumulator::Sum(sum), AggregateKind::Sum(SumColumn::Amount)) => {
                *sum = sum.saturating_add(fact.amount_cents.unwrap_or(0));
            }
            (Accumulator::Distinct(distinct), AggregateKind::Distinct(column)) => {
                let hash = match column {
                    DistinctColumn::SessionId => Some(fact.session),
                    DistinctColumn::CustomerId => fact.customer_id.map(hash::number),
                    DistinctColumn::ProductId => fact.product_id.map(hash::number),
                };
                if let Some(hash) = hash {
                    distinct.add(hash);
                }
            }
            (
                Accumulator::Top(top),
                AggregateKind::Top { column: TopColumn::ProductId, keep, .. },
            ) => {
                if let Some(product) = fact.product_id {
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

    /// Lays out for being read what is kept.
    pub fn settle(&mut self) {
        if let Accumulator::Distinct(distinct) = self {
            distinct.settle();
        }
    }

    /// Appends what people see of several accumulators of this kind together, as JSON.
    pub fn put_figure<'a>(
        kind: AggregateKind,
        parts: impl Iterator<Item = &'a Accumulator> + Clone,
        union: &mut Union,
        out: &mut String,
    ) {
        match kind {
            AggregateKind::Count => {
                let counts =
                    parts.map(|part| if let Accumulator::Count(it) = part { *it } else { 0 });
                put_json_number(counts.fold(0, u64::saturating_add), out);
            }
            AggregateKind::Sum(_) => {
                let sums = parts.map(|part| if let Accumulator::Sum(it) = part { *it } else { 0 });
                put_money(sums.fold(0, i64::saturating_add), out);
            }
            AggregateKind::Distinct(_) => {
                let sets = parts.filter_map(|part| {
                    if let Accumulator::Distinct(set) = part { Some(set) } else { None }
                });
                put_json_number(union.count(sets), out);
            }
            AggregateKind::Top { keep, show, .. } => {
                let mut all = Top::default();
                for part in parts {
                    if let Accumulator::Top(top) = part {
                        all.merge(top, keep);
                    }
                }
                put_frequent(&all.first(show), out);
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

/// Hundredths with a point before them, as a text.
fn put_money(cents: i64, out: &mut String) {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    let _ = write!(out, "\"{sign}{}.{:02}\"", cents / 100, cents % 100);
}

fn put_frequent(list: &[Frequent], out: &mut String) {
    for (at, Frequent { key, count, error }) in list.iter().enumerate() {
        out.push(if at > 0 { ',' } else { '[' });
        let _ = write!(out, "{{\"key\":{key},\"count\":{count},\"error\":{error}}}");
    }
    out.push_str(if list.is_empty() { "[]" } else { "]" });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(cents: i64) -> String {
        let mut out = String::new();
        put_money(cents, &mut out);
        out
    }

    #[test]
    fn money_has_two_decimals() {
        for (cents, text) in [(0, "0.00"), (1250, "12.50"), (-5, "-0.05"), (-1205, "-12.05")] {
            assert_eq!(money(cents), format!("{text:?}"));
        }
        assert_eq!(money(i64::MIN), "\"-92233720368547758.08\"");
    }
}
