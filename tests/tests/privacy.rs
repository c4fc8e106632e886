//! No personal value of the input leaves bronze and `core`.

use std::collections::BTreeSet;

use serde_json::json;
use shopflow_tests::{Cloud, Text};

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
    let reports = cloud.objects(&cloud.reports, "").await;
    let folders: BTreeSet<&str> =
        reports.iter().filter_map(|text| text.place.split('/').nth(3)).collect();
    for folder in ["validation", "quality", "runs"] {
        assert!(folders.contains(folder), "{folders:?}");
    }
    assert_free(&values, &reports);
    assert_free(&values, &cloud.tables(&["warehouse", "ops"]).await);
    assert_free(&values, &[cloud.history(&run.arn).await]);
    let told = cloud.told();
    assert!(told[0].text.contains("transformed"), "the functions' logs were read");
    assert_free(&values, &told);
}
