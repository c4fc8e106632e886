//! The generated documents are up to date.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use shopflow::{dictionary, lineage, plans, sample};
use shopflow_core::contract::GenerateSpec;

#[tokio::test(flavor = "multi_thread")]
async fn the_data_dictionary_is_up_to_date_and_explains_every_column() {
    let client = shop::migrated().await;
    let gold = shop::repository().join("sql/gold");
    let generated = dictionary::generate(&client, &gold).await.unwrap();
    let path = shop::repository().join("docs/data-dictionary.md");
    if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &generated.text).unwrap();
    }
    let current = std::fs::read_to_string(path).unwrap_or_default();
    assert!(current == generated.text, "run `cargo shopflow dictionary`");
    assert_eq!(generated.gaps, Vec::<String>::new(), "without a comment in sql/ddl");
}

#[test]
fn the_document_of_the_lineage_is_up_to_date() {
    let text = lineage::document(&shopflow_lineage::graph().unwrap());
    let path = shop::repository().join("docs/lineage.md");
    if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let current = std::fs::read_to_string(path).unwrap_or_default();
    assert!(current == text, "run `cargo shopflow lineage`");
}

#[test]
fn the_query_plans_are_those_of_the_questions() {
    let text = std::fs::read_to_string(shop::repository().join("docs/query-plans.md")).unwrap();
    for question in shop::questions() {
        assert!(text.contains(&format!("\n## {}\n", question.name)), "{}", question.name);
        assert!(
            text.contains(&format!("<!-- sha256 {} -->", question.checksum())),
            "{} has changed since: run `cargo shopflow plans`",
            question.name
        );
    }
    for line in text.lines().filter(|line| line.starts_with("| fact_")) {
        let user = line.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(!user.trim().is_empty(), "nothing uses it: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_come_back_the_same_and_leave_the_schema_as_it_is() {
    let client = shop::migrated().await;
    let spec = GenerateSpec { scale: 0.2, ..GenerateSpec::default() };
    sample::fill(&client, "2026-01-15".parse().unwrap(), &spec).await.unwrap();
    let questions = shop::questions();
    let one = plans::compare(&client, &questions).await.unwrap();
    let two = plans::compare(&client, &questions).await.unwrap();
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one.before.text, two.before.text, "{}", one.question.name);
        assert_eq!(one.after.text, two.after.text, "{}", one.question.name);
    }
    let of = |name: &str| one.iter().find(|plan| plan.question.name == name).unwrap();
    let best = of("top_customers");
    assert!(!best.before.text.contains("customer_lifetime_value_revenue"), "{}", best.before.text);
    for plan in &one {
        let (question, text) = (&plan.question, &plan.after.text);
        assert!(
            !text.contains("fact_") || question.reads_facts(),
            "{} reads facts:\n{text}",
            question.name
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_transform_looks_up_is_explained_and_undone() {
    let client = shop::migrated().await;
    let spec = GenerateSpec { scale: 0.2, ..GenerateSpec::default() };
    sample::fill(&client, "2026-01-15".parse().unwrap(), &spec).await.unwrap();
    let lookups = plans::lookups::compare(&client).await.unwrap();
    let rows = |file: &str, action: &str| {
        let lookup = lookups.iter().find(|one| one.file == file && one.action == action).unwrap();
        assert_eq!(first_rows(&lookup.before.text), first_rows(&lookup.after.text), "{file}");
        first_rows(&lookup.after.text)
    };
    // A version that ends and one that begins for each of ten customers.
    assert_eq!(rows("customer_changes", "CREATE TEMP TABLE customer_changes"), "20");
    assert_eq!(rows("product_changes", "CREATE TEMP TABLE product_changes"), "4");
    assert_eq!(rows("pending", "CREATE TEMP TABLE pending_dates"), "1");
    assert_ne!(rows("outdated_facts", "CREATE TEMP TABLE outdated_facts"), "0");
    let left = "SELECT (SELECT count(*) FROM core.transactions) + (SELECT count(*) FROM ops.dirty_entities)
                + (SELECT count(*) FROM ops.dirty_sessions)
                + (SELECT count(*) FROM warehouse.dim_customer WHERE NOT is_current)";
    assert_eq!(client.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    let index = "SELECT 'warehouse.fact_sales_customer'::regclass::text";
    client.query_one(index, &[]).await.unwrap();
}

/// Rows that the whole plan gave.
fn first_rows(plan: &str) -> &str {
    plan.split_once("actual rows=").unwrap().1.split_once(' ').unwrap().0
}
