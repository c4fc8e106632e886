//! The simulated stream: the same bytes for the same scenario, and events that are what their labels
//! say.
//!
//! `SHOPFLOW_UPDATE_GOLDEN=1` writes the golden lines again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use common::{number, rows, time};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, dataset};
use shopflow_generate::GenerateSpec;
use shopflow_generate::live::{Breakage, Clicks, Delays, Label, Planned, Scenario, Shares};

fn start() -> DateTime<Utc> {
    time("2026-01-15T10:00:00Z")
}

fn usual() -> Scenario {
    Scenario::starting(start())
}

fn clicks(scenario: &Scenario) -> Clicks {
    Clicks::new(&Vocabularies::default(), scenario.clone()).unwrap()
}

fn digest(scenario: &Scenario) -> String {
    let mut digest = Sha256::new();
    for planned in clicks(scenario) {
        digest.update(planned.at.as_micros().to_be_bytes());
        digest.update(planned.label.name());
        digest.update(planned.breakage.map_or("", Breakage::name));
        digest.update(&planned.event_id);
        digest.update(&planned.session);
        digest.update(&planned.payload);
        digest.update([0_u8]);
    }
    hex::encode(digest.finalize())
}

fn event(planned: &Planned) -> Value {
    serde_json::from_slice(&planned.payload).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&planned.payload));
    })
}

/// How much older than its sending an event is; below zero for one that is ahead.
fn age(planned: &Planned) -> chrono::TimeDelta {
    let sent = start() + planned.at;
    sent - time(event(planned)["timestamp"].as_str().unwrap())
}

#[test]
fn the_first_lines_are_literally_the_golden_ones() {
    let all: Vec<Planned> = clicks(&Scenario { rate: 50.0, ..usual() }).collect();
    let mut shown: Vec<Planned> = all[..6].to_vec();
    // And one of each label that is no line of the usual kind.
    for label in Label::ALL {
        shown.extend(all.iter().find(|planned| planned.label == label).cloned());
    }
    let mut text = String::new();
    for planned in &shown {
        let kind = planned.breakage.map_or("-", Breakage::name);
        let line = String::from_utf8_lossy(&planned.payload);
        let (micros, label) = (planned.at.as_micros(), planned.label.name());
        text.push_str(&format!("{micros} {label} {kind} {line}\n"));
    }
    text.push_str(&format!("{}\n", digest(&Scenario { rate: 50.0, ..usual() })));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/live.txt");
    if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, expected, "live.txt differs");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_same_scenario_gives_the_same_bytes_and_any_other_one_others(
        seed: u64, rate in 50.0f64..200.0, seconds in 4u64..20, later in 1i64..1_000_000,
    ) {
        let duration = Duration::from_secs(seconds);
        let scenario = Scenario { seed, rate, duration, scale: 0.1, ..usual() };
        let expected = digest(&scenario);
        prop_assert_eq!(digest(&scenario), expected.clone());
        let others = [
            Scenario { seed: seed.wrapping_add(1), ..scenario.clone() },
            Scenario { rate: rate * 2.0, ..scenario.clone() },
            Scenario { duration: duration * 2, ..scenario.clone() },
            Scenario { start: start() + chrono::TimeDelta::microseconds(later), ..scenario.clone() },
            Scenario { shares: Shares::NONE, ..scenario },
        ];
        for other in others {
            prop_assert_ne!(digest(&other), expected.clone());
        }
    }

    #[test]
    fn events_come_in_order_as_many_as_announced_and_within_the_duration(
        seed: u64, rate in 0.5f64..300.0, seconds in 1u64..30, peak in 1.0f64..4.0,
    ) {
        let duration = Duration::from_secs(seconds);
        let scenario = Scenario { seed, rate, duration, peak, scale: 0.1, ..usual() };
        let iterator = clicks(&scenario);
        let announced = iterator.len();
        let moments: Vec<Duration> = iterator.map(|planned| planned.at).collect();
        prop_assert_eq!(moments.len(), announced);
        prop_assert!(moments.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!(moments.iter().all(|moment| *moment <= duration));
    }
}

#[test]
fn each_label_has_its_share() {
    let scenario = Scenario { rate: 1_000.0, ..usual() };
    let mut counts: BTreeMap<Label, f64> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for planned in clicks(&scenario) {
        *counts.entry(planned.label).or_default() += 1.0;
        assert_eq!(planned.breakage.is_some(), planned.label == Label::Broken);
        kinds.extend(planned.breakage);
    }
    let total: f64 = counts.values().sum();
    let Shares { bot, out_of_order, late, too_late, duplicate, broken, future } = scenario.shares;
    for (label, share) in [
        (Label::Bot, bot),
        (Label::OutOfOrder, out_of_order),
        (Label::Late, late),
        (Label::TooLate, too_late),
        (Label::Duplicate, duplicate),
        (Label::Broken, broken),
        (Label::Future, future),
    ] {
        let found = counts[&label] / total;
        assert!((found - share).abs() < 0.25 * share, "{label:?}: {found}, not {share}");
    }
    assert_eq!(kinds.len(), Breakage::ALL.len(), "lines are broken in every way");
    let nothing_wrong = Scenario { shares: Shares::NONE, ..scenario };
    assert!(clicks(&nothing_wrong).all(|planned| planned.label == Label::Good));
}

#[test]
fn the_middle_fifth_has_two_to_three_times_the_events() {
    let mut fifths = [0_u64; 5];
    for planned in clicks(&usual()) {
        fifths[(planned.at.as_secs() / 24).min(4) as usize] += 1;
    }
    let usual = [fifths[0], fifths[1], fifths[3], fifths[4]];
    assert!(usual.iter().all(|count| (11_900..=12_100).contains(count)), "{fifths:?}");
    assert!((2 * 12_000..=3 * 12_000).contains(&fifths[2]), "{fifths:?}");
}

#[test]
fn every_line_that_is_not_broken_has_the_columns_of_the_dataset() {
    let columns: HashMap<&str, bool> = Dataset::Clickstream
        .columns()
        .iter()
        .map(|column| (column.name, column.required))
        .collect();
    for planned in clicks(&usual()).filter(|planned| planned.label != Label::Broken) {
        let event = event(&planned);
        let object = event.as_object().unwrap();
        for (name, required) in &columns {
            assert!(!required || object.contains_key(*name), "{name} is missing in {event}");
        }
        for name in object.keys() {
            assert!(columns.contains_key(name.as_str()), "{name} is no column: {event}");
        }
        assert_eq!(event["event_id"], planned.event_id);
        assert_eq!(event["session_id"], planned.session);
        assert!(!planned.payload.contains(&b'\n'), "one line");
        assert!(dataset::COUNTRIES.contains(&event["country"].as_str().unwrap()));
        assert_eq!(object.contains_key("amount"), event["event_type"] == "purchase", "{event}");
    }
}

#[test]
fn a_broken_line_is_broken_as_it_says() {
    let known = ["add_to_cart", "checkout", "page_view", "product_view", "purchase", "search"];
    let needed = ["event_id", "session_id", "event_type", "url", "device", "country", "timestamp"];
    for planned in clicks(&usual()).filter(|planned| planned.label == Label::Broken) {
        let text = std::str::from_utf8(&planned.payload);
        match planned.breakage.unwrap() {
            Breakage::BrokenUtf8 => assert!(text.is_err()),
            Breakage::CutJson => assert!(serde_json::from_str::<Value>(text.unwrap()).is_err()),
            Breakage::WrongType => assert!(event(&planned)["customer_id"].is_string()),
            Breakage::MissingColumn => {
                let event = event(&planned);
                assert!(needed.iter().any(|name| event.get(name).is_none()), "{event}");
            }
            Breakage::UnknownEventType => {
                assert!(!known.contains(&event(&planned)["event_type"].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn times_differ_from_the_moment_of_sending_as_the_label_says() {
    let seconds = |between: shopflow_generate::live::Between| {
        between.least.as_secs() as i64..=between.most.as_secs() as i64
    };
    let Delays { out_of_order, late, too_late, future } = Delays::default();
    for planned in clicks(&usual()) {
        match planned.label {
            Label::Good | Label::Bot => assert_eq!(age(&planned), chrono::TimeDelta::zero()),
            Label::OutOfOrder => {
                assert!(seconds(out_of_order).contains(&age(&planned).num_seconds()))
            }
            Label::Late => assert!(seconds(late).contains(&age(&planned).num_seconds())),
            Label::TooLate => assert!(seconds(too_late).contains(&age(&planned).num_seconds())),
            Label::Future => assert!(seconds(future).contains(&-age(&planned).num_seconds())),
            Label::Duplicate | Label::Broken => {}
        }
    }
}

#[test]
fn a_duplicate_is_the_line_of_an_earlier_event_that_is_remembered() {
    let mut lines: HashMap<String, Planned> = HashMap::new();
    let mut duplicates = 0;
    for planned in clicks(&usual()) {
        if planned.label == Label::Duplicate {
            let first = &lines[&planned.event_id];
            assert_eq!((&first.payload, &first.session), (&planned.payload, &planned.session));
            let remembered = [Label::Good, Label::Bot, Label::OutOfOrder, Label::Late];
            assert!(remembered.contains(&first.label), "{:?}", first.label);
            duplicates += 1;
        } else {
            let known = lines.insert(planned.event_id.clone(), planned);
            assert!(known.is_none(), "every other event has a number of its own");
        }
    }
    assert!(duplicates > 0);
}

#[test]
fn customers_and_products_are_those_of_the_generated_shop_and_purchases_cost_what_it_asks() {
    let scenario = Scenario { scale: 0.2, seed: 7, shares: Shares::NONE, ..usual() };
    let spec = GenerateSpec { scale: 0.2, seed: 7, ..GenerateSpec::default() };
    let countries: HashMap<u64, String> = rows(&spec, Dataset::Customers)
        .into_iter()
        .map(|row| (number(&row["id"]), row["country"].clone()))
        .collect();
    let prices: HashMap<u64, u64> = rows(&spec, Dataset::Products)
        .into_iter()
        .map(|row| (number(&row["id"]), number(&row["price"].replace('.', ""))))
        .collect();
    let (mut by_customers, mut by_nobody) = (0, 0);
    for planned in clicks(&scenario) {
        let event = event(&planned);
        let customer = event.get("customer_id").map(|id| id.as_u64().unwrap());
        if let Some(customer) = customer {
            assert_eq!(event["country"], countries[&customer].as_str());
        }
        if event["event_type"] == "purchase" {
            let price = prices[&event["product_id"].as_u64().unwrap()];
            let cents = (event["amount"].as_f64().unwrap() * 100.0).round() as u64;
            assert!(cents > 0 && cents.is_multiple_of(price), "{cents} of {price}");
            match customer {
                Some(_) => by_customers += 1,
                None => by_nobody += 1,
            }
        }
    }
    assert!(by_customers > 100 && by_nobody > 100, "{by_customers} and {by_nobody}");
}

#[test]
fn visits_have_several_events_and_bots_more_than_anybody() {
    let mut visits: HashMap<String, (Label, u32, HashSet<String>)> = HashMap::new();
    for planned in clicks(&usual()) {
        if !matches!(planned.label, Label::Good | Label::Bot) {
            continue;
        }
        let kind = event(&planned)["event_type"].as_str().unwrap().to_owned();
        let visit = visits.entry(planned.session).or_insert((planned.label, 0, HashSet::new()));
        assert_eq!(visit.0, planned.label, "a visit is that of a bot or it is not");
        visit.1 += 1;
        visit.2.insert(kind);
    }
    let (bots, people): (Vec<_>, Vec<_>) =
        visits.into_values().partition(|(label, ..)| *label == Label::Bot);
    let events: u32 = people.iter().map(|(_, events, _)| events).sum();
    assert!(2 * events > 3 * people.len() as u32, "{events} events of {} visits", people.len());
    assert!(people.iter().all(|(_, events, _)| *events < 60));
    let fast = bots.iter().filter(|(_, events, kinds)| *events > 120 && kinds.len() > 1).count();
    let steady = bots.iter().filter(|(_, events, kinds)| *events >= 60 && kinds.len() == 1).count();
    assert!(fast > 2 && steady > 2, "{fast} are too fast and {steady} always do the same");
}

#[test]
fn what_is_out_of_range_is_refused() {
    let scenario = Scenario { rate: 0.0, ..usual() };
    let error = Clicks::new(&Vocabularies::default(), scenario).unwrap_err();
    assert!(error.to_string().contains("rate"), "{error}");
    let scenario = Scenario { scale: -1.0, ..usual() };
    let error = Clicks::new(&Vocabularies::default(), scenario).unwrap_err();
    assert!(error.to_string().contains("scale"), "{error}");
}
