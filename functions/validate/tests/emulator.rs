//! The function against S3: what is written, that it can be repeated, and that it is private.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use chrono::NaiveDate;
use common::{CUSTOMERS, TRANSACTIONS, read_quarantine};
use shopflow_core::contract::{
    Decision, ObjectRef, Run, StoredObject, ValidateEvent, ValidateResult,
};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Dataset, ErrorKind, Settings, Storage, keys};
use shopflow_testkit as testkit;
use shopflow_validate::clock::Zone;
use shopflow_validate::{Context, handle};

struct Cloud {
    context: Context,
    landing: String,
    invocation: Invocation,
    logs: tempfile::TempDir,
}

impl Cloud {
    async fn new() -> Cloud {
        let storage = testkit::storage().await;
        let landing = testkit::bucket(&storage, "landing").await;
        let logs = tempfile::tempdir().unwrap();
        let mut settings = Settings::from_sources("prod", Default::default(), &[]).unwrap();
        settings.buckets.landing = landing.clone();
        settings.buckets.reports = testkit::bucket(&storage, "reports").await;
        settings.log_dir = Some(logs.path().display().to_string());
        let invocation = Invocation::detached(&testkit::aws().await, "validate");
        let zone = Zone::of(&settings).unwrap();
        let context = Context { storage, settings: Arc::new(settings), zone };
        Cloud { context, landing, invocation, logs }
    }

    fn storage(&self) -> &Storage {
        &self.context.storage
    }

    async fn land(&self, key: &str, content: impl Into<bytes::Bytes>) -> ObjectRef {
        let stored = self.storage().write_all(&self.landing, key, "text/csv", content).await;
        stored.unwrap().reference()
    }

    /// Any object with this content, for its length and hash.
    async fn store(&self, content: String) -> StoredObject {
        self.storage().write_all(&self.landing, "content", "text/csv", content).await.unwrap()
    }

    async fn validate(&self, object: ObjectRef) -> shopflow_core::Result<ValidateResult> {
        self.validate_after(None, object).await
    }

    async fn validate_after(
        &self,
        decision: Option<Decision>,
        object: ObjectRef,
    ) -> shopflow_core::Result<ValidateResult> {
        let run_date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        let run = Run { run_id: "test-run".to_owned(), run_date };
        let event = ValidateEvent { run, object, decision };
        handle(&self.context, event, &self.invocation).await
    }

    async fn content(&self, object: &Option<StoredObject>) -> String {
        let object = object.as_ref().expect("object was not written").reference();
        text(self.storage().read_all(&object).await.unwrap())
    }

    async fn report(&self, result: &ValidateResult) -> String {
        text(self.storage().read_all(&result.report).await.unwrap())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.logs.path().join("validation.log")).unwrap()
    }
}

fn text(content: bytes::Bytes) -> String {
    String::from_utf8(content.to_vec()).unwrap()
}

fn transaction(id: u64, quantity: i64) -> String {
    format!("{id},{},7,{quantity},2025-06-01T12:00:00Z,paypal\n", id % 1000 + 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_and_bad_rows_are_split_and_the_same_event_gives_the_same_again() {
    let cloud = Cloud::new().await;
    let rows: String = (1..=99).map(|id| transaction(id, 2)).collect();
    let file = format!("{TRANSACTIONS}{rows}{}", transaction(100, 0));
    let object = cloud.land("incoming/transactions/may.csv", file).await;
    let first = cloud.validate(object.clone()).await.unwrap();

    assert!(first.accepted, "{:?}", first.rejection);
    assert_eq!(first.dataset, Dataset::Transactions);
    assert_eq!(Some(&first.source.version_id), object.version_id.as_ref());
    assert_eq!(first.source.effective_at.to_rfc3339(), "2026-01-15T00:00:00+00:00");
    let ledger = &first.ledger;
    assert_eq!((ledger.rows_in, ledger.rows_loaded, ledger.rows_quarantined), (100, 99, 1));
    assert_eq!(cloud.content(&first.validated).await, format!("{TRANSACTIONS}{rows}"));
    let bad = cloud.content(&first.quarantine).await;
    let refused = read_quarantine(bad.as_bytes());
    assert_eq!((refused[0].line, refused[0].rule.as_str()), (101, "zero"));
    let source_id = keys::source_id(&object.bucket, &object.key, &first.source.version_id);
    assert_eq!(
        first.report.key,
        format!("validation/run_id=test-run/transactions-{source_id}.json")
    );

    let report: serde_json::Value = serde_json::from_str(&cloud.report(&first).await).unwrap();
    assert_eq!(report["rows_quarantined"], 1);
    assert_eq!(report["failures"][0]["rule"], "zero");
    assert_eq!(report["failures"][0]["column"], "quantity");
    assert_eq!(report["samples"][0]["value"], "0");
    assert_eq!(report["validated"]["sha256"], first.validated.as_ref().unwrap().sha256.as_str());
    let log = cloud.log();
    assert!(
        log.contains(
            "transactions incoming/transactions/may.csv line 101 column quantity rule \
             zero value '0': quantity must be a whole number other than 0, from -2147483647 to \
             2147483647\n"
        ),
        "{log}"
    );
    assert!(log.contains("100 rows: 99 good, 1 quarantined (1.00 %), accepted\n"), "{log}");

    // Without a version the latest is taken, which is the same one.
    let second = cloud.validate(ObjectRef { version_id: None, ..object }).await.unwrap();
    assert_eq!(cloud.report(&first).await, cloud.report(&second).await);
    let without_versions = |mut result: ValidateResult| {
        for object in [&mut result.validated, &mut result.quarantine].into_iter().flatten() {
            object.version_id = None;
        }
        result.report.version_id = None;
        result
    };
    assert_eq!(without_versions(first), without_versions(second));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replayed_rows_stand_where_their_file_stood() {
    let cloud = Cloud::new().await;
    let land = async |key: &str, effective_at: &str| {
        let mut writer = cloud
            .storage()
            .write(&cloud.landing, key, "text/csv")
            .metadata(keys::EFFECTIVE_METADATA, effective_at)
            .metadata(keys::MODIFIED_METADATA, "2026-01-15T08:59:59.001000Z");
        writer.write(format!("{TRANSACTIONS}{}", transaction(1, 2)).as_bytes()).await.unwrap();
        writer.finish().await.unwrap().reference()
    };
    let replayed = land("incoming/transactions/r.csv", "2026-01-15T09:00:00.000000Z").await;
    let source = cloud.validate(replayed).await.unwrap().source;
    assert_eq!(source.effective_at.to_rfc3339(), "2026-01-15T09:00:00+00:00");
    assert_eq!(source.modified_at.to_rfc3339(), "2026-01-15T08:59:59.001+00:00");

    let late = land("incoming/transactions/late.csv", "9999-01-01T00:00:00Z").await;
    let error = cloud.validate(late).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("incoming/transactions/late.csv"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_streamed_through_multipart_uploads() {
    let cloud = Cloud::new().await;
    let rows = 300_000;
    let mut file = TRANSACTIONS.to_owned();
    let mut good = TRANSACTIONS.to_owned();
    for id in 1..=rows {
        let row = transaction(id, if id % 50 == 0 { 0 } else { 1 });
        if id % 50 != 0 {
            good.push_str(&row);
        }
        file.push_str(&row);
    }
    assert!(file.len() > 10 * 1024 * 1024);
    let object = cloud.land("incoming/transactions/large.csv", file).await;
    let result = cloud.validate(object).await.unwrap();
    assert!(result.accepted);
    assert_eq!(result.ledger.rows_in, rows);
    assert_eq!(result.ledger.rows_quarantined, rows / 50);
    assert!(cloud.content(&result.validated).await == good);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_rows_are_all_good_is_its_own_good_rows() {
    let cloud = Cloud::new().await;
    let rows: String = (1..=300_000).map(|id| transaction(id, 1)).collect();
    for (name, file) in [
        ("small", format!("{TRANSACTIONS}{}", transaction(1, 1))),
        ("large", format!("{TRANSACTIONS}{rows}")),
    ] {
        let object = cloud.land(&format!("incoming/transactions/{name}.csv"), file.clone()).await;
        let result = cloud.validate(object.clone()).await.unwrap();
        let validated = result.validated.clone().unwrap();
        assert_eq!(validated.reference(), object, "{name}");
        let same = cloud.store(file).await;
        assert_eq!((validated.bytes, &validated.sha256), (same.bytes, &same.sha256), "{name}");
        assert_eq!(result.ledger.rows_in, result.ledger.rows_loaded, "{name}");
        assert_eq!(cloud.validate(object).await.unwrap().validated, Some(validated), "{name}");
        let source = &result.source;
        let source_id = keys::source_id(&source.bucket, &source.key, &source.version_id);
        let key = keys::validated(Dataset::Transactions, "test-run", &source_id);
        let unwritten = ObjectRef { bucket: cloud.landing.clone(), key, version_id: None };
        assert!(cloud.storage().head(&unwritten).await.is_err(), "{name}");
    }
}

/// A table of rates is never its own good rows, though all of them are good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_table_of_rates_are_written() {
    let cloud = Cloud::new().await;
    let table = "Date,USD,JPY,\n2026-11-27,1.1601,181.15,\n2026-11-26,1.1586,N/A,\n";
    let object = cloud.land("incoming/exchange_rates/eurofxref-hist.csv", table).await;
    let result = cloud.validate(object).await.unwrap();
    assert!(result.accepted && result.quarantine.is_none(), "{:?}", result.rejection);
    assert_eq!((result.ledger.rows_in, result.ledger.rows_loaded), (3, 3));
    assert!(result.validated.as_ref().unwrap().key.starts_with("validated/exchange_rates/"));
    let good = cloud.content(&result.validated).await;
    let rows: Vec<&str> = good.lines().collect();
    assert_eq!(rows[0], "rate_date,currency,rate,id,natural_key");
    assert!(rows[3].starts_with("2026-11-26,USD,1.1586,"), "{good}");
    let report: serde_json::Value = serde_json::from_str(&cloud.report(&result).await).unwrap();
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.ends_with("cells without a rate, which make no row: 1"), "{warning}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_before_the_first_bad_row_is_copied_as_it_is() {
    let cloud = Cloud::new().await;
    // In the second part, at the very end, and only the end of the file itself.
    let bad = |at: u64| -> (String, String) {
        let mut both = (TRANSACTIONS.to_owned(), TRANSACTIONS.to_owned());
        for id in 1..=400_000 {
            let good = transaction(id, 1);
            both.0.push_str(if id == at { "x,1,7,1,2025-06-01T12:00:00Z,paypal\n" } else { &good });
            both.1.push_str(if id == at { "" } else { &good });
        }
        both
    };
    assert!(bad(0).0.len() > 2 * 8 * 1024 * 1024);
    let cut = format!("{}7,1", bad(0).0);
    let files = [("middle", bad(250_000)), ("last", bad(400_000)), ("cut", (cut, bad(0).0))];
    for (name, (file, good)) in files {
        let object = cloud.land(&format!("incoming/transactions/{name}.csv"), file).await;
        let result = cloud.validate(object).await.unwrap();
        assert_eq!(result.ledger.rows_quarantined, 1, "{name}");
        let validated = result.validated.clone().unwrap();
        assert!(validated.key.starts_with("validated/"), "{name}: {}", validated.key);
        assert!(cloud.content(&result.validated).await == good, "{name}");
        let same = cloud.store(good).await;
        assert_eq!((validated.bytes, &validated.sha256), (same.bytes, &same.sha256), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personal_values_are_in_neither_report_nor_log() {
    let cloud = Cloud::new().await;
    let file = format!(
        "{CUSTOMERS}1,Secretname One,secret@,2024-01-05,DE\n\
         2,Secretname\tTwo,secret2@example.com,2024-01-05,DE\n\
         3,secret3@example.com,Secretname Three,Secretname Four,secret4@example.com\n\
         4,Ok,ok@example.com,secret5@example.com,DE\n\
         5,Ok,ok@example.com,2024-01-05,Secretname Five\n\
         6,\"Secretname Six\"x,secret6@example.com,2024-01-05,DE\n\
         7,Secretname Seven,secret7@example.com\n"
    );
    let object = cloud.land("incoming/customers/c.csv", file).await;
    let result = cloud.validate(object).await.unwrap();
    assert!(!result.accepted);
    assert_eq!(result.ledger.rows_quarantined, 7);
    assert!(result.validated.is_none());
    let report = cloud.report(&result).await;
    let rejection = result.rejection.clone().unwrap();
    for (place, text) in [("report", &report), ("log", &cloud.log()), ("result", &rejection)] {
        assert!(!text.to_lowercase().contains("secret"), "{place}: {text}");
    }
    assert!(report.contains("[redacted]"), "{report}");
    let bad = cloud.content(&result.quarantine).await;
    let refused = read_quarantine(bad.as_bytes());
    assert!(refused.iter().all(|refused| !refused.value.to_lowercase().contains("secret")));
    assert!(refused[0].row.starts_with(b"1,Secretname One,"), "the row is complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_headerless_customer_file_is_rejected_without_repeating_it() {
    let cloud = Cloud::new().await;
    let file = "1,Secretname,secret@example.com,2024-01-05,DE\n";
    let object = cloud.land("incoming/customers/c.csv", file).await;
    let result = cloud.validate(object).await.unwrap();
    assert!(!result.accepted);
    assert_eq!((result.ledger.rows_in, result.ledger.rows_quarantined), (1, 1));
    for text in [cloud.report(&result).await, cloud.log(), result.rejection.unwrap()] {
        assert!(!text.to_lowercase().contains("secret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejections_name_file_column_rule_numbers_and_remedy() {
    let cloud = Cloud::new().await;
    let no_price = "id,name,category,prise,supplier\n1,Ball,toys,1.00,Acme\n";
    let object = cloud.land("incoming/products/p.csv", no_price).await;
    let result = cloud.validate(object).await.unwrap();
    assert_eq!(
        result.rejection.as_deref(),
        Some(
            "incoming/products/p.csv: the header lacks column 'price'; \
             did you mean to call column 'prise' 'price'?"
        )
    );
    assert_eq!(result.ledger.rows_quarantined, 1);

    let rows: String = (1..=10).map(|id| transaction(id, i64::from(id > 2))).collect();
    let object = cloud.land("incoming/transactions/t.csv", format!("{TRANSACTIONS}{rows}")).await;
    let result = cloud.validate(object).await.unwrap();
    assert!(!result.accepted);
    assert_eq!(result.ledger.rows_loaded, 8);
    let rejection = result.rejection.unwrap();
    for part in [
        "incoming/transactions/t.csv",
        "2 of 10 rows",
        "20.00 %",
        "limit 5.00 %",
        "zero in column quantity",
        "upload the file again",
        "load the 8 good ones, which are held, with `cargo shopflow quarantine accept test-run --why <reason>`",
    ] {
        assert!(rejection.contains(part), "{part} is missing in: {rejection}");
    }

    let object = cloud.land("incoming/transactions/empty.csv", "").await;
    let result = cloud.validate(object).await.unwrap();
    assert!(!result.accepted);
    assert!(result.rejection.unwrap().contains("empty.csv: the file is empty"));
    assert!(result.validated.is_none() && result.quarantine.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_lifts_the_limit_and_nothing_else() {
    let cloud = Cloud::new().await;
    let json = async |result: &ValidateResult| -> serde_json::Value {
        serde_json::from_str(&cloud.report(result).await).unwrap()
    };
    let decision = Decision {
        by: "ana".to_owned(),
        at: "2026-01-15T09:00:00Z".parse().unwrap(),
        why: "the till was broken".to_owned(),
    };
    let rows: String = (1..=10).map(|id| transaction(id, i64::from(id > 5))).collect();
    let object = cloud.land("incoming/transactions/t.csv", format!("{TRANSACTIONS}{rows}")).await;
    let held = cloud.validate(object.clone()).await.unwrap();
    let report = json(&held).await;
    assert_eq!((held.accepted, &report["rows_held"]), (false, &5.into()));
    assert_eq!((&report["can_be_accepted"], report.get("decision")), (&true.into(), None));

    let accepted = cloud.validate_after(Some(decision.clone()), object).await.unwrap();
    assert!(accepted.accepted && accepted.rejection.is_none());
    assert_eq!(accepted.ledger, held.ledger);
    assert_eq!(accepted.quarantine.map(|it| it.sha256), held.quarantine.map(|it| it.sha256));
    let report = json(&ValidateResult { quarantine: None, ..accepted }).await;
    assert_eq!(report["decision"]["by"], "ana");
    assert_eq!(report["decision"]["why"], "the till was broken");
    assert_eq!((report.get("rows_held"), report.get("can_be_accepted")), (None, None));
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("50.00 % of the rows are refused"), "{warning}");

    // What the file itself is rejected for stays: what its discounts mean is for nobody to decide.
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method,discount\n";
    let mixed = format!(
        "{header}1,1,1,1,2025-06-01T12:00:00Z,paypal,0.5\n\
         2,1,1,9,2025-06-01T12:00:00Z,paypal,5.00\n"
    );
    let object = cloud.land("incoming/transactions/mixed.csv", mixed).await;
    let mixed = cloud.validate_after(Some(decision), object).await.unwrap();
    assert!(!mixed.accepted);
    let report = json(&mixed).await;
    assert_eq!((&report["rows_held"], report.get("can_be_accepted")), (&2.into(), None));
    // It is in quarantine, where people look for it, though no row is.
    let quarantine = cloud.content(&mixed.quarantine).await;
    assert_eq!(quarantine, "line,column,rule,value,reason,row\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_named_version_is_validated_even_when_a_newer_one_is_there() {
    let cloud = Cloud::new().await;
    let key = "incoming/transactions/t.csv";
    let old = cloud.land(key, format!("{TRANSACTIONS}{}", transaction(1, 1))).await;
    let new = cloud.land(key, format!("{TRANSACTIONS}{}", transaction(2, 1))).await;
    let from_old = cloud.validate(old).await.unwrap();
    let latest = cloud.validate(ObjectRef { version_id: None, ..new }).await.unwrap();
    assert!(cloud.content(&from_old.validated).await.contains("\n1,"));
    assert!(cloud.content(&latest.validated).await.contains("\n2,"));
    assert_ne!(from_old.report.key, latest.report.key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_not_there_or_names_no_dataset_is_an_invalid_input() {
    let cloud = Cloud::new().await;
    for key in ["incoming/products/none.csv", "incoming/orders/o.csv", "raw/products/p.csv"] {
        let object =
            ObjectRef { bucket: cloud.landing.clone(), key: key.to_owned(), version_id: None };
        let error = cloud.validate(object).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_event_is_understood() {
    let sample = include_str!("../../../events/validate.json");
    let event: ValidateEvent = serde_json::from_str(sample).unwrap();
    assert_eq!(Dataset::of_landing_key(&event.object.key).unwrap(), Dataset::Transactions);
}
