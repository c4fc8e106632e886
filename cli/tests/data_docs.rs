//! `docs` over a bucket as `quality` leaves it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;
use shopflow::data_docs::{Fetched, fetch};
use shopflow_core::{Storage, keys};
use shopflow_testkit::{bucket, storage};

async fn page(storage: &Storage, bucket: &str, key: &str, content: &str) {
    storage.write_all(bucket, key, "text/html", content.to_owned()).await.unwrap();
}

#[tokio::test]
async fn the_latest_runs_are_fetched_and_only_once() {
    let storage = storage().await;
    let reports = bucket(&storage, "reports").await;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let error = fetch(&storage, &reports, folder, 2).await.unwrap_err();
    assert!(error.to_string().contains("no run has written data docs"), "{error}");

    let run = |id: &str| json!({"run_id": id, "run_date": "2026-01-15", "score": 100.0});
    let runs = json!({"first": 0, "runs": [run("a"), run("b"), run("c")]});
    storage.write_json(&reports, keys::DOCS_RUNS, &runs).await.unwrap();
    page(&storage, &reports, keys::DOCS_INDEX, "index").await;
    page(&storage, &reports, &keys::docs_archive(0), "runs").await;
    for run in ["a", "b", "c"] {
        page(&storage, &reports, &keys::docs_page(run, "index"), run).await;
        page(&storage, &reports, &keys::quality_report(run), run).await;
    }
    let index = folder.join("docs/index.html");
    let first = fetch(&storage, &reports, folder, 2).await.unwrap();
    assert_eq!(first, Fetched { index: index.clone(), runs: 2, fetched: 7, kept: 0 });
    assert_eq!(std::fs::read_to_string(index).unwrap(), "index");
    let content = |path: &str| std::fs::read_to_string(folder.join(path));
    assert_eq!(content("docs/run_id=c/index.html").unwrap(), "c");
    assert_eq!(content("quality/run_id=b/report.json").unwrap(), "b");
    assert!(content("docs/run_id=a/index.html").is_err(), "only the latest runs");

    page(&storage, &reports, &keys::docs_page("c", "index"), "c again").await;
    std::fs::remove_file(folder.join("docs/run_id=b/index.html")).unwrap();
    let second = fetch(&storage, &reports, folder, 2).await.unwrap();
    assert_eq!((second.fetched, second.kept), (2, 5));
    assert_eq!(content("docs/run_id=c/index.html").unwrap(), "c again");
    assert_eq!(content("docs/run_id=b/index.html").unwrap(), "b");
}
