//! The clicks that the stream has handed over, counted from the text of the files alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shopflow_tests::Cloud;

/// Where they land.
const FOLDER: &str = "incoming/clickstream/stream/";
/// Products that a window shows.
const SHOWN: usize = 20;

/// Clicks by their number.
pub struct Landed(BTreeMap<String, Value>);

impl Landed {
    /// Every line of every file.
    pub async fn read(cloud: &Cloud) -> Landed {
        let mut clicks = BTreeMap::new();
        for key in cloud.keys(&cloud.landing, FOLDER).await {
            let file = String::from_utf8(cloud.read(&cloud.landing, &key).await).unwrap();
            for line in file.lines() {
                let click: Value = serde_json::from_str(line).unwrap();
                clicks.insert(text(&click, "event_id").to_owned(), click);
            }
        }
        Landed(clicks)
    }

    /// Their numbers, in order.
    pub fn ids(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Holds the figures of the window `traffic` of an hour against the clicks of that hour. There are
    /// few enough for all figures to be exact.
    pub fn compare(&self, hour: DateTime<Utc>, figures: &Value) {
        let is_of_hour = |click: &&Value| {
            let at: DateTime<Utc> = text(click, "timestamp").parse().unwrap();
            hour <= at && at < hour + TimeDelta::hours(1)
        };
        let clicks: Vec<&Value> = self.0.values().filter(is_of_hour).collect();
        let of = |event_type: &str| -> Vec<&Value> {
            clicks.iter().filter(|click| click["event_type"] == event_type).copied().collect()
        };
        let purchases = of("purchase");
        let paid: Vec<i64> = purchases.iter().filter_map(|click| cents(&click["amount"])).collect();
        let revenue: i64 = paid.iter().sum();
        let expected = json!({
            "events": clicks.len(),
            "visitors": visits(&clicks),
            "revenue": format!("{}.{:02}", revenue / 100, revenue % 100),
            "purchases_without_amount": purchases.len() - paid.len(),
            "viewers": visits(&of("product_view")),
            "carts": visits(&of("add_to_cart")),
            "checkouts": visits(&of("checkout")),
            "buyers": visits(&purchases),
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&figures[name], value, "{name}");
        }

        let mut views: BTreeMap<u64, u64> = BTreeMap::new();
        for click in of("product_view") {
            *views.entry(click["product_id"].as_u64().unwrap()).or_default() += 1;
        }
        let mut most: Vec<u64> = views.values().copied().collect();
        most.sort_unstable();
        most.reverse();
        most.truncate(SHOWN);
        let top = figures["top_products"].as_array().unwrap();
        let counts: Vec<u64> = top.iter().map(|one| one["count"].as_u64().unwrap()).collect();
        assert_eq!(counts, most);
        for one in top {
            let views = views[&one["key"].as_u64().unwrap()];
            assert_eq!((&one["count"], &one["error"]), (&json!(views), &json!(0)));
        }
    }
}

fn text<'a>(click: &'a Value, column: &str) -> &'a str {
    click[column].as_str().unwrap_or_else(|| panic!("{column} is missing in {click}"))
}

fn visits(clicks: &[&Value]) -> usize {
    clicks.iter().map(|click| text(click, "session_id")).collect::<BTreeSet<_>>().len()
}

/// An amount, which may be a number or a text.
fn cents(amount: &Value) -> Option<i64> {
    let text = match amount {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        number => number.to_string(),
    };
    Some((text.parse::<f64>().unwrap() * 100.0).round() as i64)
}
