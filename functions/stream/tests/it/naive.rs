//! What windows and visits hold, computed from all events at once with plain maps.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::clicks::{Click, MINUTE, SECOND};

/// An event that counts once, and for what it came in time.
#[derive(Debug, Clone)]
pub struct Judged {
    pub click: Click,
    pub for_traffic: bool,
    pub for_products: bool,
    pub for_visits: bool,
}

impl Judged {
    /// Judges an event as it comes first, by the watermark at that moment; nothing when it is too late
    /// for everything.
    pub fn of(click: &Click, watermark: Option<i64>) -> Option<Judged> {
        let slice_end = (click.at.div_euclid(10 * SECOND) + 1) * 10 * SECOND;
        let is_before = |limit: i64| watermark.is_none_or(|watermark| watermark < limit);
        let judged = Judged {
            click: click.clone(),
            for_traffic: is_before(slice_end + 2 * MINUTE),
            for_products: is_before(slice_end + MINUTE) && click.product.is_some(),
            for_visits: is_before(click.at + 2 * MINUTE),
        };
        let counts = judged.for_traffic || judged.for_products || judged.for_visits;
        counts.then_some(judged)
    }
}

/// A row of a window: definition, window, start, key; and its figures.
pub type Windows = BTreeMap<(String, String, i64, String), String>;

/// An object as a text, whatever the order of its fields.
pub fn canonical(value: &Value) -> String {
    let fields = value.as_object().unwrap().iter();
    let fields: BTreeMap<&String, &Value> = fields.collect();
    serde_json::to_string(&fields).unwrap()
}

#[derive(Default)]
struct Figures {
    events: u64,
    visitors: BTreeSet<String>,
    cents: i64,
}

pub fn windows(events: &[Judged]) -> Windows {
    let mut rows: BTreeMap<(String, String, i64, String), Figures> = BTreeMap::new();
    for judged in events {
        let click = &judged.click;
        let minute = click.at.div_euclid(MINUTE) * MINUTE;
        let mut places = Vec::new();
        if judged.for_traffic {
            places.push(("traffic", "1m", minute, json!({})));
            for back in 0..5 {
                places.push(("traffic", "5m/1m", minute - back * MINUTE, json!({})));
            }
        }
        if judged.for_products {
            let key = json!({"product_id": click.product, "event_type": click.event_type});
            places.push(("products", "1m", minute, key));
        }
        for (definition, window, start, key) in places {
            let place = (definition.to_owned(), window.to_owned(), start, canonical(&key));
            let figures = rows.entry(place).or_default();
            figures.events += 1;
            figures.visitors.insert(click.session.clone());
            if click.event_type == "purchase" {
                figures.cents += click.cents;
            }
        }
    }
    let text = |definition: &str, figures: &Figures| {
        let visitors = figures.visitors.len();
        let mut text = json!({"events": figures.events, "visitors": visitors});
        if definition == "traffic" {
            let cents = figures.cents;
            text["revenue"] = format!("{}.{:02}", cents / 100, cents % 100).into();
        }
        canonical(&text)
    };
    rows.into_iter()
        .map(|(place, figures)| {
            let text = text(&place.0, &figures);
            (place, text)
        })
        .collect()
}

/// A visit: whose, from when to when, and events, product views, carts, purchases, revenue in
/// hundredths, and the customer.
pub type Visit = (String, i64, i64, [i64; 5], Option<i64>);

pub fn visits(events: &[Judged]) -> Vec<Visit> {
    let mut by_session: BTreeMap<&str, Vec<&Click>> = BTreeMap::new();
    for judged in events.iter().filter(|judged| judged.for_visits) {
        by_session.entry(&judged.click.session).or_default().push(&judged.click);
    }
    let mut visits = Vec::new();
    for (session, mut clicks) in by_session {
        clicks.sort_by_key(|click| click.at);
        let parts = clicks.chunk_by(|one, next| next.at - one.at <= 2 * MINUTE);
        visits.extend(parts.map(|part| visit(session, part)));
    }
    visits
}

fn visit(session: &str, clicks: &[&Click]) -> Visit {
    let count = |event_type: &str| {
        clicks.iter().filter(|click| click.event_type == event_type).count() as i64
    };
    let purchases = clicks.iter().filter(|click| click.event_type == "purchase");
    let counts = [
        clicks.len() as i64,
        count("product_view"),
        count("add_to_cart"),
        count("purchase"),
        purchases.map(|click| click.cents).sum(),
    ];
    let customer = clicks.iter().filter_map(|click| click.customer).min();
    let (first, last) = (clicks[0], clicks[clicks.len() - 1]);
    (session.to_owned(), first.at, last.at, counts, customer.map(|id| id as i64))
}
