//! Files of one row that is good but for one value.

use serde_json::{Value as Json, json};
use shopflow_core::Dataset;
use shopflow_core::dataset::Kind;
use shopflow_core::vocabulary::{ValueSet, Vocabulary};

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
pub fn csv_file(dataset: Dataset, at: usize, text: &[u8]) -> Vec<u8> {
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

/// A line of one object, the value in question in its column.
pub fn json_line(dataset: Dataset, at: usize, value: &Json) -> Vec<u8> {
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
