//! Rows that were refused are repaired, replayed and loaded: nothing is lost, nothing overwritten.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shopflow::execution::Poll;
use shopflow::quarantine::accept;
use shopflow::quarantine::files;
use shopflow::quarantine::replay::{self, Replay};
use shopflow::quarantine::rows::Rows;
use shopflow::quarantine::{Account, Entry, Filter, Request, export};
use shopflow_core::Dataset;
use shopflow_testkit::wait;
use shopflow_tests::{Cloud, Ledger, customers, products, transactions};

/// A file of 40 products of which two have no price.
fn products_with_defects() -> String {
    products(1..41).replacen(",7.50,", ",7.5x,", 1).replacen(",30.50,", ",-30.50,", 1)
}

fn filter(run_id: &str, dataset: Dataset) -> Filter {
    Filter { run_id: Some(run_id.to_owned()), dataset: Some(dataset), part: None }
}

fn request(run_id: &str, dataset: Dataset, file: Option<PathBuf>) -> Request {
    Request {
        run_id: run_id.to_owned(),
        dataset,
        part: None,
        file,
        rule: None,
        again: false,
        by: "ana".to_owned(),
    }
}

async fn entry(cloud: &Cloud, run_id: &str, dataset: Dataset) -> Entry {
    let mut entries = files::of_run(&cloud.target, &filter(run_id, dataset)).await.unwrap();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

/// Replays and waits; the account of the run, which must have succeeded.
async fn replayed(cloud: &Cloud, request: &Request) -> (Replay, Account) {
    let mut replay = replay::start(&cloud.target, request).await.unwrap();
    assert!(!replay.known);
    let outcome = replay.execution.wait(Poll::local(), |_| ()).await.unwrap();
    assert!(outcome.succeeded(), "{outcome:?}");
    let account = replay.finish(&cloud.target, &outcome).await.unwrap().unwrap();
    assert!(account.is_balanced(), "{account:?}");
    cloud.ledger(replay.execution.name()).await.assert_balanced();
    (replay, account)
}

/// Exports the rows of a run and changes them.
async fn repaired(
    cloud: &Cloud,
    entry: &Entry,
    folder: &Path,
    repair: impl Fn(String) -> String,
) -> PathBuf {
    let path = folder.join("rows.csv");
    let saved = export::save(&cloud.target.storage(), entry, None, &path).await.unwrap();
    assert_eq!((saved.rows, saved.cut, saved.doubt), (entry.rows, 0, None));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "rows may be personal");
    let repaired = repair(std::fs::read_to_string(&path).unwrap());
    std::fs::write(&path, repaired).unwrap();
    path
}

async fn prices(cloud: &Cloud) -> Vec<(i64, String)> {
    let query = "SELECT id, price::text FROM core.products WHERE NOT is_inferred ORDER BY id";
    let rows = cloud.database.query(query, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn repaired_rows_are_loaded_and_every_row_is_accounted_for() {
    let cloud = Cloud::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let run = cloud.run_files(&[("products", products_with_defects())]).await.expect_success();
    assert_eq!(prices(&cloud).await.len(), 38);

    let found = entry(&cloud, &run.name, Dataset::Products).await;
    assert_eq!((found.rows, found.rows_good, found.rows_replayed()), (2, Some(38), 0));
    let rules: Vec<&str> = found.reasons.iter().map(|reason| reason.rule.as_str()).collect();
    assert_eq!(rules, ["invalid_price", "price_not_positive"]);
    let again = export::save(&cloud.target.storage(), &found, None, folder.path()).await;
    assert!(again.is_err(), "an existing path is not overwritten");

    let path = repaired(&cloud, &found, folder.path(), |rows| {
        assert!(rows.starts_with("id,name,category,price,supplier\n7,"), "{rows}");
        rows.replace("7.5x", "7.50").replace("-30.50", "30.50")
    })
    .await;
    let asked = request(&run.name, Dataset::Products, Some(path));
    let (first, account) = replayed(&cloud, &asked).await;
    let expected = Account { rows_in: 2, rows_loaded: 2, rows_quarantined: 0, rows_unchanged: 0 };
    assert_eq!(account, expected);

    let expected: Vec<(i64, String)> = (1..41).map(|id| (id, format!("{id}.50"))).collect();
    assert_eq!(prices(&cloud).await, expected);
    // Over both runs: 40 rows came, 40 rows are loaded; only the first run refused any.
    let (first_run, replay_run) =
        (cloud.ledger(&run.name).await, cloud.ledger(first.execution.name()).await);
    let loaded =
        first_run.line("load", "products").loaded + replay_run.line("load", "products").loaded;
    assert_eq!(loaded, first_run.line("validate", "products").rows_in);
    assert_eq!(replay_run.line("validate", "products").quarantined, 0);
    Ledger::assert_conserved(&cloud.database).await;

    let found = entry(&cloud, &run.name, Dataset::Products).await;
    assert_eq!(found.rows_replayed(), 2);
    let record = &found.replays[0];
    assert_eq!((record.status.as_str(), record.by.as_str()), ("succeeded", "ana"));
    assert_eq!(record.run_id, first.execution.name());
    assert_eq!((record.file.as_deref(), record.account), (Some("rows.csv"), Some(account)));

    // The same once more: nothing is started, nothing changes.
    let runs = cloud.executions("").await;
    let second = replay::start(&cloud.target, &asked).await.unwrap();
    assert!(second.known);
    assert_eq!(second.execution.name(), first.execution.name());
    assert_eq!(cloud.executions("").await, runs);
    // And if it is asked for: every row is there already.
    let (third, account) = replayed(&cloud, &Request { again: true, ..asked }).await;
    assert_ne!(third.execution.name(), first.execution.name());
    assert_eq!((account.rows_in, account.rows_unchanged), (2, 2));
    assert_eq!(prices(&cloud).await, expected);
}

#[tokio::test]
async fn a_replay_overwrites_neither_later_files_nor_good_rows_of_its_own() {
    let cloud = Cloud::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let header = "id,name,category,price,supplier\n";
    let before = format!("{header}7,Thing 7,books,1.00,Acme\n");
    cloud.run_files(&[("products", before)]).await.expect_success();
    wait::next_second().await;
    // Product 5 twice: the first row is the good one.
    let twice = products_with_defects() + "5,Thing 5,books,99.00,Acme\n";
    let run = cloud.run_bad_files(&[("products", twice)]).await.expect_success();
    wait::next_second().await;
    let later = format!("{header}30,Thing 30,books,77.00,Acme\n");
    cloud.run_files(&[("products", later)]).await.expect_success();

    let found = entry(&cloud, &run.name, Dataset::Products).await;
    assert_eq!(found.rows, 3);
    let path = repaired(&cloud, &found, folder.path(), |rows| {
        rows.replace("7.5x", "7.50").replace("-30.50", "30.50")
    })
    .await;
    let (replay, account) =
        replayed(&cloud, &request(&run.name, Dataset::Products, Some(path))).await;
    let expected = Account { rows_in: 3, rows_loaded: 1, rows_quarantined: 0, rows_unchanged: 2 };
    assert_eq!(account, expected);

    let prices = prices(&cloud).await;
    let price = |id: i64| prices.iter().find(|row| row.0 == id).unwrap().1.as_str();
    assert_eq!(price(7), "7.50", "the earlier file is overwritten");
    assert_eq!(price(30), "77.00", "the later file stays");
    assert_eq!(price(5), "5.50", "the good row of the same file stays");
    // The history of product 30 has the repaired price, for the time before the later file.
    let history = "SELECT count(*) FROM core.product_history WHERE id = 30 AND price = 30.50";
    assert_eq!(cloud.count(history).await, 1);
    // In the order of sources the replay stands at the moment of the original.
    let moments = "SELECT count(DISTINCT effective_at) FROM core.sources WHERE run_id = ANY($1)";
    let runs = [run.name.as_str(), replay.execution.name()];
    let moments: i64 = cloud.database.query_one(moments, &[&&runs[..]]).await.unwrap().get(0);
    assert_eq!(moments, 1);
}

#[tokio::test]
async fn rows_as_they_are_are_refused_again_and_stay_accounted_for() {
    let cloud = Cloud::fresh().await;
    // Columns in an order of their own, and one the dataset does not know.
    let mut file = String::from("name,id,note,email,registration_date,country\n");
    for id in 1..41 {
        let country = if id % 20 == 0 { "Lindqvist" } else { "DE" };
        file.push_str(&format!(
            "Person {id},{id},\"a, b\",p{id}@example.com,2024-01-05,{country}\n"
        ));
    }
    let run = cloud.run_files(&[("customers", file)]).await.expect_success();
    let found = entry(&cloud, &run.name, Dataset::Customers).await;
    assert_eq!(found.rows, 2);

    // Every row of the replay is refused, which is above the limit: the run fails, as it should.
    let asked = request(&run.name, Dataset::Customers, None);
    let mut replay = replay::start(&cloud.target, &asked).await.unwrap();
    assert_eq!(replay.rows(), Some(2));
    let outcome = replay.execution.wait(Poll::local(), |_| ()).await.unwrap();
    assert_eq!(outcome.error.as_deref(), Some("InvalidInput"));
    let account = replay.finish(&cloud.target, &outcome).await.unwrap().unwrap();
    assert_eq!((account.rows_in, account.rows_quarantined), (2, 2));
    assert!(account.is_balanced());
    let refused = entry(&cloud, replay.execution.name(), Dataset::Customers).await;
    assert_eq!(refused.reasons[0].rule, "invalid_country");
    let storage = cloud.target.storage();
    let (mut before, mut after) = (
        Rows::open(&storage, &found.object()).await.unwrap(),
        Rows::open(&storage, &refused.object()).await.unwrap(),
    );
    while let Some(row) = before.next().await.unwrap() {
        assert_eq!(after.next().await.unwrap().unwrap().row, row.row);
    }
    // A failed attempt is noted and does not stand in the way of the next one.
    let found = entry(&cloud, &run.name, Dataset::Customers).await;
    assert_eq!((found.replays[0].status.as_str(), found.rows_replayed()), ("failed", 0));
    let next = replay::start(&cloud.target, &asked).await.unwrap();
    assert_ne!(next.execution.name(), replay.execution.name());
    next.execution.wait(Poll::local(), |_| ()).await.unwrap();
}

#[tokio::test]
async fn rows_are_loaded_as_they_are_when_their_rule_has_changed() {
    let cloud = Cloud::fresh().await;
    // A row that a stricter rule of its time refused, as its quarantine file says: the rules of
    // today take it.
    let run = cloud.run_files(&[("transactions", transactions_with_a_defect())]).await;
    let run = run.expect_success();
    let found = entry(&cloud, &run.name, Dataset::Transactions).await;
    let content = String::from_utf8(cloud.read(&cloud.landing, &found.key).await).unwrap();
    let content = content.replace(",0,2024", ",3,2024");
    let put = cloud.s3.put_object().bucket(&cloud.landing).key(&found.key);
    put.body(content.into_bytes().into()).send().await.unwrap();

    let asked = Request {
        rule: Some("zero".to_owned()),
        ..request(&run.name, Dataset::Transactions, None)
    };
    let (_, account) = replayed(&cloud, &asked).await;
    assert_eq!((account.rows_in, account.rows_loaded), (1, 1));
    assert_eq!(cloud.count("SELECT count(*) FROM core.transactions").await, 30);
    assert_eq!(cloud.count("SELECT count(*) FROM warehouse.fact_sales").await, 30);
}

fn transactions_with_a_defect() -> String {
    let file = transactions(1..31);
    let row = file.lines().nth(11).unwrap();
    let mut fields: Vec<&str> = row.split(',').collect();
    fields[3] = "0";
    file.replace(row, &fields.join(","))
}

#[tokio::test]
async fn clicks_are_replayed_as_lines() {
    let cloud = Cloud::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let line = |number: u32, device: &str| {
        let event = json!({
            "event_id": format!("00000000-0000-4000-8000-{number:012}"), "session_id": "s-1",
            "event_type": "page_view", "url": "/", "device": device, "country": "DE",
            "timestamp": "2024-03-01T10:00:00Z",
        });
        format!("{event}\n")
    };
    let file: String =
        (1..31).map(|n| line(n, if n == 9 { "toaster" } else { "mobile" })).collect();
    let run = cloud.run_files(&[("clickstream", file)]).await.expect_success();
    let found = entry(&cloud, &run.name, Dataset::Clickstream).await;
    let path = repaired(&cloud, &found, folder.path(), |rows| {
        let event: Value = serde_json::from_str(rows.trim_end()).unwrap();
        assert_eq!(event["device"], "toaster");
        rows.replace("toaster", "tablet")
    })
    .await;
    let (_, account) =
        replayed(&cloud, &request(&run.name, Dataset::Clickstream, Some(path))).await;
    assert_eq!((account.rows_in, account.rows_quarantined), (1, 0));
    Ledger::assert_conserved(&cloud.database).await;
}

/// Every second of 40 products has no price.
fn half_bad() -> String {
    let file = products(1..41);
    let lines = file.lines().enumerate().map(|(number, line)| match number % 2 {
        1 => format!("{}\n", line.replace(".50,", ".5x,")),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[tokio::test]
async fn a_file_over_its_limit_is_held_and_loaded_once_after_a_decision() {
    let cloud = Cloud::fresh().await;
    let folder = tempfile::tempdir().unwrap();
    let run = cloud.run_files(&[("products", half_bad())]).await.expect_failure("InvalidInput");
    let told = format!(
        "load the 20 good ones, which are held, with `cargo shopflow quarantine accept {} --why <reason>`",
        run.name
    );
    assert!(run.cause.contains(&told), "{}", run.cause);
    assert!(prices(&cloud).await.is_empty());
    let found = entry(&cloud, &run.name, Dataset::Products).await;
    assert_eq!((found.rows, found.rows_held(), found.can_be_accepted), (20, 20, true));
    let as_is = request(&run.name, Dataset::Products, None);
    let error = replay::start(&cloud.target, &as_is).await.unwrap_err().to_string();
    assert!(error.contains("quarantine accept"), "{error}");

    let decided = accept::Request {
        run_id: run.name.clone(),
        dataset: None,
        part: None,
        by: "ana".to_owned(),
        why: "the till was broken".to_owned(),
    };
    let accepted = accept::start(&cloud.target, &decided).await.unwrap();
    assert!(!accepted.known);
    assert_eq!((accepted.rows_held, accepted.files()), (20, (1, 1)));
    let name = accepted.execution.name().to_owned();
    // Somebody else decides the same meanwhile: it is done once, and on the first word.
    let second = accept::Request { by: "ben".to_owned(), ..decided.clone() };
    let second = accept::start(&cloud.target, &second).await.unwrap();
    assert!(accepted.execution.is_started_here() && !second.execution.is_started_here());
    assert_eq!((second.execution.name(), second.decision.by.as_str()), (name.as_str(), "ana"));
    let outcome = accepted.execution.wait(Poll::local(), |_| ()).await.unwrap();
    assert!(outcome.succeeded(), "{outcome:?}");
    let accounts = accepted.finish(&cloud.target, &outcome).await.unwrap();
    let expected =
        Account { rows_in: 40, rows_loaded: 20, rows_quarantined: 20, rows_unchanged: 0 };
    assert_eq!(accounts[&Dataset::Products], expected);
    cloud.ledger(&name).await.assert_balanced();
    Ledger::assert_conserved(&cloud.database).await;
    assert_eq!(prices(&cloud).await.len(), 20);

    // The decision is with the run, in the report of the file, and beside its quarantine file.
    let kept = format!(
        "SELECT count(*) FROM ops.runs WHERE run_id = '{name}'
         AND input::jsonb #>> '{{source,decision,why}}' = 'the till was broken'"
    );
    assert_eq!(cloud.count(&kept).await, 1);
    let reports = cloud.keys(&cloud.reports, &format!("validation/run_id={name}/")).await;
    let report = cloud.read(&cloud.reports, &reports[0]).await;
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((&report["accepted"], &report["decision"]["by"]), (&json!(true), &json!("ana")));
    let found = entry(&cloud, &run.name, Dataset::Products).await;
    let record = found.accepted().unwrap();
    assert_eq!((record.run_id.as_str(), record.decision.by.as_str()), (name.as_str(), "ana"));
    assert_eq!(found.rows_held(), 0);

    // Once more: nothing is started.
    let runs = cloud.executions("").await;
    let again = accept::start(&cloud.target, &decided).await.unwrap();
    assert!(again.known);
    assert_eq!((again.execution.name(), cloud.executions("").await), (name.as_str(), runs));

    // The refused rows are now those of the run that has loaded the others.
    let error = replay::start(&cloud.target, &as_is).await.unwrap_err().to_string();
    assert!(error.contains(&format!("quarantine replay {name} products")), "{error}");
    let refused = entry(&cloud, &name, Dataset::Products).await;
    let path = repaired(&cloud, &refused, folder.path(), |rows| rows.replace(".5x", ".50")).await;
    let (_, account) = replayed(&cloud, &request(&name, Dataset::Products, Some(path))).await;
    assert_eq!((account.rows_in, account.rows_loaded), (20, 20));
    assert_eq!(prices(&cloud).await.len(), 40);
}

#[tokio::test]
async fn files_that_a_run_did_not_come_to_validate_are_named_when_others_are_accepted() {
    let cloud = Cloud::fresh().await;
    let at = |name: &str| format!("incoming/products/run_id=both/{name}.csv");
    let (key, gone) = (at("half"), at("gone"));
    let version = cloud.land_at(&key, "both", half_bad()).await;
    let half = json!({"bucket": cloud.landing, "key": key, "version_id": version});
    let objects = [half.clone(), json!({"bucket": cloud.landing, "key": gone})];
    let input = json!({"source": {"kind": "objects", "objects": objects}});
    let name = shopflow_testkit::unique("both");
    let arn = cloud.start(&cloud.pipeline, &name, &input).await;
    let run = cloud.wait(&arn).await;
    assert!(run.cause.contains("gone.csv"), "{run:?}");
    // The run may have ended before the other file was judged.
    let event = json!({"run_id": name, "run_date": "2026-01-15", "object": half}).to_string();
    let validate = cloud.target.stack.function("validate");
    let answer = cloud.target.invoke(&validate, event).await.unwrap();
    assert!(answer.function_error.is_none(), "{answer:?}");

    let (dataset, part) = (None, None);
    let (by, why) = ("ana".to_owned(), "known".to_owned());
    let decided = accept::Request { run_id: name.clone(), dataset, part, by, why };
    let accepted = accept::start(&cloud.target, &decided).await.unwrap();
    assert_eq!(accepted.files(), (1, 1));
    let unjudged: Vec<&str> = accepted.unjudged.iter().map(|file| &file.key[..]).collect();
    assert_eq!(unjudged, [gone.as_str()]);
    let outcome = accepted.execution.wait(Poll::local(), |_| ()).await.unwrap();
    assert!(outcome.succeeded(), "{outcome:?}");
    let accounts = accepted.finish(&cloud.target, &outcome).await.unwrap();
    let text = accepted.render(&outcome, &accounts);
    assert!(text.contains(&format!("run {name} had not validated")), "{text}");
    assert!(text.contains("gone.csv"), "{text}");
}

#[tokio::test]
async fn a_rejected_file_is_repaired_as_a_whole() {
    let cloud = Cloud::fresh().await;
    let file = customers(1..21).replace("@example.com", " at example.com").replacen(
        "person1 at example.com",
        "person1@example.com",
        1,
    );
    let run = cloud.run_files(&[("customers", file)]).await.expect_failure("InvalidInput");
    let error = replay::start(&cloud.target, &request(&run.name, Dataset::Customers, None)).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("rejected as a whole") && text.contains("rows_good=1"), "{text}");

    // What the list and the rows show of it names nobody.
    let found = entry(&cloud, &run.name, Dataset::Customers).await;
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("Person") && !text.contains(" at example"), "{text}");
    let nothing = files::of_run(&cloud.target, &filter("no-such-run", Dataset::Customers)).await;
    assert!(nothing.unwrap_err().to_string().contains("quarantine list"));
}
