//! A run beside the runs before it.

use serde_json::{Value, json};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, ObjectRef, keys};

use crate::support::{RUN_ID, Shop};
use crate::{files, gold};

async fn history(shop: &Shop) -> Value {
    let (bucket, key) = (shop.reports.clone(), keys::profile_history(Dataset::Transactions));
    shop.storage.read_json(&ObjectRef { bucket, key, version_id: None }).await.unwrap()
}

#[tokio::test]
async fn a_run_with_far_fewer_rows_than_the_runs_before_is_a_warning() {
    let mut shop = Shop::open().await;
    gold::write(&shop, &gold::of_the_shop()).await;
    shop.manifest = Some(files::publish(&shop, &files::of_the_shop()).await);
    let invocation = Invocation::detached(&shop.aws, "quality");
    for number in 0..8 {
        shop.check_as(&format!("before-{number}"), &invocation).await;
    }
    assert_eq!(history(&shop).await["runs"].as_array().unwrap().len(), 8);

    let mut few = files::of_the_shop();
    let lines: Vec<&str> = files::TRANSACTIONS.lines().take(2).collect();
    few[2].1 = (lines.join("\n") + "\n").into();
    shop.manifest = Some(files::publish(&shop, &few).await);
    // The one sale that is left is not the latest, nor paid like most.
    let odd = ["rows", "freshness", "distribution"].map(|of| format!("anomaly.transactions.{of}"));
    assert_eq!(shop.failed().await, odd);
    let first = (shop.report().await, history(&shop).await);
    let checks = first.0["checks"].as_array().unwrap().iter();
    let named = |name: &str| checks.clone().find(|check| check["name"] == name).unwrap();
    let rows = named("anomaly.transactions.rows");
    assert_eq!((&rows["expected"], &rows["actual"]), (&"4 to 4".into(), &"1".into()));
    assert_eq!(rows["severity"], "warning");
    assert_eq!(rows["detail"], "median of 8 runs: 4");
    assert_eq!(named("anomaly.customers.null_share")["passed"], true);

    // A repeated call is compared with the same runs and notes nothing.
    assert!(shop.check().await.gate_passed);
    assert_eq!((shop.report().await, history(&shop).await), first);
    let runs = first.1["runs"].as_array().unwrap().clone();
    assert_eq!(runs.len(), 9);
    assert_eq!((&runs[8]["run_id"], &runs[8]["rows"]), (&RUN_ID.into(), &1.into()));
    let few_columns = runs[8]["columns"].as_array().unwrap();
    let method = few_columns.iter().find(|column| column["name"] == "payment_method").unwrap();
    assert_eq!(method["shares"].as_object().unwrap().len(), 1, "{method}");
    assert!(runs[8]["lag_days"].is_i64(), "{}", runs[8]);
    let text = first.1.to_string();
    assert!(!text.contains("Quill") && !text.contains("example"), "{text}");
}

/// What `validate` said about the files of products.
async fn products_were(shop: &Shop, report: &Value) {
    let manifest: shopflow_core::contract::Manifest =
        shop.storage.read_json(shop.manifest.as_ref().unwrap()).await.unwrap();
    for entry in manifest.entries.iter().filter(|entry| entry.dataset == Dataset::Products) {
        let source = &entry.source;
        let id = keys::source_id(&source.bucket, &source.key, &source.version_id);
        let key = keys::validation_report(entry.dataset, &manifest.run.run_id, &id);
        shop.storage.write_json(&shop.reports, &key, report).await.unwrap();
    }
}

#[tokio::test]
async fn unclassified_personal_data_is_a_warning_until_it_is_classified_or_gone() {
    let mut shop = Shop::open().await;
    gold::write(&shop, &gold::of_the_shop()).await;
    shop.manifest = Some(files::publish(&shop, &files::of_the_shop()).await);
    let report = |classified: bool| {
        let evidence = json!({"values": 90, "matched": 70, "rules": [["phone_international", 0.7778]], "name_hint": 0.0});
        json!({"extra_columns": ["c7"], "personal_data": [{
            "column": "c7", "defined": false, "classified": classified, "kind": "phone",
            "confidence": 0.9987, "extent": "column", "evidence": evidence,
        }]})
    };
    products_were(&shop, &report(false)).await;
    assert_eq!(shop.failed().await, ["anomaly.products.personal_data"]);
    let told = shop.alerts().await;
    assert_eq!(told.len(), 1);
    for part in [
        "anomaly.products.personal_data (warning)",
        "actual:   c7: phone (confidence 0.99, 70 of 90 values)",
        "privacy.extra_columns (products.c7: phone)",
    ] {
        assert!(told[0].1.contains(part), "{part} is missing in {}", told[0].1);
    }
    products_were(&shop, &report(true)).await;
    let invocation = Invocation::detached(&shop.aws, "quality");
    shop.check_as("classified", &invocation).await;
    let told = shop.alerts().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, "ShopFlow quality recovered: classified");
}

/// Everything that quality writes for people to read.
async fn written(shop: &Shop) -> String {
    let mut all: String = crate::docs::site(shop).await.into_values().collect();
    let client = shop.storage.client();
    let listed = client.list_objects_v2().bucket(&shop.reports).send().await.unwrap();
    for object in listed.contents().iter().filter_map(|object| object.key()) {
        let is_json = object.ends_with(".json") && !object.starts_with("validation/");
        if is_json {
            let read = client.get_object().bucket(&shop.reports).key(object).send().await.unwrap();
            let bytes = read.body.collect().await.unwrap().to_vec();
            all.push_str(&String::from_utf8(bytes).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn values_of_a_known_column_with_unexpected_personal_data_are_shown_nowhere() {
    for (classified, is_shown) in [(true, true), (false, false)] {
        let mut shop = Shop::open().await;
        gold::write(&shop, &gold::of_the_shop()).await;
        let mut files = files::of_the_shop();
        let products = String::from_utf8(files[1].1.clone()).unwrap();
        files[1].1 = products.replace(",Supplier\n", ",ask jo@example.com\n").into();
        shop.manifest = Some(files::publish(&shop, &files).await);
        let evidence = json!({"values": 3, "matched": 2, "rules": [], "name_hint": 0.0});
        let found = json!({"personal_data": [{
            "column": "supplier", "defined": true, "classified": classified, "kind": "email",
            "confidence": 0.9987, "extent": "scattered", "evidence": evidence,
        }]});
        products_were(&shop, &found).await;
        shop.check().await;
        let all = written(&shop).await;
        assert!(all.contains("supplier"), "the column is named");
        assert_eq!(all.contains("jo@example.com"), is_shown, "classified: {classified}");
    }
}

#[tokio::test]
async fn a_column_that_appears_or_goes_is_a_warning() {
    let mut shop = Shop::open().await;
    gold::write(&shop, &gold::of_the_shop()).await;
    shop.manifest = Some(files::publish(&shop, &files::of_the_shop()).await);
    let invocation = Invocation::detached(&shop.aws, "quality");
    shop.check_as("before", &invocation).await;
    products_were(&shop, &json!({"extra_columns": ["colour"]})).await;
    assert_eq!(shop.failed().await, ["anomaly.products.schema"]);
    let report = shop.report().await;
    let mut checks = report["checks"].as_array().unwrap().iter();
    let schema = checks.find(|check| check["name"] == "anomaly.products.schema").unwrap();
    assert_eq!(schema["actual"], "colour");
    assert_eq!(schema["detail"], "new: colour");
}
