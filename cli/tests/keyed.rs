//! The report names products by the shop's own keys.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use serde_json::json;
use shopflow::analytics::Answer;
use shopflow::report::Report;
use shopflow_core::Settings;
use shopflow_core::natural_key::ShownKeys;
use shopflow_core::privacy::Privacy;

/// The product with the lowest number has a key that is a text, and sold best of all.
const KEYED: &str = "
INSERT INTO core.products (id, is_inferred, natural_key, effective_at, source_modified_at,
                           source_version_id, source_run_id)
VALUES (5000000000000000000, true, 'MUG-1', '-infinity', '-infinity', '', '');
UPDATE warehouse.dim_product SET product_id = 5000000000000000000
WHERE product_id = (SELECT min(product_id) FROM warehouse.product_sales);
UPDATE warehouse.product_sales SET product_id = 5000000000000000000, units = 1000000
WHERE product_id = (SELECT min(product_id) FROM warehouse.product_sales);";

/// The keys that may be shown as it is configured from the start.
fn usual() -> ShownKeys {
    let settings = Settings::from_sources("prod", Default::default(), &[]).unwrap();
    ShownKeys::new(&settings.privacy, &settings.natural_keys)
}

/// Those of a shop that declares the keys of its products confidential.
fn without_products() -> ShownKeys {
    let layers =
        |logs: &str| json!({"bronze": "keep", "silver": "keep", "gold": "keep", "logs": logs});
    let privacy: Privacy = serde_json::from_value(json!({
        "kinds": {"customer_id": "internal", "session_id": "internal", "url": "internal"},
        "other_kinds": "confidential",
        "columns": {"products.natural_key": "confidential"},
        "treatments": {
            "public": layers("keep"), "internal": layers("keep"),
            "confidential": layers("redact"),
            "restricted": {"bronze": "keep", "silver": "redact", "gold": "drop", "logs": "drop"},
        },
    }))
    .unwrap();
    assert_eq!(privacy.problems(), Vec::<String>::new());
    ShownKeys::new(&privacy, &serde_json::from_value(json!({"products": "text"})).unwrap())
}

fn best_sellers(report: &Report) -> String {
    let named = |answer: &&Answer| answer.question.name == "best_selling_products";
    report.answers.iter().find(named).unwrap().table.to_csv().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_named_by_its_key_and_the_file_has_the_number_too() {
    let client = shop::filled(0.02).await;
    client.batch_execute(KEYED).await.unwrap();
    // The second answer is the one that was kept.
    for _ in 0..2 {
        let mut report = Report::gather(&client, &shop::questions(), false).await.unwrap();
        assert!(report.names_made_numbers());
        report.name_products(&client, &usual()).await.unwrap();
        let page = report.page("local");
        assert!(page.contains("<td>MUG-1</td>"), "{page}");
        assert!(!page.contains("5000000000000000000"), "{page}");
        let csv = best_sellers(&report);
        assert!(csv.starts_with("category,rank,product_id,product_key,product,"), "{csv}");
        assert!(csv.contains(",5000000000000000000,MUG-1,"), "{csv}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_confidential_is_on_no_page_and_in_no_file() {
    let client = shop::filled(0.02).await;
    client.batch_execute(KEYED).await.unwrap();
    let mut report = Report::gather(&client, &shop::questions(), false).await.unwrap();
    report.name_products(&client, &without_products()).await.unwrap();
    let page = report.page("local");
    assert!(!page.contains("MUG-1"), "{page}");
    let csv = best_sellers(&report);
    assert!(csv.starts_with("category,rank,product_id,product,"), "{csv}");
    assert!(csv.contains(",5000000000000000000,") && !csv.contains("MUG-1"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_keys_are_numbers_no_settings_are_asked_for() {
    let client = shop::filled(0.02).await;
    let report = Report::gather(&client, &shop::questions(), false).await.unwrap();
    assert!(!report.names_made_numbers());
}
