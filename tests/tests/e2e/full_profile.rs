//! The generated shop with orders, prices, discounts, returns and guests, through every stage.

use std::collections::{BTreeSet, HashMap};

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Int64Type};
use chrono::Utc;
use serde_json::json;
use shopflow::execution::Outcome;
use shopflow::summary::RunReport;
use shopflow_tests::{Cloud, Execution};

use crate::planted::{Planted, Rows};

type Record = HashMap<String, String>;

/// What sales come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    lines: i64,
    unpriced: i64,
    orders: i64,
    /// In cents, as the others.
    revenue: i128,
    discounts: i128,
}

/// The sound rows of a generated file.
async fn sound(cloud: &Cloud, run: &Execution, dataset: &str, bad: &Rows) -> Vec<Record> {
    let key = format!("incoming/{dataset}/run_id={}/part-00000.csv", run.name);
    let file = cloud.read(&cloud.landing, &key).await;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.as_slice());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    // Each record is a line, and the header is the first.
    let lines = reader.byte_records().map(Result::unwrap).zip(2u64..);
    let lines = lines.filter(|(_, line)| !bad.contains(&(dataset.to_owned(), *line)));
    let text = |field: &[u8]| String::from_utf8(field.to_vec()).unwrap();
    lines.map(|(record, _)| header.iter().cloned().zip(record.iter().map(text)).collect()).collect()
}

fn ten_thousandths(text: &str) -> i128 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<4}").parse().unwrap()
}

/// Half a unit goes away from zero.
fn rounded(value: i128, unit: i128) -> i128 {
    (value + value.signum() * unit / 2) / unit
}

/// Adds up sales by hand: each line is rounded to cents, and so is its discount.
fn totals(sales: &[Record], prices: &HashMap<&str, &str>) -> Totals {
    let mut totals = Totals::default();
    let mut orders = BTreeSet::new();
    for sale in sales {
        totals.lines += 1;
        let quantity: i128 = sale["quantity"].parse().unwrap();
        let status = sale["status"].as_str();
        if quantity > 0 && status != "cancelled" {
            orders.insert(&sale["order_id"]);
        }
        let own = Some(sale["unit_price"].as_str()).filter(|price| !price.is_empty());
        let price = own.or_else(|| prices.get(sale["product_id"].as_str()).copied());
        // What was taken back as a whole brings nothing, whatever its price.
        let is_back = quantity > 0 && ["cancelled", "refunded", "returned"].contains(&status);
        let Some(price) = price else {
            totals.unpriced += i64::from(!is_back);
            continue;
        };
        let worth = quantity * ten_thousandths(price);
        let discount = rounded(worth * ten_thousandths(&sale["discount"]), 1_000_000);
        if !is_back {
            totals.revenue += rounded(worth, 100) - discount;
        }
        if quantity > 0 && status != "cancelled" {
            totals.discounts += discount;
        }
    }
    totals.orders = orders.len() as i64;
    totals
}

async fn of_warehouse(cloud: &Cloud, table: &str) -> Totals {
    let query = format!(
        "SELECT sum(transactions)::bigint, sum(unpriced_transactions)::bigint, sum(orders)::bigint,
            (sum(revenue) * 100)::bigint, (sum(discounts) * 100)::bigint
         FROM warehouse.{table}"
    );
    let row = cloud.database.query_one(&query, &[]).await.unwrap();
    let number = |at: usize| row.get::<_, i64>(at);
    Totals {
        lines: number(0),
        unpriced: number(1),
        orders: number(2),
        revenue: number(3).into(),
        discounts: number(4).into(),
    }
}

async fn of_gold(cloud: &Cloud) -> Totals {
    let mut totals = Totals::default();
    let keys = cloud.keys(&cloud.lake, "gold/daily_sales/").await;
    for key in keys.iter().filter(|key| key.ends_with(".parquet")) {
        let content = cloud.read(&cloud.lake, key).await;
        for batch in shopflow_lake::parquet::decode(content.into()).unwrap() {
            let column = |name: &str| batch.column_by_name(name).unwrap();
            let count = |name: &str| -> i64 {
                column(name).as_primitive::<Int64Type>().iter().flatten().sum()
            };
            let money = |name: &str| -> i128 {
                column(name).as_primitive::<Decimal128Type>().iter().flatten().sum()
            };
            totals.lines += count("transactions");
            totals.unpriced += count("unpriced_transactions");
            totals.orders += count("orders");
            totals.revenue += money("revenue");
            totals.discounts += money("discounts");
        }
    }
    totals
}

/// What `cargo shopflow run` shows at the end.
async fn report(cloud: &Cloud, run: &Execution) -> RunReport {
    let outcome = Outcome {
        status: run.status.as_str().to_owned(),
        output: Some(run.output.clone()),
        error: None,
        cause: None,
        started_at: Utc::now(),
        stopped_at: None,
    };
    let database = Some(&cloud.database);
    RunReport::gather(&cloud.s3, &cloud.reports, &run.name, &outcome, database).await.unwrap()
}

#[tokio::test]
async fn the_full_profile_comes_to_what_its_files_say_in_every_layer() {
    let cloud = Cloud::fresh().await;
    let source = json!({"kind": "generate", "profile": "full", "defect_rate": 0.04, "seed": 11});
    let run = cloud.run(json!({"source": source})).await.expect_success();
    let ledger = cloud.ledger(&run.name).await;
    ledger.assert_balanced();
    let planted = Planted::read(&cloud, &run).await;
    planted.assert_found(&cloud).await;

    let sales = sound(&cloud, &run, "transactions", &planted.bad).await;
    let products = sound(&cloud, &run, "products", &planted.bad).await;
    let prices: HashMap<&str, &str> = products
        .iter()
        .map(|product| (product["id"].as_str(), product["price"].as_str()))
        .collect();
    let expected = totals(&sales, &prices);
    assert_eq!(ledger.line("load", "transactions").loaded, expected.lines);
    for table in ["daily_sales", "monthly_sales"] {
        assert_eq!(of_warehouse(&cloud, table).await, expected, "{table}");
    }
    assert_eq!(of_gold(&cloud).await, expected);
    let of_facts = "SELECT (sum(amount) * 100)::bigint FROM warehouse.fact_sales";
    assert_eq!(i128::from(cloud.count(of_facts).await), expected.revenue);
    let apart = "SELECT count(*) FROM warehouse.daily_sales
        WHERE gross - discounts - returns <> revenue";
    assert_eq!(cloud.count(apart).await, 0);

    let guests = sales.iter().filter(|sale| sale["customer_id"].is_empty()).count();
    let back = sales.iter().filter(|sale| sale["quantity"].starts_with('-')).count();
    let (lines, orders) = (expected.lines as usize, expected.orders as usize);
    assert!(guests * 10 > lines && back * 50 > lines, "{guests} and {back} of {lines}");
    assert!(orders * 3 < lines * 2 && expected.discounts > 0, "{expected:?}");

    let report = report(&cloud, &run).await;
    let shown = report.business.as_ref().unwrap();
    let cents = |cents: i128| format!("{}.{:02}", cents / 100, cents % 100);
    assert_eq!(shown.revenue, cents(expected.revenue));
    assert_eq!(shown.discounts, cents(expected.discounts));
    assert_eq!(shown.transactions, lines.to_string());
    assert_eq!(shown.without_customer, guests.to_string());
    assert!(report.render().contains(" without a customer"), "{}", report.render());
}
