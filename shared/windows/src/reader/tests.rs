//! Events that are read, and the two ways to read them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const USUAL: &str = r#"{"event_id":"67e55044-10b1-426f-9247-bb680e5fe0c8","session_id":"s-1","customer_id":7,"event_type":"purchase","product_id":17,"url":"https://shop.example/p/17?a=b","referrer":"/home","device":"mobile","country":"DE","timestamp":"2026-01-15T08:30:00.250Z","amount":12.5}"#;

fn reader(variables: &[(&str, &str)]) -> Reader {
    let variables =
        variables.iter().map(|(name, value)| (format!("SHOPFLOW__{name}"), (*value).to_owned()));
    Reader::new(&Settings::from_sources("prod", variables.collect(), &[]).unwrap())
}

/// The usual event with other values; a value that is `"-"` leaves the field out.
fn event(changes: &Value) -> String {
    let mut event: Value = serde_json::from_str(USUAL).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value.as_str() {
            Some("-") => drop(event.as_object_mut().unwrap().remove(name)),
            Some(_) | None => event[name] = value.clone(),
        }
    }
    event.to_string()
}

fn usual() -> Click<'static> {
    Click {
        event_id: 0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8,
        session_id: "s-1".into(),
        customer_id: Some(7),
        event_type: "purchase".into(),
        product_id: Some(17),
        device: "mobile".into(),
        country: *b"DE",
        timestamp: 1_768_465_800_250_000,
        amount_cents: Some(1250),
    }
}

#[test]
fn a_usual_event_is_read_in_one_pass_without_a_copy() {
    let reader = reader(&[]);
    let click = reader.scan(USUAL.as_bytes()).unwrap();
    assert_eq!(click, usual());
    let texts = [&click.session_id, &click.event_type, &click.device];
    assert!(texts.into_iter().all(|text| matches!(text, std::borrow::Cow::Borrowed(_))));
    // In whatever order and with whatever blanks.
    let sorted: Value = serde_json::from_str(USUAL).unwrap();
    let spread = format!(" {sorted:#}\r\n");
    assert_eq!(reader.scan(spread.as_bytes()).unwrap(), usual());
    assert_eq!(reader.read_carefully(spread.as_bytes()).unwrap(), usual());
}

#[test]
fn what_is_optional_may_be_missing_or_null() {
    let reader = reader(&[]);
    let without = Click { customer_id: None, product_id: None, amount_cents: None, ..usual() };
    for nothing in [json!(null), json!("-")] {
        let names = ["customer_id", "product_id", "amount", "referrer"];
        let changes: Value =
            names.map(|name| (name.to_owned(), nothing.clone())).into_iter().collect();
        let written = event(&changes);
        assert_eq!(reader.scan(written.as_bytes()).unwrap(), without, "{written}");
    }
    let empty = event(&json!({"referrer": "", "amount": " N/A"}));
    assert_eq!(reader.read(empty.as_bytes()).unwrap().amount_cents, None);
}

#[test]
fn what_is_unusual_is_read_all_the_same() {
    let reader = reader(&[]);
    for (from, to) in [
        ("\"mobile\"", r#""m\u006fbile""#),
        ("\"referrer\"", r#""referr\u0065r""#),
        ("/home", r"\/home"),
        ("\"amount\":12.5", r#""amount":"12.50""#),
        ("\"amount\":12.5", "\"amount\":12.500"),
        ("\"amount\":12.5", "\"amount\":0.125e2"),
        ("\"customer_id\":7", "\"customer_id\":7.0"),
        ("\"DE\"", "\" de\""),
        ("08:30:00.250Z", "09:30:00.250+01:00"),
        ("{\"event_id\"", r#"{"note":{"a":[1,{"b":"x"}]},"event_id""#),
        ("{\"event_id\"", r#"{"Zoë":"é","a":true,"b":-1.5e3,"c":null,"event_id""#),
    ] {
        let written = USUAL.replace(from, to);
        assert_ne!(written, USUAL);
        let click = reader.read(written.as_bytes()).unwrap();
        assert_eq!(click, usual(), "{written}");
    }
    let session = event(&json!({"session_id": "Größe 7", "url": "https://shop.example/ü"}));
    let click = reader.scan(session.as_bytes()).unwrap();
    assert_eq!(click.session_id, "Größe 7");
}

#[test]
fn what_is_wrong_first_is_named() {
    let reader = reader(&[]);
    let refused = |written: &[u8]| {
        let refusal = reader.read(written).unwrap_err();
        (refusal.column, refusal.rule)
    };
    for (changes, column, rule) in [
        (json!({"event_id": "-"}), "event_id", Rule::MissingField),
        (json!({"event_id": "x", "device": "tv"}), "event_id", Rule::InvalidUuid),
        (json!({"session_id": null}), "session_id", Rule::NullValue),
        (json!({"session_id": "x".repeat(65)}), "session_id", Rule::TextTooLong),
        (json!({"session_id": "a\u{7f}"}), "session_id", Rule::ControlCharacter),
        (json!({"session_id": 7}), "session_id", Rule::WrongType),
        (json!({"customer_id": "7"}), "customer_id", Rule::WrongType),
        (json!({"customer_id": 0}), "customer_id", Rule::NotPositive),
        (json!({"product_id": 1.5}), "product_id", Rule::NotAnInteger),
        (json!({"product_id": u64::MAX}), "product_id", Rule::OutOfRange),
        (json!({"event_type": "wish"}), "event_type", Rule::NotInSet),
        (json!({"event_type": "NULL"}), "event_type", Rule::NullValue),
        (json!({"url": ""}), "url", Rule::NullValue),
        (json!({"country": "UK"}), "country", Rule::InvalidCountry),
        (json!({"timestamp": "yesterday"}), "timestamp", Rule::InvalidTimestamp),
        (json!({"timestamp": 1_768_465_800}), "timestamp", Rule::WrongType),
        (json!({"amount": -1}), "amount", Rule::NegativeAmount),
        (json!({"amount": "12,50"}), "amount", Rule::AmbiguousNumber),
        (json!({"amount": true}), "amount", Rule::WrongType),
    ] {
        let found = refused(event(&changes).as_bytes());
        assert_eq!(found, (Some(column), rule), "{changes}");
    }
    let twice = USUAL.replace("{\"event_id\"", "{\"device\":\"mobile\",\"event_id\"");
    let long = event(&json!({"note": "x".repeat(MOST_EVENT_BYTES)}));
    let nul = event(&json!({"note": ["a\u{0}"]}));
    for (written, rule) in [
        (twice.as_str(), Rule::InvalidJson),
        (&USUAL[..USUAL.len() - 1], Rule::InvalidJson),
        ("[]", Rule::InvalidJson),
        ("", Rule::InvalidJson),
        (long.as_str(), Rule::RecordTooLong),
        (nul.as_str(), Rule::ControlCharacter),
    ] {
        assert_eq!(refused(written.as_bytes()), (None, rule));
    }
    let mut bytes = USUAL.as_bytes().to_vec();
    let device = USUAL.find("mobile").unwrap() + 1;
    bytes[device] = 0xFF;
    assert_eq!(refused(&bytes), (Some("device"), Rule::InvalidUtf8));
}

#[test]
fn a_refusal_shows_no_value_that_tells_of_a_person() {
    let reader = reader(&[]);
    let of = |changes: Value| reader.read(event(&changes).as_bytes()).unwrap_err();
    let device = of(json!({"device": "tv".repeat(90)}));
    assert_eq!(device.value.map(|value| value.len()), Some(100));
    assert_eq!(device.reason, "device must be one of desktop, mobile, tablet");
    assert_eq!(of(json!({"session_id": "a\u{1}"})).value, None);
    assert_eq!(of(json!({"url": "\u{1}https://shop.example/?q=Ann"})).value, None);
}

#[test]
fn settings_decide_as_they_do_for_files() {
    let zone = ("VALIDATION__TIME_ZONE", "Europe/Berlin");
    let clock = event(&json!({"timestamp": "2026-01-15 09:30:00.25"}));
    assert_eq!(reader(&[zone]).read(clock.as_bytes()).unwrap(), usual());
    let gap = event(&json!({"timestamp": "2026-03-29 02:30:00"}));
    let refusal = reader(&[zone]).read(gap.as_bytes()).unwrap_err();
    assert_eq!(refusal.rule, Rule::AmbiguousTime);

    let keys = ("NATURAL_KEYS__CUSTOMERS", "text");
    let named = event(&json!({"customer_id": "AB-1"}));
    let customer = reader(&[keys]).read(named.as_bytes()).unwrap().customer_id;
    assert_eq!(customer, Some(7_981_956_447_050_449_169));
    let large = event(&json!({"customer_id": 1u64 << 62}));
    let refusal = reader(&[keys]).read(large.as_bytes()).unwrap_err();
    assert!(refusal.reason.contains("write it as a string"), "{}", refusal.reason);

    let wish = event(&json!({"event_type": "wish"}));
    let grows = reader(&[("VOCABULARY__EVENT_TYPES__CONTRACT", "evolve")]);
    assert_eq!(grows.read(wish.as_bytes()).unwrap().event_type, "wish");
    let address = event(&json!({"event_type": "ann@shop.example"}));
    assert_eq!(grows.read(address.as_bytes()).unwrap_err().rule, Rule::NotInSet);
    let frozen = reader(&[("VOCABULARY__EVENT_TYPES__CONTRACT", "freeze")]);
    assert_eq!(frozen.read(wish.as_bytes()).unwrap_err().rule, Rule::NotInSet);

    let (other, null) = (event(&json!({"note": 1})), event(&json!({"note": null})));
    for (mode, takes_other, takes_null) in [
        ("evolve", true, true),
        ("discard_value", true, true),
        ("discard_row", false, true),
        ("freeze", false, false),
    ] {
        let reader = reader(&[("SCHEMA_CONTRACT__CLICKSTREAM__COLUMNS", mode)]);
        assert_eq!(reader.read(other.as_bytes()).is_ok(), takes_other, "{mode}");
        assert_eq!(reader.read(null.as_bytes()).is_ok(), takes_null, "{mode}");
    }
    let typed = event(&json!({"customer_id": "7", "product_id": 1.5}));
    let lenient = reader(&[("SCHEMA_CONTRACT__CLICKSTREAM__DATA_TYPE", "discard_value")]);
    let click = lenient.read(typed.as_bytes()).unwrap();
    assert_eq!((click.customer_id, click.product_id), (None, None));
}

/// Values that are good in some column, or nearly.
fn near() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3i64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0i64..100_000, 0u32..6)
            .prop_map(|(number, places)| json!(number as f64 / 10f64.powi(places as i32))),
        "[0-9]{1,4}[.,]?[0-9]{0,3}".prop_map(Value::from),
        prop::sample::select(vec!["search", "purchase", "mobile", "tv", "DE", "de", "N/A", "-x"])
            .prop_map(Value::from),
        "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,7})?)?(Z|[+-]0[0-9]:00)?"
            .prop_map(Value::from),
        "[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}".prop_map(Value::from),
        "[ \\x00-\\x7F\u{80}-\u{A0}é]{0,12}".prop_map(Value::from),
        Just(json!({"a": [1, "\u{0}"]})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_the_short_way_reads_the_long_way_reads_as_the_same(
        changes in prop::collection::btree_map(
            prop::sample::select(vec![
                "event_id", "session_id", "customer_id", "event_type", "product_id", "url",
                "referrer", "device", "country", "timestamp", "amount", "note", "Ünote",
            ]),
            near(),
            0..3,
        ),
        is_spread in any::<bool>(),
    ) {
        let changes: Value = changes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let written = event(&changes);
        let written = if is_spread {
            format!("{:#}", serde_json::from_str::<Value>(&written).unwrap())
        } else {
            written
        };
        let reader = reader_of_tests();
        let carefully = reader.read_carefully(written.as_bytes());
        if let Some(click) = reader.scan(written.as_bytes()) {
            prop_assert_eq!(Ok(click), carefully.clone());
        }
        prop_assert_eq!(reader.read(written.as_bytes()), carefully);
    }

    #[test]
    fn numbers_mean_the_same_both_ways_however_they_are_written(
        number in "-?(0|[1-9][0-9]{0,19})(\\.[0-9]{1,6})?([eE][+-]?[0-9]{1,3})?",
        name in prop::sample::select(vec!["amount", "product_id", "note"]),
    ) {
        let written = format!("{{\"{name}\":{number},{}", &event(&json!({name: "-"}))[1..]);
        let reader = reader_of_tests();
        let carefully = reader.read_carefully(written.as_bytes());
        if let Some(click) = reader.scan(written.as_bytes()) {
            prop_assert_eq!(Ok(click), carefully);
        }
    }

    #[test]
    fn damaged_events_are_refused_or_read_as_the_long_way_reads_them(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), is_cut in any::<bool>(),
    ) {
        let mut bytes = USUAL.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if is_cut {
            bytes.truncate(at);
        }
        let reader = reader_of_tests();
        let carefully = reader.read_carefully(&bytes);
        if let Some(click) = reader.scan(&bytes) {
            prop_assert_eq!(Ok(click), carefully);
        }
    }
}

fn reader_of_tests() -> &'static Reader {
    static READER: std::sync::LazyLock<Reader> = std::sync::LazyLock::new(|| reader(&[]));
    &READER
}
