//! No personal value of the input leaves bronze and `core`.

use std::collections::BTreeSet;

use serde_json::json;
use shopflow_tests::{Cloud, Text, customers};

/// Full names and addresses of every customer that landed, planted defects included.
async fn personal_values(cloud: &Cloud) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for key in cloud.keys(&cloud.landing, "incoming/customers/").await {
        let content = cloud.read(&cloud.landing, &key).await;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&content[..]);
        let header = reader.headers().unwrap().clone();
        for record in reader.byte_records() {
            let record = record.unwrap();
            for name in ["name", "email"] {
                let at = header.iter().position(|column| column == name).unwrap();
                let value = std::str::from_utf8(record.get(at).unwrap_or_default());
                let value = value.unwrap_or_default().trim();
                // Planted nulls and the like are nobody's.
                if value.contains([' ', '@']) {
                    values.insert(value.to_owned());
                }
            }
        }
    }
    values
}

fn assert_free(values: &BTreeSet<String>, texts: &[Text]) {
    for Text { place, text } in texts {
        let lower = text.to_lowercase();
        for value in values {
            assert!(!lower.contains(&value.to_lowercase()), "{value} stands in {place}");
        }
    }
}

/// Clicks as they happen, two of them with a value where none belongs; one is refused for it.
async fn click_with(cloud: &Cloud, value: &str) {
    let click = |number: u64, column: &str, value: &str| {
        let mut click = json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": "s-1",
            "event_type": "page_view", "url": "https://shop.example/", "device": "mobile",
            "country": "DE", "timestamp": "2026-01-15T10:00:00Z",
        });
        click[column] = json!(value);
        click
    };
    cloud.put_clicks(&[click(1, "country", value), click(2, "url", value)]).await;
    let counts = cloud.has_read(2).await;
    assert_eq!((counts.applied, counts.refused), (1, 1));
    // Once the next call is through, the logs of this one are written.
    cloud.put_clicks(&[click(3, "country", "DE")]).await;
    cloud.has_read(3).await;
}

#[tokio::test]
async fn no_personal_value_of_the_input_leaves_bronze() {
    let cloud = Cloud::fresh().await;
    let source = json!({"kind": "generate", "seed": 4711, "defect_rate": 0.02});
    let run = cloud.run(json!({"source": source})).await.expect_success();
    cloud.invoke("catalog", &json!({"run_id": run.name, "run_date": "2026-01-15"})).await.unwrap();
    let values = personal_values(&cloud).await;
    assert!(values.len() > 1_900, "{} values", values.len());

    let bronze = cloud.objects(&cloud.lake, "bronze/customers/").await;
    let one = values.iter().find(|value| value.contains('@')).unwrap();
    assert!(bronze.iter().any(|text| text.text.contains(one)), "the search would find values");

    for layer in ["silver/", "gold/"] {
        let texts = cloud.objects(&cloud.lake, layer).await;
        assert!(!texts.is_empty());
        assert_free(&values, &texts);
    }
    click_with(&cloud, one).await;
    let reports = cloud.objects(&cloud.reports, "").await;
    let folders: BTreeSet<&str> =
        reports.iter().filter_map(|text| text.place.split('/').nth(3)).collect();
    for folder in ["validation", "quality", "runs"] {
        assert!(folders.contains(folder), "{folders:?}");
    }
    assert_free(&values, &reports);
    assert_free(&values, &cloud.tables(&["warehouse", "ops", "stream"]).await);
    assert_free(&values, &[cloud.history(&run.arn).await]);
    let told = cloud.told();
    for said in ["transformed", "records in effect"] {
        assert!(told[0].text.contains(said), "the functions' logs were read: {said}");
    }
    assert_free(&values, &told);
}

/// The pages, reports and alerts of a run, the logs, the history and what Postgres keeps of runs.
async fn everything_told(cloud: &Cloud, arn: &str) -> Vec<Text> {
    let mut texts = cloud.objects(&cloud.reports, "").await;
    texts.extend(cloud.tables(&["warehouse", "ops", "stream"]).await);
    texts.push(cloud.history(arn).await);
    texts.extend(cloud.told());
    texts
}

#[tokio::test]
async fn personal_data_in_a_column_that_nobody_knows_is_told_without_a_value() {
    let cloud = Cloud::fresh().await;
    let mobile = |id: usize| format!("+49 151 555{id:05}");
    let plain = customers(1..41);
    let lines = plain.lines().enumerate().map(|(id, line)| match id {
        0 => format!("{line},c7\n"),
        _ => format!("{line},{}\n", mobile(id)),
    });
    let file: String = lines.collect();
    let run = cloud.run_files(&[("customers", file)]).await.expect_success();

    let reports = cloud.objects(&cloud.reports, "quality/").await;
    let report = reports.iter().find(|text| text.place.contains("/report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report.text).unwrap();
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == "anomaly.customers.personal_data").unwrap();
    assert_eq!((&check["passed"], &check["severity"]), (&json!(false), &json!("warning")));
    assert_eq!(check["actual"], "c7: phone (confidence 0.99, 40 of 40 values)");
    let detail = check["detail"].as_str().unwrap();
    assert!(detail.contains("privacy.extra_columns (customers.c7: phone)"), "{detail}");
    assert!(detail.contains("incoming/customers/"), "{detail}");

    let pages = cloud.objects(&cloud.reports, "docs/").await;
    let told = |text: &&Text| text.text.contains("c7: phone (confidence 0.99, 40 of 40 values)");
    assert!(pages.iter().any(|page| told(&page)), "the page of the run says it");
    let values = (1..41).map(mobile).collect();
    assert!(
        cloud
            .objects(&cloud.lake, "bronze/customers/")
            .await
            .iter()
            .any(|text| { text.text.contains(&mobile(7)) }),
        "the search would find values"
    );
    assert_free(&values, &everything_told(&cloud, &run.arn).await);
}
