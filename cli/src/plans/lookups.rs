//! The plans of what transform does to the warehouse when little has changed, with the indexes that
//! are there for it and without: its own statements, one after the other, in a transaction that is
//! rolled back.

use shopflow_core::{Error, Result};
use shopflow_postgres::dimensions;
use tokio_postgres::Client;

use super::{Plan, WITHOUT_INDEXES, execute, explain};
use crate::analytics::query;

const LATE_CHANGE: &str = include_str!("late_change.sql");
const WITHOUT_LOOKUPS: &str = include_str!("without_lookups.sql");

/// transform writes facts to a table beside theirs first, to compare.
const FACT_SALES: &str = include_str!("../../../sql/warehouse/fact_sales.sql");
const TABLE: &str = "INSERT INTO warehouse.fact_sales ";
const STAGING: &str = "INSERT INTO fact_sales_next ";
const STAGE: &str =
    "CREATE TEMPORARY TABLE fact_sales_next (LIKE warehouse.fact_sales) ON COMMIT DROP;\n";

/// Name of a step, and its statements.
type Step = (String, String);

macro_rules! files {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../../sql/warehouse/", $name, ".sql")))),*]
            .map(|(name, sql)| (name.to_owned(), sql.to_owned()))
    };
}

/// What transform runs, in its order: files of `sql/warehouse`, and the statements of dimensions.
fn steps() -> Vec<Step> {
    let stars = dimensions::all();
    let mut steps = Vec::from(files!["pending"]);
    for star in &stars {
        steps.push((star.changes_table(), format!("{}{}", dimensions::PREPARE, star.changes())));
    }
    steps.extend(files!["payment_methods", "outdated_facts", "pending_rates"]);
    let updates: String = stars.iter().map(dimensions::Star::update).collect();
    let updates = format!("{}{updates}{}", dimensions::BEGIN, dimensions::END);
    steps.push(("dimensions".to_owned(), updates));
    steps.extend(files!["rekeyed_facts", "rekeyed_sessions"]);
    let facts = FACT_SALES.replacen(TABLE, STAGING, 1);
    steps.push(("fact_sales".to_owned(), format!("{STAGE}{facts}")));
    steps.extend(files!["touched_sessions"]);
    steps
}

/// A statement of transform with both of its plans.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// The step, called like its file in `sql/warehouse` if it has one.
    pub file: String,
    /// What the statement does, for instance `UPDATE warehouse.fact_sales`.
    pub action: String,
    pub before: Plan,
    pub after: Plan,
}

/// Explains every statement that works on the late change of a few customers and products, before
/// and after indexing. The database stays as it is.
///
/// # Errors
/// When Postgres refuses a statement.
pub async fn compare(client: &Client) -> Result<Vec<Lookup>> {
    let after = explain_all(client, "").await?;
    let before = explain_all(client, &format!("{WITHOUT_INDEXES}{WITHOUT_LOOKUPS}")).await?;
    let pairs = after.into_iter().zip(before);
    Ok(pairs
        .map(|((file, action, after), (_, _, before))| Lookup { file, action, before, after })
        .collect())
}

async fn explain_all(client: &Client, without: &str) -> Result<Vec<(String, String, Plan)>> {
    execute(client, "BEGIN").await?;
    execute(client, LATE_CHANGE).await?;
    execute(client, without).await?;
    let day = query(client, "SELECT event_date FROM ops.dirty_dates").await?;
    let day = day.rows.first().and_then(|row| row.first()?.as_deref());
    let day = day.ok_or_else(|| Error::internal("the late change marks no day"))?.to_owned();
    let mut plans = Vec::new();
    for (file, text) in &steps() {
        for statement in statements(text) {
            if is_read_or_written(&statement) {
                let plan = explain(client, &with_parameters(file, &statement, &day)).await;
                plans.push((
                    file.clone(),
                    action(&statement),
                    plan.map_err(|e| e.with("file", file))?,
                ));
            } else {
                execute(client, &statement).await?;
            }
        }
    }
    execute(client, "ROLLBACK").await?;
    Ok(plans)
}

/// The statements of a file without its comments. No statement there holds a semicolon of its own.
fn statements(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim_start().starts_with("--")).collect();
    let statements = lines.join("\n");
    let statements = statements.split(';').map(str::trim).filter(|statement| !statement.is_empty());
    statements.map(str::to_owned).collect()
}

/// Whether a statement has a plan.
fn is_read_or_written(statement: &str) -> bool {
    let starts = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "CREATE TEMP TABLE"];
    starts.iter().any(|start| statement.starts_with(start))
}

/// What transform passes to the files with parameters: the day, and no session beside its own.
fn with_parameters(file: &str, statement: &str, day: &str) -> String {
    match file {
        "fact_sales" => statement
            .replace("$1", &format!("timestamptz '{day} 00:00+00'"))
            .replace("$2", &format!("timestamptz '{day} 00:00+00' + interval '24 hours'")),
        "touched_sessions" => statement
            .replace("$1::text[]", "(SELECT array_agg(session_id) FROM ops.dirty_sessions)")
            .replace("$2::integer[]", &format!("ARRAY[{}]", day.replace('-', ""))),
        _ => statement.to_owned(),
    }
}

/// What a statement does: its first words up to the columns or the question.
fn action(statement: &str) -> String {
    let line = statement.lines().next().unwrap_or_default();
    let end = [" ON COMMIT", " AS", " (", " SELECT"].iter().filter_map(|end| line.find(end)).min();
    line[..end.unwrap_or(line.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_at_their_ends_and_named_by_what_they_do() {
        let text = "-- Says; this.\nSET LOCAL jit = off;\n\nCREATE TEMP TABLE a ON COMMIT DROP AS\n\
                    SELECT 1;\nUPDATE b AS x\nSET c = 1;\nINSERT INTO d (e) SELECT 1";
        let found = statements(text);
        let actions: Vec<(bool, String)> =
            found.iter().map(|one| (is_read_or_written(one), action(one))).collect();
        let expected = [
            (false, "SET LOCAL jit = off"),
            (true, "CREATE TEMP TABLE a"),
            (true, "UPDATE b"),
            (true, "INSERT INTO d"),
        ];
        assert_eq!(actions, expected.map(|(is, text)| (is, text.to_owned())));
    }
}
