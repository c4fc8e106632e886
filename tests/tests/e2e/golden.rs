//! The generated shop through the whole pipeline: every question has the golden answer that the
//! command line's tests get from the same files loaded by plain SQL.

use std::path::Path;

use serde_json::json;
use shopflow::analytics;
use shopflow_tests::Cloud;

#[tokio::test]
async fn the_pipeline_gives_the_golden_answers() {
    let cloud = Cloud::fresh().await;
    let source = json!({"kind": "generate", "scale": 1, "seed": 42, "defect_rate": 0});
    cloud.run(json!({"run_date": "2026-01-15", "source": source})).await.expect_success();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for question in analytics::questions(&repository.join("sql/analytics")).unwrap() {
        let golden = repository.join(format!("tests/golden/{}.csv", question.name));
        let answer = analytics::ask(&cloud.database, &question).await.unwrap();
        assert_eq!(
            answer.table.to_csv().unwrap(),
            std::fs::read_to_string(golden).unwrap(),
            "{}",
            question.name
        );
    }
}
