//! The document about the plans: a summary, what each index is for, and the plans themselves.

use shopflow_core::Result;
use tokio_postgres::Client;

use super::lookups::Lookup;
use super::{Comparison, Plan, TIMES, report_times};
use crate::analytics::{Question, query};
use crate::table::Table;

const INDEXES: &str = "SELECT t.relname AS table, i.relname AS index,
       pg_get_indexdef(x.indexrelid) AS definition,
       CASE WHEN EXISTS (SELECT FROM pg_constraint WHERE conindid = i.oid) THEN 'a constraint'
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
    let of_facts = questions.iter().filter(|question| question.reads_facts());
    let of_facts: Vec<String> =
        of_facts.map(|question| format!("[{0}](#{0})", question.name)).collect();
    let version = query(client, "SHOW server_version").await?;
    let version = version.rows.first().and_then(|row| row.first()?.as_deref()).unwrap_or("?");
    let version = version.split_whitespace().next().unwrap_or(version);
    let indexes = query(client, INDEXES).await?;
    let mut text = format!(
        "# Query plans\n\n<!-- Written by `{command}`; do not edit. -->\n\n\
         How Postgres {version} answers each question of [sql/analytics](../sql/analytics) on {data}, \
         before and after indexing. *Before* is the same warehouse without secondary indexes; \
         *after* is the schema as it is. Each plan ran on one process; times are the fastest of \
         {TIMES} executions on two cores of a busy machine and vary, the plans do not. `cargo \
         shopflow plans` writes this file again.\n\n\
         Most questions read no sales: `transform` computes small tables of gold from them, and the \
         questions read their copies ([0036](decisions/0036-answers-in-gold.md)). What these do not \
         have is asked of sales: {}.\n\n\
         The report asks a question only when something it reads has changed \
         ([0017](decisions/0017-answers-kept-by-version.md)); these are the costs when it has. All \
         {} questions take {} when all are asked and {} when none has to be.\n\n\
         ## Summary\n\n| question | before | after | faster |\n|---|--:|--:|--:|\n",
        of_facts.join(", "),
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
         Partitions have the same ones. What transform uses an index for stands \
         [further down](#what-transform-looks-up).\n\n\
         | table | index | columns | used by |\n|---|---|---|---|\n"
        .to_owned();
    for row in 0..indexes.rows.len() {
        let cell = |column| indexes.cell(row, column).unwrap_or_default();
        let (name, names) = (cell("index"), cell("names"));
        let of_questions = comparisons.iter().filter(|one| uses(&one.after, names));
        let mut users: Vec<&str> = of_questions.map(|one| one.question.name.as_str()).collect();
        let of_transform = lookups.iter().filter(|one| uses(&one.after, names));
        users.extend(of_transform.map(|one| one.file.as_str()));
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
