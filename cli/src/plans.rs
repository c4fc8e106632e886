//! The plan of every question before and after indexing, as a document.
//!
//! Before: the same warehouse without secondary indexes, and with plain views in place of the
//! materialised ones, in a transaction that is rolled back. After: the schema as it is. Plans run on
//! one process and without run-time compilation and show rows, not costs, so that the same data
//! gives the same document but for the times.

use std::fmt::Write;
use std::time::Instant;

use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::Client;

use crate::analytics::cache::ask_all;
use crate::analytics::{Question, query};
use crate::local::database;
use crate::table::Table;

/// Executions of each question; the fastest counts.
const TIMES: usize = 3;

const SETTINGS: &str = "SET max_parallel_workers_per_gather = 0; SET jit = off; \
     SET work_mem = '64MB'; SET default_statistics_target = 1000";

/// Takes away what 0008 and the other migrations add for speed.
const WITHOUT_INDEXES: &str = include_str!("plans/without_indexes.sql");

const INDEXES: &str = "SELECT t.relname AS table, i.relname AS index,
       pg_get_indexdef(x.indexrelid) AS definition
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
WHERE t.relnamespace = 'warehouse'::regnamespace AND NOT t.relispartition
  AND NOT x.indisprimary
ORDER BY 1, 2";

const REFRESHES: &str = "SELECT view_name, duration_ms FROM ops.view_refreshes ORDER BY view_name";

/// How a question is executed.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub text: String,
    /// The fastest of three executions, in milliseconds.
    pub execution_ms: f64,
}

/// A question with both of its plans.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub question: Question,
    pub before: Plan,
    pub after: Plan,
}

/// Explains every question on the data of `client`'s database, before and after indexing.
///
/// # Errors
/// When Postgres refuses a question.
pub async fn compare(client: &Client, questions: &[Question]) -> Result<Vec<Comparison>> {
    execute(client, SETTINGS).await?;
    execute(client, "VACUUM ANALYZE").await?;
    let after = explain_all(client, questions).await?;
    execute(client, "BEGIN").await?;
    execute(client, WITHOUT_INDEXES).await?;
    let before = explain_all(client, questions).await?;
    execute(client, "ROLLBACK").await?;
    Ok(questions
        .iter()
        .zip(before)
        .zip(after)
        .map(|((question, before), after)| Comparison { question: question.clone(), before, after })
        .collect())
}

async fn explain_all(client: &Client, questions: &[Question]) -> Result<Vec<Plan>> {
    let mut plans = Vec::with_capacity(questions.len());
    for question in questions {
        let mut best: Option<Plan> = None;
        for _ in 0..TIMES {
            let plan = explain(client, question).await?;
            if best.as_ref().is_none_or(|best| plan.execution_ms < best.execution_ms) {
                best = Some(plan);
            }
        }
        plans.extend(best);
    }
    Ok(plans)
}

async fn explain(client: &Client, question: &Question) -> Result<Plan> {
    let sql = format!(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF, SUMMARY ON) {}",
        question.statement()
    );
    let answer =
        query(client, &sql).await.map_err(|error| error.with("question", &question.name))?;
    let lines: Vec<&str> = answer.rows.iter().filter_map(|row| row.first()?.as_deref()).collect();
    let execution_ms = lines
        .iter()
        .find_map(|line| line.strip_prefix("Execution Time: ")?.strip_suffix(" ms")?.parse().ok())
        .ok_or_else(|| Error::internal("the plan names no execution time"))?;
    Ok(Plan { text: condensed(&lines), execution_ms })
}

/// A plan without what differs between two executions, and with one of the partitions of a table in
/// place of all of them.
fn condensed(lines: &[&str]) -> String {
    let varies = [
        "Planning Time:",
        "Execution Time:",
        "Memory Usage:",
        "Sort Method:",
        "Buckets:",
        "Batches:",
        "Storage:",
        "Window:",
        "Heap Fetches:",
        "Index Searches:",
    ];
    let mut text = String::new();
    let mut last: Option<String> = None;
    let mut more = 0;
    for line in lines {
        let content = line.trim_start();
        if varies.iter().any(|start| content.starts_with(start)) {
            continue;
        }
        let part = partition_scan(line);
        if part.is_some() && part == last {
            more += 1;
            continue;
        }
        finish(&mut text, &mut more);
        last = part;
        // A scan that found less than a row a time says 0.50; whole numbers are easier to read.
        text.push_str(&line.replace(".00 loops", " loops"));
        text.push('\n');
    }
    finish(&mut text, &mut more);
    text
}

fn finish(text: &mut String, more: &mut usize) {
    if *more > 0 {
        // Writing to a String does not fail.
        let _ = writeln!(text, "        … and {more} more partitions");
        *more = 0;
    }
}

/// The kind of scan and the table when a line scans a monthly partition: `…Seq Scan on fact_sales`.
fn partition_scan(line: &str) -> Option<String> {
    let (scan, rest) = line.split_once(" on fact_")?;
    let name = rest.split_whitespace().next()?;
    let is_month = |text: &str| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let table = match name.strip_suffix("_default") {
        Some(table) => table,
        None => {
            let (front, month) = name.rsplit_once('_')?;
            let (table, year) = front.rsplit_once('_')?;
            if !is_month(year) || month.len() != 2 {
                return None;
            }
            table
        }
    };
    let scan = scan.split(" using ").next()?;
    Some(format!("{scan} on fact_{table}"))
}

/// How long a whole report takes, with nothing and with everything kept, in milliseconds: the
/// fastest of three each.
async fn report_times(client: &Client, questions: &[Question]) -> Result<(f64, f64)> {
    let mut times = (f64::INFINITY, f64::INFINITY);
    for _ in 0..TIMES {
        let began = Instant::now();
        ask_all(client, questions, &[], true).await?;
        times.0 = times.0.min(began.elapsed().as_secs_f64() * 1000.0);
        let began = Instant::now();
        ask_all(client, questions, &[], false).await?;
        times.1 = times.1.min(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// The document. `data` says what was measured, `command` how to do it again.
///
/// # Errors
/// When Postgres refuses to list its indexes or to answer.
pub async fn document(
    client: &Client,
    comparisons: &[Comparison],
    data: &str,
    command: &str,
) -> Result<String> {
    let questions: Vec<Question> =
        comparisons.iter().map(|comparison| comparison.question.clone()).collect();
    let (asked, kept) = report_times(client, &questions).await?;
    let refreshes = query(client, REFRESHES).await?;
    let version = query(client, "SHOW server_version").await?;
    let version = version.rows.first().and_then(|row| row.first()?.as_deref()).unwrap_or("?");
    let version = version.split_whitespace().next().unwrap_or(version);
    let indexes = query(client, INDEXES).await?;
    let mut text = format!(
        "# Query plans\n\n<!-- Written by `{command}`; do not edit. -->\n\n\
         How Postgres {version} answers each question of [sql/analytics](../sql/analytics) on {data}, \
         before and after indexing. *Before* is the same warehouse without secondary indexes and \
         with plain views in place of the materialised ones; *after* is the schema as it is. Each \
         plan ran on one process; times are the fastest of {TIMES} executions on two cores of a busy \
         machine and vary, the plans do not. `cargo shopflow plans` writes this file again.\n\n\
         The report asks a question only when something it reads has changed \
         ([0017](decisions/0017-answers-kept-by-version.md)); these are the costs when it has. All \
         {} questions take {} when all are asked and {} when none has to be.\n\n\
         ## Summary\n\n| question | before | after | faster |\n|---|--:|--:|--:|\n",
        questions.len(),
        milliseconds(asked),
        milliseconds(kept),
    );
    for Comparison { question, before, after } in comparisons {
        let gain = if before.text == after.text {
            "the same plan".to_owned()
        } else {
            times(before.execution_ms / after.execution_ms.max(0.001))
        };
        text.push_str(&format!(
            "| [{0}](#{0}) | {1} | {2} | {3} |\n",
            question.name,
            milliseconds(before.execution_ms),
            milliseconds(after.execution_ms),
            gain,
        ));
    }
    text.push_str(
        "\nWhat makes it fast is paid once per publication that changes something: the refresh of \
         each materialised view that reads it, while the old rows can be read.\n\n\
         | view | refresh |\n|---|--:|\n",
    );
    for row in 0..refreshes.rows.len() {
        let view = refreshes.cell(row, "view_name").unwrap_or_default();
        let time = refreshes.number(row, "duration_ms").unwrap_or_default();
        text.push_str(&format!("| {view} | {} |\n", milliseconds(time)));
    }
    text.push_str(&format!("\n{}", index_section(&indexes, comparisons)));
    for comparison in comparisons {
        text.push_str(&section(comparison));
    }
    Ok(text)
}

fn index_section(indexes: &Table, comparisons: &[Comparison]) -> String {
    let mut text = "## Indexes besides the primary keys\n\n\
         Partitions have the same ones. An index that no question uses serves the pipeline: the \
         keys of materialised views let them be refreshed while they are read, and transform finds \
         by the others what a late change touches.\n\n\
         | table | index | columns | used by |\n|---|---|---|---|\n"
        .to_owned();
    for row in 0..indexes.rows.len() {
        let cell = |column| indexes.cell(row, column).unwrap_or_default();
        let name = cell("index");
        let users: Vec<&str> = comparisons
            .iter()
            .filter(|comparison| comparison.after.text.split_whitespace().any(|word| word == name))
            .map(|comparison| comparison.question.name.as_str())
            .collect();
        let definition = cell("definition");
        let columns = definition.split_once(" USING btree ").map_or(definition, |(_, rest)| rest);
        text.push_str(&format!(
            "| {} | {name} | `{columns}` | {} |\n",
            cell("table"),
            if users.is_empty() { "the pipeline".to_owned() } else { users.join(", ") },
        ));
    }
    text
}

fn section(comparison: &Comparison) -> String {
    let Comparison { question, before, after } = comparison;
    let mut text = format!(
        "\n## {0}\n\n{1} [SQL](../sql/analytics/{0}.sql) <!-- sha256 {2} -->\n\n",
        question.name,
        question.title,
        question.checksum(),
    );
    let mut add = |when: &str, plan: &Plan| {
        let time = milliseconds(plan.execution_ms);
        text.push_str(&format!("{when}, {time}:\n\n```text\n{}```\n", plan.text));
    };
    if before.text == after.text {
        add("The same before and after", after);
    } else {
        add("Before", before);
        add("\nAfter", after);
    }
    text
}

fn milliseconds(time: f64) -> String {
    if time < 10.0 { format!("{time:.2} ms") } else { format!("{time:.0} ms") }
}

fn times(ratio: f64) -> String {
    match ratio {
        _ if ratio < 10.0 => format!("{ratio:.1}×"),
        _ if ratio < 1000.0 => format!("{ratio:.0}×"),
        _ => "over 1,000×".to_owned(),
    }
}

async fn execute(client: &Client, sql: &str) -> Result<()> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| database::refused(ErrorKind::Internal, "explain questions", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_shown_once_and_what_varies_not_at_all() {
        let lines = [
            "Append (actual rows=12.00 loops=1)",
            "  ->  Seq Scan on fact_sales_2025_01 f_1 (actual rows=4.00 loops=1)",
            "  ->  Seq Scan on fact_sales_2025_02 f_2 (actual rows=8.00 loops=1)",
            "  ->  Seq Scan on fact_sales_default f_3 (actual rows=0.00 loops=1)",
            "  ->  Seq Scan on dim_date d (actual rows=9.00 loops=1)",
            "        Buckets: 1024  Batches: 1  Memory Usage: 9kB",
            "Planning Time: 0.1 ms",
        ];
        assert_eq!(
            condensed(&lines),
            "Append (actual rows=12 loops=1)\n\
             \x20 ->  Seq Scan on fact_sales_2025_01 f_1 (actual rows=4 loops=1)\n\
             \x20       … and 2 more partitions\n\
             \x20 ->  Seq Scan on dim_date d (actual rows=9 loops=1)\n"
        );
    }

    #[test]
    fn only_scans_of_months_are_partitions() {
        let scan = |name: &str| partition_scan(&format!("  ->  Seq Scan on {name} f"));
        assert_eq!(scan("fact_sales_2025_01"), scan("fact_sales_default"));
        assert_ne!(scan("fact_sales_2025_01"), scan("fact_sessions_2025_01"));
        assert_eq!(scan("fact_sales"), None);
        assert_eq!(scan("dim_date"), None);
    }
}
