//! The grammar of values: what is read has one written form, which is read as the same value.

use chrono::NaiveDate;
use shopflow_core::dataset::Kind;
use shopflow_core::values::{self, Moment, digits, time};

const LARGEST: u64 = i64::MAX as u64;

/// Reads the bytes as a value of every kind.
pub fn grammar(text: &[u8]) {
    whole_numbers(text);
    decimals(text);
    dates(text);
    moments(text);
    codes(text);
    texts(text);
}

fn whole_numbers(text: &[u8]) {
    if let Ok(number) = values::positive(text, LARGEST) {
        assert!((1..=LARGEST).contains(&number));
        assert_eq!(values::positive(number.to_string().as_bytes(), LARGEST), Ok(number));
        assert_eq!(values::integer(text), Ok(number as i64));
    }
    if let Ok(number) = values::units(text) {
        assert!(number != 0 && number != i32::MIN);
        assert_eq!(values::units(number.to_string().as_bytes()), Ok(number));
        assert_eq!(values::integer(text), Ok(i64::from(number)));
    }
    if let Ok(number) = values::integer(text) {
        assert_eq!(values::integer(number.to_string().as_bytes()), Ok(number));
    }
    if let Some(number) = digits::integer(text, 0, text.len()) {
        assert_eq!(values::integer(text), Ok(number));
        let written = number.to_string();
        assert_eq!(digits::canonical(written.as_bytes(), 0, written.len()), Some(number));
    }
}

fn decimals(text: &[u8]) {
    if let Ok(cents) = values::price(text) {
        assert!(cents > 0);
        assert_eq!(values::price(written(cents.into(), 2).as_bytes()), Ok(cents));
        assert_eq!(values::amount(text), Ok(cents * 100));
        assert_eq!(values::decimal(text, 2, 10_i128.pow(10)), Some(cents.into()));
    }
    if let Ok(amount) = values::amount(text) {
        assert!(amount <= 999_999_999_900);
        assert_eq!(values::amount(written(amount.into(), 4).as_bytes()), Ok(amount));
        assert_eq!(values::decimal(text, 4, 10_i128.pow(12)), Some(amount.into()));
    }
    if let Ok(money) = values::money(text) {
        assert!(money.abs() <= 999_999_999_900);
        assert_eq!(values::money(written(money.into(), 4).as_bytes()), Ok(money));
        assert_eq!(values::amount(text).ok(), u64::try_from(money).ok());
        assert_eq!(values::decimal(text, 4, 10_i128.pow(12)), Some(money.into()));
    }
    if let Ok(rate) = values::rate(text) {
        assert!(0 < rate && rate < 10_i64.pow(18));
        assert_eq!(values::rate(written(rate.into(), 8).as_bytes()), Ok(rate));
        assert_eq!(values::decimal(text, 8, 10_i128.pow(18)), Some(rate.into()));
    }
    for scale in [0, 2, 3, 4, 18] {
        let limit = 10_i128.pow(38);
        if let Some(number) = values::decimal(text, scale, limit) {
            assert!(number.abs() < limit);
            let again = written(number, usize::from(scale));
            assert_eq!(values::decimal(again.as_bytes(), scale, limit), Some(number), "{again}");
        }
    }
}

/// A decimal with all its places.
fn written(number: i128, scale: usize) -> String {
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, places) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{places}")
}

fn dates(text: &[u8]) {
    let Ok(day) = values::date(text) else { return };
    let written = NaiveDate::from_epoch_days(day).expect("a date of the calendar").to_string();
    assert_eq!(values::date(written.as_bytes()), Ok(day));
    assert_eq!(time::date_of_any_year(text), Some(day));
}

fn moments(text: &[u8]) {
    let moment = values::moment(text);
    if let Ok(moment) = moment {
        assert_eq!(time::moment_of_any_year(text), Some(moment));
        let (Moment::At(micros) | Moment::OnClock(micros)) = moment;
        let mut written = Vec::new();
        time::write_moment(micros, &mut written);
        if matches!(moment, Moment::OnClock(_)) {
            assert_eq!(written.pop(), Some(b'Z'));
        }
        // The year is asked of the date as it was written, which an offset can take over New Year.
        assert_eq!(time::moment_of_any_year(&written), Some(moment));
    }
    let instant = values::instant(text);
    assert!(instant.is_err() || instant.map(Moment::At) == moment);
}

fn codes(text: &[u8]) {
    if let Ok(country) = values::country(text) {
        assert_eq!(values::country(country.as_bytes()), Ok(country));
    }
    if let Ok(currency) = values::currency(text) {
        assert_eq!(values::currency(currency.as_bytes()), Ok(currency));
        assert_eq!(values::stored_text(Kind::Currency, text).as_deref(), Ok(currency));
    }
    if let Ok(id) = values::uuid(text) {
        let written = values::stored_text(Kind::Uuid, text).expect("a UUID that was read");
        assert_eq!(values::uuid(written.as_bytes()), Ok(id));
        assert_eq!(values::stored_text(Kind::Uuid, written.as_bytes()), Ok(written.clone()));
    }
    if let Some(truth) = values::boolean(text) {
        assert_eq!(values::boolean(truth.to_string().as_bytes()), Some(truth));
    }
}

fn texts(text: &[u8]) {
    const LIMIT: usize = 200;
    if let Ok(stored) = values::stored_text(Kind::Text(LIMIT), text) {
        assert!(!values::is_blank(text) && stored.len() <= LIMIT);
        assert!(!stored.chars().any(char::is_control), "{stored:?}");
        assert_eq!(stored.as_bytes(), text);
    }
    if let Ok(stored) = values::stored_text(Kind::Email, text) {
        assert_eq!(stored.matches('@').count(), 1, "{stored:?}");
        let is_blank = |c: char| c.is_control() || c.is_ascii_whitespace();
        assert!(!stored.chars().any(is_blank), "{stored:?}");
    }
}
