//! A database with a stream, and a page on it.

use std::io::Read;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use shopflow_core::Result;
use shopflow_core::http::{Body, Request, Response};
use shopflow_core::signed_link;
use shopflow_dashboard::{Context, Place, handle_at};
use shopflow_postgres::Database;
use shopflow_windows::{Click, Definition, Definitions, State};

pub const STREAM: &str = "clicks";
pub const SECRET: &str = "a secret of more than thirty-two characters";

/// The moment of all requests: the slice under way ends seven seconds later, the minute under way is
/// 12:00.
pub const NOW: &str = "2026-01-15T12:00:33Z";

pub fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A moment of the day of all requests.
pub fn at(time: &str) -> DateTime<Utc> {
    moment(&format!("2026-01-15T{time}Z"))
}

/// The same time a week before.
pub fn week_before(time: &str) -> DateTime<Utc> {
    at(time) - TimeDelta::days(7)
}

pub struct World {
    pub context: Context,
    pub sql: tokio_postgres::Client,
    pub definitions: Definitions,
}

/// A visit under way or ended.
#[derive(Clone, Default)]
pub struct Visit {
    pub views: i32,
    pub carts: i32,
    pub checkouts: i32,
    pub purchases: i32,
    pub revenue: &'static str,
    pub is_bot: bool,
}

impl World {
    pub async fn new() -> World {
        let aws = shopflow_testkit::aws().await;
        let (database, sql) = shopflow_testkit::database().await;
        let database = Database::new(&aws, &database).await.unwrap();
        let mut client = database.connect().await.unwrap();
        database.migrate(&mut client).await.unwrap();
        let place = Place {
            environment: "local".to_owned(),
            stream: STREAM.to_owned(),
            currency: "EUR".to_owned(),
        };
        let context = Context::new(place, SECRET.to_owned(), database).unwrap();
        World { context, sql, definitions: Definitions::built_in().unwrap() }
    }

    /// A world whose stream has been read, up to half a minute ago.
    pub async fn begun() -> World {
        let world = World::new().await;
        world.shard("a", 1).await;
        world.progress(1, at("12:00:00"), at("12:00:00")).await;
        world
    }

    pub fn definition(&self, name: &str) -> &Definition {
        self.definitions.windows.iter().find(|definition| definition.name == name).unwrap()
    }

    pub async fn execute(&self, sql: &str) {
        self.sql.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn progress(&self, version: i64, watermark: DateTime<Utc>, closed_to: DateTime<Utc>) {
        let sql = "INSERT INTO stream.progress (stream, watermark, closed_to, version) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT (stream) DO UPDATE \
                   SET watermark = $2, closed_to = $3, version = $4";
        self.sql.execute(sql, &[&STREAM, &watermark, &closed_to, &version]).await.unwrap();
    }

    /// A shard whose last record came three seconds ago.
    pub async fn shard(&self, name: &str, version: i64) {
        let sql = "INSERT INTO stream.shards (stream, shard, version, watermark, last_arrival, \
                   last_event, received, applied, duplicates, refused, late, too_late, future) \
                   VALUES ($1, $2, $3, $4, $5, $6, 100, 90, 4, 3, 7, 2, 1) \
                   ON CONFLICT (stream, shard) DO UPDATE SET version = $3";
        let (watermark, arrival, event) = (at("12:00:00"), at("12:00:30"), at("12:00:29"));
        self.sql
            .execute(sql, &[&STREAM, &name, &version, &watermark, &arrival, &event])
            .await
            .unwrap();
    }

    /// A closed window.
    pub async fn window(
        &self,
        definition: &str,
        window: &str,
        start: DateTime<Utc>,
        key: Value,
        figures: Value,
    ) {
        let sql = "INSERT INTO stream.windows (stream, definition, definition_version, \
                   window_name, window_start, window_end, key, figures) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let version = &self.definition(definition).version;
        let minutes = if window == "1m" { 1 } else { 15 };
        let end = start + TimeDelta::minutes(minutes);
        self.sql
            .execute(sql, &[&STREAM, &definition, version, &window, &start, &end, &key, &figures])
            .await
            .unwrap();
    }

    /// A slice of a shard with these clicks: visit, event type and amount in cents.
    pub async fn slice(
        &self,
        shard: &str,
        start: DateTime<Utc>,
        clicks: &[(&str, &str, Option<i64>)],
    ) {
        let definition = self.definition("traffic");
        let mut state = State::new(definition);
        for (number, (session_id, event_type, amount_cents)) in clicks.iter().enumerate() {
            let click = Click {
                event_id: number as u128,
                session_id: (*session_id).into(),
                customer_id: None,
                event_type: (*event_type).into(),
                product_id: Some(17),
                device: "mobile".into(),
                country: *b"DE",
                timestamp: start.timestamp_micros() + number as i64,
                amount_cents: *amount_cents,
            };
            state.add(definition, &click);
        }
        let sql = "INSERT INTO stream.slices (stream, definition, definition_version, \
                   slice_start, shard, state) VALUES ($1, $2, $3, $4, $5, $6)";
        let bytes = state.encode(definition);
        self.sql
            .execute(sql, &[&STREAM, &"traffic", &definition.version, &start, &shard, &bytes])
            .await
            .unwrap();
    }

    pub async fn open_visit(&self, id: &str, ended_at: DateTime<Utc>, visit: &Visit) {
        self.visit("open_sessions", "shard", "a", id, ended_at, visit).await;
    }

    pub async fn ended_visit(&self, id: &str, ended_at: DateTime<Utc>, visit: &Visit) {
        self.visit("sessions", "revision", "1", id, ended_at, visit).await;
    }

    async fn visit(
        &self,
        table: &str,
        column: &str,
        value: &str,
        id: &str,
        ended_at: DateTime<Utc>,
        visit: &Visit,
    ) {
        let Visit { views, carts, checkouts, purchases, revenue, is_bot } = visit;
        let revenue = if revenue.is_empty() { "0" } else { *revenue };
        let events = 1 + views + carts + checkouts + purchases;
        let sql = format!(
            "INSERT INTO stream.{table} (stream, session_id, {column}, started_at, ended_at, \
             events, page_views, searches, product_views, carts, checkouts, purchases, revenue, \
             is_bot) VALUES ($1, $2, '{value}', $3::timestamptz - interval '4 minutes', $3, $4, \
             1, 0, $5, $6, $7, $8, '{revenue}', $9)"
        );
        self.sql
            .execute(
                sql.as_str(),
                &[&STREAM, &id, &ended_at, &events, views, carts, checkouts, purchases, is_bot],
            )
            .await
            .unwrap();
    }

    /// The answer to a request of somebody who has a good cookie.
    pub async fn ask(&self, method: &str, path: &str, headers: Value) -> Response {
        self.ask_at(NOW, method, path, headers).await
    }

    pub async fn ask_at(&self, now: &str, method: &str, path: &str, headers: Value) -> Response {
        self.try_ask(now, method, path, headers).await.unwrap()
    }

    pub async fn try_ask(
        &self,
        now: &str,
        method: &str,
        path: &str,
        headers: Value,
    ) -> Result<Response> {
        let now = moment(now);
        let token = signed_link::sign(SECRET, now.timestamp() + 60).unwrap();
        let cookies = json!([format!("shopflow_dashboard={token}")]);
        handle_at(&self.context, &request(method, path, "", headers, cookies), now).await
    }

    /// The figures, and their tag.
    pub async fn live(&self) -> (Value, String) {
        let response = self.ask("GET", "/api/live", json!({})).await;
        assert_eq!(response.status, 200);
        (serde_json::from_str(&text(&response)).unwrap(), header(&response, "etag"))
    }
}

/// A request as Lambda hands it over.
pub fn request(method: &str, path: &str, query: &str, headers: Value, cookies: Value) -> Request {
    let event = json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "cookies": cookies,
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.7"}},
        "isBase64Encoded": false,
    });
    serde_json::from_value(event).unwrap()
}

/// The body as text, unpacked if need be.
pub fn text(response: &Response) -> String {
    match &response.body {
        Body::Text(text) => text.clone(),
        Body::Bytes(bytes) => {
            let mut text = String::new();
            GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
            text
        }
    }
}

/// A header that the response must have.
pub fn header(response: &Response, name: &str) -> String {
    let found = response.headers.iter().find(|(header, _)| header == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", response.headers)).1.clone()
}
