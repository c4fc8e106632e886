//! One check per kind of value, as `validate` has them for JSON lines, with what the value comes to.

use chrono::{DateTime, LocalResult, Offset, TimeZone};
use chrono_tz::Tz;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::natural_key::{Keys, LARGEST_NUMBER};
use shopflow_core::rules::Rule;
use shopflow_core::schema_contract::Mode;
use shopflow_core::values::{self, Moment, time};
use shopflow_core::vocabulary::{Vocabularies, is_term};
use shopflow_core::{Dataset, Settings};
use shopflow_privacy::detect;

use super::fields::Scalar;
use super::kept::Kept;
use crate::window::Micros;

/// What values are checked with.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    sets: Vocabularies,
    keys: Keys,
    /// Where the clocks are whose times come without an offset.
    zone: Option<Tz>,
}

impl Checks {
    pub fn new(settings: &Settings) -> Checks {
        let of_files = settings.validation.time_zone.as_deref().filter(|name| !name.is_empty());
        let zone = of_files.unwrap_or(&settings.business.time_zone);
        Checks {
            sets: settings.vocabulary.clone(),
            keys: settings.natural_keys.in_files_of(Dataset::Clickstream),
            zone: zone.parse().ok(),
        }
    }

    /// The values of closed sets.
    pub fn sets(&self) -> &Vocabularies {
        &self.sets
    }

    /// True for a column with keys that may be texts.
    pub fn has_text_keys(&self, column: &Column) -> bool {
        self.keys.has_texts(column)
    }

    /// Checks any value but `null`.
    pub fn value(&self, column: &Column, value: &Scalar<'_>) -> Result<Kept, Rule> {
        match (value, column.kind) {
            (Scalar::Text(text), _) => self.text(column, text),
            (Scalar::Positive(_) | Scalar::Negative(_) | Scalar::Decimal(_), kind) => {
                self.number(column, kind, value)
            }
            (Scalar::Null | Scalar::Boolean(_) | Scalar::Nested, _) => Err(Rule::WrongType),
        }
    }

    fn number(&self, column: &Column, kind: Kind, value: &Scalar<'_>) -> Result<Kept, Rule> {
        match kind {
            Kind::Reference(of) if self.keys.are_texts(of) => whole(value, LARGEST_NUMBER),
            Kind::Id | Kind::Reference(_) => whole(value, i64::MAX as u64),
            Kind::Quantity => whole(value, i32::MAX as u64),
            Kind::Units => units(value),
            kind if kind.is_decimal() => self.text(column, &value.to_text()),
            _ => Err(Rule::WrongType),
        }
    }

    /// Checks a text. What it comes to goes through no memory where this is inlined.
    #[inline(always)]
    pub fn text(&self, column: &Column, text: &str) -> Result<Kept, Rule> {
        let value = text.as_bytes();
        let read = match column.kind {
            Kind::Uuid if text.trim().is_empty() => return Err(Rule::NullValue),
            Kind::Uuid => return values::uuid(value).map(Kept::Id),
            Kind::Reference(of) if self.keys.are_texts(of) => match value.is_empty() {
                true if !column.required => return Ok(Kept::Nothing),
                _ => self.keys.of(of, value).map(Kept::Number),
            },
            Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => {
                return Err(Rule::WrongType);
            }
            _ if value.is_empty() && !column.required => return Ok(Kept::Nothing),
            Kind::OneOf(set) if self.sets.contains(set, value) => return Ok(Kept::Text),
            Kind::OneOf(_) => Err(Rule::NotInSet),
            Kind::Timestamp => values::moment(value).and_then(|moment| self.moment(moment)),
            Kind::Country => values::country(value).map(country),
            Kind::Text(limit) => match values::text(value, limit) {
                Ok(()) if !column.required && values::nothing(value).is_some() => {
                    return Ok(Kept::Nothing);
                }
                read => read.map(|()| Kept::Text),
            },
            Kind::Amount | Kind::Discount => {
                values::amount(value).map(|amount| cents(amount as i64))
            }
            Kind::Money => values::money(value).map(cents),
            Kind::Price => values::price(value).map(|price| Kept::Cents(price as i64)),
            Kind::Rate => values::rate(value).map(|_| Kept::Other),
            Kind::Date => values::date(value).map(|_| Kept::Other),
            Kind::Currency => values::currency(value).map(|_| Kept::Other),
            Kind::Email => values::email(value).map(|()| Kept::Other),
        };
        match read {
            Ok(kept) => Ok(kept),
            Err(rule) => self.wrong(column, value, rule),
        }
    }

    /// What is no value of its column may say that there is none, or be new to a set that grows.
    #[cold]
    fn wrong(&self, column: &Column, value: &[u8], rule: Rule) -> Result<Kept, Rule> {
        if values::nothing(value).is_some() || values::is_blank(value) {
            return if column.required { Err(Rule::NullValue) } else { Ok(Kept::Nothing) };
        }
        match column.kind {
            Kind::OneOf(set)
                if rule == Rule::NotInSet
                    && self.sets.contract(set) == Mode::Evolve
                    && is_term(value)
                    && !is_clearly_personal(value) =>
            {
                Ok(Kept::Text)
            }
            _ => Err(rule),
        }
    }

    /// A time without an offset is one on the clocks of the zone.
    #[inline]
    fn moment(&self, moment: Moment) -> Result<Kept, Rule> {
        match moment {
            Moment::At(micros) => Ok(Kept::Moment(micros)),
            Moment::OnClock(shown) => self.on_clock(shown).map(Kept::Moment),
        }
    }

    #[cold]
    fn on_clock(&self, shown: Micros) -> Result<Micros, Rule> {
        let zone = self.zone.ok_or(Rule::AmbiguousTime)?;
        let time = DateTime::from_timestamp_micros(shown).ok_or(Rule::OutOfRange)?.naive_utc();
        let LocalResult::Single(offset) = zone.offset_from_local_datetime(&time) else {
            return Err(Rule::AmbiguousTime);
        };
        let moment = shown - i64::from(offset.fix().local_minus_utc()) * 1_000_000;
        // On New Year's Eve the moment can be of another year than the time.
        if time::is_within_range(moment) { Ok(moment) } else { Err(Rule::OutOfRange) }
    }
}

/// Why a number is refused where keys are texts: those that are made of texts begin behind the limit.
pub(super) fn too_large(column: &Column) -> String {
    format!(
        "{} is a number over {LARGEST_NUMBER}, the largest that can be a key where keys are texts: \
         write it as a string",
        column.name
    )
}

/// A value that tells of a person comes from columns that are mixed up. What so many other texts are
/// as well tells nothing (as in `validate`).
fn is_clearly_personal(value: &[u8]) -> bool {
    use shopflow_privacy::Kind;
    const CHANCE: f64 = 0.03;
    detect(value).iter().any(|rule| {
        !matches!(rule.kind(), Kind::PersonName | Kind::PostalAddress) && rule.chance() < CHANCE
    })
}

fn country(code: &'static str) -> Kept {
    match code.as_bytes() {
        [first, second] => Kept::Country([*first, *second]),
        _ => Kept::Other,
    }
}

/// Hundredths of ten-thousandths, halves away from zero.
fn cents(amount: i64) -> Kept {
    Kept::Cents((amount + 50 * amount.signum()) / 100)
}

fn units(value: &Scalar<'_>) -> Result<Kept, Rule> {
    const MOST: u64 = i32::MAX as u64;
    match value {
        Scalar::Positive(0) => Err(Rule::Zero),
        Scalar::Positive(number) if *number > MOST => Err(Rule::OutOfRange),
        Scalar::Negative(number) if number.unsigned_abs() > MOST => Err(Rule::OutOfRange),
        Scalar::Decimal(number) if number.fract() != 0.0 => Err(Rule::NotAnInteger),
        Scalar::Decimal(number) if *number == 0.0 => Err(Rule::Zero),
        Scalar::Decimal(number) if number.abs() > MOST as f64 => Err(Rule::OutOfRange),
        Scalar::Positive(_) | Scalar::Negative(_) | Scalar::Decimal(_) => Ok(Kept::Other),
        Scalar::Null | Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Nested => {
            Err(Rule::WrongType)
        }
    }
}

fn whole(value: &Scalar<'_>, max: u64) -> Result<Kept, Rule> {
    match value {
        Scalar::Positive(0) | Scalar::Negative(_) => Err(Rule::NotPositive),
        Scalar::Positive(number) if *number > max => Err(Rule::OutOfRange),
        Scalar::Positive(number) => Ok(Kept::Number(*number)),
        Scalar::Decimal(number) if number.fract() != 0.0 => Err(Rule::NotAnInteger),
        Scalar::Decimal(number) if *number <= 0.0 => Err(Rule::NotPositive),
        Scalar::Decimal(number) => match values::whole(*number) {
            Some(number) if number as u64 <= max => Ok(Kept::Number(number as u64)),
            Some(_) | None if *number > max as f64 => Err(Rule::OutOfRange),
            // Written with a point, and so large that digits were lost.
            Some(_) | None => Err(Rule::NotAnInteger),
        },
        Scalar::Null | Scalar::Boolean(_) | Scalar::Text(_) | Scalar::Nested => {
            Err(Rule::WrongType)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_to_hundredths_halves_away_from_zero() {
        for (amount, expected) in
            [(125_000, 1250), (49, 0), (50, 1), (150, 2), (-49, 0), (-50, -1), (-150, -2)]
        {
            assert_eq!(cents(amount), Kept::Cents(expected), "{amount}");
        }
    }
}
