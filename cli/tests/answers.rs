//! Answers are kept until something they read changes, and views are fresh after a publication.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use shopflow::analytics::cache::ask_all;
use shopflow::analytics::{Question, query};
use shopflow::report::Report;
use tokio_postgres::Client;

async fn execute(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap();
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

fn only(name: &str) -> Vec<Question> {
    shop::questions().into_iter().filter(|question| question.name == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_until_something_it_reads_changes() {
    let client = shop::filled(0.02).await;
    let questions = shop::questions();
    let all = questions.len();
    let first = Report::gather(&client, &questions, false).await.unwrap();
    assert_eq!(first.kept, 0);
    let second = Report::gather(&client, &questions, false).await.unwrap();
    assert_eq!(second.kept, all);
    assert_eq!(second.answers, first.answers);

    execute(&client, "UPDATE warehouse.monthly_sales SET revenue = revenue + 1").await;
    let third = Report::gather(&client, &questions, false).await.unwrap();
    assert_eq!(third.kept, all - 1, "only the monthly trend reads that table");
    let trend = |report: &Report| {
        let found = report.answers.iter().find(|a| a.question.name == "monthly_revenue_trend");
        found.unwrap().table.clone()
    };
    assert_ne!(trend(&third), trend(&first));
    assert_eq!(Report::gather(&client, &questions, true).await.unwrap().kept, 0, "asked afresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_rolled_back_or_not_yet_committed_changes_no_answer() {
    let client = shop::filled(0.02).await;
    let questions = only("top_customers");
    ask_all(&client, &questions, &[], false).await.unwrap();
    execute(&client, "BEGIN; DELETE FROM warehouse.customer_lifetime_value; ROLLBACK").await;
    assert_eq!(ask_all(&client, &questions, &[], false).await.unwrap().kept, 1);
    execute(&client, "TRUNCATE warehouse.customer_lifetime_value").await;
    let empty = ask_all(&client, &questions, &[], false).await.unwrap();
    assert_eq!((empty.kept, empty.answers[0].table.rows.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_question_is_asked_again() {
    let client = shop::filled(0.02).await;
    let mut questions = only("basket_size");
    ask_all(&client, &questions, &[], false).await.unwrap();
    questions[0].sql.push_str("-- another word\n");
    assert_eq!(ask_all(&client, &questions, &[], false).await.unwrap().kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_only_read_gets_its_answers() {
    let client = shop::filled(0.02).await;
    execute(&client, "SET default_transaction_read_only = on").await;
    let questions = shop::questions();
    for _ in 0..2 {
        let report = Report::gather(&client, &questions, false).await.unwrap();
        assert_eq!((report.kept, report.answers.len()), (0, questions.len()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_question_leaves_the_connection_usable() {
    let client = shop::migrated().await;
    let mut questions = only("basket_size");
    questions[0].sql = "SELECT nothing".to_owned();
    let error = ask_all(&client, &questions, &[], false).await.unwrap_err().to_string();
    assert!(error.contains("basket_size"), "{error}");
    assert_eq!(number(&client, "SELECT 1::bigint").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_refreshed_once_per_change_and_only_those_that_read_it() {
    let client = shop::filled(0.02).await;
    let refresh = "SELECT ops.refresh_views()::bigint";
    assert_eq!(number(&client, refresh).await, 0, "the sample has just refreshed them");
    let sold = "SELECT sum(transactions)::bigint FROM warehouse.category_sales";
    let before = number(&client, sold).await;
    execute(
        &client,
        "DELETE FROM warehouse.fact_sales
         WHERE transaction_id = (SELECT min(transaction_id) FROM warehouse.fact_sales)",
    )
    .await;
    assert_eq!(number(&client, sold).await, before, "a view shows its last refresh");
    let readers = number(
        &client,
        "SELECT count(*) FROM ops.view_inputs WHERE table_name = 'warehouse.fact_sales'",
    )
    .await;
    let views = number(&client, "SELECT count(DISTINCT view_name) FROM ops.view_inputs").await;
    assert!(readers > 0 && readers < views, "{readers} of {views}");
    assert_eq!(number(&client, refresh).await, readers);
    assert_eq!(number(&client, sold).await, before - 1);
    assert_eq!(number(&client, refresh).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_counted_and_every_view_can_be_refreshed_while_it_is_read() {
    let client = shop::migrated().await;
    let uncounted = query(
        &client,
        "SELECT relname FROM pg_class AS t
         WHERE relnamespace = 'warehouse'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition
           AND NOT EXISTS (SELECT FROM pg_trigger
                           WHERE tgrelid = t.oid AND tgfoid = 'ops.count_change'::regproc)",
    )
    .await
    .unwrap();
    assert!(uncounted.rows.is_empty(), "without the trigger count_change: {:?}", uncounted.rows);
    let without_key = query(
        &client,
        "SELECT relname FROM pg_class AS v
         WHERE relnamespace = 'warehouse'::regnamespace AND relkind = 'm'
           AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = v.oid AND indisunique
                           AND indpred IS NULL AND indexprs IS NULL)",
    )
    .await
    .unwrap();
    assert!(without_key.rows.is_empty(), "without a unique index: {:?}", without_key.rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_reads_what_it_says_and_depends_on_nothing_else() {
    let client = shop::migrated().await;
    for question in shop::questions() {
        let statement = question.statement().trim_end().trim_end_matches(';').to_owned();
        execute(&client, &format!("CREATE VIEW public.question AS {statement}")).await;
        let read = query(
            &client,
            "SELECT DISTINCT format('%s.%s', s.nspname, r.relname)
             FROM pg_rewrite AS w
             JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
             JOIN pg_class AS r ON r.oid = d.refobjid
             JOIN pg_namespace AS s ON s.oid = r.relnamespace
             WHERE w.ev_class = 'public.question'::regclass ORDER BY 1",
        )
        .await
        .unwrap();
        execute(&client, "DROP VIEW public.question").await;
        let mut said = question.reads.clone();
        said.sort();
        let found: Vec<String> = read.rows.into_iter().flatten().flatten().collect();
        assert_eq!(said, found, "{}: the line Reads is wrong", question.name);
        let sql = question.statement().to_lowercase();
        for moment in ["now()", "current_date", "current_timestamp", "clock_timestamp", "random("] {
            assert!(!sql.contains(moment), "{} depends on {moment}", question.name);
        }
        assert!(question.chart.is_some() && !question.grain.is_empty(), "{}", question.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_warehouse_has_a_report() {
    let client = shop::migrated().await;
    let report = Report::gather(&client, &shop::questions(), false).await.unwrap();
    for answer in &report.answers {
        assert!(answer.table.rows.is_empty(), "{}", answer.question.name);
    }
    assert!(!report.page("local").contains("<svg"));
}
