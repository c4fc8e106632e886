//! The generated shop with orders, prices, discounts, returns and guests, and with the money around
//! them, through every stage.

mod by_hand;

use std::collections::{BTreeMap, HashMap};

use arrow::array::AsArray;
use arrow::datatypes::{Decimal128Type, Int64Type};
use chrono::Utc;
use serde_json::json;
use shopflow::execution::Outcome;
use shopflow::summary::RunReport;
use shopflow_tests::{Cloud, Execution};

use self::by_hand::{Order, Orders, Rates, Record, Totals};
use crate::planted::{Planted, Rows};

/// A generated file.
async fn file(cloud: &Cloud, run: &Execution, dataset: &str) -> Vec<u8> {
    let key = format!("incoming/{dataset}/run_id={}/part-00000.csv", run.name);
    cloud.read(&cloud.landing, &key).await
}

/// The sound rows of a generated file.
async fn sound(cloud: &Cloud, run: &Execution, dataset: &str, bad: &Rows) -> Vec<Record> {
    let file = file(cloud, run, dataset).await;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file.as_slice());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    // Each record is a line, and the header is the first.
    let lines = reader.byte_records().map(Result::unwrap).zip(2u64..);
    let lines = lines.filter(|(_, line)| !bad.contains(&(dataset.to_owned(), *line)));
    let text = |field: &[u8]| String::from_utf8(field.to_vec()).unwrap();
    lines.map(|(record, _)| header.iter().cloned().zip(record.iter().map(text)).collect()).collect()
}

async fn of_warehouse(cloud: &Cloud, table: &str) -> Totals {
    let query = format!(
        "SELECT sum(transactions)::bigint, sum(unpriced_transactions)::bigint, sum(orders)::bigint,
            (sum(revenue) * 100)::bigint, (sum(discounts) * 100)::bigint,
            (sum(tax) * 100)::bigint, (sum(shipping) * 100)::bigint,
            (sum(costed_revenue) * 100)::bigint, (sum(margin) * 100)::bigint
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
        tax: number(5).into(),
        shipping: number(6).into(),
        costed_revenue: number(7).into(),
        margin: number(8).into(),
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
            totals.tax += money("tax");
            totals.shipping += money("shipping");
            totals.costed_revenue += money("costed_revenue");
            totals.margin += money("margin");
        }
    }
    totals
}

/// What the facts have charged in each currency, in its cents.
async fn charged(cloud: &Cloud) -> BTreeMap<String, i128> {
    let query = "SELECT currency, (sum(charged) * 100)::bigint FROM warehouse.fact_sales
        WHERE currency IS NOT NULL GROUP BY currency";
    let rows = cloud.database.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).into())).collect()
}

async fn order_payments(cloud: &Cloud) -> Orders {
    let query = "SELECT order_id, currency, (coalesce(charged, 0) * 100)::bigint,
            (coalesce(tax, 0) * 100)::bigint, (coalesce(shipping, 0) * 100)::bigint,
            payments::bigint, (coalesce(paid, 0) * 100)::bigint
        FROM warehouse.order_payments";
    let rows = cloud.database.query(query, &[]).await.unwrap();
    let order = |row: &tokio_postgres::Row| Order {
        charged: row.get::<_, i64>(2).into(),
        tax: row.get::<_, i64>(3).into(),
        shipping: row.get::<_, i64>(4).into(),
        payments: row.get(5),
        paid: row.get::<_, i64>(6).into(),
    };
    rows.iter().map(|row| ((row.get(0), row.get(1)), order(row))).collect()
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
    let run = json!({"run_date": "2026-01-15", "source": source});
    let run = cloud.run(run).await.expect_success();
    let ledger = cloud.ledger(&run.name).await;
    ledger.assert_balanced();
    let planted = Planted::read(&cloud, &run).await;
    planted.assert_found(&cloud).await;

    let sales = sound(&cloud, &run, "transactions", &planted.bad).await;
    let products = sound(&cloud, &run, "products", &planted.bad).await;
    let payments = sound(&cloud, &run, "payments", &planted.bad).await;
    // A bad rate leaves those of other currencies on its day.
    let rates = file(&cloud, &run, "exchange_rates").await;
    let rates = Rates::read(std::str::from_utf8(&rates).unwrap());
    let products: HashMap<&str, &Record> =
        products.iter().map(|product| (product["id"].as_str(), product)).collect();
    let expected = by_hand::totals(&sales, &products, &rates);
    assert_eq!(ledger.line("load", "exchange_rates").loaded, rates.count() as i64);
    assert_eq!(ledger.line("load", "payments").loaded, payments.len() as i64);
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

    let by_currency = by_hand::charged(&sales);
    assert_eq!(charged(&cloud).await, by_currency);
    assert!(
        by_currency["EUR"] > 0 && by_currency["USD"] * 10 > expected.revenue,
        "{by_currency:?}"
    );
    assert!(expected.tax > 0 && expected.shipping > 0, "{expected:?}");
    assert!(expected.margin > 0 && expected.margin < expected.costed_revenue, "{expected:?}");
    assert!(expected.costed_revenue < expected.revenue, "of some products nobody knows the cost");

    let orders = by_hand::orders(&sales, &products, &payments);
    assert_eq!(order_payments(&cloud).await, orders);
    let is_settled = |order: &&Order| order.paid == order.charged + order.tax + order.shipping;
    let settled = orders.values().filter(is_settled).count();
    let divided = orders.values().filter(|order| order.payments > 1).count();
    // The others have a line or a payment that was refused.
    assert!(settled * 4 > orders.len() * 3, "{settled} of {}", orders.len());
    assert!(divided * 20 > orders.len(), "{divided} of {}", orders.len());

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
