use chrono::DateTime;
use shopflow_core::contract::SourceObject;
use shopflow_core::{LedgerEntry, Stage};

use super::*;
use crate::quarantine::files::Reason;

fn entry(part: &str) -> Entry {
    let moment = DateTime::from_timestamp(1_768_469_400, 0).unwrap();
    Entry {
        run_id: "run-1".to_owned(),
        dataset: Dataset::Products,
        part: part.to_owned(),
        bucket: "landing".to_owned(),
        key: format!("quarantine/products/run_id=run-1/{part}.csv"),
        quarantined_at: moment,
        rows: 3,
        reasons: vec![
            Reason { rule: "invalid_price".to_owned(), column: "price".to_owned(), rows: 2 },
            Reason { rule: "field_count".to_owned(), column: String::new(), rows: 1 },
        ],
        source: Some(SourceObject {
            bucket: "landing".to_owned(),
            key: "incoming/products/p.csv".to_owned(),
            version_id: "v1".to_owned(),
            bytes: 100,
            modified_at: moment,
            effective_at: moment,
        }),
        rows_good: Some(40),
        rejection: None,
        can_be_accepted: false,
        replays: Vec::new(),
        acceptances: Vec::new(),
    }
}

fn request() -> Request {
    Request {
        run_id: "run-1".to_owned(),
        dataset: Dataset::Products,
        part: None,
        file: None,
        rule: None,
        again: false,
        by: "ana".to_owned(),
    }
}

#[test]
fn the_same_rows_have_the_same_name_and_others_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let with_file = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let request = Request { file: Some(path.clone()), ..request() };
        replay_id(&[entry("a")], &request).unwrap()
    };
    let as_they_are = replay_id(&[entry("a")], &request()).unwrap();
    assert_eq!(as_they_are.len(), 16);
    assert_eq!(replay_id(&[entry("a")], &request()).unwrap(), as_they_are);
    let by_rule = Request { rule: Some("field_count".to_owned()), ..request() };
    let names = [
        as_they_are,
        replay_id(&[entry("b")], &request()).unwrap(),
        replay_id(&[entry("a")], &by_rule).unwrap(),
        with_file("id\n1\n"),
        with_file("id\n2\n"),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{names:?}");
    }
    assert_eq!(with_file("id\n1\n"), names[3]);
}

#[test]
fn repaired_rows_belong_to_one_file() {
    let request = Request { file: Some("rows.csv".into()), ..request() };
    let text = check(&[entry("a"), entry("b")], &request).unwrap_err().to_string();
    assert!(text.contains("parts=a, b") && text.contains("--part"), "{text}");
    check(&[entry("a")], &request).unwrap();
}

#[test]
fn a_rejected_file_is_not_replayed_by_halves() {
    let rejected = Entry { rejection: Some("too many".to_owned()), ..entry("a") };
    let text = check(std::slice::from_ref(&rejected), &request()).unwrap_err().to_string();
    assert!(text.contains("good rows are not loaded") && text.contains("--file"), "{text}");
    // Every row of such a file is in quarantine.
    check(&[Entry { rows_good: Some(0), ..rejected }], &request()).unwrap();
}

#[test]
fn a_rule_that_no_row_broke_is_answered_with_those_that_were_broken() {
    let request = Request { rule: Some("invalid_prise".to_owned()), ..request() };
    let text = check(&[entry("a")], &request).unwrap_err().to_string();
    assert!(text.contains("field_count, invalid_price"), "{text}");
}

#[test]
fn rows_whose_moment_is_not_known_are_not_replayed() {
    let lost = Entry { source: None, ..entry("a") };
    assert!(check(&[lost], &request()).unwrap_err().to_string().contains("report"));
}

#[test]
fn the_account_of_a_replay_follows_its_rows_through_the_stages() {
    let line = |stage, rows_in, rows_loaded, rows_quarantined, rows_unchanged| LedgerEntry {
        stage,
        dataset: Dataset::Products,
        rows_in,
        rows_loaded,
        rows_quarantined,
        rows_unchanged,
        rows_replaced: 0,
    };
    let mut ledger = vec![
        line(Stage::Validate, 5, 4, 1, 0),
        line(Stage::Upload, 4, 4, 0, 0),
        line(Stage::Load, 4, 3, 0, 1),
    ];
    let account = Account::of(&ledger, Dataset::Products).unwrap();
    let expected = Account { rows_in: 5, rows_loaded: 3, rows_quarantined: 1, rows_unchanged: 1 };
    assert_eq!(account, expected);
    assert!(account.is_balanced());
    assert_eq!(Account::of(&ledger, Dataset::Customers), None);
    // A run that failed before it loaded has not accounted for its rows.
    ledger.truncate(2);
    assert!(!Account::of(&ledger, Dataset::Products).unwrap().is_balanced());
}

#[test]
fn only_succeeded_replays_bring_rows_in_and_only_those_not_refused_again() {
    let record = |status: &str, rows, rows_quarantined| Record {
        replay_id: "0".to_owned(),
        run_id: "replay-1".to_owned(),
        status: status.to_owned(),
        by: "ana".to_owned(),
        started_at: DateTime::from_timestamp(1_768_469_400, 0).unwrap(),
        finished_at: None,
        file: None,
        rule: None,
        object: ObjectRef { bucket: "b".to_owned(), key: "k".to_owned(), version_id: None },
        rows: Some(rows),
        account: Some(Account {
            rows_in: rows,
            rows_loaded: rows - rows_quarantined,
            rows_quarantined,
            rows_unchanged: 0,
        }),
    };
    let replays = vec![record("failed", 3, 3), record("succeeded", 2, 1), record("started", 3, 0)];
    assert_eq!(Entry { replays, ..entry("a") }.rows_replayed(), 1);
}

#[test]
fn a_record_finds_the_file_it_is_about() {
    let landed = entry("a").landing_key("replay-1");
    assert_eq!(landed, "incoming/products/run_id=replay-1/a.csv");
    assert_eq!(shopflow_core::keys::run_of_generated(&landed), Some("replay-1"));
    assert_eq!(Dataset::of_landing_key(&landed).unwrap(), Dataset::Products);
}
