//! A small shop for tests: its database and its part of the lake, and what is in them.
#![allow(dead_code)]

pub mod answers;
mod rates;
mod rows;
pub mod small_shop;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use shopflow_core::contract::{Run, TransformEvent, TransformResult};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::Recommendations;
use shopflow_core::{Dataset, Result, Settings, keys};
use shopflow_lake::{Layout, Silver, parquet};
use shopflow_postgres::Database;
use shopflow_privacy::Key;
use shopflow_transform::Context;
use shopflow_transform::business::BusinessTime;
use shopflow_transform::currency::ShopCurrency;
use tokio_postgres::Client;

use crate::dice::Dice;

pub struct Shop {
    pub context: Context,
    pub client: Client,
}

/// Where rows come from.
#[derive(Debug, Clone)]
pub struct Source {
    pub run_id: String,
    pub part: u32,
    pub effective_at: DateTime<Utc>,
    pub version: String,
}

pub fn at(text: &str) -> DateTime<Utc> {
    let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    text.parse().unwrap()
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn source(run_id: &str, part: u32, effective_at: &str) -> Source {
    Source {
        run_id: run_id.to_owned(),
        part,
        effective_at: at(effective_at),
        version: format!("v-{run_id}-{part}"),
    }
}

/// Name, e-mail address, day of registration and country; all but the name may be empty, which is
/// missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Customer(
    pub i64,
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub &'static str,
);

/// Name, category, cents and supplier, who may be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Product(pub i64, pub &'static str, pub &'static str, pub i64, pub &'static str);

/// id, customer, product, quantity, moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale(pub i64, pub i64, pub i64, pub i32, pub DateTime<Utc>);

pub fn sale(id: i64, customer: i64, product: i64, quantity: i32, moment: &str) -> Sale {
    Sale(id, customer, product, quantity, at(moment))
}

/// What a sale may say besides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// Nobody bought: the customer of the sale does not count.
    pub is_guest: bool,
    /// It is no product: that of the sale does not count. It must have a price.
    pub is_postage: bool,
    /// Nobody knows how it was paid.
    pub is_paid_somehow: bool,
    /// In ten-thousandths, as the discount is.
    pub unit_price: Option<i64>,
    pub discount: Option<i64>,
    pub status: Option<&'static str>,
    pub order: Option<&'static str>,
    /// In ten-thousandths, as the shipping is.
    pub tax: Option<i64>,
    pub shipping: Option<i64>,
    pub currency: Option<&'static str>,
}

impl Own {
    /// Half of the sales say nothing more. The others are to guests, at prices of their own, with
    /// shares or money off, given back, in other currencies, with tax, or no products.
    pub fn random(dice: &mut Dice) -> Own {
        if dice.roll(2) == 0 {
            return Own::default();
        }
        let unit_price = dice.pick(&[None, Some(0), Some(9_999), Some(33_350)]);
        Own {
            is_guest: dice.roll(3) == 0,
            is_postage: unit_price.is_some() && dice.roll(4) == 0,
            is_paid_somehow: dice.roll(5) == 0,
            unit_price,
            discount: dice.pick(&[None, Some(0), Some(1_250), Some(10_000), Some(12_345)]),
            status: dice.pick(&[
                None,
                Some("completed"),
                Some("refunded"),
                Some("returned"),
                Some("cancelled"),
            ]),
            order: dice.pick(&[None, Some("o-1"), Some("o-2")]),
            tax: dice.pick(&[None, Some(19_050), Some(-7_777)]),
            shipping: dice.pick(&[None, Some(49_500)]),
            currency: dice.pick(&[None, None, Some("EUR"), Some("USD")]),
        }
    }
}

/// What one unit of the base was worth in a currency: day, currency, hundred-millionths.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate(pub &'static str, pub &'static str, pub i64);

/// What is there; an empty text is nothing.
pub fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The product of a sale, if it is one.
pub fn bought((sale, own): &(Sale, Own)) -> Option<i64> {
    (!own.is_postage).then_some(sale.2)
}

/// How a sale was paid, if that is known.
pub fn paid(own: &Own) -> Option<&'static str> {
    (!own.is_paid_somehow).then_some("paypal")
}

/// The customer of a sale, if it has one.
pub fn buyer((sale, own): &(Sale, Own)) -> Option<i64> {
    (!own.is_guest).then_some(sale.1)
}

/// A click event.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: uuid::Uuid,
    pub session: String,
    pub customer: Option<i64>,
    pub kind: &'static str,
    pub url: String,
    pub at: DateTime<Utc>,
}

impl Shop {
    pub async fn open() -> Shop {
        Shop::in_zone("UTC").await
    }

    /// A shop with a business time zone.
    pub async fn in_zone(zone: &str) -> Shop {
        let storage = shopflow_testkit::storage().await;
        let lake = shopflow_testkit::bucket(&storage, "lake").await;
        let (settings, client) = shopflow_testkit::database().await;
        let aws = shopflow_testkit::aws().await;
        let database = Database::new(&aws, &settings).await.unwrap();
        let mut own = database.connect().await.unwrap();
        database.migrate(&mut own).await.unwrap();
        client.batch_execute("SET timezone = 'UTC'").await.unwrap();
        let context = Context {
            storage,
            database,
            lake,
            business: BusinessTime::new(zone).unwrap(),
            currency: ShopCurrency::of(&production(&[])),
            recommendations: Recommendations { minimum_baskets: 2, top: 10, session_days: 90 },
            silver: silver(&[], KEY),
            layout: Layout { month_bytes: 32 << 20, file_bytes: 4 << 20 },
            memory_bytes: 512 * 1024 * 1024,
            rows_per_call: 1_000_000,
        };
        Shop { context, client }
    }

    pub async fn transform(&self, run_id: &str) -> Result<TransformResult> {
        self.run(run_id, false).await
    }

    /// Calls until nothing is left, as the state machine does.
    pub async fn run(&self, run_id: &str, full: bool) -> Result<TransformResult> {
        loop {
            let result = self.call(run_id, full).await?;
            if !result.more {
                return Ok(result);
            }
        }
    }

    /// One call, which may leave work for the next.
    pub async fn call(&self, run_id: &str, full: bool) -> Result<TransformResult> {
        self.handle(TransformEvent { run: run(run_id), full, lake_only: false }).await
    }

    /// One call for what only the lake keeps.
    pub async fn call_lake_only(&self, run_id: &str) -> Result<TransformResult> {
        self.handle(TransformEvent { run: run(run_id), full: false, lake_only: true }).await
    }

    async fn handle(&self, event: TransformEvent) -> Result<TransformResult> {
        let aws = shopflow_testkit::aws().await;
        let invocation = Invocation::detached(&aws, "transform");
        shopflow_transform::handle(&self.context, event, &invocation).await
    }

    /// Every object under a prefix of the lake with its bytes.
    pub async fn objects(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let client = self.context.storage.client();
        let mut found = BTreeMap::new();
        let mut pages = client
            .list_objects_v2()
            .bucket(&self.context.lake)
            .prefix(prefix)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let key = object.key().unwrap().to_owned();
                let reference = shopflow_core::ObjectRef {
                    bucket: self.context.lake.clone(),
                    key: key.clone(),
                    version_id: None,
                };
                let content = self.context.storage.read_all(&reference).await.unwrap();
                found.insert(key, content.to_vec());
            }
        }
        found
    }

    /// The Parquet files under a prefix, without manifests (whose snapshot number differs).
    pub async fn files(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.objects(prefix).await;
        files.retain(|key, _| key.ends_with(".parquet"));
        files
    }

    /// Rows of a silver table as text, sorted; partition first.
    pub async fn silver(&self, dataset: Dataset) -> Vec<String> {
        let mut rows = Vec::new();
        for (key, content) in self.files(&keys::silver_table(dataset)).await {
            let partition = key.split('/').nth(2).unwrap().to_owned();
            for batch in parquet::decode(content.into()).unwrap() {
                rows.extend(text_rows(&batch).into_iter().map(|row| format!("{partition} {row}")));
            }
        }
        rows.sort();
        rows
    }

    /// Rows of a query as text.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        let sql = format!("SELECT row_to_json(q)::text FROM ({sql}) AS q");
        let rows = self.client.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// One number.
    pub async fn number(&self, sql: &str) -> String {
        let sql = format!("SELECT ({sql})::text");
        let row = self.client.query_one(&sql, &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }
}

/// The key of the keyed hash that tests begin with.
pub const KEY: &str = "thirty-two letters and digits...";

/// The settings of production with other variables below `SHOPFLOW__PRIVACY__`.
fn production(variables: &[(&str, &str)]) -> Settings {
    let name = |name: &str| format!("SHOPFLOW__PRIVACY__{name}");
    let variables = variables.iter().map(|(of, value)| (name(of), (*value).to_owned())).collect();
    Settings::from_sources("prod", variables, &[]).unwrap()
}

/// The policies of production with other variables below `SHOPFLOW__PRIVACY__`.
pub fn silver(variables: &[(&str, &str)], key: &str) -> Silver {
    let settings = production(variables);
    Silver::new(&settings.privacy, Key::new(key.as_bytes()).unwrap())
}

pub fn run(run_id: &str) -> Run {
    Run { run_id: run_id.to_owned(), run_date: date("2026-01-15") }
}

pub fn days(date: NaiveDate) -> i32 {
    (date - NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()).num_days() as i32
}

pub fn text_rows(batch: &RecordBatch) -> Vec<String> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let options = FormatOptions::default();
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            let values: Vec<String> =
                columns.iter().map(|column| column.value(row).to_string()).collect();
            values.join("|")
        })
        .collect()
}
