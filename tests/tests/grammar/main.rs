//! One grammar of values: every stage accepts the same texts, as the same values.
//!
//! A text stands in one column of an otherwise good row. What validation lets pass is converted to
//! Parquet, encoded for Postgres and read by a typed column of the expectations; what it refuses
//! the others refuse, too, unless an earlier release let it pass. Membership of a closed set is asked
//! in validation alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agreement;
mod files;
mod stages;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shopflow_core::Dataset;

use agreement::{agree_on_csv, agree_on_json};
use files::csv_file;
use stages::{Value, uploaded, validated};

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
