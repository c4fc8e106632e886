//! One grammar of values: what one stage reads every stage reads, and what one refuses all refuse.
//!
//! The first byte of an input chooses a column, the rest is the text that stands in it, quoted, in
//! an otherwise good row.

use std::sync::Arc;

use arrow::datatypes::Schema;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::rules::Rule;
use shopflow_core::{Dataset, values};
use shopflow_expectations::{Options, Plan, Suite, source};

use crate::files;

static DATASETS: [Dataset; 5] = [
    Dataset::Transactions,
    Dataset::Products,
    Dataset::Customers,
    Dataset::ExchangeRates,
    Dataset::Payments,
];

/// Good values of the columns that a row cannot do without.
static GOOD: [(&str, &str); 18] = [
    ("id", "7"),
    ("customer_id", "7"),
    ("product_id", "7"),
    ("quantity", "7"),
    ("timestamp", "2026-01-15T08:30:00Z"),
    ("payment_method", "paypal"),
    ("name", "text"),
    ("category", "books"),
    ("price", "1.50"),
    ("supplier", "text"),
    ("email", "a@b.co"),
    ("registration_date", "2026-01-15"),
    ("unit_price", "1.50"),
    ("rate_date", "2026-01-15"),
    ("currency", "USD"),
    ("rate", "1.1601"),
    ("order_id", "A-7"),
    ("amount", "1.50"),
];

/// What the stages make of a text.
pub fn agree(data: &[u8]) {
    let [choice, text @ ..] = data else { return };
    let columns = || {
        let of = |dataset: &Dataset| {
            let dataset = *dataset;
            dataset.columns().iter().map(move |column| (dataset, column))
        };
        DATASETS.iter().flat_map(of)
    };
    let chosen = usize::from(choice.wrapping_sub(b'0')) % columns().count();
    let Some((dataset, column)) = columns().nth(chosen) else { return };
    let file = file(dataset, column, text);
    let place = format!("{dataset}.{}", column.name);
    let Some(good) = files::one_row(dataset, &file) else {
        // Only validation asks whether a value is in a closed set, and whether a row may do without.
        // Zeros before the number of a row are refused there; an earlier release let them pass.
        let is_key = matches!(column.kind, Kind::Id | Kind::Reference(_));
        let is_former = is_key && values::key(text) == Err(Rule::LeadingZeros);
        if !matches!(column.kind, Kind::OneOf(_)) && !text.is_empty() && !is_former {
            assert_eq!(files::uploaded(dataset, &file), None, "{place}");
            assert_eq!(files::loaded(dataset, &file), None, "{place}");
        }
        return;
    };
    assert_eq!(files::uploaded(dataset, &good), Some(1), "{place}");
    assert_eq!(files::loaded(dataset, &good), Some(1), "{place}");
    if is_typed(column.kind) {
        assert_eq!(malformed(dataset, column, &good), Some(0), "{place}");
    }
    // A word for nothing goes on as nothing, whatever other stages would make of it.
    let row = good.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    if good != file && !row.starts_with(b"\"\",") {
        // A time without an offset, which only validation knows how to read.
        assert_eq!(column.kind, Kind::Timestamp, "{place}");
        assert_eq!(files::uploaded(dataset, &file), None, "{place}");
        assert_eq!(files::loaded(dataset, &file), None, "{place}");
    }
}

/// True for values that the expectations know as something else than the text that is there.
fn is_typed(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Uuid | Kind::Text(_) | Kind::Email | Kind::Country | Kind::Currency | Kind::OneOf(_)
    )
}

/// A file of one row, the column in question first and its value quoted.
fn file(dataset: Dataset, column: &Column, text: &[u8]) -> Vec<u8> {
    let others = GOOD.iter().filter(|(name, _)| {
        *name != column.name && dataset.columns().iter().any(|known| known.name == *name)
    });
    let mut file = column.name.as_bytes().to_vec();
    for (name, _) in others.clone() {
        file.push(b',');
        file.extend_from_slice(name.as_bytes());
    }
    file.extend_from_slice(b"\n\"");
    for byte in text {
        file.push(*byte);
        if *byte == b'"' {
            file.push(b'"');
        }
    }
    file.push(b'"');
    for (_, good) in others {
        file.push(b',');
        file.extend_from_slice(good.as_bytes());
    }
    file.push(b'\n');
    file
}

/// Values that the expectations cannot read in a column of the type that the lake has.
fn malformed(dataset: Dataset, column: &Column, file: &[u8]) -> Option<u64> {
    let fields = dataset.columns().iter().map(shopflow_lake::schema::field);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    // A malformed value is unexpected to every expectation about values, a missing one to none but
    // those about missing values.
    let text = format!(
        "suite: one\nexpectations:\n- expect_column_values_to_not_be_in_set: {{column: {}, \
         value_set: [none]}}\n",
        column.name
    );
    let suite = Suite::parse_yaml(&text).expect("a suite");
    let plan = Plan::compile(&suite, schema, &Options::default()).expect("a plan");
    let result = source::csv::validate(&plan, file).ok()?.finish();
    result.results[0].result["unexpected_count"].as_u64()
}
