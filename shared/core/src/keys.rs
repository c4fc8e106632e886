//! Where objects live: the one place that spells S3 keys.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use sha2::{Digest, Sha256};

use crate::contract::Run;
use crate::dataset::Dataset;

/// Metadata key on files that `generate` writes for a run that is already under way.
///
/// `ingest` starts no second execution for an object that carries it.
pub const RUN_METADATA: &str = "shopflow-run-id";

/// Metadata key on a replayed file: the moment from which its rows are true, RFC 3339. Without it
/// [`effective_at`](crate::contract::effective_at) decides.
pub const EFFECTIVE_METADATA: &str = "shopflow-effective-at";

/// Metadata key on a replayed file: its place in the order of uploads, RFC 3339, instead of the
/// moment S3 received it.
pub const MODIFIED_METADATA: &str = "shopflow-modified-at";

/// `incoming/<dataset>/run_id=<id>/part-00000.csv`: a file generated within a run.
pub fn generated(dataset: Dataset, run_id: &str, part: u32) -> String {
    format!("incoming/{dataset}/run_id={run_id}/part-{part:05}.{}", dataset.extension())
}

/// The folders of the landing bucket that the pipeline knows: where files land, and its own.
pub const LANDING_FOLDERS: [&str; 5] = ["incoming", "validated", "quarantine", "truths", "raw"];

/// True for objects that hold no rows and say something about others: what stands for a folder, and
/// what Hadoop and Spark write when a job is done. Without a size only the name counts.
pub fn is_marker(key: &str, bytes: Option<u64>) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    let is_hidden = name.starts_with(['_', '.']) || name.ends_with("_$folder$");
    name.is_empty() || name == "_SUCCESS" || (bytes == Some(0) && is_hidden)
}

/// The name of the file in a key as part of an execution's name: letters, digits, `-` and `_` of
/// ASCII, at most so many; empty when the name has none of them.
pub fn readable(key: &str, most: usize) -> String {
    let name = key.rsplit('/').next().unwrap_or(key);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut readable = String::new();
    for letter in stem.chars() {
        if letter.is_ascii_alphanumeric() || letter == '_' {
            readable.push(letter);
        } else if !readable.is_empty() && !readable.ends_with('-') {
            readable.push('-');
        }
    }
    readable.truncate(most);
    readable.truncate(readable.trim_end_matches('-').len());
    readable
}

/// The run a landing key says it belongs to, if it follows [`generated`].
pub fn run_of_generated(key: &str) -> Option<&str> {
    let folder = key.strip_prefix("incoming/")?.split('/').nth(1)?;
    folder.strip_prefix("run_id=")
}

/// `truths/run_id=<id>/defects.jsonl` in the landing bucket: the planted defects of a run.
pub fn truths(run_id: &str) -> String {
    format!("truths/run_id={run_id}/defects.jsonl")
}

/// `validated/<dataset>/run_id=<id>/<source>.csv`: good rows on their way from validate to upload.
pub fn validated(dataset: Dataset, run_id: &str, source_id: &str) -> String {
    format!("validated/{dataset}/run_id={run_id}/{source_id}.{}", dataset.extension())
}

/// `quarantine/<dataset>/run_id=<id>/<source>.csv`: bad rows with line, column, value, rule.
pub fn quarantine(dataset: Dataset, run_id: &str, source_id: &str) -> String {
    format!("quarantine/{dataset}/run_id={run_id}/{source_id}.csv")
}

/// `quarantine/<dataset>/run_id=<id>/<source>/replays/<run>.json`: what became of rows of a
/// quarantine file that the run `replay` took up again.
pub fn replay_record(dataset: Dataset, run_id: &str, source_id: &str, replay: &str) -> String {
    format!("quarantine/{dataset}/run_id={run_id}/{source_id}/replays/{replay}.json")
}

/// `quarantine/<dataset>/run_id=<id>/<source>/acceptances/<run>.json`: that a rejected file was
/// accepted, by whom, and what became of it in the run `acceptance`.
pub fn acceptance_record(
    dataset: Dataset,
    run_id: &str,
    source_id: &str,
    acceptance: &str,
) -> String {
    format!("quarantine/{dataset}/run_id={run_id}/{source_id}/acceptances/{acceptance}.json")
}

/// `validation/run_id=<id>/<dataset>-<source>.json` in the reports bucket.
pub fn validation_report(dataset: Dataset, run_id: &str, source_id: &str) -> String {
    format!("{}{dataset}-{source_id}.json", validation_reports(run_id))
}

/// `validation/run_id=<id>/` in the reports bucket: prefix of the reports about the files of a run.
pub fn validation_reports(run_id: &str) -> String {
    format!("validation/run_id={run_id}/")
}

/// `config/<version>.json` in the reports bucket: the configuration and suites that a run followed
/// in the place of the built-in ones.
pub fn config(version: &str) -> String {
    format!("config/{version}.json")
}

/// `raw/year=…/month=…/day=…/<dataset>/<run_id>-<part>.csv`, by run date.
pub fn raw(run: &Run, dataset: Dataset, part: u32) -> String {
    format!("{}/{dataset}/{}-{part:05}.{}", raw_day(run.run_date), run.run_id, dataset.extension())
}

/// `raw/year=…/month=…/day=…/_manifest/<run_id>.json`, written last.
pub fn manifest(run: &Run) -> String {
    format!("{}/_manifest/{}.json", raw_day(run.run_date), run.run_id)
}

fn raw_day(date: NaiveDate) -> String {
    format!("raw/year={}/month={:02}/day={:02}", date.year(), date.month(), date.day())
}

/// `bronze/<dataset>/ingest_date=…/<run_id>-<part>.parquet` in the lake bucket.
pub fn bronze(run: &Run, dataset: Dataset, part: u32) -> String {
    format!("bronze/{dataset}/ingest_date={}/{}-{part:05}.parquet", run.run_date, run.run_id)
}

/// `bronze/_changes/<table>/ingest_date=…`: one day of the change log of a table in the lake bucket.
/// Each day is a lake table of its own, so that its manifest stays small.
pub fn change_log(table: &str, day: NaiveDate) -> String {
    format!("bronze/_changes/{table}/ingest_date={day}")
}

/// `bronze/_stream/<dataset>/event_date=…/<shard>-<first>-<last>.jsonl` in the lake bucket: events of
/// a date as a shard of the stream brought them, in the records with these sequence numbers.
pub fn staged(dataset: Dataset, date: NaiveDate, shard: &str, first: &str, last: &str) -> String {
    format!("bronze/_stream/{dataset}/event_date={date}/{shard}-{first}-{last}.jsonl")
}

/// `incoming/<dataset>/stream/<from>-<to>-<digest>.jsonl` in the landing bucket: events of the stream
/// that were staged between two moments, given to the pipeline as a file.
pub fn handed_over(
    dataset: Dataset,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    digest: &str,
) -> String {
    let (from, to) = (from.format("%Y%m%dT%H%M%SZ"), to.format("%Y%m%dT%H%M%SZ"));
    format!("incoming/{dataset}/stream/{from}-{to}-{digest}.{}", dataset.extension())
}

/// `silver/<dataset>`: prefix of a silver table in the lake bucket.
pub fn silver_table(dataset: Dataset) -> String {
    format!("silver/{dataset}")
}

/// `gold/<table>`: prefix of a gold table in the lake bucket.
pub fn gold_table(table: &str) -> String {
    format!("gold/{table}")
}

/// `quality/run_id=<id>/report.json` in the reports bucket.
pub fn quality_report(run_id: &str) -> String {
    format!("quality/run_id={run_id}/report.json")
}

/// `quality/run_id=<id>/rows.json` in the reports bucket: what the suites said about the rows that the
/// run brought, for the call that judges it.
pub fn row_outcomes(run_id: &str) -> String {
    format!("quality/run_id={run_id}/rows.json")
}

/// `quality/alerts.json` in the reports bucket: the failures that people were told about and that
/// are not over.
pub fn standing_alerts() -> String {
    "quality/alerts.json".to_owned()
}

/// `quality/run_id=<id>/expectations/<suite>.json` in the reports bucket: the result of a suite.
pub fn expectations(run_id: &str, suite: &str) -> String {
    format!("quality/run_id={run_id}/expectations/{suite}.json")
}

/// `quality/run_id=<id>/profiles/<table>.json` in the reports bucket: what the rows of a run are
/// like, by dataset, and those of gold after it, by table.
pub fn profile(run_id: &str, table: impl std::fmt::Display) -> String {
    format!("quality/run_id={run_id}/profiles/{table}.json")
}

/// `quality/history/<table>.json` in the reports bucket: the profiles of the latest runs, in short.
pub fn profile_history(table: impl std::fmt::Display) -> String {
    format!("quality/history/{table}.json")
}

/// Prefix of the data docs in the reports bucket.
pub const DOCS: &str = "docs/";

/// `docs/index.html` in the reports bucket: the latest runs, where people start to read.
pub const DOCS_INDEX: &str = "docs/index.html";

/// `docs/runs.json` in the reports bucket: what the index is made of.
pub const DOCS_RUNS: &str = "docs/runs.json";

/// `docs/runs-00001.html` in the reports bucket: a page of earlier runs.
pub fn docs_archive(page: u64) -> String {
    format!("docs/runs-{page:05}.html")
}

/// `docs/run_id=<id>/<page>.html` in the reports bucket: a page about a run; the first one is
/// `index`.
pub fn docs_page(run_id: &str, page: &str) -> String {
    format!("docs/run_id={run_id}/{page}.html")
}

/// `docs/run_id=<id>/run.json` in the reports bucket: the run's number in the index, so that it is
/// found when it is no longer among the latest.
pub fn docs_number(run_id: &str) -> String {
    format!("docs/run_id={run_id}/run.json")
}

/// `runs/<run_id>.json` in the reports bucket: outcome, ledger, duration and cost of a run.
pub fn run_summary(run_id: &str) -> String {
    format!("runs/{run_id}.json")
}

/// `lineage/run_id=<id>/<phase>.ndjson` in the reports bucket: OpenLineage events, one per line.
pub fn lineage_events(run_id: &str, phase: &str) -> String {
    format!("lineage/run_id={run_id}/{phase}.ndjson")
}

/// `erasure/<request>.json` in the reports bucket: what was done to erase a customer, and the proof.
pub fn erasure(request_id: &str) -> String {
    format!("erasure/{request_id}.json")
}

/// `erased/customers.json` in the reports bucket: the numbers of all customers that were erased.
pub const ERASED_CUSTOMERS: &str = "erased/customers.json";

/// A short, stable name for one version of one object: 16 hexadecimal digits of the SHA-256 of
/// bucket, key and version. Names derived from it make repeated work recognisable.
pub fn source_id(bucket: &str, key: &str, version_id: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [bucket, key, version_id] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hex::encode(&hasher.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        Run { run_id: "nightly".to_owned(), run_date: NaiveDate::from_ymd_opt(2024, 1, 5).unwrap() }
    }

    #[test]
    fn raw_keys_follow_the_published_layout() {
        assert_eq!(
            raw(&run(), Dataset::Transactions, 3),
            "raw/year=2024/month=01/day=05/transactions/nightly-00003.csv"
        );
        assert_eq!(manifest(&run()), "raw/year=2024/month=01/day=05/_manifest/nightly.json");
    }

    #[test]
    fn the_run_of_a_generated_file_can_be_read_back() {
        let key = generated(Dataset::Clickstream, "r-1", 0);
        assert_eq!(key, "incoming/clickstream/run_id=r-1/part-00000.jsonl");
        assert_eq!(run_of_generated(&key), Some("r-1"));
        assert_eq!(run_of_generated("incoming/clickstream/mine.jsonl"), None);
    }

    #[test]
    fn files_of_the_stream_are_named_after_what_is_in_them() {
        let date = NaiveDate::from_ymd_opt(2026, 1, 15).unwrap();
        assert_eq!(
            staged(Dataset::Clickstream, date, "shardId-000000000000", "12", "34"),
            "bronze/_stream/clickstream/event_date=2026-01-15/shardId-000000000000-12-34.jsonl"
        );
        let moment = |text: &str| text.parse().unwrap();
        let (from, to) = (moment("2026-01-15T10:00:00.5Z"), moment("2026-01-15T10:15:00Z"));
        let key = handed_over(Dataset::Clickstream, from, to, "00aa");
        assert_eq!(key, "incoming/clickstream/stream/20260115T100000Z-20260115T101500Z-00aa.jsonl");
        assert_eq!(run_of_generated(&key), None);
    }

    #[test]
    fn markers_are_told_from_files() {
        for (key, bytes) in [
            ("incoming/products/", Some(0)),
            ("incoming/products/_SUCCESS", Some(0)),
            ("incoming/products/_SUCCESS", Some(911)),
            ("incoming/products/_SUCCESS", None),
            ("incoming/products/.keep", Some(0)),
            ("incoming/products_$folder$", Some(0)),
        ] {
            assert!(is_marker(key, bytes), "{key}");
        }
        for (key, bytes) in [
            ("incoming/products/empty.csv", Some(0)),
            ("incoming/products/_products.csv", Some(7)),
            ("incoming/products/_products.csv", None),
        ] {
            assert!(!is_marker(key, bytes), "{key}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_readable_in_that_of_an_execution() {
        let readable = |key| super::readable(key, 20);
        assert_eq!(readable("incoming/products/2026/May sales (1)+x.csv"), "May-sales-1-x");
        assert_eq!(readable("incoming/products/a_b.tar.gz"), "a_b-tar");
        assert_eq!(readable("incoming/products/März.csv"), "M-rz");
        assert_eq!(readable("incoming/products/売上.csv"), "");
        assert_eq!(readable("incoming/products/.csv"), "");
        assert_eq!(readable("products"), "products");
        // Cut between two words, it does not end with what stood between them.
        assert_eq!(readable("incoming/products/nineteen-characters x.csv"), "nineteen-characters");
    }

    #[test]
    fn parts_of_a_source_id_cannot_run_into_each_other() {
        assert_ne!(source_id("ab", "c", "1"), source_id("a", "bc", "1"));
        assert_eq!(source_id("a", "b", "1").len(), 16);
    }
}
