//! The shop's words and its suites come from configuration: from what is built in, and from a
//! prefix in a bucket over it.

use serde_json::{Value, json};
use shopflow_tests::Cloud;

/// Four products, one of them of a category that nobody has configured.
const PRODUCTS: &str = "id,name,category,price,supplier\n1,Lamp,home,9.50,Lux\n\
    2,Rake,garden,5.00,Lux\n3,Novel,books,7.00,Lux\n4,Kite,toys,3.00,Lux\n5,Vase,home,2.00,Lux\n";
const CUSTOMERS: &str = "id,name,email,registration_date,country\n\
    1,Ann Lee,ann@example.com,2024-01-01,DE\n";
/// Sales of them, one paid in a way that nobody has configured.
const SALES: &str = "id,customer_id,product_id,quantity,timestamp,payment_method\n\
    1,1,1,1,2026-01-10T10:00:00Z,paypal\n2,1,2,2,2026-01-10T11:00:00Z,paypal\n\
    3,1,3,1,2026-01-11T10:00:00Z,credit_card\n4,1,4,1,2026-01-11T11:00:00Z,klarna\n\
    5,1,5,1,2026-01-11T12:00:00Z,credit_card\n";

struct Shop {
    cloud: Cloud,
}

impl Shop {
    async fn new() -> Shop {
        let cloud = Cloud::fresh().await;
        cloud.overlay();
        Shop { cloud }
    }

    async fn put(&self, name: &str, text: &str) {
        self.cloud.upload(&format!("overlay/{name}"), text).await;
    }

    async fn run(&self) -> shopflow_tests::Execution {
        let files = [("customers", CUSTOMERS), ("products", PRODUCTS), ("transactions", SALES)];
        let files = files.map(|(dataset, content)| (dataset, content.to_owned()));
        // One row in five is refused where its value is not known.
        self.cloud.run_bad_files(&files).await
    }

    async fn json(&self, key: &str) -> Value {
        serde_json::from_slice(&self.cloud.read(&self.cloud.reports, key).await).unwrap()
    }

    /// What a check of the run found, and why it failed; `None` when it passed or did not take
    /// place.
    async fn failed_check(&self, run: &str, name: &str) -> Option<(String, String)> {
        let report = self.json(&format!("quality/run_id={run}/report.json")).await;
        let checks = report["checks"].as_array().unwrap().clone();
        let check = checks.into_iter().find(|check| check["name"] == name)?;
        let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        (check["passed"] == false).then(|| (text("actual"), text("detail")))
    }

    async fn config_version(&self, run: &str) -> Option<String> {
        let query = "SELECT config_version FROM ops.runs WHERE run_id = $1";
        self.cloud.database.query_one(query, &[&run]).await.unwrap().get(0)
    }

    async fn number_of(&self, query: &str) -> i64 {
        self.cloud.count(&format!("SELECT count(*) FROM {query}")).await
    }
}

const GARDEN: &str = "core.products p JOIN core.categories c USING (category_id) \
    WHERE c.name = 'garden'";

#[tokio::test]
async fn by_default_unknown_values_are_quarantined_and_nothing_is_laid_over() {
    let cloud = Cloud::fresh().await;
    let shop = Shop { cloud };
    let run = shop.run().await.expect_success();
    assert_eq!(shop.number_of(GARDEN).await, 0);
    assert_eq!(shop.number_of("core.payment_methods WHERE name = 'klarna'").await, 0);
    assert_eq!(shop.number_of("core.transactions").await, 4);
    assert_eq!(shop.config_version(&run.name).await, None);
    assert_eq!(shop.failed_check(&run.name, "anomaly.products.vocabulary").await, None);
    shop.cloud.ledger(&run.name).await.assert_balanced();
    assert!(shop.cloud.keys(&shop.cloud.reports, "config/").await.is_empty());
}

#[tokio::test]
async fn new_values_of_a_set_that_evolves_go_through_all_stages_and_are_reported() {
    let shop = Shop::new().await;
    let evolve =
        "vocabulary: {categories: {contract: evolve}, payment_methods: {contract: evolve}}";
    shop.put("config/base.yaml", evolve).await;
    let run = shop.run().await.expect_success();
    shop.cloud.ledger(&run.name).await.assert_balanced();

    assert_eq!(shop.number_of(GARDEN).await, 1);
    assert_eq!(shop.number_of("warehouse.dim_product WHERE category = 'garden'").await, 1);
    let sold = "warehouse.fact_sales f JOIN warehouse.dim_payment_method m \
                USING (payment_method_key) WHERE m.payment_method = 'klarna'";
    assert_eq!(shop.number_of(sold).await, 1);

    let (found, _) = shop.failed_check(&run.name, "anomaly.products.vocabulary").await.unwrap();
    assert_eq!(found, "category 'garden' in 1 row");
    let (found, _) = shop.failed_check(&run.name, "anomaly.transactions.vocabulary").await.unwrap();
    assert_eq!(found, "payment_method 'klarna' in 1 row");
    let reports = shop.cloud.keys(&shop.cloud.reports, "validation/").await;
    let of_products = reports.iter().find(|key| key.contains("/products-")).unwrap();
    assert_eq!(shop.json(of_products).await["new_values"]["category"]["garden"], 1);

    let version = shop.config_version(&run.name).await.unwrap();
    let summary = shop.json(&format!("runs/{}.json", run.name)).await;
    assert_eq!(summary["config_version"], json!(version));
    let kept = shop.json(&format!("config/{version}.json")).await;
    assert_eq!(kept["files"]["config/base.yaml"]["text"], json!(evolve));
    assert!(kept["files"]["config/base.yaml"]["version_id"].is_string());

    // The next run follows what lies there then, though the functions are warm.
    let values = "vocabulary: {categories: {values: [books, garden, home, toys]}}";
    shop.put("config/base.yaml", values).await;
    let next = shop.run().await.expect_success();
    assert_eq!(shop.failed_check(&next.name, "anomaly.products.vocabulary").await, None);
    assert_ne!(shop.config_version(&next.name).await.unwrap(), version);
    shop.cloud.ledger(&next.name).await.assert_balanced();
    // Ways to pay are the built-in ones again.
    let refused = format!(
        "ops.ledger WHERE run_id = '{}' AND stage = 'validate' AND dataset = 'transactions' \
         AND rows_quarantined = 1",
        next.name
    );
    assert_eq!(shop.number_of(&refused).await, 1);
}

#[tokio::test]
async fn a_frozen_set_fails_the_run_and_names_the_column() {
    let shop = Shop::new().await;
    shop.put("config/local.yaml", "vocabulary: {categories: {contract: freeze}}").await;
    let run = shop.run().await.expect_failure("InvalidInput");
    assert!(run.cause.contains("'category' (1 rows)"), "{}", run.cause);
    assert_eq!(shop.number_of("core.products").await, 0);
    shop.cloud.ledger(&run.name).await.assert_balanced();
    assert!(shop.config_version(&run.name).await.is_some());
}

#[tokio::test]
async fn a_suite_is_replaced_for_the_next_run() {
    let shop = Shop::new().await;
    let suite = "suite: products\nkey_columns: [id]\nexpectations:\n\
                 - expect_column_values_to_be_between: {column: price, max_value: 1}\n";
    shop.put("suites/products.yaml", suite).await;
    let run = shop.run().await.expect_failure("QualityGateFailed");
    let (_, why) = shop.failed_check(&run.name, "expectations.products").await.unwrap();
    assert!(why.contains("expect_column_values_to_be_between of price"), "{why}");
    let (bucket, key) = (&shop.cloud.landing, "overlay/suites/products.yaml");
    shop.cloud.s3.delete_object().bucket(bucket).key(key).send().await.unwrap();
    let run = shop.run().await.expect_success();
    assert_eq!(shop.config_version(&run.name).await, None);
}

#[tokio::test]
async fn mistakes_fail_the_run_at_its_start_all_of_them_listed_and_are_recorded() {
    let shop = Shop::new().await;
    shop.put("config/base.yaml", "validation: {max_reject_rat: 0.5, max_reject_rate: 7}").await;
    shop.put("config/local.yaml", "compact: [").await;
    shop.put("suites/products.yaml", "suite: things\nexpectations: []\n").await;
    let run = shop.run().await.expect_failure("InvalidInput");
    for part in [
        "validation.max_reject_rat, which is no setting",
        "validation.max_reject_rate must be between 0 and 1",
        "config/local.yaml cannot be read",
        "suites/products.yaml is the suite 'things'",
    ] {
        assert!(run.cause.contains(part), "'{part}' is not in: {}", run.cause);
    }
    let failed = "ops.runs WHERE status = 'failed' AND error = 'InvalidInput'";
    assert_eq!(shop.number_of(failed).await, 1);
}
