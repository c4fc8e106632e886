//! The suites over the rows of a run and over gold.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use shopflow_core::metrics::Metrics;
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::MetricsSettings;
use shopflow_core::{Dataset, ErrorKind, keys};
use shopflow_quality::handle;
use shopflow_testkit::aws_at;

use crate::support::{RUN_ID, Shop};
use crate::{files, gold};

const SUITES: [&str; 9] = [
    "customers",
    "products",
    "transactions",
    "fact_sales",
    "daily_sales",
    "weekly_sales",
    "monthly_sales",
    "product_sales",
    "customer_lifetime_value",
];

/// The small shop with the files of its run and gold made of them.
async fn shop(facts: &[gold::Fact], files: &[(Dataset, Vec<u8>)]) -> Shop {
    let mut shop = Shop::open().await;
    gold::write(&shop, facts).await;
    shop.manifest = Some(files::publish(&shop, files).await);
    shop
}

/// Everything below `quality/` in the reports bucket, with the number of its versions.
async fn reports(shop: &Shop) -> BTreeMap<String, (String, usize)> {
    objects(shop, "quality/").await
}

async fn objects(shop: &Shop, prefix: &str) -> BTreeMap<String, (String, usize)> {
    let client = shop.storage.client();
    let listed = client.list_object_versions().bucket(&shop.reports).prefix(prefix);
    let listed = listed.send().await.unwrap();
    let mut reports: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for version in listed.versions() {
        reports.entry(version.key().unwrap().to_owned()).or_default().1 += 1;
    }
    for (key, (content, _)) in &mut reports {
        let object = client.get_object().bucket(&shop.reports).key(key).send().await.unwrap();
        let bytes = object.body.collect().await.unwrap().to_vec();
        *content = String::from_utf8(bytes).unwrap();
    }
    reports
}

fn result(reports: &BTreeMap<String, (String, usize)>, suite: &str) -> Value {
    let key = format!("quality/run_id={RUN_ID}/expectations/{suite}.json");
    serde_json::from_str(&reports[&key].0).unwrap()
}

async fn check(shop: &Shop, name: &str) -> Value {
    let report = shop.report().await;
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn every_table_of_a_healthy_run_meets_its_suite() {
    let shop = shop(&gold::of_the_shop(), &files::of_the_shop()).await;
    let outcome = shop.check().await;
    assert_eq!(outcome.score, 100.0, "{:?}", shop.failed().await);
    let reports = reports(&shop).await;
    for suite in SUITES {
        let check = check(&shop, &format!("expectations.{suite}")).await;
        assert_eq!(check["expected"], check["actual"], "{check}");
        // The shape of Great Expectations.
        let result = result(&reports, suite);
        let count = result["results"].as_array().unwrap().len();
        assert_eq!(result["success"], true);
        assert_eq!(result["suite_name"], suite);
        let statistics = json!({
            "evaluated_expectations": count,
            "successful_expectations": count,
            "unsuccessful_expectations": 0,
            "success_percent": 100.0,
        });
        assert_eq!(result["statistics"], statistics);
        assert_eq!(result["meta"]["run_id"]["run_name"], RUN_ID);
        for one in result["results"].as_array().unwrap() {
            assert!(one["expectation_config"]["type"].as_str().unwrap().starts_with("expect_"));
            assert!(one["expectation_config"]["kwargs"].is_object());
            assert_eq!(one["exception_info"]["raised_exception"], false, "{one}");
            assert!(one["result"].is_object());
        }
    }
    let profile = &reports[&format!("quality/run_id={RUN_ID}/profiles/transactions.json")].0;
    let profile: Value = serde_json::from_str(profile).unwrap();
    assert_eq!((&profile["rows"], &profile["run_id"]), (&json!(4), &json!(RUN_ID)));
    let quantity = profile["columns"].as_array().unwrap().iter();
    let quantity = quantity.clone().find(|column| column["name"] == "quantity").unwrap();
    assert_eq!((&quantity["mean"], &quantity["max"]), (&json!(1.75), &json!(3)));
}

#[tokio::test]
async fn rates_and_payments_meet_their_suites() {
    let rates = "id,rate_date,currency,rate\n1,2026-01-13,USD,1.25\n2,2026-01-13,JPY,183.11\n";
    let payments = "id,order_id,sequence,payment_method,amount,currency,payment_date\n\
                    1,A-1,1,paypal,20.00,,2026-01-14\n2,A-1,2,gift_card,-5.00,USD,\n";
    let mut all = files::of_the_shop();
    all.push((Dataset::ExchangeRates, rates.into()));
    all.push((Dataset::Payments, payments.into()));
    let shop = shop(&gold::of_the_shop(), &all).await;
    shop.check().await;
    for suite in ["exchange_rates", "payments"] {
        let check = check(&shop, &format!("expectations.{suite}")).await;
        assert_eq!(check["passed"], true, "{check}");
        assert_eq!(check["expected"], check["actual"], "{check}");
    }
}

#[tokio::test]
async fn files_of_gold_that_are_older_than_an_upgrade_close_no_gate() {
    let shop = shop(&gold::of_the_shop(), &files::of_the_shop()).await;
    gold::write_older_facts(&shop, &gold::of_the_shop()).await;
    shop.check().await;
    let check = check(&shop, "expectations.fact_sales").await;
    assert_eq!(check["passed"], true, "{check}");
    assert_ne!(check["expected"], check["actual"], "{check}");
}

#[tokio::test]
async fn a_value_outside_its_closed_set_in_gold_closes_the_gate_and_is_named() {
    let mut facts = gold::of_the_shop();
    facts[2].payment_method = "barter".to_owned();
    let shop = shop(&facts, &files::of_the_shop()).await;
    let outcome = shop.check().await;
    assert_eq!(outcome.critical, ["expectations.fact_sales"]);
    assert!(!outcome.gate_passed);

    let check = check(&shop, "expectations.fact_sales").await;
    let detail =
        "expect_column_values_to_be_in_set of payment_method (critical: 1 of 4 unexpected)";
    assert_eq!(check["detail"], detail);
    let result = result(&reports(&shop).await, "fact_sales");
    let failed = result["results"].as_array().unwrap().iter();
    let failed: Vec<&Value> = failed.filter(|one| one["success"] == false).collect();
    let [failed] = failed[..] else { panic!("{failed:#?}") };
    assert_eq!(failed["expectation_config"]["kwargs"]["column"], "payment_method");
    assert_eq!(failed["result"]["partial_unexpected_list"], json!(["barter"]));
    assert_eq!(
        failed["result"]["partial_unexpected_index_list"],
        json!([{"transaction_id": 3, "payment_method": "barter"}])
    );
    let alerts = shop.alerts().await;
    assert!(alerts[0].1.contains(detail), "{alerts:?}");
}

#[tokio::test]
async fn a_discount_larger_than_its_line_is_a_warning() {
    let mut facts = gold::of_the_shop();
    let shop = shop(&facts, &files::of_the_shop()).await;
    // A line may be given away, and what came back is negative.
    facts[1].discount = facts[1].cents * facts[1].quantity;
    facts[2].discount = facts[2].cents * facts[2].quantity + 1;
    facts[3].quantity = -1;
    gold::write_facts(&shop, &facts).await;
    let outcome = shop.check().await;
    assert!(outcome.gate_passed, "{:?}", outcome.critical);
    let check = check(&shop, "expectations.fact_sales").await;
    assert_eq!((&check["passed"], &check["severity"]), (&json!(false), &json!("warning")));
    let result = result(&reports(&shop).await, "fact_sales");
    let failed = result["results"].as_array().unwrap().iter();
    let failed: Vec<&Value> = failed.filter(|one| one["success"] == false).collect();
    let [failed] = failed[..] else { panic!("{failed:#?}") };
    assert_eq!(failed["expectation_config"]["kwargs"]["column"], "amount");
    assert_eq!(failed["result"]["unexpected_count"], 1);
}

#[tokio::test]
async fn a_repeated_call_gives_the_same_bytes() {
    let mut facts = gold::of_the_shop();
    facts[2].payment_method = "barter".to_owned();
    let shop = shop(&facts, &files::of_the_shop()).await;
    let first = (shop.check().await, reports(&shop).await);
    let again = (shop.check().await, reports(&shop).await);
    assert_eq!(first.0, again.0);
    // The report, the alerts, and of three datasets and six gold tables: results, profiles and
    // histories.
    assert_eq!(first.1.len(), 29, "{:?}", first.1.keys());
    for (key, (content, _)) in &first.1 {
        assert_eq!(content, &again.1[key].0, "{key}");
    }
    for (key, (_, versions)) in &again.1 {
        if key.starts_with("quality/history/") || key.ends_with("report.json") {
            assert_eq!(*versions, 1, "{key} is written once");
        }
    }
    assert_eq!(shop.alerts().await.len(), 1);
}

#[tokio::test]
async fn rows_that_were_looked_at_ahead_make_the_same_report_and_pages() {
    // One row too many in core, and an unexpected country in a file.
    let mut files = files::of_the_shop();
    files[0].1 =
        files::CUSTOMERS.replace(",FR", ",AQ").replace("Bo Marsh", "Zoe-Bell-Quill").into();
    let mut shop = shop(&gold::of_the_shop(), &files).await;
    let answer = shop.check().await;
    assert!(answer.failed > 0, "{answer:?}");
    let together = objects(&shop, "").await;

    let rows = shop.look_at_rows().await;
    assert_eq!((rows.rows, rows.failed > 0), (8, true), "{rows:?}");
    assert_eq!(shop.look_at_rows().await, rows);
    assert_eq!(shop.check().await, answer);
    let mut apart = objects(&shop, "").await;
    assert!(apart.remove(&keys::row_outcomes(RUN_ID)).is_some());
    assert_eq!(apart.keys().collect::<Vec<_>>(), together.keys().collect::<Vec<_>>());
    for (key, (content, _)) in &together {
        assert_eq!(content, &apart[key].0, "{key}");
    }
}

#[tokio::test]
async fn what_was_found_in_the_rows_of_another_run_is_refused() {
    let mut shop = shop(&gold::of_the_shop(), &files::of_the_shop()).await;
    shop.look_at_rows().await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    let refused = handle(&shop.context, shop.event("run-2"), &invocation).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("another run"), "{refused}");
}

#[tokio::test]
async fn rows_of_several_files_are_judged_together() {
    let mut all = files::of_the_shop();
    let header = files::TRANSACTIONS.lines().next().unwrap();
    let more = format!(
        "{header}\n5,1,1,2,2026-01-15T02:00:00Z,paypal\n4,1,1,1,2026-01-15T01:00:00Z,paypal\n"
    );
    all.push((Dataset::Transactions, more.into()));
    let shop = shop(&gold::of_the_shop(), &all).await;
    assert_eq!(shop.failed().await, Vec::<String>::new());
    let result = result(&reports(&shop).await, "transactions");
    assert_eq!(result["meta"]["row_count"], 6);
    // The same row in two files is for information: the latest wins.
    let unique = result["results"].as_array().unwrap().iter();
    let unique = unique
        .clone()
        .find(|one| one["expectation_config"]["type"] == "expect_column_values_to_be_unique");
    assert_eq!(unique.unwrap()["success"], false);
    assert_eq!(unique.unwrap()["result"]["unexpected_count"], 2);
}

#[tokio::test]
async fn gold_is_left_alone_when_the_run_changed_nothing() {
    let mut facts = gold::of_the_shop();
    facts[2].payment_method = "barter".to_owned();
    let mut shop = shop(&facts, &files::of_the_shop()).await;
    for entry in &mut shop.ledger {
        if entry.stage == shopflow_core::Stage::Transform {
            (entry.rows_loaded, entry.rows_unchanged) = (0, entry.rows_in);
        }
    }
    assert_eq!(shop.failed().await, Vec::<String>::new());
    let reports = reports(&shop).await;
    assert_eq!(reports.keys().filter(|key| key.contains("/expectations/")).count(), 3);
}

#[tokio::test]
async fn without_a_manifest_no_suite_runs() {
    let shop = Shop::open().await;
    shop.check().await;
    assert_eq!(reports(&shop).await.len(), 1);
}

/// Log lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A CloudWatch that takes one request; the address, and what it was sent.
fn cloudwatch() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let sent = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut sent = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = connection.read(&mut buffer).unwrap();
            sent.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&sent).to_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let head = sent.windows(4).position(|end| end == b"\r\n\r\n");
            if let (Some(head), Some(length)) = (head, length)
                && sent.len() >= head + 4 + length.parse::<usize>().unwrap()
            {
                break;
            }
        }
        let answer = "HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: 0\r\n\r\n";
        connection.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&sent).into_owned()
    });
    (address, sent)
}

#[tokio::test]
async fn personal_values_leave_in_no_result_profile_log_metric_or_alert() {
    // In bronze a bell in a name, an address without a domain, and no country.
    let customers = "id,name,email,registration_date,country\n\
        1,Zoe-Bell-Quill,zoe.quill@example.org,2024-10-01,DE\n\
        2,Bo Marsh,bo.marsh@home.example,2024-10-01,FR\n\
        3,Bo Marsh,bo.marsh@example.com,2024-10-01,AQ\n";
    let mut all = files::of_the_shop();
    all[0].1 = customers.into();
    let mut shop = shop(&gold::of_the_shop(), &all).await;
    shop.look_at_rows().await;

    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .finish();
    let (endpoint, sent) = cloudwatch();
    let settings = MetricsSettings { enabled: true, namespace: "ShopFlow".to_owned() };
    let metrics = Metrics::new(&settings, &aws_at(&endpoint).await, "quality");
    let invocation = Invocation { metrics, ..Invocation::detached(&shop.aws, "quality") };
    let guard = tracing::subscriber::set_default(subscriber);
    let outcome = shop.check_as(RUN_ID, &invocation).await;
    drop(guard);
    assert_eq!(outcome.critical, ["expectations.customers"]);

    let reports = reports(&shop).await;
    let failed = result(&reports, "customers");
    let failed = failed["results"].as_array().unwrap().iter();
    let failed: Vec<&Value> = failed.filter(|one| one["success"] == false).collect();
    let rows = |one: &Value| one["result"]["partial_unexpected_index_list"].clone();
    assert_eq!(rows(failed[0]), json!([{"id": 1, "name": "***"}]));
    assert_eq!(rows(failed[1]), json!([{"id": 2, "email": "***"}]));
    assert_eq!(rows(failed[2]), json!([{"id": 3, "country": "XX"}]));

    invocation.metrics.flush().await;
    let sent = sent.join().unwrap();
    for name in ["ExpectationsTotal", "ExpectationsFailed", "customers", "fact_sales"] {
        assert!(sent.contains(name), "{name} is missing in {sent}");
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("expectations.customers"), "{log}");
    let mut texts: Vec<String> = reports.into_values().map(|(content, _)| content).collect();
    texts.extend(shop.alerts().await.into_iter().map(|(subject, text)| subject + &text));
    texts.extend([log, sent]);
    for text in texts {
        for personal in ["Zoe", "Quill", "quill", "Marsh", "marsh", "example.org", "example.com"] {
            assert!(!text.contains(personal), "{personal}: {text}");
        }
    }
}
