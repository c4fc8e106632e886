//! The stream takes exactly the clicks that validation takes from a file, and refuses the others for
//! the same reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use shopflow_core::rules::Rule;
use shopflow_core::{Dataset, Settings};
use shopflow_validate::clock::Zone;
use shopflow_validate::engine::{Split, Validator};
use shopflow_windows::Reader;

const USUAL: &str = r#"{"event_id":"67e55044-10b1-426f-9247-bb680e5fe0c8","session_id":"s-1","customer_id":7,"event_type":"purchase","product_id":17,"url":"/p/17","referrer":"/home","device":"mobile","country":"DE","timestamp":"2026-01-15T08:30:00Z","amount":12.5}"#;

/// Settings that files and events are read by.
struct Shop {
    settings: Settings,
    reader: Reader,
}

/// A usual shop, and one with texts for keys, a zone, and contracts that are more lenient.
static SHOPS: LazyLock<[Shop; 3]> = LazyLock::new(|| {
    let shop = |variables: &[(&str, &str)]| {
        let variables = variables
            .iter()
            .map(|(name, value)| (format!("SHOPFLOW__{name}"), (*value).to_owned()));
        let settings = Settings::from_sources("local", variables.collect(), &[]).unwrap();
        let reader = Reader::new(&settings);
        Shop { settings, reader }
    };
    [
        shop(&[]),
        shop(&[
            ("NATURAL_KEYS__CUSTOMERS", "text"),
            ("NATURAL_KEYS__PRODUCTS", "text"),
            ("VALIDATION__TIME_ZONE", "Europe/Berlin"),
            ("VOCABULARY__EVENT_TYPES__CONTRACT", "evolve"),
            ("SCHEMA_CONTRACT__CLICKSTREAM__COLUMNS", "discard_row"),
        ]),
        shop(&[
            ("SCHEMA_CONTRACT__CLICKSTREAM__COLUMNS", "discard_value"),
            ("SCHEMA_CONTRACT__CLICKSTREAM__DATA_TYPE", "discard_value"),
        ]),
    ]
});

/// What validation says of a line: nothing when it is none.
fn validated(shop: &Shop, line: &[u8]) -> Option<Result<(), (&'static str, Rule)>> {
    let Settings { schema_contract, vocabulary, natural_keys, .. } = &shop.settings;
    let mut validator =
        Validator::under(Dataset::Clickstream, schema_contract.of(Dataset::Clickstream))
            .knowing(vocabulary)
            .in_zone(Zone::of(&shop.settings).unwrap())
            .keyed(natural_keys);
    let mut split = Split::default();
    validator.feed(line, &mut split);
    validator.feed(b"\n", &mut split);
    let summary = validator.finish(&mut split);
    let refused = summary.counts.keys().next().map(|(column, rule)| (*column, *rule));
    (summary.rows_in == 1).then(|| refused.map_or(Ok(()), Err))
}

fn agree(line: &[u8]) -> Result<(), TestCaseError> {
    for shop in SHOPS.iter() {
        let read = shop.reader.read(line).map(|_| ());
        let read = read.map_err(|refusal| (refusal.column.unwrap_or(""), refusal.rule));
        let shown = String::from_utf8_lossy(line);
        match validated(shop, line) {
            Some(validated) => prop_assert_eq!(read, validated, "{}", shown),
            None => prop_assert!(read.is_err() || line.contains(&b'\n'), "{}", shown),
        }
    }
    Ok(())
}

fn changed(changes: &[(&str, Value)]) -> Value {
    let mut event: Value = serde_json::from_str(USUAL).unwrap();
    for (name, value) in changes {
        event[*name] = value.clone();
    }
    event
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "event_id",
        "session_id",
        "customer_id",
        "event_type",
        "product_id",
        "url",
        "referrer",
        "device",
        "country",
        "timestamp",
        "amount",
        "note",
    ])
}

/// Values that are good in some column, or nearly.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[0-9]{0,20}([.,][0-9]{0,5})?",
        "[ \t]?(NULL|n/a|-|purchase|wish|mobile|DE|de|NA|AB-1|007|a@b.co)[ \t]?",
        "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](:[0-6][0-9](\\.[0-9]{1,8})?)?(Z| UTC|CET|[+-]0[0-9]:?00)?",
        "2026-(03-29|10-25)[T ]0[0-4]:[0-5][0-9]",
        "[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}",
        "[a-z]{60,70}",
        "\\PC{0,20}",
        any::<String>(),
    ];
    prop_oneof![
        4 => text.prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => (-3i64..3_000).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => (-900i64..90_000).prop_map(|number| json!(number as f64 / 1_000.0)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<String>().prop_map(|text| json!([{"a": text}])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_stream_and_validation_agree_on_values(
        one in (name(), value()), other in (name(), value()), is_one in any::<bool>(),
    ) {
        let changes = [one, other];
        let event = changed(if is_one { &changes[..1] } else { &changes });
        agree(event.to_string().as_bytes())?;
    }

    #[test]
    fn the_stream_and_validation_agree_on_numbers_as_they_are_written(
        number in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?", name in name(),
    ) {
        let event = changed(&[(name, json!("here"))]).to_string();
        agree(event.replace("\"here\"", &number).as_bytes())?;
    }

    #[test]
    fn the_stream_and_validation_agree_on_damaged_lines(
        at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let at = at.index(USUAL.len());
        let mut line = USUAL.as_bytes().to_vec();
        let end = (at + bytes.len()).min(line.len());
        line.splice(at..end, bytes);
        agree(&line)?;
        agree(&line[..at])?;
    }
}

#[test]
fn the_stream_and_validation_agree_on_the_form_of_a_line() {
    let without = |name: &str| {
        let mut event = changed(&[]);
        event.as_object_mut().unwrap().remove(name);
        event.to_string()
    };
    let names = ["event_id", "referrer", "customer_id", "timestamp", "amount"];
    let mut lines: Vec<String> = names.map(without).to_vec();
    lines.extend([
        USUAL.to_owned(),
        format!(" {USUAL} \r"),
        format!("{USUAL}{USUAL}"),
        format!("[{USUAL}]"),
        "{}".to_owned(),
        "null".to_owned(),
        USUAL.replace("\"url\"", "\"device\":\"mobile\",\"url\""),
        USUAL.replace("\"url\"", "\"note\":1,\"note\":2,\"url\""),
        USUAL.replace("\"url\"", "\"note\":1e999,\"url\""),
        USUAL.replace("\"url\"", "\"note\":\"\\u0000\",\"url\""),
        USUAL.replace("\"url\"", "\"\\u0000\":null,\"url\""),
        USUAL.replace("\"url\"", "\"note\":\"\\ud800\",\"url\""),
        USUAL.replace("mobile", "\\u006dobile"),
        USUAL.replace(
            "\"url\"",
            &format!("\"note\":{}1{},\"url\"", "[".repeat(126), "]".repeat(126)),
        ),
        USUAL.replace(
            "\"url\"",
            &format!("\"note\":{}1{},\"url\"", "[".repeat(128), "]".repeat(128)),
        ),
    ]);
    for line in lines {
        agree(line.as_bytes()).unwrap();
    }
    agree(&[USUAL.as_bytes(), b"\xFF"].concat()).unwrap();
}
