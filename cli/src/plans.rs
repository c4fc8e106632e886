//! The plan of every question before and after indexing, as a document, and the plans of what
//! transform looks up ([`lookups`]).
//!
//! Before: the same warehouse without secondary indexes, and with plain views in place of the
//! materialised ones, in a transaction that is rolled back. After: the schema as it is. Plans run on
//! one process and without run-time compilation and show rows, not costs, so that the same data
//! gives the same document but for the times.

pub mod lookups;

use std::fmt::Write;
use std::time::Instant;

use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::Client;

use crate::analytics::cache::ask_all;
use crate::analytics::{Question, query};
use crate::local::database;
use crate::table::Table;
use lookups::Lookup;

/// Executions of each question; the fastest counts.
const TIMES: usize = 3;

const SETTINGS: &str = "SET max_parallel_workers_per_gather = 0; SET jit = off; \
     SET work_mem = '64MB'; SET default_statistics_target = 1000";

/// Takes away what 0008 and the other migrations add for speed.
const WITHOUT_INDEXES: &str = include_str!("plans/without_indexes.sql");

const INDEXES: &str = "SELECT t.relname AS table, i.relname AS index,
       pg_get_indexdef(x.indexrelid) AS definition,
       CASE WHEN t.relkind = 'm' THEN 'its refresh'
            WHEN EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid) THEN 'a constraint'
            ELSE obj_description(i.oid) END AS reason,
       i.relname || coalesce((SELECT string_agg(' ' || part.relname, '') FROM pg_inherits
                              JOIN pg_class AS part ON part.oid = inhrelid
                              WHERE inhparent = i.oid), '') AS names
FROM pg_index AS x
JOIN pg_class AS i ON i.oid = x.indexrelid
JOIN pg_class AS t ON t.oid = x.indrelid
WHERE t.relnamespace IN ('warehouse'::regnamespace, 'core'::regnamespace) AND NOT t.relispartition
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
            let plan = explain(client, question.statement())
                .await
                .map_err(|error| error.with("question", &question.name))?;
            if best.as_ref().is_none_or(|best| plan.execution_ms < best.execution_ms) {
                best = Some(plan);
            }
        }
        plans.extend(best);
    }
    Ok(plans)
}

/// Executes a statement and says how.
async fn explain(client: &Client, statement: &str) -> Result<Plan> {
    let sql =
        format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF, SUMMARY ON) {statement}");
    let answer = query(client, &sql).await?;
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
    // The last partition that was not, and its indent.
    let (mut last, mut of_last): (Option<String>, usize) = (None, 0);
    let mut more = 0;
    // Whatever is indented further belongs to a partition that is left out.
    let mut left_out = usize::MAX;
    for line in lines {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if indent > left_out || varies.iter().any(|start| content.starts_with(start)) {
            continue;
        }
        left_out = usize::MAX;
        let part = partition_scan(line);
        if part.is_some() && part == last {
            more += 1;
            left_out = indent;
            continue;
        }
        finish(&mut text, &mut more);
        if part.is_some() || indent <= of_last {
            (last, of_last) = (part, indent);
        }
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
        let partitions = if *more == 1 { "partition" } else { "partitions" };
        let _ = writeln!(text, "        … and {more} more {partitions}");
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

/// The document about questions and lookups. `data` says what was measured, `command` how to do it again.
///
/// # Errors
/// When Postgres refuses to list its indexes or to answer.
pub async fn document(
    client: &Client,
    (comparisons, lookups): (&[Comparison], &[Lookup]),
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
    text.push_str(&format!("\n{}", index_section(&indexes, comparisons, lookups)));
    for Comparison { question, before, after } in comparisons {
        text.push_str(&format!(
            "\n## {0}\n\n{1} [SQL](../sql/analytics/{0}.sql) <!-- sha256 {2} -->\n\n",
            question.name,
            question.title,
            question.checksum(),
        ));
        add_plans(&mut text, before, after);
    }
    text.push_str(&lookup_section(lookups));
    Ok(text)
}

fn index_section(indexes: &Table, comparisons: &[Comparison], lookups: &[Lookup]) -> String {
    let mut text = "## Indexes besides the primary keys\n\n\
         Partitions have the same ones. The keys of materialised views let them be refreshed while \
         they are read; what transform uses an index for stands \
         [further down](#what-transform-looks-up).\n\n\
         | table | index | columns | used by |\n|---|---|---|---|\n"
        .to_owned();
    for row in 0..indexes.rows.len() {
        let cell = |column| indexes.cell(row, column).unwrap_or_default();
        let (name, names) = (cell("index"), cell("names"));
        let of_questions = comparisons.iter().filter(|one| uses(&one.after, names));
        let mut users: Vec<&str> = of_questions.map(|one| one.question.name.as_str()).collect();
        let of_transform = lookups.iter().filter(|one| uses(&one.after, names));
        users.extend(of_transform.map(|one| one.file));
        users.dedup();
        let definition = cell("definition");
        let columns = definition.split_once(" USING btree ").map_or(definition, |(_, rest)| rest);
        text.push_str(&format!(
            "| {} | {name} | `{columns}` | {} |\n",
            cell("table"),
            if users.is_empty() { cell("reason").to_owned() } else { users.join(", ") },
        ));
    }
    text
}

/// Whether a plan reads one of these indexes, which are apart by spaces.
fn uses(plan: &Plan, names: &str) -> bool {
    plan.text.split_whitespace().any(|word| names.split(' ').any(|name| name == word))
}

fn lookup_section(lookups: &[Lookup]) -> String {
    let mut text = "\n## What transform looks up\n\n\
         The same shop, where ten customers have moved and two products have got another price half a \
         year ago, which only becomes known now, and one day is to be done again. These are the \
         statements of [sql/warehouse](../sql/warehouse) whose plans the indexes change; *before* is \
         also without the key on (entity, begin) of dimensions and histories. Each ran once, since it \
         changes what the next one finds.\n\n\
         | statement | before | after | faster |\n|---|--:|--:|--:|\n"
        .to_owned();
    let changed = || lookups.iter().filter(|lookup| lookup.before.text != lookup.after.text);
    let title = |lookup: &Lookup| format!("{}: {}", lookup.file, lookup.action);
    for lookup in changed() {
        text.push_str(&format!(
            "| {} | {} | {} | {} |\n",
            title(lookup),
            milliseconds(lookup.before.execution_ms),
            milliseconds(lookup.after.execution_ms),
            times(lookup.before.execution_ms / lookup.after.execution_ms.max(0.001)),
        ));
    }
    for lookup in changed() {
        text.push_str(&format!("\n### {}\n\n", title(lookup)));
        add_plans(&mut text, &lookup.before, &lookup.after);
    }
    text
}

fn add_plans(text: &mut String, before: &Plan, after: &Plan) {
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
            "  ->  Bitmap Heap Scan on fact_sales_2025_01 f_1 (actual rows=4.00 loops=1)",
            "        ->  Bitmap Index Scan on fact_sales_2025_01_pkey (actual rows=4.00 loops=1)",
            "  ->  Bitmap Heap Scan on fact_sales_2025_02 f_2 (actual rows=8.00 loops=1)",
            "        ->  Bitmap Index Scan on fact_sales_2025_02_pkey (actual rows=8.00 loops=1)",
            "  ->  Seq Scan on dim_date d (actual rows=9.00 loops=1)",
            "        Buckets: 1024  Batches: 1  Memory Usage: 9kB",
            "Planning Time: 0.1 ms",
        ];
        assert_eq!(
            condensed(&lines),
            "Append (actual rows=12 loops=1)\n\
             \x20 ->  Seq Scan on fact_sales_2025_01 f_1 (actual rows=4 loops=1)\n\
             \x20       … and 2 more partitions\n\
             \x20 ->  Bitmap Heap Scan on fact_sales_2025_01 f_1 (actual rows=4 loops=1)\n\
             \x20       ->  Bitmap Index Scan on fact_sales_2025_01_pkey (actual rows=4 loops=1)\n\
             \x20       … and 1 more partition\n\
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
