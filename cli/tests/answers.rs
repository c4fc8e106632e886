//! Answers are kept until something they read changes, and somebody's own materialised views are
//! refreshed when what they read has changed.

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

/// Materialised views as a user may make them: two read the sales, one of them through a plain view,
/// and one does not.
const OWN_VIEWS: &str = "
CREATE MATERIALIZED VIEW warehouse.product_days AS
SELECT product_id, event_date, count(*) AS sales FROM warehouse.sales GROUP BY 1, 2;
CREATE UNIQUE INDEX ON warehouse.product_days (product_id, event_date);
CREATE MATERIALIZED VIEW warehouse.units_sold AS
SELECT sum(quantity) AS units FROM warehouse.fact_sales;
CREATE UNIQUE INDEX ON warehouse.units_sold (units);
CREATE MATERIALIZED VIEW warehouse.countries AS
SELECT country, count(*) AS customers FROM warehouse.current_customers GROUP BY 1;
CREATE UNIQUE INDEX ON warehouse.countries (country);";

#[tokio::test(flavor = "multi_thread")]
async fn own_views_are_refreshed_once_per_change_and_only_those_that_read_it() {
    let client = shop::filled(0.02).await;
    let refresh = "SELECT ops.refresh_views()::bigint";
    assert_eq!(number(&client, refresh).await, 0, "the warehouse itself has no such views");
    execute(&client, OWN_VIEWS).await;
    assert_eq!(number(&client, refresh).await, 3, "they are new");
    assert_eq!(number(&client, refresh).await, 0);
    let sold = "SELECT sum(sales)::bigint FROM warehouse.product_days";
    let before = number(&client, sold).await;
    execute(
        &client,
        "DELETE FROM warehouse.fact_sales
         WHERE transaction_id = (SELECT min(transaction_id) FROM warehouse.fact_sales)",
    )
    .await;
    assert_eq!(number(&client, sold).await, before, "a view shows its last refresh");
    assert_eq!(number(&client, refresh).await, 2);
    assert_eq!(number(&client, sold).await, before - 1);
    assert_eq!(number(&client, refresh).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_counted() {
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
