//! States: merged in any order, over their bound, and as bytes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::definition::{Definitions, SESSIONS};

const VISITS: &str = "{description: visits, source: clickstream, gap: 30m, lateness: 15m, \
    retention: 9d, bots: {events_per_minute: 120, single_type_events: 60}}";

/// A definition with these lines over its windows.
fn definition(lines: &str) -> Definition {
    let text = format!(
        "{lines}\ndescription: a test\nsource: clickstream\nwindows: [1m]\nlateness: 15m\n\
         retention: 9d\n"
    );
    let files = [(SESSIONS, VISITS), ("test", text.as_str())];
    Definitions::from_files(&files).unwrap().windows.remove(0)
}

/// Few keys, and all figures that are exact in any order.
fn bounded() -> Definition {
    definition(
        "key: [event_type, product_id, country]\nmax_keys: 5\naggregates:\n  \
         events: {count: events}\n  \
         revenue: {sum: amount, filter: {event_type: purchase}}\n  \
         visitors: {distinct: session_id}\n  \
         customers: {distinct: customer_id}\n  \
         products: {distinct: product_id, filter: {product_id: present}}",
    )
}

fn with_top() -> Definition {
    definition(
        "aggregates: {events: {count: events}, top: {top: product_id, keep: 4, show: 2}, \
         visitors: {distinct: session_id}}",
    )
}

#[derive(Debug, Clone)]
struct Given {
    session: u32,
    product: u64,
    event_type: &'static str,
    country: &'static [u8; 2],
    cents: i64,
}

fn given(sessions: u32) -> impl Strategy<Value = Given> {
    let event_type = prop::sample::select(vec!["purchase", "search", "page_view"]);
    let country = prop::sample::select(vec![b"DE", b"FR"]);
    (0..sessions, 0u64..6, event_type, country, -500i64..5_000).prop_map(
        |(session, product, event_type, country, cents)| Given {
            session,
            product,
            event_type,
            country,
            cents,
        },
    )
}

fn add(state: &mut State, definition: &Definition, given: &Given) {
    let click = Click {
        event_id: 1,
        session_id: format!("session-{}", given.session).into(),
        customer_id: (!given.session.is_multiple_of(3)).then_some(u64::from(given.session)),
        event_type: given.event_type.into(),
        product_id: (given.product > 0).then_some(given.product),
        device: "mobile".into(),
        country: *given.country,
        timestamp: 0,
        amount_cents: (given.cents > 0).then_some(given.cents),
    };
    state.add(definition, &click);
}

fn of(definition: &Definition, clicks: &[Given]) -> State {
    let mut state = State::new(definition);
    clicks.iter().for_each(|given| add(&mut state, definition, given));
    state
}

/// Keys and figures.
fn shown(rows: &Rows) -> Vec<Value> {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    rows.iter().map(|row| json!([read(row.key), read(row.figures)])).collect()
}

fn click(event_type: &'static str, product: u64, cents: i64) -> Given {
    Given { session: 1, product, event_type, country: b"DE", cents }
}

#[test]
fn rows_have_their_keys_and_figures_and_are_sorted() {
    let definition = definition(
        "key: [product_id, event_type]\nmax_keys: 100\naggregates: {events: {count: events}, \
         revenue: {sum: amount}, visitors: {distinct: session_id}}",
    );
    let clicks = [
        click("search", 0, 0),
        click("purchase", 10, 1250),
        click("purchase", 9, 1),
        click("purchase", 10, 5),
    ];
    let state = of(&definition, &clicks);
    let expected = [
        json!([{"product_id": null, "event_type": "search"},
               {"events": 1, "revenue": "0.00", "visitors": 1}]),
        json!([{"product_id": 9, "event_type": "purchase"},
               {"events": 1, "revenue": "0.01", "visitors": 1}]),
        json!([{"product_id": 10, "event_type": "purchase"},
               {"events": 2, "revenue": "12.55", "visitors": 1}]),
    ];
    assert_eq!(shown(&state.rows(&definition)), expected);
    let all = json!({"events": 4, "revenue": "12.56", "visitors": 1});
    assert_eq!(state.figures(&definition), all);
    let none = json!({"events": 0, "revenue": "0.00", "visitors": 0});
    assert_eq!(State::new(&definition).figures(&definition), none);
    assert!(State::new(&definition).is_empty() && !state.is_empty());
}

#[test]
fn without_a_key_there_is_one_row_and_the_most_frequent_are_told() {
    let definition = with_top();
    let clicks = [3, 5, 5, 3, 5, 2, 0].map(|product| click("search", product, 0));
    let rows = of(&definition, &clicks).rows(&definition);
    let top = json!([{"key": 5, "count": 3, "error": 0}, {"key": 3, "count": 2, "error": 0}]);
    assert_eq!(shown(&rows), [json!([{}, {"events": 7, "top": top, "visitors": 1}])]);
    assert!(State::new(&definition).rows(&definition).is_empty());
}

#[test]
fn keys_beyond_the_limit_are_in_one_row_and_nothing_is_lost() {
    let definition =
        definition("key: product_id\nmax_keys: 10\naggregates: {events: {count: events}}");
    let clicks: Vec<Given> =
        (0..3).flat_map(|_| (1..=100).map(|it| click("search", it, 0))).collect();
    let state = of(&definition, &clicks);
    assert!(state.keys.len() <= 20);
    let rows = shown(&state.rows(&definition));
    assert_eq!(rows.len(), 11);
    assert!(rows[..10].iter().all(|row| row[1]["events"] == 3));
    assert_eq!(rows[10], json!([{"other": true}, {"events": 270}]));
    assert_eq!(state.figures(&definition)["events"], 300);
}

/// The bytes are of the release that wrote the first states that are kept: sets, estimates, keys
/// beyond the limit, and the most frequent products.
#[test]
fn states_that_are_kept_stay_what_they_are() {
    let types = ["purchase", "search", "page_view"];
    let given = |number: u32| Given {
        session: number % 300,
        product: u64::from(number % 7),
        event_type: types[number as usize % 3],
        country: [b"DE", b"FR"][number as usize / 3 % 2],
        cents: i64::from(number) * 37 % 5_000 - 500,
    };
    let kept: [(Definition, u32, &[u8]); 2] = [
        (bounded(), 600, include_bytes!("stored/bounded.bin")),
        (with_top(), 200, include_bytes!("stored/top.bin")),
    ];
    for (definition, clicks, bytes) in kept {
        let read = State::decode(&definition, bytes).unwrap();
        assert_eq!(read.encode(&definition), bytes);
        let made = of(&definition, &(0..clicks).map(given).collect::<Vec<Given>>());
        assert_eq!(made.encode(&definition), bytes);
        assert_eq!(made.rows(&definition), read.rows(&definition));
    }
}

#[test]
fn bytes_of_others_are_refused() {
    let definition = bounded();
    let state = of(&definition, &[click("search", 1, 0), click("purchase", 2, 9)]);
    let bytes = state.encode(&definition);
    let read = |bytes: &[u8]| State::decode(&definition, bytes);
    assert!(read(&bytes).is_ok());
    let changed = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    let longer = [&bytes[..], &[0][..]].concat();
    // Another format, another definition, more rows than there may be, something behind it.
    for wrong in [&changed(0, 2), &changed(1, bytes[1] ^ 1), &changed(9, 6), &longer] {
        assert!(read(wrong).is_err());
    }
    for cut in 0..bytes.len() {
        assert!(read(&bytes[..cut]).is_err(), "{cut}");
    }
    // An empty type, product 1, DE, and figures without a click.
    let row = [&[0, 1, b'D', b'E'][..], &[0; 8][..]].concat();
    let rows = |count: u8| {
        let rows = row.repeat(usize::from(count));
        [&bytes[..9], &[count][..], &rows[..], &[0][..]].concat()
    };
    assert!(read(&rows(1)).is_ok());
    assert!(read(&rows(2)).is_err());
    assert!(State::decode(&with_top(), &bytes).is_err());
    let error = read(&[]).unwrap_err();
    assert_eq!(error.kind(), shopflow_core::ErrorKind::Internal);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn states_merge_to_the_same_bytes_in_any_order_and_grouping(
        clicks in prop::collection::vec(given(8), 0..120),
        shuffled in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
    ) {
        let definition = bounded();
        let whole = of(&definition, &clicks);
        let bytes = whole.encode(&definition);
        // Parts of the clicks in another order.
        let mut moved = clicks.clone();
        moved.rotate_left(shuffled.index(clicks.len() + 1));
        moved.reverse();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(clicks.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(moved.len());
        let mut from = 0;
        let mut parts = Vec::new();
        for cut in cuts {
            parts.push(of(&definition, &moved[from..cut]));
            from = cut;
        }
        let mut forth = State::new(&definition);
        parts.iter().for_each(|part| forth.merge(&definition, part));
        prop_assert_eq!(&forth.encode(&definition), &bytes);
        // In pairs, from the back, and by way of bytes.
        let mut back = State::new(&definition);
        for pair in parts.rchunks(2) {
            let mut both = pair[pair.len() - 1].clone();
            pair[..pair.len() - 1].iter().for_each(|part| both.merge(&definition, part));
            let both = State::decode(&definition, &both.encode(&definition)).unwrap();
            back.merge(&definition, &both);
        }
        prop_assert_eq!(&back.encode(&definition), &bytes);
        prop_assert_eq!(back.rows(&definition), whole.rows(&definition));
        // Rows are those of the parts together, which may lie in the order of their keys.
        let all: Vec<&State> = parts.iter().collect();
        prop_assert_eq!(Rows::of(&definition, &all), whole.rows(&definition));
        let mut settled = parts.clone();
        settled.iter_mut().for_each(|part| part.settle(&definition));
        let all: Vec<&State> = settled.iter().collect();
        prop_assert_eq!(Rows::of(&definition, &all), whole.rows(&definition));
        settled[0].merge(&definition, &whole);
        let mut twice = whole.clone();
        twice.merge(&definition, &parts[0]);
        prop_assert_eq!(settled[0].encode(&definition), twice.encode(&definition));
        prop_assert_eq!(back.figures(&definition), whole.figures(&definition));
        let events = whole.figures(&definition)["events"].clone();
        prop_assert_eq!(events, json!(clicks.len()));
    }

    #[test]
    fn what_is_encoded_is_decoded(clicks in prop::collection::vec(given(2_000), 0..1_500)) {
        for definition in [bounded(), with_top()] {
            let state = of(&definition, &clicks);
            let bytes = state.encode(&definition);
            let mut again = State::decode(&definition, &bytes).unwrap();
            prop_assert_eq!(&again.encode(&definition), &bytes);
            prop_assert_eq!(again.rows(&definition), state.rows(&definition));
            // It goes on as the state itself does.
            let mut state = state;
            for given in clicks.iter().take(20) {
                add(&mut state, &definition, given);
                add(&mut again, &definition, given);
            }
            prop_assert_eq!(again.encode(&definition), state.encode(&definition));
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        tail in prop::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..200),
        clicks in prop::collection::vec(given(8), 1..20),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        for definition in [bounded(), with_top()] {
            let mut bytes = of(&definition, &clicks).encode(&definition);
            let head = [&bytes[..9], &tail[..]].concat();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            for bytes in [&tail, &head, &bytes] {
                if let Ok(state) = State::decode(&definition, bytes) {
                    let _ = (state.rows(&definition), state.encode(&definition));
                    let mut twice = state.clone();
                    twice.merge(&definition, &state);
                    twice.merge(&definition, &of(&definition, &clicks));
                    let _ = twice.figures(&definition);
                }
            }
        }
    }
}
