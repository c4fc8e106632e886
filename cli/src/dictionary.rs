//! The data dictionary, generated from the definitions: the datasets as `shopflow-core` defines
//! them, the gold tables as `sql/gold/` explains them, and the tables, columns, keys and comments of
//! a freshly migrated database.

mod markdown;
mod values;

use std::collections::HashMap;
use std::path::Path;

use shopflow_core::dataset::{Column, Dataset, Format, Kind, PersonalData};
use shopflow_core::privacy::Privacy;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Error, Result, Settings};
use shopflow_privacy::Layer;
use tokio_postgres::Client;

use crate::analytics::query;
use crate::table::Table;
use markdown::row;

const RELATIONS: &str = include_str!("dictionary/relations.sql");
const COLUMNS: &str = include_str!("dictionary/columns.sql");

/// The document and what it cannot explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dictionary {
    pub text: String,
    /// `schema.table` or `schema.table.column` without a comment, sorted.
    pub gaps: Vec<String>,
}

/// Writes the dictionary of the schema that `client` sees and of the gold tables under `gold`.
///
/// # Errors
/// When Postgres refuses or the folder cannot be read.
pub async fn generate(client: &Client, gold: &Path) -> Result<Dictionary> {
    let relations = query(client, RELATIONS).await?;
    let columns = query(client, COLUMNS).await?;
    let mut text = "# Data dictionary\n\n\
         <!-- Written by `cargo shopflow dictionary`; do not edit. -->\n\n\
         Every dataset, gold table and Postgres table with its columns. It is generated from the \
         definitions ([datasets](../shared/core/src/dataset/built_in.rs), [gold](../sql/gold), \
         [migrations](../sql/ddl)) and checked against them by the tests.\n\n"
        .to_owned();
    let settings = Settings::from_sources("prod", HashMap::new(), &[])?;
    text.push_str(&datasets(&settings.privacy, &settings.vocabulary));
    text.push_str(&values::section());
    text.push_str(&gold_tables(gold)?);
    text.push_str(&postgres(&relations, &columns));
    Ok(Dictionary { text, gaps: gaps(&relations, &columns) })
}

fn datasets(privacy: &Privacy, sets: &Vocabularies) -> String {
    let mut text = "## Datasets\n\nWhat lands in `incoming/<dataset>/`. Class \
                    and treatment in silver are those of the policies in \
                    [config/base.yaml](../config/base.yaml) ([personal data](privacy.md)).\n"
        .to_owned();
    for dataset in Dataset::all() {
        let format = match dataset.format() {
            Format::Csv => "CSV: UTF-8, with a header, RFC 4180",
            Format::JsonLines => "JSON lines: one object per line, UTF-8",
        };
        text.push_str(&format!(
            "\n### {dataset}\n\n{format}.\n\n| column | value | required | class | personal data | \
             silver | meaning |\n|---|---|---|---|---|---|---|\n"
        ));
        for column in dataset.columns() {
            let Column { name, kind, required, description, .. } = column;
            let decision = privacy.decide(dataset, column);
            text.push_str(&row(&[
                &format!("`{name}`"),
                &kind_text(*kind, sets),
                if *required { "yes" } else { "no" },
                decision.class.name(),
                decision.kind.map_or("", PersonalData::name),
                decision.treatment(Layer::Silver).name(),
                description,
            ]));
        }
    }
    text.push_str(
        "\nBronze keeps these columns with their types and adds `_extra` (unknown columns, as \
         JSON), `_line`, `_run_id`, `_source_bucket`, `_source_key`, `_source_version_id`, \
         `_source_modified_at` and `_effective_at`: where a row comes from and what orders it. \
         Silver has one row per key and moment, personal values treated, and keeps `_run_id`, \
         `_source_version_id`, `_source_modified_at` and `_effective_at`.\n\n",
    );
    text
}

fn kind_text(kind: Kind, sets: &Vocabularies) -> String {
    match kind {
        Kind::Id => "positive integer, unique".to_owned(),
        Kind::Uuid => "UUID, unique".to_owned(),
        Kind::Reference(dataset) => format!("`id` of {dataset}"),
        Kind::Text(bytes) => format!("text, at most {bytes} bytes"),
        Kind::Email => "e-mail address".to_owned(),
        Kind::Date => "date, the year first".to_owned(),
        Kind::Timestamp => "date and time, at most microseconds".to_owned(),
        Kind::Price => "decimal with at most two places, over zero".to_owned(),
        Kind::Amount => "decimal with at most four places, zero or more".to_owned(),
        Kind::Discount => {
            "decimal with at most four places: up to 1 a share, over 1 money".to_owned()
        }
        Kind::Money => "decimal of either sign with at most four places".to_owned(),
        Kind::Rate => "decimal with at most eight places, over zero".to_owned(),
        Kind::Currency => "ISO 4217 code".to_owned(),
        Kind::Quantity => "integer from 1".to_owned(),
        Kind::Units => "integer other than zero".to_owned(),
        Kind::Country => "ISO 3166-1 alpha-2 code".to_owned(),
        Kind::OneOf(set) => format!("one of {}", sets.values(set).join(", ")),
    }
}

/// The head of each file under `sql/gold/`: `-- name: question`, `-- Grain: …`.
fn gold_tables(folder: &Path) -> Result<String> {
    let problem = |error: std::io::Error| {
        Error::invalid("read gold tables failed").with("folder", folder.display()).because(error)
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map_err(problem)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    let mut text = "## Gold tables\n\n\
         Parquet under `gold/<table>/`, computed from silver by the SQL of the same name in \
         [sql/gold](../sql/gold). A table of `warehouse` with the same name is its published \
         copy and has its columns explained below.\n\n| table | answers | grain |\n|---|---|---|\n"
        .to_owned();
    for file in files {
        let sql = std::fs::read_to_string(&file).map_err(problem)?;
        let name = file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
        let (question, grain) = gold_head(&sql, &name);
        text.push_str(&row(&[&format!("[{name}](../sql/gold/{name}.sql)"), &question, &grain]));
    }
    text.push('\n');
    Ok(text)
}

fn gold_head(sql: &str, name: &str) -> (String, String) {
    let comment: Vec<&str> =
        sql.lines().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
    let question = comment.first().copied().unwrap_or_default();
    let question = question.strip_prefix(&format!("{name}:")).unwrap_or(question).trim();
    let joined = comment.join(" ");
    let grain = joined.split_once("Grain:").map(|(_, rest)| rest.trim()).unwrap_or_default();
    let grain = grain.split_once(". ").map_or(grain, |(first, _)| first).trim_end_matches('.');
    (question.to_owned(), grain.to_owned())
}

fn postgres(relations: &Table, columns: &Table) -> String {
    let mut text = "## Postgres\n\nTimes are UTC. Monthly partitions have the columns of their \
                    table.\n"
        .to_owned();
    let mut schema = "";
    for relation in 0..relations.rows.len() {
        let of = |column| relations.cell(relation, column).unwrap_or_default();
        let (this, name) = (of("schema"), of("name"));
        if this != schema {
            schema = this;
            text.push_str(&format!("\n### Schema {schema}\n\n{}\n", of("schema_comment")));
        }
        let partitioned = match of("partition_key") {
            "" => String::new(),
            key => format!(" Partitioned by {key}."),
        };
        text.push_str(&format!(
            "\n#### {this}.{name}\n\n{}: {}.{partitioned}\n\n\
             | column | type | key | null | meaning |\n|---|---|---|---|---|\n",
            capitalised(of("kind")),
            of("comment"),
        ));
        for column in 0..columns.rows.len() {
            let cell = |name| columns.cell(column, name).unwrap_or_default();
            if cell("schema") != this || cell("table") != name {
                continue;
            }
            text.push_str(&row(&[
                &format!("`{}`", cell("column")),
                cell("type"),
                cell("key"),
                cell("nullable"),
                cell("comment"),
            ]));
        }
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn gaps(relations: &Table, columns: &Table) -> Vec<String> {
    let without = |table: &Table, names: &[&str]| -> Vec<String> {
        (0..table.rows.len())
            .filter(|row| table.cell(*row, "comment").is_none())
            .map(|row| {
                let parts = names.iter().filter_map(|name| table.cell(row, name));
                parts.collect::<Vec<_>>().join(".")
            })
            .collect()
    };
    let mut gaps = without(relations, &["schema", "name"]);
    gaps.extend(without(columns, &["schema", "table", "column"]));
    gaps.sort();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_gold_file_gives_question_and_grain() {
        let sql =
            "-- sales: What was sold?\n-- Grain: one row per\n-- sale, priced. More.\nSELECT 1";
        let head = gold_head(sql, "sales");
        assert_eq!(head, ("What was sold?".to_owned(), "one row per sale, priced".to_owned()));
    }

    #[test]
    fn every_dataset_and_column_is_explained() {
        let settings = Settings::from_sources("prod", HashMap::new(), &[]).unwrap();
        let text = datasets(&settings.privacy, &settings.vocabulary);
        for dataset in Dataset::all() {
            for column in dataset.columns() {
                assert!(text.contains(&format!("| `{}` |", column.name)), "{}", column.name);
                assert!(text.contains(column.description), "{}", column.description);
            }
        }
    }

    #[test]
    fn what_has_no_comment_is_a_gap() {
        let mut columns = Table::new(&["schema", "table", "column", "comment"]);
        columns.push(["s", "t", "a", "explained"].map(str::to_owned));
        let mut bare: Vec<Option<String>> =
            ["s", "t", "b"].into_iter().map(|text| Some(text.to_owned())).collect();
        bare.push(None);
        columns.rows.push(bare);
        assert_eq!(gaps(&Table::new(&["schema", "name", "comment"]), &columns), ["s.t.b"]);
    }
}
