//! How each stage is asked what it makes of a value.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, Schema, TimestampMicrosecondType,
};
use bytes::BytesMut;
use chrono::{DateTime, NaiveDate};
use shopflow_core::contract::{CopyEvent, Run, SourceObject, StoredObject};
use shopflow_core::dataset::{AMOUNT_SCALE, Kind, PRICE_SCALE, RATE_SCALE};
use shopflow_core::{Dataset, Settings};
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
pub enum Value {
    Missing,
    /// A number, hundredths, ten-thousandths, days or microseconds since 1970.
    Number(i128),
    Text(String),
}

/// The good row as validation writes it; nothing when it refuses the row.
pub fn validated(dataset: Dataset, file: &[u8]) -> Option<Vec<u8>> {
    let zone = ("SHOPFLOW__VALIDATION__TIME_ZONE".to_owned(), "Europe/Berlin".to_owned());
    let settings = Settings::from_sources("local", [zone].into(), &[]).unwrap();
    let mut validator = Validator::new(dataset).in_zone(Zone::of(&settings).unwrap());
    let mut split = Split::default();
    validator.feed(file, &mut split);
    let summary = validator.finish(&mut split);
    (summary.rows_good == 1 && summary.rows_in == 1).then_some(split.good)
}

/// The value in bronze.
pub fn uploaded(dataset: Dataset, file: &[u8], at: usize) -> Option<Value> {
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
pub fn loaded(dataset: Dataset, file: &[u8], at: usize) -> Option<Value> {
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
pub fn expected(dataset: Dataset, file: &[u8], at: usize) -> Option<Value> {
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
        Kind::Rate => unscaled(RATE_SCALE)?,
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
