//! Derives `shared/lineage/src/columns.json` and holds it to what the code does.
//!
//! `SHOPFLOW_UPDATE_GOLDEN=1` writes the file again: look at the difference before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod change;
mod derive;
mod lake;
mod models;
mod plan;
mod postgres;
mod relation;
mod sql;

use std::collections::BTreeSet;
use std::path::Path;

use relation::Relation;

#[tokio::test]
async fn the_lineage_is_what_the_definitions_and_the_sql_say() {
    let derived = derive::graph().await.to_json().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/lineage/src/columns.json");
    if std::env::var_os("SHOPFLOW_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &derived).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let new: Vec<&str> = derived.lines().filter(|line| !kept.contains(line)).collect();
    assert!(
        kept == derived,
        "shared/lineage/src/columns.json is stale; SHOPFLOW_UPDATE_GOLDEN=1 writes it again. \
         New lines:\n{}",
        new.join("\n")
    );
}

/// Which column is made from which, without how.
fn made_from(relation: &Relation) -> BTreeSet<(usize, &str, bool)> {
    let columns = relation.columns.iter().enumerate();
    columns
        .flat_map(|(at, (_, sources))| {
            sources.iter().map(move |(source, by)| (at, source.as_str(), by.is_direct()))
        })
        .collect()
}

#[tokio::test]
async fn the_plan_and_the_syntax_of_every_question_say_the_same() {
    let tables = lake::inputs();
    for lake::Question { name, sql, .. } in lake::questions() {
        let planned = plan::of(sql, &tables).await;
        let mut database = sql::Database::default();
        for (table, schema) in &tables {
            let columns = schema.fields().iter().map(|field| field.name().clone());
            database.alias(table, &table.replacen('.', "_", 1), columns);
        }
        let read = database.query(sql);
        assert_eq!(made_from(&planned), made_from(&read), "columns of {name}");
        assert_eq!(planned.rows, read.rows, "rows of {name}");
    }
}
