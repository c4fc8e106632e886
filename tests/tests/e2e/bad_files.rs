//! Bad files: what is wrong is named, what is good goes on, nothing is lost.

use serde_json::json;
use shopflow_tests::{Cloud, customers, products, transactions};

/// Runs one file that must fail the run as a whole.
async fn assert_rejected(dataset: &str, content: impl Into<Vec<u8>>, said: &[&str]) {
    let cloud = Cloud::fresh().await;
    let name = shopflow_testkit::unique("test");
    let object = cloud.land(&name, dataset, content).await;
    let input = json!({"source": {"kind": "objects", "objects": [object]}});
    let arn = cloud.start(&cloud.pipeline, &name, &input).await;
    let run = cloud.wait(&arn).await.expect_failure("InvalidInput");

    for part in said {
        assert!(run.cause.contains(part), "'{part}' is not in: {}", run.cause);
    }
    assert_eq!(cloud.count(&format!("SELECT count(*) FROM core.{dataset}")).await, 0);
    let ledger = cloud.ledger(&run.name).await;
    ledger.assert_balanced();
    let failed = "SELECT count(*) FROM ops.runs WHERE status = 'failed' AND error = 'InvalidInput'";
    assert_eq!(cloud.count(failed).await, 1);
    assert!(!cloud.keys(&cloud.reports, "validation/").await.is_empty());
}

#[tokio::test]
async fn a_missing_column_is_named() {
    let file = products(1..4).replace(",price,", ",cost,");
    assert_rejected("products", file, &["price", "missing"]).await;
}

#[tokio::test]
async fn an_empty_file_is_rejected() {
    assert_rejected("customers", "", &["empty"]).await;
}

#[tokio::test]
async fn a_file_with_too_many_bad_rows_is_rejected() {
    let file = products(1..5) + &products(10..20).replace(".50,", ".5x,");
    let body = file.replacen("\nid,name,category,price,supplier", "", 1);
    assert_rejected("products", body, &["reject"]).await;
}

/// Runs one file of which some rows are good; the rules and lines that quarantine must name.
async fn assert_quarantined(dataset: &str, content: Vec<u8>, good: i64, bad: &[(u64, &str)]) {
    let cloud = Cloud::fresh().await;
    let name = shopflow_testkit::unique("test");
    let object = cloud.land(&name, dataset, content).await;
    let input = json!({"source": {"kind": "objects", "objects": [object]}});
    let arn = cloud.start(&cloud.pipeline, &name, &input).await;
    cloud.wait(&arn).await.expect_success();

    let loaded = format!("SELECT count(*) FROM core.{dataset} WHERE NOT is_inferred");
    let loaded = if dataset == "transactions" {
        "SELECT count(*) FROM core.transactions".to_owned()
    } else {
        loaded
    };
    assert_eq!(cloud.count(&loaded).await, good);
    let ledger = cloud.ledger(&name).await;
    ledger.assert_balanced();
    assert_eq!(ledger.line("validate", dataset).quarantined, bad.len() as i64);
    let mut found = Vec::new();
    for key in cloud.keys(&cloud.landing, &format!("quarantine/{dataset}/")).await {
        let content = cloud.read(&cloud.landing, &key).await;
        let mut reader = csv::Reader::from_reader(content.as_slice());
        for record in reader.byte_records() {
            let record = record.unwrap();
            let text = |index: usize| String::from_utf8_lossy(&record[index]).into_owned();
            found.push((text(0).parse::<u64>().unwrap(), text(2)));
        }
    }
    let expected: Vec<_> = bad.iter().map(|(line, rule)| (*line, (*rule).to_owned())).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_unknown_column_is_kept_in_bronze() {
    let file: String = customers(1..6)
        .lines()
        .enumerate()
        .map(
            |(index, line)| {
                if index == 0 { format!("{line},note\n") } else { format!("{line},x\n") }
            },
        )
        .collect();
    assert_quarantined("customers", file.into_bytes(), 5, &[]).await;
}

#[tokio::test]
async fn broken_quoting_costs_one_row() {
    let mut file = products(1..31);
    file = file.replacen("Thing 7,", "\"Thing 7,", 1);
    assert_quarantined("products", file.into_bytes(), 29, &[(8, "broken_quoting")]).await;
}

#[tokio::test]
async fn a_row_in_another_encoding_costs_one_row() {
    let file = customers(1..31).replacen("Person 4,", "P\u{e9}rson 4,", 1);
    let mut bytes = Vec::new();
    for character in file.chars() {
        bytes.push(u8::try_from(u32::from(character)).unwrap());
    }
    assert_quarantined("customers", bytes, 29, &[(5, "invalid_utf8")]).await;
}

#[tokio::test]
async fn a_truncated_last_line_costs_that_line() {
    let mut file = transactions(1..31);
    file.truncate(file.len() - 30);
    assert_quarantined("transactions", file.into_bytes(), 29, &[(31, "truncated_line")]).await;
}

#[tokio::test]
async fn a_repeated_id_costs_the_later_row() {
    let file = customers(1..31).replacen("\n20,", "\n7,", 1);
    assert_quarantined("customers", file.into_bytes(), 29, &[(21, "duplicate_id")]).await;
}

#[tokio::test]
async fn an_object_that_does_not_exist_fails_the_run_and_names_the_key() {
    let cloud = Cloud::fresh().await;
    let object = json!({"bucket": cloud.landing, "key": "incoming/customers/nothing.csv"});
    let input = json!({"source": {"kind": "objects", "objects": [object]}});
    let run = cloud.run(input).await.expect_failure("InvalidInput");
    assert!(run.cause.contains("incoming/customers/nothing.csv"), "{}", run.cause);
}

#[tokio::test]
async fn an_input_that_makes_no_sense_is_refused() {
    let cloud = Cloud::fresh().await;
    for input in [
        json!({"source": {"kind": "carrier pigeon"}}),
        json!({"run_date": "15.01.2026"}),
        json!({"source": {"kind": "generate", "scale": -1}}),
    ] {
        cloud.run(input).await.expect_failure("InvalidInput");
    }
}
