//! Clicks, and the records they come in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::DateTime;
use shopflow_stream::{Kinesis, Record};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
/// 2026-01-15T10:00:00Z: the tests begin at a full hour.
pub const START: i64 = 1_768_471_200 * SECOND;
pub const SHARD: &str = "shardId-000000000000";

#[derive(Debug, Clone, PartialEq)]
pub struct Click {
    pub id: u128,
    pub session: String,
    pub event_type: &'static str,
    pub product: Option<u64>,
    pub customer: Option<u64>,
    pub at: i64,
    pub cents: i64,
}

/// A product view so many seconds after the start.
pub fn view(id: u128, session: &str, seconds: i64) -> Click {
    Click {
        id,
        session: session.to_owned(),
        event_type: "product_view",
        product: Some(7),
        customer: None,
        at: START + seconds * SECOND,
        cents: 0,
    }
}

impl Click {
    pub fn json(&self) -> String {
        let at = DateTime::from_timestamp_micros(self.at).unwrap();
        let mut click = serde_json::json!({
            "event_id": uuid::Uuid::from_u128(self.id),
            "session_id": self.session,
            "event_type": self.event_type,
            "url": "/",
            "device": "mobile",
            "country": "DE",
            "timestamp": at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        });
        if let Some(product) = self.product {
            click["product_id"] = product.into();
        }
        if let Some(customer) = self.customer {
            click["customer_id"] = customer.into();
        }
        if self.event_type == "purchase" {
            click["amount"] = format!("{}.{:02}", self.cents / 100, self.cents % 100).into();
        }
        click.to_string()
    }
}

/// A record that arrived at this moment.
pub fn record(shard: &str, sequence: u64, arrival: i64, data: impl AsRef<[u8]>) -> Record {
    let sequence = format!("4959033827149025660855969253836157109592{sequence:016}");
    Record {
        kinesis: Kinesis {
            sequence_number: sequence.clone(),
            data: BASE64.encode(data),
            approximate_arrival_timestamp: arrival as f64 / SECOND as f64,
        },
        event_id: format!("{shard}:{sequence}"),
    }
}

/// A record for each click, which arrives a second after it; sequence numbers from `first` on.
pub fn records(shard: &str, first: u64, clicks: &[Click]) -> Vec<Record> {
    let numbered = clicks.iter().zip(first..);
    numbered.map(|(click, number)| record(shard, number, click.at + SECOND, click.json())).collect()
}
