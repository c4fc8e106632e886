//! One check per kind of value, as `validate` has them for JSON lines, with what the value comes to.

use chrono::{DateTime, LocalResult, Offset, TimeZone};
use chrono_tz::Tz;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::json::{self, Number, Scalar};
use shopflow_core::natural_key::Keys;
use shopflow_core::rules::Rule;
use shopflow_core::schema_contract::Mode;
use shopflow_core::values::{self, Moment, time};
use shopflow_core::vocabulary::{Vocabularies, is_term};
use shopflow_core::{Dataset, Settings};
use shopflow_privacy::is_clearly_personal;

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

    /// How events write keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Checks any value but `null`.
    pub fn value(&self, column: &Column, value: &Scalar<'_>) -> Result<Kept, Rule> {
        if let Scalar::Text(text) = value {
            return self.text(column, text);
        }
        match json::number(column.kind, value, &self.keys)? {
            Number::Whole(number) => Ok(Kept::Number(number)),
            Number::Units(_) => Ok(Kept::Other),
            Number::Decimal(digits) => self.text(column, &digits),
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
