//! The other files of `streams/`: what is counted, by which key, over which windows.

use std::time::Duration;

use shopflow_core::definitions::{Fields, Problems, duration, texts};
use shopflow_core::values;
use yaml_rust2::Yaml;

use super::source::check_source;
use super::{
    Aggregate, AggregateKind, Definition, DistinctColumn, KeyColumn, SumColumn, TopColumn, version,
};
use crate::filter::{Condition, Filter};
use crate::window::{SLICE_MICROS, Window, micros};

const FIELDS: [&str; 9] = [
    "description",
    "source",
    "filter",
    "key",
    "max_keys",
    "aggregates",
    "windows",
    "lateness",
    "retention",
];
const FILTERED: [&str; 6] =
    ["event_type", "device", "country", "product_id", "customer_id", "amount"];
const KINDS: [&str; 4] = ["count", "sum", "distinct", "top"];
const OF_AGGREGATE: [&str; 7] = ["count", "sum", "distinct", "top", "keep", "show", "filter"];

const MOST_KEYS: usize = 100_000;
const USUAL_KEYS: usize = 10_000;
const MOST_AGGREGATES: usize = 32;
const MOST_KEPT: usize = 1_000;
/// A larger window would be the sum of more slices than are read at once.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Reads a file; `None` when something is missing.
pub(super) fn read(name: &str, yaml: &Yaml, problems: &mut Problems) -> Option<Definition> {
    let fields = Fields::read(yaml, "", &FIELDS, problems)?;
    let description = fields.text("description", problems);
    check_source(&fields, problems);
    let filter = filter_of(&fields, problems);
    let key = key(&fields, problems);
    let max_keys = match key.is_empty() {
        false => fields.number("max_keys", (1, MOST_KEYS), Some(USUAL_KEYS), problems),
        true if fields.get("max_keys").is_some() => {
            problems.add("max_keys", "it says nothing without a key");
            None
        }
        true => Some(1),
    };
    let aggregates = aggregates(&fields, problems);
    let windows = windows(&fields, problems);
    let lateness = fields.duration("lateness", ("0s", "1d"), problems);
    let retention = fields.duration("retention", ("1h", "3660d"), problems);
    let max_keys = max_keys?;
    Some(Definition {
        name: name.to_owned(),
        version: version(&filter, &key, max_keys, &aggregates),
        description: description?.to_owned(),
        filter,
        key,
        max_keys,
        aggregates,
        windows,
        lateness: lateness?,
        retention: retention?,
    })
}

fn key(fields: &Fields<'_>, problems: &mut Problems) -> Vec<KeyColumn> {
    let Some(yaml) = fields.get("key") else { return Vec::new() };
    let mut key = Vec::new();
    for name in texts(yaml, "key", problems) {
        match KeyColumn::ALL.into_iter().find(|column| column.name() == name) {
            Some(column) if key.contains(&column) => {
                problems.add("key", format!("it has '{name}' twice"));
            }
            Some(column) => key.push(column),
            None => {
                let known = KeyColumn::ALL.map(KeyColumn::name);
                problems.unknown("key", "column of a key", name, &known);
            }
        }
    }
    key
}

fn filter_of(fields: &Fields<'_>, problems: &mut Problems) -> Filter {
    let Some(yaml) = fields.get("filter") else { return Filter::default() };
    let place = fields.place("filter");
    let Some(fields) = Fields::read(yaml, &place, &FILTERED, problems) else {
        return Filter::default();
    };
    let mut conditions = Vec::new();
    for (name, value) in fields.iter() {
        let place = fields.place(name);
        let condition = match name {
            "event_type" => Some(Condition::EventType(owned(value, &place, problems))),
            "device" => Some(Condition::Device(owned(value, &place, problems))),
            "country" => Some(Condition::Country(countries(value, &place, problems))),
            "product_id" => is_there(value, &place, problems).map(Condition::ProductId),
            "customer_id" => is_there(value, &place, problems).map(Condition::CustomerId),
            "amount" => is_there(value, &place, problems).map(Condition::Amount),
            // Told already.
            _ => None,
        };
        conditions.extend(condition);
    }
    Filter::new(conditions)
}

fn owned(yaml: &Yaml, place: &str, problems: &mut Problems) -> Vec<String> {
    texts(yaml, place, problems).into_iter().map(str::to_owned).collect()
}

fn countries(yaml: &Yaml, place: &str, problems: &mut Problems) -> Vec<[u8; 2]> {
    let mut codes = Vec::new();
    for text in texts(yaml, place, problems) {
        match values::country(text.as_bytes()).ok().and_then(|code| code.as_bytes().try_into().ok())
        {
            Some(code) => codes.push(code),
            None => problems.add(place, format!("'{}' is no country", text.escape_debug())),
        }
    }
    codes
}

fn is_there(yaml: &Yaml, place: &str, problems: &mut Problems) -> Option<bool> {
    match yaml.as_str() {
        Some("present") => Some(true),
        Some("absent") => Some(false),
        Some(_) | None => {
            problems.add(place, "it must be present or absent");
            None
        }
    }
}

fn aggregates(fields: &Fields<'_>, problems: &mut Problems) -> Vec<Aggregate> {
    let Some(yaml) = fields.need("aggregates", problems) else { return Vec::new() };
    let Some(fields) = Fields::read_any(yaml, "aggregates", problems) else { return Vec::new() };
    let count = fields.iter().count();
    if !(1..=MOST_AGGREGATES).contains(&count) {
        problems.add("aggregates", format!("there must be 1 to {MOST_AGGREGATES}"));
    }
    let mut aggregates = Vec::new();
    for (name, yaml) in fields.iter() {
        let place = fields.place(name);
        problems.check_name(&place, name);
        let Some(fields) = Fields::read(yaml, &place, &OF_AGGREGATE, problems) else { continue };
        let filter = filter_of(&fields, problems);
        let kind = kind(&fields, &place, problems);
        aggregates.extend(kind.map(|kind| Aggregate { name: name.to_owned(), kind, filter }));
    }
    aggregates
}

fn kind(fields: &Fields<'_>, place: &str, problems: &mut Problems) -> Option<AggregateKind> {
    let mut kinds = fields.iter().filter(|(name, _)| KINDS.contains(name));
    let (Some((kind, value)), None) = (kinds.next(), kinds.next()) else {
        problems.add(place, "it needs exactly one of count, sum, distinct and top");
        return None;
    };
    if kind != "top" {
        for name in ["keep", "show"].into_iter().filter(|name| fields.get(name).is_some()) {
            problems.add(&fields.place(name), "only top has it");
        }
    }
    let place = fields.place(kind);
    let Some(column) = value.as_str() else {
        problems.add(&place, "it must be a text");
        return None;
    };
    let mut one_of = |known: &[&str]| {
        let is_known = known.contains(&column);
        if !is_known {
            problems.unknown(&place, &format!("column for {kind}"), column, known);
        }
        is_known
    };
    match kind {
        "count" => one_of(&["events"]).then_some(AggregateKind::Count),
        "sum" => one_of(&["amount"]).then_some(AggregateKind::Sum(SumColumn::Amount)),
        "distinct" => {
            one_of(&DistinctColumn::ALL.map(DistinctColumn::name));
            let found = DistinctColumn::ALL.into_iter().find(|known| known.name() == column)?;
            Some(AggregateKind::Distinct(found))
        }
        _ => {
            let is_known = one_of(&["product_id"]);
            let keep = fields.number("keep", (1, MOST_KEPT), None, problems)?;
            let show = fields.number("show", (1, keep), Some(keep), problems)?;
            let top = AggregateKind::Top { column: TopColumn::ProductId, keep, show };
            is_known.then_some(top)
        }
    }
}

fn windows(fields: &Fields<'_>, problems: &mut Problems) -> Vec<Window> {
    let Some(yaml) = fields.need("windows", problems) else { return Vec::new() };
    let mut windows: Vec<Window> = Vec::new();
    let texts = texts(yaml, "windows", problems);
    if texts.is_empty() {
        problems.add("windows", "there must be one");
    }
    for text in texts {
        match window(text) {
            Err(problem) => {
                problems.add("windows", format!("'{}' {problem}", text.escape_debug()));
            }
            Ok(window) if windows.contains(&window) => {
                problems.add("windows", format!("it has '{text}' twice"));
            }
            Ok(window) => windows.push(window),
        }
    }
    windows
}

/// A window as it is written; else what is wrong with it.
fn window(text: &str) -> Result<Window, &'static str> {
    let (size, step) = text.split_once('/').unwrap_or((text, text));
    let (Some(size), Some(step)) = (duration(size), duration(step)) else {
        return Err("is no size such as 1m, or size and step such as 15m/1m");
    };
    if size > LONGEST {
        return Err("is longer than 1d");
    }
    let [slices, every] = [size, step].map(micros);
    if every == 0 || slices % SLICE_MICROS != 0 || every % SLICE_MICROS != 0 {
        return Err("is not made of slices of 10s");
    }
    if slices % every != 0 {
        return Err("has a step that does not divide its size");
    }
    let (slices, every) = (slices / SLICE_MICROS, every / SLICE_MICROS);
    Ok(Window { name: text.to_owned(), slices, every })
}
