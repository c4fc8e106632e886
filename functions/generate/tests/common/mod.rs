//! What the tests of the generated data share: files in memory, parsed.
#![allow(dead_code)]

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde_json::Value;
use shopflow_core::Dataset;
use shopflow_generate::{GenerateSpec, Profile, Shop};

pub fn run_date() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 15).unwrap()
}

/// Midnight at the start of the run date.
pub fn midnight() -> DateTime<Utc> {
    run_date().and_time(chrono::NaiveTime::MIN).and_utc()
}

pub fn spec(scale: f64, defect_rate: f64) -> GenerateSpec {
    GenerateSpec { scale, defect_rate, ..GenerateSpec::default() }
}

/// The same in the full profile.
pub fn full(scale: f64, defect_rate: f64) -> GenerateSpec {
    GenerateSpec { profile: Profile::Full, ..spec(scale, defect_rate) }
}

pub fn file(spec: &GenerateSpec, dataset: Dataset) -> Vec<u8> {
    let mut file = Vec::new();
    let written = Shop::new(run_date(), spec).unwrap().write(dataset, &mut file).unwrap();
    assert_eq!(written.bytes, file.len() as u64);
    file
}

pub fn truths_file(spec: &GenerateSpec) -> Vec<u8> {
    let mut file = Vec::new();
    let name = |dataset: Dataset| format!("{dataset}.{}", dataset.extension());
    Shop::new(run_date(), spec).unwrap().write_truths(name, &mut file).unwrap();
    file
}

/// Lines without their line feed; the file must end with one.
pub fn lines(file: &[u8]) -> Vec<&[u8]> {
    let content = file.strip_suffix(b"\n").expect("the file ends with a line feed");
    content.split(|&byte| byte == b'\n').collect()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    pub dataset: Dataset,
    pub file: String,
    pub line: usize,
    pub column: Option<String>,
    pub defect: String,
    pub detected_by: String,
    pub id: Value,
    #[serde(default)]
    pub reference: Option<Value>,
}

pub fn truths(spec: &GenerateSpec) -> Vec<Truth> {
    let file = truths_file(spec);
    if file.is_empty() {
        return Vec::new();
    }
    lines(&file).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// A CSV file as rows of column name to value, read by the csv crate.
pub fn rows(spec: &GenerateSpec, dataset: Dataset) -> Vec<HashMap<String, String>> {
    let file = file(spec, dataset);
    csv::Reader::from_reader(file.as_slice()).deserialize().map(|row| row.unwrap()).collect()
}

pub fn events(spec: &GenerateSpec) -> Vec<Value> {
    let file = file(spec, Dataset::Clickstream);
    lines(&file).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

pub fn number(text: &str) -> u64 {
    text.parse().unwrap()
}

pub fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}
