//! Answers that are given again while nothing they depend on has changed.
//!
//! Every table and materialised view of the warehouse has a version in `ops.data_versions`, counted
//! by triggers in the transaction that changes it. An answer is kept with the checksum of its
//! question and the versions of all it [reads](Question::reads), both seen in one snapshot, and is
//! given again only when checksum and versions are the same: a load invalidates by what it changes.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::{Map, Value, json};
use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{Answer, Question, ask, query};
use crate::local::database;
use crate::table::Table;

/// Answers and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    pub answers: Vec<Answer>,
    /// How many of them were kept from before.
    pub kept: usize,
    /// Rows of the extra queries, in their order.
    pub extra: Vec<Table>,
}

struct Fresh<'a> {
    question: &'a Question,
    inputs: Value,
    answer: String,
    duration_ms: f64,
}

/// Asks all questions and runs the `extra` queries in one snapshot, so that the answers agree with
/// each other even while a run publishes. Kept answers are not asked again unless `afresh`.
///
/// # Errors
/// When Postgres refuses a question, and with a hint when nothing was loaded yet.
pub async fn ask_all(
    client: &Client,
    questions: &[Question],
    extra: &[&str],
    afresh: bool,
) -> Result<Answers> {
    execute(client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let outcome = ask_in_snapshot(client, questions, extra, afresh).await;
    // A failed statement has ended the work of the transaction; this ends the transaction.
    let ended = execute(client, "ROLLBACK").await;
    let (answers, fresh) = outcome?;
    ended?;
    for answer in &fresh {
        if !keep(client, answer).await? {
            break;
        }
    }
    Ok(answers)
}

async fn ask_in_snapshot<'a>(
    client: &Client,
    questions: &'a [Question],
    extra: &[&str],
    afresh: bool,
) -> Result<(Answers, Vec<Fresh<'a>>)> {
    let versions = versions(client).await?;
    let mut known = if afresh { HashMap::new() } else { kept(client).await? };
    let mut answers = Vec::with_capacity(questions.len());
    let mut fresh = Vec::new();
    let mut reused = 0;
    for question in questions {
        let inputs = inputs(question, &versions);
        let found = known.remove(&question.name).filter(|kept| {
            kept.checksum == question.checksum() && Some(&kept.inputs) == inputs.as_ref()
        });
        if let Some(table) = found.and_then(|kept| decode(&kept.answer)) {
            reused += 1;
            answers.push(Answer { question: question.clone(), table });
            continue;
        }
        let began = Instant::now();
        let answer = ask(client, question).await?;
        let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
        if let Some(inputs) = inputs {
            fresh.push(Fresh { question, inputs, answer: encode(&answer.table), duration_ms });
        }
        answers.push(answer);
    }
    let mut tables = Vec::with_capacity(extra.len());
    for sql in extra {
        tables.push(query(client, sql).await?);
    }
    Ok((Answers { answers, kept: reused, extra: tables }, fresh))
}

/// The versions of what a question reads; none when one of them is not counted, so that its answer
/// is not kept.
fn inputs(question: &Question, versions: &HashMap<String, i64>) -> Option<Value> {
    let known: Option<Map<String, Value>> = question
        .reads
        .iter()
        .map(|table| Some((table.clone(), json!(versions.get(table)?))))
        .collect();
    known.filter(|inputs| !inputs.is_empty()).map(Value::Object)
}

async fn versions(client: &Client) -> Result<HashMap<String, i64>> {
    let rows = client
        .query("SELECT table_name, version FROM ops.data_versions", &[])
        .await
        .map_err(|error| {
            database::refused(ErrorKind::Internal, "read data versions", error)
                .hint("the tables are made by the first run: `cargo shopflow run`")
        })?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

struct Kept {
    checksum: String,
    inputs: Value,
    answer: String,
}

async fn kept(client: &Client) -> Result<HashMap<String, Kept>> {
    let rows = client
        .query("SELECT question, checksum, inputs::text, answer::text FROM ops.report_cache", &[])
        .await
        .map_err(|error| database::refused(ErrorKind::Internal, "read kept answers", error))?;
    Ok(rows
        .iter()
        .filter_map(|row| {
            let inputs = serde_json::from_str(row.get(2)).ok()?;
            Some((row.get(0), Kept { checksum: row.get(1), inputs, answer: row.get(3) }))
        })
        .collect())
}

/// Keeps an answer; false when this login may only read, which is no reason to give no report.
async fn keep(client: &Client, fresh: &Fresh<'_>) -> Result<bool> {
    let stored = client
        .execute(
            "INSERT INTO ops.report_cache AS c (question, checksum, inputs, answer, duration_ms) \
             VALUES ($1, $2, $3::text::jsonb, $4::text::jsonb, $5) \
             ON CONFLICT (question) DO UPDATE SET checksum = excluded.checksum, \
                 inputs = excluded.inputs, answer = excluded.answer, \
                 answered_at = excluded.answered_at, duration_ms = excluded.duration_ms",
            &[
                &fresh.question.name,
                &fresh.question.checksum(),
                &fresh.inputs.to_string(),
                &fresh.answer,
                &fresh.duration_ms,
            ],
        )
        .await;
    match stored {
        Ok(_) => Ok(true),
        Err(error) if may_not_write(error.code()) => Ok(false),
        Err(error) => Err(database::refused(ErrorKind::Internal, "keep answer", error)),
    }
}

fn may_not_write(code: Option<&SqlState>) -> bool {
    code.is_some_and(|code| {
        [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::READ_ONLY_SQL_TRANSACTION].contains(code)
    })
}

fn encode(table: &Table) -> String {
    json!({"columns": table.columns, "rows": table.rows}).to_string()
}

/// An answer as [`encode`] wrote it; none when it is something else.
fn decode(text: &str) -> Option<Table> {
    #[derive(serde::Deserialize)]
    struct Encoded {
        columns: Vec<String>,
        rows: Vec<Vec<Option<String>>>,
    }
    let Encoded { columns, rows } = serde_json::from_str(text).ok()?;
    Some(Table { columns, rows })
}

async fn execute(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error: tokio_postgres::Error| -> Error {
        database::refused(ErrorKind::Internal, "read the warehouse", error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_back_as_it_was() {
        let mut table = Table::new(&["name", "n"]);
        table.rows.push(vec![Some("a \"b\"\n".to_owned()), None]);
        assert_eq!(decode(&encode(&table)), Some(table));
        assert_eq!(decode("{}"), None);
    }

    #[test]
    fn an_answer_is_not_kept_when_a_table_is_not_counted() {
        let question = |reads: &[&str]| Question {
            reads: reads.iter().map(|name| (*name).to_owned()).collect(),
            ..Question::default()
        };
        let versions = HashMap::from([("w.a".to_owned(), 3)]);
        assert_eq!(inputs(&question(&["w.a"]), &versions), Some(json!({"w.a": 3})));
        assert_eq!(inputs(&question(&["w.a", "w.b"]), &versions), None);
        assert_eq!(inputs(&question(&[]), &versions), None);
    }
}
