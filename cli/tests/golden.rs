//! Every question on a generated shop, against the answers under `tests/golden/`.
//!
//! `SHOPFLOW_UPDATE_GOLDEN=1` writes them again: look at the difference before you commit it.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use std::path::PathBuf;

use shopflow::report::Report;
use shopflow::report::finding::finding;

fn compare(name: &str, actual: &str) {
    let path: PathBuf = shop::repository().join("tests/golden").join(name);
    if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; SHOPFLOW_UPDATE_GOLDEN=1 writes it again. The answer is:\n{actual}",
        path.display()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_on_a_generated_shop_are_as_they_were() {
    let client = shop::filled(1.0).await;
    let questions = shop::questions();
    let report = Report::gather(&client, &questions, false).await.unwrap();
    assert_eq!(report.answers.len(), questions.len());
    let mut findings = String::new();
    for answer in &report.answers {
        let name = &answer.question.name;
        compare(&format!("{name}.csv"), &answer.table.to_csv().unwrap());
        let sentence = finding(name, &answer.table, report.figures.last_day());
        assert!(
            sentence.is_some() || answer.table.rows.is_empty(),
            "{name}: every answer says something"
        );
        let sentence = sentence.unwrap_or_else(|| "there is no data for this yet".to_owned());
        findings.push_str(&format!("{name}: {sentence}\n"));
    }
    compare("findings.txt", &findings);
    compare("report.html", &report.page("local"));
    let names: Vec<String> =
        questions.iter().map(|question| format!("{}.csv", question.name)).collect();
    for entry in std::fs::read_dir(shop::repository().join("tests/golden")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let is_known = names.contains(&file) || ["findings.txt", "report.html"].contains(&&*file);
        assert!(is_known, "{file} belongs to no question");
    }
}
