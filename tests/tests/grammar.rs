//! One grammar of values: every stage accepts the same texts, as the same values.
//!
//! A text stands in one column of an otherwise good row. What validation lets pass is converted to
//! Parquet, encoded for Postgres and read by a typed column of the expectations; what it refuses
//! the others refuse, too, unless an earlier release let it pass. Membership of a closed set is asked
//! in validation alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType,
};
use bytes::BytesMut;
use chrono::{DateTime, NaiveDate};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shopflow_core::contract::{CopyEvent, Run, SourceObject, StoredObject};
use shopflow_core::dataset::{AMOUNT_SCALE, Column, Format, Kind, PRICE_SCALE};
use shopflow_core::rules::Rule;
use shopflow_core::vocabulary::{ValueSet, Vocabulary};
use shopflow_core::{Dataset, Settings, values};
use shopflow_expectations::{Options, Plan, Suite, source};
use shopflow_load::encode::Encoder;
use shopflow_load::names::Names;
use shopflow_validate::clock::Zone;
use shopflow_validate::engine::{Split, Validator};

/// Postgres counts from 2000-01-01.
const POSTGRES_DAYS: i128 = 10_957;
const DAY_MICROS: i128 = 86_400_000_000;

/// A value as a stage stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Missing,
    /// A number, hundredths, ten-thousandths, days or microseconds since 1970.
    Number(i128),
    Text(String),
}

/// A value that is good in a column of this kind.
fn good(kind: Kind) -> &'static str {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => "7",
        Kind::Uuid => "67e55044-10b1-426f-9247-bb680e5fe0c8",
        Kind::Text(_) => "text",
        Kind::Email => "a@b.co",
        Kind::Date => "2026-01-15",
        Kind::Timestamp => "2026-01-15T08:30:00Z",
        Kind::Price | Kind::Amount | Kind::Money => "1.50",
        Kind::Rate => "1.1601",
        Kind::Currency => "USD",
        Kind::Discount => "0.2",
        Kind::Country => "DE",
        Kind::OneOf(ValueSet::Fixed(values)) => values[0],
        Kind::OneOf(ValueSet::Configured(set)) => match set {
            Vocabulary::Categories => "books",
            Vocabulary::PaymentMethods => "paypal",
            Vocabulary::EventTypes => "search",
            Vocabulary::Devices => "tablet",
        },
    }
}

/// A CSV file of one row, the column in question first and its value quoted.
fn csv_file(dataset: Dataset, at: usize, text: &[u8]) -> Vec<u8> {
    let others = || dataset.columns().iter().enumerate().filter(|(other, _)| *other != at);
    let mut file = dataset.columns()[at].name.as_bytes().to_vec();
    for (_, column) in others() {
        file.push(b',');
        file.extend_from_slice(column.name.as_bytes());
    }
    file.extend_from_slice(b"\n\"");
    for byte in text {
        file.push(*byte);
        if *byte == b'"' {
            file.push(b'"');
        }
    }
    file.push(b'"');
    for (_, column) in others() {
        file.push(b',');
        file.extend_from_slice(good(column.kind).as_bytes());
    }
    file.push(b'\n');
    file
}

fn json_line(dataset: Dataset, at: usize, value: &Json) -> Vec<u8> {
    let fields = dataset.columns().iter().enumerate().map(|(other, column)| {
        let value = match column.kind {
            _ if other == at => value.clone(),
            Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => json!(7),
            kind => json!(good(kind)),
        };
        (column.name.to_owned(), value)
    });
    let mut line = Json::Object(fields.collect()).to_string().into_bytes();
    line.push(b'\n');
    line
}

/// The good row as validation writes it; nothing when it refuses the row.
fn validated(dataset: Dataset, file: &[u8]) -> Option<Vec<u8>> {
    let zone = ("SHOPFLOW__VALIDATION__TIME_ZONE".to_owned(), "Europe/Berlin".to_owned());
    let settings = Settings::from_sources("local", [zone].into(), &[]).unwrap();
    let mut validator = Validator::new(dataset).in_zone(Zone::of(&settings).unwrap());
    let mut split = Split::default();
    validator.feed(file, &mut split);
    let summary = validator.finish(&mut split);
    (summary.rows_good == 1 && summary.rows_in == 1).then_some(split.good)
}

/// The value in bronze.
fn uploaded(dataset: Dataset, file: &[u8], at: usize) -> Option<Value> {
    let moment = DateTime::from_timestamp(1_768_465_800, 0).unwrap();
    let event = CopyEvent {
        run: Run { run_id: "run".to_owned(), run_date: moment.date_naive() },
        part: 0,
        dataset,
        source: SourceObject {
            bucket: "landing".to_owned(),
            key: "incoming/x".to_owned(),
            version_id: "v1".to_owned(),
            bytes: 1,
            modified_at: moment,
            effective_at: moment,
        },
        validated: StoredObject {
            bucket: "landing".to_owned(),
            key: "validated/x".to_owned(),
            version_id: None,
            bytes: 1,
            sha256: String::new(),
        },
    };
    let mut parquet = Vec::new();
    let summary = shopflow_upload::bronze::convert(&event, file, &mut parquet).ok()?;
    assert_eq!(summary.rows, 1);
    let batch = shopflow_lake::parquet::decode(parquet.into()).unwrap().remove(0);
    let array = batch.column_by_name(dataset.columns()[at].name).unwrap();
    if array.is_null(0) {
        return Some(Value::Missing);
    }
    Some(match array.data_type() {
        DataType::Int64 => Value::Number(array.as_primitive::<Int64Type>().value(0).into()),
        DataType::Int32 => Value::Number(array.as_primitive::<Int32Type>().value(0).into()),
        DataType::Date32 => Value::Number(array.as_primitive::<Date32Type>().value(0).into()),
        DataType::Decimal128(..) => Value::Number(array.as_primitive::<Decimal128Type>().value(0)),
        DataType::Timestamp(..) => {
            Value::Number(array.as_primitive::<TimestampMicrosecondType>().value(0).into())
        }
        _ => Value::Text(array.as_string::<i32>().value(0).to_owned()),
    })
}

/// The value in Postgres.
fn loaded(dataset: Dataset, file: &[u8], at: usize) -> Option<Value> {
    let mut encoder = Encoder::new(dataset, Names::default());
    let mut reader = csv::Reader::from_reader(file);
    encoder.bind(reader.headers().ok()?).unwrap();
    let mut out = BytesMut::new();
    let record = reader.byte_records().next()?.ok()?;
    encoder.encode(&record, &mut out).ok()?;
    // The number of columns, then each with its length, in the order of the definition.
    let mut rest = &out[2..];
    for _ in 0..at {
        let (length, behind) = rest.split_first_chunk::<4>().unwrap();
        rest = &behind[i32::from_be_bytes(*length).max(0) as usize..];
    }
    let (length, rest) = rest.split_first_chunk::<4>().unwrap();
    let length = i32::from_be_bytes(*length);
    if length < 0 {
        return Some(Value::Missing);
    }
    let bytes = &rest[..length as usize];
    let number = || match bytes.len() {
        4 => i128::from(i32::from_be_bytes(bytes.try_into().unwrap())),
        _ => i128::from(i64::from_be_bytes(bytes.try_into().unwrap())),
    };
    Some(match dataset.columns()[at].kind {
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => Value::Number(number()),
        Kind::Price => Value::Number(numeric(bytes, 1) / 100),
        Kind::Amount | Kind::Discount | Kind::Money => Value::Number(numeric(bytes, 1)),
        Kind::Rate => Value::Number(numeric(bytes, 2)),
        Kind::Date => Value::Number(number() + POSTGRES_DAYS),
        Kind::Timestamp => Value::Number(number() + POSTGRES_DAYS * DAY_MICROS),
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => Value::Text(String::from_utf8(bytes.to_vec()).unwrap()),
    })
}

/// A `numeric` without its point: how many digits of base 10,000, the power of the first one, sign and
/// scale, then the digits. Of those, so many may stand behind the point.
fn numeric(bytes: &[u8], behind: i16) -> i128 {
    const NEGATIVE: i16 = 0x4000;
    let part = |at: usize| i16::from_be_bytes(bytes[2 * at..2 * at + 2].try_into().unwrap());
    let (digits, first) = (part(0), part(1));
    let digits = (0..digits).map(|at| {
        let power = u32::try_from(first - at + behind).expect("no more decimals");
        i128::from(part(4 + at as usize)) * 10_000_i128.pow(power)
    });
    let size: i128 = digits.sum();
    if part(2) == NEGATIVE { -size } else { size }
}

/// The value in a typed column of the expectations; nothing when it is malformed there.
fn expected(dataset: Dataset, file: &[u8], at: usize) -> Option<Value> {
    let column = &dataset.columns()[at];
    let schema: Vec<_> = dataset.columns().iter().map(shopflow_lake::schema::field).collect();
    let text = format!(
        "suite: one\nexpectations:\n- expect_column_values_to_be_null: {{column: {}}}\n",
        column.name
    );
    let suite = Suite::parse_yaml(&text).unwrap();
    let plan = Plan::compile(&suite, Arc::new(Schema::new(schema)), &Options::default()).unwrap();
    let result = source::csv::validate(&plan, file).unwrap().finish();
    let there = &result.results[0].result["partial_unexpected_list"];
    if there.as_array().is_some_and(Vec::is_empty) {
        return Some(Value::Missing);
    }
    let value = &there[0];
    let unscaled = |scale: u8| Some((value.as_f64()? * 10f64.powi(scale.into())).round() as i128);
    let number = match column.kind {
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => i128::from(value.as_i64()?),
        Kind::Price => unscaled(PRICE_SCALE)?,
        Kind::Amount | Kind::Discount | Kind::Money => unscaled(AMOUNT_SCALE)?,
        Kind::Rate => unscaled(shopflow_core::dataset::RATE_SCALE)?,
        Kind::Date => value.as_str()?.parse::<NaiveDate>().ok()?.to_epoch_days().into(),
        Kind::Timestamp => {
            DateTime::parse_from_rfc3339(value.as_str()?).ok()?.timestamp_micros().into()
        }
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => {
            return Some(Value::Text(value.as_str()?.to_owned()));
        }
    };
    Some(Value::Number(number))
}

/// True for values that expectations know as something else than the text that is there.
fn is_typed(kind: Kind) -> bool {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Quantity | Kind::Units => true,
        Kind::Price | Kind::Amount | Kind::Discount | Kind::Money | Kind::Rate => true,
        Kind::Date | Kind::Timestamp => true,
        Kind::Uuid
        | Kind::Text(_)
        | Kind::Email
        | Kind::Country
        | Kind::Currency
        | Kind::OneOf(_) => false,
    }
}

/// True for a value that is stored and one that the expectations read. Theirs is a float, which has
/// not as many digits as a rate may have.
fn is_same(kind: Kind, stored: &Option<Value>, read: &Option<Value>) -> bool {
    match (kind, stored, read) {
        (Kind::Rate, Some(Value::Number(stored)), Some(Value::Number(read))) => {
            (stored - read).abs() <= stored / 1_000_000_000_000
        }
        _ => stored == read,
    }
}

/// One column for each kind of value in files of a format.
fn columns(format: Format) -> Vec<(Dataset, usize, &'static Column)> {
    let datasets = Dataset::all().filter(|dataset| dataset.format() == format);
    let columns = datasets.flat_map(|dataset| {
        let columns = dataset.columns().iter().enumerate();
        columns.map(move |(at, column)| (dataset, at, column))
    });
    let mut found: Vec<(Dataset, usize, &'static Column)> = Vec::new();
    for (dataset, at, column) in columns {
        let is_new = |(_, _, other): &(_, _, &Column)| {
            (other.kind, other.required) != (column.kind, column.required)
        };
        if found.iter().all(is_new) {
            found.push((dataset, at, column));
        }
    }
    found
}

/// What other stages read although validation refuses it: an earlier release let zeros before the
/// number of a row pass, and files of then may still come to be loaded.
fn former(kind: Kind, text: &[u8]) -> Option<Value> {
    let is_key = matches!(kind, Kind::Id | Kind::Reference(_));
    let is_former = is_key && values::key(text) == Err(Rule::LeadingZeros);
    let number = values::positive(text, i64::MAX as u64).ok().filter(|_| is_former)?;
    Some(Value::Number(number.into()))
}

/// What every stage makes of a text in a CSV file.
fn agree_on_csv(text: &[u8]) -> Result<(), TestCaseError> {
    for (dataset, at, column) in columns(Format::Csv) {
        let file = csv_file(dataset, at, text);
        let shown = String::from_utf8_lossy(text);
        let Some(good) = validated(dataset, &file) else {
            if !matches!(column.kind, Kind::OneOf(_)) {
                let stored = (uploaded(dataset, &file, at), loaded(dataset, &file, at));
                let former = former(column.kind, text);
                prop_assert_eq!(stored, (former.clone(), former), "{}: '{}'", column.name, shown);
            }
            continue;
        };
        let value = uploaded(dataset, &good, at);
        prop_assert!(value.is_some(), "{}: '{}'", column.name, shown);
        prop_assert_eq!(&value, &loaded(dataset, &good, at), "{}: '{}'", column.name, shown);
        if is_typed(column.kind) {
            let read = expected(dataset, &good, at);
            let is_same = is_same(column.kind, &value, &read);
            prop_assert!(is_same, "{}: '{}' is {:?} and {:?}", column.name, shown, value, read);
        }
        // What validation writes is what it would let pass as it is.
        prop_assert_eq!(validated(dataset, &good), Some(good.clone()));
        // A word for nothing goes on as nothing, whatever other stages would make of it.
        if good != file && value != Some(Value::Missing) {
            prop_assert_eq!(column.kind, Kind::Timestamp);
            prop_assert_eq!(uploaded(dataset, &file, at), None, "'{}'", shown);
            prop_assert_eq!(loaded(dataset, &file, at), None, "'{}'", shown);
        }
    }
    Ok(())
}

/// What both stages that read JSON lines make of a value.
fn agree_on_json(value: &Json) -> Result<(), TestCaseError> {
    for (dataset, at, column) in columns(Format::JsonLines) {
        let line = json_line(dataset, at, value);
        match validated(dataset, &line) {
            Some(good) => {
                let stored = uploaded(dataset, &good, at);
                prop_assert!(stored.is_some(), "{}: {}", column.name, value);
                prop_assert_eq!(validated(dataset, &good), Some(good.clone()));
            }
            None if matches!(column.kind, Kind::OneOf(_)) => {}
            None => {
                let stored = uploaded(dataset, &line, at);
                prop_assert_eq!(stored, None, "{}: {}", column.name, value);
            }
        }
    }
    Ok(())
}

/// Texts that are values, or nearly.
fn near() -> impl Strategy<Value = String> {
    let edits =
        prop::collection::vec((any::<prop::sample::Index>(), "[-+ .,:TZz/0159eE\t'\"x]?"), 0..3);
    let written = prop_oneof![
        "[+-]?[0-9]{0,12}([.,][0-9]{0,4})?",
        "[ ]?(0|1|9){1,20}",
        "(19|20)[0-9]{2}[-/]?[01]?[0-9][-/][0-3]?[0-9]",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9][Tt ][0-2]?[0-9]:[0-5][0-9](:[0-6][0-9]([.,][0-9]{1,9})?)?( ?(Z|z|UTC|CET|[+-][0-9]{2}(:?[0-9]{2})?))?",
        "2026-(03-29|10-25)[T ]0[0-4]:[0-5][0-9]",
        "(1899-12-31|1900-01-01|2100-12-31|2101-01-01)[T ](00|01|12|22|23):[0-5]0:00(Z|[+-](01|12):00)?",
        "[0-3]?[0-9][./-][01]?[0-9][./-](20)?[0-9]{2}",
        "[A-Za-z]{2,3}",
        "EUR|usd|JPY",
        "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}",
        "[a-z.]{1,4}@[a-z-]{1,4}[.][a-z]{2}",
        "\\PC{0,20}",
    ];
    (written, edits).prop_map(|(mut text, edits)| {
        for (place, with) in edits {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            if let Some(at) = (!places.is_empty()).then(|| *place.get(&places)) {
                text.remove(at);
                text.insert_str(at, &with);
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn all_stages_read_a_text_as_the_same_value_or_refuse_it(text in near()) {
        agree_on_csv(text.as_bytes())?;
        agree_on_json(&json!(text))?;
    }

    #[test]
    fn all_stages_agree_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        agree_on_csv(&bytes)?;
    }

    #[test]
    fn all_stages_agree_on_numbers_and_other_values_of_json(
        value in prop_oneof![
            any::<i64>().prop_map(|number| json!(number)),
            any::<u64>().prop_map(|number| json!(number)),
            (-3i64..3000).prop_map(|number| json!(number)),
            any::<i32>().prop_map(|number| json!(f64::from(number))),
            any::<f64>().prop_map(|number| json!(number)),
            (9_007_199_254_740_980_i64..9_007_199_254_741_000).prop_map(|number| json!(number as f64)),
            any::<bool>().prop_map(|truth| json!(truth)),
            Just(Json::Null),
        ],
    ) {
        agree_on_json(&value)?;
    }
}

#[test]
fn what_people_write_is_stored_in_one_form() {
    let stored = |dataset: Dataset, name: &str, text: &str| {
        let at = dataset.columns().iter().position(|column| column.name == name).unwrap();
        let file = csv_file(dataset, at, text.as_bytes());
        agree_on_csv(text.as_bytes()).unwrap();
        validated(dataset, &file).map(|good| uploaded(dataset, &good, at).unwrap())
    };
    for text in ["5.5", "5.50", "+5.50", "5.500000", " 5.5"] {
        let price = stored(Dataset::Products, "price", text);
        assert_eq!(price, Some(Value::Number(550)), "{text}");
    }
    for text in ["5,50", "1,234", "9.990", "1.299,99"] {
        assert_eq!(stored(Dataset::Products, "price", text), None, "{text}");
    }
    let moment = Some(Value::Number(1_768_462_200_000_000));
    for text in ["2026-01-15T07:30:00Z", "2026-01-15 08:30:00", "2026-01-15 08:30:00 +0100"] {
        assert_eq!(stored(Dataset::Transactions, "timestamp", text), moment, "{text}");
    }
    for text in ["2026-03-29 02:30:00", "2026-10-25 02:30:00", "01/02/2026 10:00"] {
        assert_eq!(stored(Dataset::Transactions, "timestamp", text), None, "{text}");
    }
    let date = stored(Dataset::Customers, "registration_date", "2026/1/5");
    assert_eq!(date, stored(Dataset::Customers, "registration_date", "2026-01-05"));
    assert_eq!(stored(Dataset::Customers, "registration_date", "01/02/2026"), None);
    for (text, units) in [("-3", -3), ("+3.0", 3), ("-2147483647", -2_147_483_647)] {
        let quantity = stored(Dataset::Transactions, "quantity", text);
        assert_eq!(quantity, Some(Value::Number(units)), "{text}");
    }
    for text in ["957.5775", "+957.57750", " 957.5775"] {
        let price = stored(Dataset::Transactions, "unit_price", text);
        assert_eq!(price, Some(Value::Number(9_575_775)), "{text}");
    }
    for name in ["unit_price", "discount", "line", "customer_id"] {
        assert_eq!(stored(Dataset::Transactions, name, ""), Some(Value::Missing), "{name}");
    }
    for (text, number) in [("-1.9", -19_000), ("+1.90", 19_000), ("-957.5775", -9_575_775)] {
        let tax = stored(Dataset::Transactions, "tax", text);
        assert_eq!(tax, Some(Value::Number(number)), "{text}");
    }
    for (text, number) in [("1.153", 115_300_000), ("181.15", 18_115_000_000), ("0.00000001", 1)] {
        let rate = stored(Dataset::ExchangeRates, "rate", text);
        assert_eq!(rate, Some(Value::Number(number)), "{text}");
    }
    let currency = stored(Dataset::Transactions, "currency", " usd");
    assert_eq!(currency, Some(Value::Text("USD".to_owned())));
    assert_eq!(stored(Dataset::Transactions, "currency", "US$"), None);
    for (name, text) in [("quantity", "0"), ("unit_price", "-1"), ("discount", "12.34567")] {
        assert_eq!(stored(Dataset::Transactions, name, text), None, "{name} {text}");
    }
    assert_eq!(stored(Dataset::Customers, "id", "007"), None);
    let country = stored(Dataset::Customers, "country", "de");
    assert_eq!(country, Some(Value::Text("DE".to_owned())));
}

/// Every form of the collection of moments that exports have: read, or refused by its own name.
#[test]
fn forms_of_moments_are_read_or_refused() {
    for text in [
        "2026-01-05T10:00:00Z",
        "2026-01-05 10:00:00Z",
        "2026-01-05T10:00:00",
        "2026-01-05 10:00:00",
        "2026-01-05T10:00:00+0200",
        "2026-01-05T10:00:00.123456789Z",
        "2026-01-05T10:00:00.100000000Z",
        "2026-01-05T10:00Z",
        "2026-01-05",
        "1767607200000",
        "05/01/2026 10:00",
        "2026-01-05T10:00:00z",
        "2026-12-31T23:59:60Z",
        "2026-01-05T24:00:00Z",
        "2026-01-05T10:00:00,5Z",
        "2026-01-05T10:00:00+00",
        "2026-01-05T10:00:00 UTC",
        "2026-01-05T10:00:00+23:59",
        "9999-12-31T00:00:00Z",
        "0000-00-00 00:00:00",
        "2026-01-05T10:00:00.Z",
    ] {
        agree_on_csv(text.as_bytes()).unwrap();
        agree_on_json(&json!(text)).unwrap();
    }
}
