//! What other stages left in the buckets about a run: its manifest, and the results of `quality`.
//! A part that is missing or cannot be read is left out: events tell less then, and no run fails.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use shopflow_core::contract::{Manifest, RecordFinish};
use shopflow_core::{Dataset, Storage, keys};

/// Files and bytes of a dataset.
#[derive(Debug, Clone, Copy, Default)]
pub struct Size {
    pub files: u64,
    pub bytes: u64,
}

/// What is known besides the event itself; datasets by their names in the lineage.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Of `raw.<dataset>` and `bronze.<dataset>`, as the manifest says.
    pub sizes: BTreeMap<String, Size>,
    /// Assertions, in the shape of their facet.
    pub assertions: BTreeMap<String, Vec<Value>>,
    /// Fields of the facet of metrics.
    pub metrics: BTreeMap<String, Value>,
}

/// Part of what `quality/…/report.json` holds.
#[derive(Debug, Deserialize)]
struct Report {
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    severity: String,
    expected: String,
    actual: String,
    passed: bool,
}

/// Part of what `quality/…/profiles/<dataset>.json` holds.
#[derive(Debug, Deserialize)]
struct Profile {
    rows: u64,
    columns: Vec<ColumnProfile>,
}

#[derive(Debug, Deserialize)]
struct ColumnProfile {
    name: String,
    nulls: u64,
    distinct: u64,
}

impl Evidence {
    /// Reads what there is.
    pub async fn read(storage: &Storage, reports: &str, finish: &RecordFinish) -> Evidence {
        let mut evidence = Evidence::default();
        if let Some(manifest) = &finish.trace.manifest {
            match storage.read_json::<Manifest>(manifest).await {
                Ok(manifest) => evidence.add_manifest(&manifest),
                Err(error) => tracing::warn!(error = %error, "lineage without the manifest"),
            }
        }
        if finish.trace.report.is_none() {
            return evidence;
        }
        let run_id = &finish.run.run_id;
        let reader = Reader { storage, bucket: reports };
        let gold = finish.trace.gold.iter().map(|table| ("gold", table.table.as_str()));
        let suites = Dataset::all().map(|dataset| ("bronze", dataset.name())).chain(gold);
        let suites = join_all(suites.map(async |(layer, table)| {
            let result = reader.read::<Value>(&keys::expectations(run_id, table)).await;
            (format!("{layer}.{table}"), result)
        }));
        let profiles = join_all(Dataset::all().map(async |dataset| {
            let profile = reader.read::<Profile>(&keys::profile(run_id, dataset)).await;
            (format!("bronze.{dataset}"), profile)
        }));
        let report_key = keys::quality_report(run_id);
        let report = reader.read::<Report>(&report_key);
        let (suites, profiles, report) = futures::join!(suites, profiles, report);
        for (dataset, result) in suites {
            if let Some(result) = result {
                evidence.assertions.entry(dataset).or_default().extend(expectations(&result));
            }
        }
        for (dataset, profile) in profiles {
            if let Some(profile) = profile {
                evidence.metrics.insert(dataset, metrics(&profile));
            }
        }
        for check in report.iter().flat_map(|report| &report.checks) {
            evidence.add_check(check);
        }
        evidence
    }

    fn add_manifest(&mut self, manifest: &Manifest) {
        for entry in &manifest.entries {
            for (layer, object) in [("raw", &entry.raw), ("bronze", &entry.bronze)] {
                let size = self.sizes.entry(format!("{layer}.{}", entry.dataset)).or_default();
                size.files += 1;
                size.bytes += object.bytes;
            }
        }
    }

    /// Checks are named `<layer>.<table>.<what>`; those between tables belong to none.
    fn add_check(&mut self, check: &Check) {
        let mut parts = check.name.splitn(3, '.');
        if let (Some(layer), Some(table), Some(what)) = (parts.next(), parts.next(), parts.next()) {
            self.assertions.entry(format!("{layer}.{table}")).or_default().push(json!({
                "assertion": what,
                "name": check.name,
                "success": check.passed,
                "severity": severity(&check.severity),
                "expected": check.expected,
                "actual": check.actual,
            }));
        }
    }
}

struct Reader<'a> {
    storage: &'a Storage,
    bucket: &'a str,
}

impl Reader<'_> {
    async fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        match self.storage.read_json_if_exists(self.bucket, key).await {
            Ok(found) => found.map(|(value, _)| value),
            Err(error) => {
                tracing::warn!(key, error = %error, "lineage without a result of quality");
                None
            }
        }
    }
}

/// OpenLineage knows errors and warnings.
fn severity(name: &str) -> &'static str {
    if name == "critical" { "error" } else { "warn" }
}

/// The verdicts of a suite. Values of rows stay where they are.
fn expectations(result: &Value) -> Vec<Value> {
    let results = result["results"].as_array().into_iter().flatten();
    results
        .filter_map(|result| {
            let config = &result["expectation_config"];
            let mut assertion = Map::new();
            assertion.insert("assertion".to_owned(), config["type"].as_str()?.into());
            assertion.insert("success".to_owned(), result["success"].as_bool()?.into());
            if let Some(column) = config["kwargs"]["column"].as_str() {
                assertion.insert("column".to_owned(), column.into());
            }
            let of = config["severity"].as_str().unwrap_or("critical");
            assertion.insert("severity".to_owned(), severity(of).into());
            Some(assertion.into())
        })
        .collect()
}

fn metrics(profile: &Profile) -> Value {
    let columns: Map<String, Value> = profile
        .columns
        .iter()
        .map(|column| {
            let counts = json!({"nullCount": column.nulls, "distinctCount": column.distinct});
            (column.name.clone(), counts)
        })
        .collect();
    json!({"rowCount": profile.rows, "columnMetrics": columns})
}
