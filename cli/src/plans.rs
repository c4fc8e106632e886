//! The plan of every question before and after indexing, the plans of what transform looks up
//! ([`lookups`]), and the document about both ([`document()`]).
//!
//! Before: the same warehouse without secondary indexes, in a transaction that is rolled back. After:
//! the schema as it is. Plans run on one process and without run-time compilation and show rows, not
//! costs, so that the same data gives the same document but for the times.

mod condensed;
mod document;
pub mod lookups;

use std::time::Instant;

use shopflow_core::{Error, ErrorKind, Result};
use tokio_postgres::Client;

use crate::analytics::cache::ask_all;
use crate::analytics::{Question, query};
use crate::local::database;
use condensed::condensed;
pub use document::document;

/// Executions of each question; the fastest counts.
const TIMES: usize = 3;

const SETTINGS: &str = "SET max_parallel_workers_per_gather = 0; SET jit = off; \
     SET work_mem = '64MB'; SET default_statistics_target = 1000";

/// Takes away what 0008 and the other migrations add for speed.
const WITHOUT_INDEXES: &str = include_str!("plans/without_indexes.sql");

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
        .ok_or_else(|| Error::internal("the plan has no execution time"))?;
    Ok(Plan { text: condensed(&lines), execution_ms })
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

async fn execute(client: &Client, sql: &str) -> Result<()> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| database::refused(ErrorKind::Internal, "explain questions", error))
}
