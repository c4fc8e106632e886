//! Values and lengths between bounds.

use super::{Predicate, write_text};
use crate::column::{Batch, Column, Data, Kind};
use crate::literal::{Bound, Literal};

/// From a lower to an upper bound, each possibly absent or excluded.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Range<T> {
    pub min: Option<T>,
    pub max: Option<T>,
    pub strict_min: bool,
    pub strict_max: bool,
}

impl<T> Range<T> {
    /// The same range in other terms.
    pub fn map<U>(&self, f: impl Fn(&T) -> U) -> Range<U> {
        let Range { min, max, strict_min, strict_max } = self;
        Range {
            min: min.as_ref().map(&f),
            max: max.as_ref().map(f),
            strict_min: *strict_min,
            strict_max: *strict_max,
        }
    }
}

impl<T: PartialOrd> Range<T> {
    /// True when the value lies within.
    #[inline]
    pub fn contains(&self, value: &T) -> bool {
        let above = match &self.min {
            None => true,
            Some(min) if self.strict_min => value > min,
            Some(min) => value >= min,
        };
        above
            && match &self.max {
                None => true,
                Some(max) if self.strict_max => value < max,
                Some(max) => value <= max,
            }
    }
}

impl Range<Literal> {
    /// The range in the terms of a column.
    ///
    /// # Errors
    /// The bound that cannot be compared with its values.
    pub fn bind(&self, kind: Kind) -> Result<Range<Bound>, &Literal> {
        let bound = |literal: &Option<Literal>| -> Option<Option<Bound>> {
            match literal {
                None => Some(None),
                Some(literal) => literal.bound(kind).map(Some),
            }
        };
        match (bound(&self.min), bound(&self.max)) {
            (Some(min), Some(max)) => {
                let (strict_min, strict_max) = (self.strict_min, self.strict_max);
                Ok(Range { min, max, strict_min, strict_max })
            }
            (None, _) => self.min.as_ref().map_or_else(|| Ok(Range::empty()), Err),
            (_, None) => self.max.as_ref().map_or_else(|| Ok(Range::empty()), Err),
        }
    }
}

impl Range<Bound> {
    fn empty() -> Self {
        Range { min: None, max: None, strict_min: false, strict_max: false }
    }
}

/// A value lies between bounds.
#[derive(Debug)]
pub(crate) enum Between {
    /// Whole numbers on both sides, closed: what columns of integers compare with fastest.
    Closed(i64, i64),
    Floats(Range<f64>),
    Any(Range<Bound>),
}

impl Between {
    pub fn new(range: Range<Bound>, kind: Kind) -> Between {
        match kind {
            Kind::Int | Kind::Date | Kind::Timestamp(_) => {
                Between::closed(&range).unwrap_or(Between::Any(range))
            }
            Kind::Float => Between::Floats(range.map(|bound| match bound {
                Bound::Float(value) => *value,
                Bound::Int(value) => *value as f64,
                Bound::Text(_) => f64::NAN,
            })),
            _ => Between::Any(range),
        }
    }

    fn closed(range: &Range<Bound>) -> Option<Between> {
        let end = |bound: &Option<Bound>, strict: bool, step: i128, open: i64| match bound {
            None => Some(open),
            Some(Bound::Int(value)) => {
                let value = if strict { value.checked_add(step)? } else { *value };
                i64::try_from(value).ok()
            }
            Some(_) => None,
        };
        let min = end(&range.min, range.strict_min, 1, i64::MIN)?;
        let max = end(&range.max, range.strict_max, -1, i64::MAX)?;
        Some(Between::Closed(min, max))
    }
}

impl Predicate for Between {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let column = &batch.columns[columns[0]];
        match (self, column.data()) {
            (Between::Closed(min, max), Data::Int(values) | Data::Timestamp(values, _)) => {
                closed(values, *min, *max, unexpected);
            }
            (Between::Closed(min, max), Data::Date(values)) => {
                for (unexpected, value) in unexpected.iter_mut().zip(values.iter()) {
                    let value = i64::from(*value);
                    *unexpected = u8::from((value < *min) | (value > *max));
                }
            }
            (Between::Floats(range), Data::Float(values)) => {
                for (unexpected, value) in unexpected.iter_mut().zip(values.iter()) {
                    *unexpected = u8::from(!range.contains(value));
                }
            }
            (Between::Any(range), _) => any(range, column, unexpected),
            _ => unexpected.fill(1),
        }
    }
}

fn closed(values: &[i64], min: i64, max: i64, unexpected: &mut [u8]) {
    if min > max {
        unexpected.fill(1);
        return;
    }
    // What is below the least becomes greater than any distance from it.
    let distance = max.wrapping_sub(min) as u64;
    for (unexpected, value) in unexpected.iter_mut().zip(values) {
        *unexpected = u8::from(value.wrapping_sub(min) as u64 > distance);
    }
}

fn any(range: &Range<Bound>, column: &Column, unexpected: &mut [u8]) {
    for (row, unexpected) in unexpected.iter_mut().enumerate() {
        let meets = |bound: &Option<Bound>, strict: bool, lower: bool| {
            let Some(bound) = bound else { return true };
            let Some(order) = bound.order(column, row) else { return false };
            let order = if lower { order } else { order.reverse() };
            if strict { order.is_gt() } else { order.is_ge() }
        };
        let within =
            meets(&range.min, range.strict_min, true) && meets(&range.max, range.strict_max, false);
        *unexpected = u8::from(!within);
    }
}

/// The number of characters lies between bounds.
#[derive(Debug)]
pub(crate) struct Length {
    min: usize,
    max: usize,
}

impl Length {
    /// A range of lengths in whole numbers.
    pub fn new(range: &Range<f64>) -> Length {
        // Casts of what is too large or too small give the nearest number there is.
        let min = range.min.map_or(0, |min| {
            let above = range.strict_min && min.fract() == 0.0 && min >= 0.0;
            (min.ceil() as usize).saturating_add(usize::from(above))
        });
        let max = range.max.map_or(usize::MAX, |max| max.floor() as usize);
        let below =
            range.max.is_some_and(|max| max < 0.0 || (range.strict_max && max.fract() == 0.0));
        match max.checked_sub(usize::from(below)) {
            Some(max) => Length { min, max },
            None => Length { min: 1, max: 0 },
        }
    }

    #[inline]
    fn contains(&self, length: usize) -> bool {
        (length >= self.min) & (length <= self.max)
    }

    /// True when the text, which is UTF-8, has such a length.
    #[inline]
    fn accepts(&self, text: &[u8]) -> bool {
        // A character has one to four bytes; only close to a bound does it matter how many.
        let (least, most) = (text.len().div_ceil(4), text.len());
        (least >= self.min && most <= self.max) || self.contains(characters(text))
    }
}

impl Predicate for Length {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let column = &batch.columns[columns[0]];
        if let Data::Text(text) = column.data() {
            if text.is_ascii() {
                for (unexpected, length) in unexpected.iter_mut().zip(text.sizes()) {
                    *unexpected = u8::from(!self.contains(length));
                }
                return;
            }
            for (unexpected, value) in unexpected.iter_mut().zip(text.iter()) {
                *unexpected = u8::from(!self.accepts(value));
            }
            return;
        }
        let mut text = Vec::new();
        for (row, unexpected) in unexpected.iter_mut().enumerate() {
            if column.is_valid(row) {
                write_text(column, row, &mut text);
                *unexpected = u8::from(!self.accepts(&text));
            }
        }
    }
}

/// Characters of valid UTF-8: bytes that do not continue one.
pub(crate) fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The distance from the mean in standard deviations.
pub(crate) fn z_score(value: f64, mean: f64, stdev: f64) -> f64 {
    (value - mean) / stdev
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_lie_between_their_bounds_up_to_the_ends_of_the_range() {
        let values = [i64::MIN, i64::MIN + 1, -1, 0, 1, 7, i64::MAX - 1, i64::MAX];
        for min in values {
            for max in values {
                let mut unexpected = [0; 8];
                closed(&values, min, max, &mut unexpected);
                let expected = values.map(|value| u8::from(value < min || value > max));
                assert_eq!(unexpected, expected, "{min} {max}");
            }
        }
    }

    #[test]
    fn lengths_in_whole_numbers_are_those_between_the_bounds() {
        let bounds = [-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, f64::INFINITY, f64::NEG_INFINITY];
        let bounds: Vec<Option<f64>> = bounds.map(Some).into_iter().chain([None]).collect();
        for min in &bounds {
            for max in &bounds {
                for strict in 0..4 {
                    let (strict_min, strict_max) = (strict & 1 == 1, strict & 2 == 2);
                    let range = Range { min: *min, max: *max, strict_min, strict_max };
                    let length = Length::new(&range);
                    for size in 0..6 {
                        let expected = range.contains(&(size as f64));
                        assert_eq!(length.contains(size), expected, "{range:?} {size}");
                        for character in ["a", "ü", "😀"] {
                            let text = character.repeat(size);
                            assert_eq!(length.accepts(text.as_bytes()), expected, "{text}");
                        }
                    }
                }
            }
        }
    }
}
