//! The jobs of a run: one per stage and dataset, or per stage where it works on all of them.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use shopflow_core::contract::{RecordFinish, RunError, RunStatus};
use shopflow_core::{Dataset, LedgerEntry, Stage, keys};
use shopflow_lineage::{Graph, Layer};

use super::evidence::Evidence;

/// The functions of a run, in their order.
const FUNCTIONS: [&str; 7] =
    ["generate", "validate", "upload", "load", "transform", "quality", "compact"];

/// A dataset that a job reads or writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name in the lineage.
    pub dataset: String,
    /// Which folder of the landing bucket is meant, for files.
    pub folder: &'static str,
    /// Rows read or written, as far as they are counted.
    pub rows: Option<u64>,
    /// Version of the one object that it is.
    pub version: Option<String>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Complete,
    Fail(RunError),
}

/// One run of a job.
#[derive(Debug, Clone)]
pub struct Job {
    /// `<function>` or `<function>.<dataset>`.
    pub name: String,
    pub inputs: Vec<Place>,
    pub outputs: Vec<Place>,
    pub started_at: DateTime<Utc>,
    pub ended_at: DateTime<Utc>,
    pub outcome: Outcome,
}

fn place(dataset: impl Into<String>, folder: &'static str, rows: Option<u64>) -> Place {
    Place { dataset: dataset.into(), folder, rows, version: None }
}

/// Datasets that a job reads and writes as a whole.
fn whole(dataset: &str) -> Place {
    place(dataset, "raw", None)
}

/// The jobs of a finished run that ran or were to run.
pub fn of(
    graph: &Graph,
    finish: &RecordFinish,
    evidence: &Evidence,
    finished_at: DateTime<Utc>,
) -> Vec<Job> {
    let run = Finished { graph, finish, evidence };
    let mut jobs = Vec::new();
    let mut previous = finish.started_at;
    for function in FUNCTIONS {
        let fails = run.failed_at(function);
        let window = run.window(function);
        if window.is_none() && !fails {
            continue;
        }
        // Calls that fail leave no times: the stage began when the one before ended.
        let (started_at, done_at) = window.unwrap_or((previous, finished_at));
        previous = done_at;
        jobs.extend(run.parts(function).into_iter().map(|part| {
            let fails = fails && !part.done;
            Job {
                name: part.name,
                inputs: part.inputs,
                outputs: part.outputs,
                started_at,
                ended_at: if fails { finished_at } else { done_at },
                outcome: run.outcome(fails),
            }
        }));
    }
    jobs
}

/// The part of a stage that is a job of its own.
struct Part {
    name: String,
    inputs: Vec<Place>,
    outputs: Vec<Place>,
    /// It ended well even if its stage did not.
    done: bool,
}

struct Finished<'a> {
    graph: &'a Graph,
    finish: &'a RecordFinish,
    evidence: &'a Evidence,
}

impl Finished<'_> {
    fn failed_at(&self, function: &str) -> bool {
        self.finish.status == RunStatus::Failed
            && self.finish.trace.stage.as_deref() == Some(function)
    }

    fn outcome(&self, fails: bool) -> Outcome {
        let unknown = || RunError { error: "Unknown".to_owned(), cause: String::new() };
        match fails {
            true => Outcome::Fail(self.finish.error.clone().unwrap_or_else(unknown)),
            false => Outcome::Complete,
        }
    }

    /// From the start of the first call of a function to the end of the last.
    fn window(&self, function: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let calls = self.finish.usage.iter().filter(|call| call.function == function);
        let times = calls.map(|call| {
            let started = call.started_at.unwrap_or(self.finish.started_at);
            let lasted = i64::try_from(call.duration_ms).unwrap_or(i64::MAX);
            let lasted = TimeDelta::try_milliseconds(lasted).unwrap_or_default();
            (started, started.checked_add_signed(lasted).unwrap_or(started))
        });
        times.reduce(|(start, end), (other, last)| (start.min(other), end.max(last)))
    }

    /// Datasets of the files of the run.
    fn datasets(&self) -> BTreeSet<Dataset> {
        let landed = self.finish.trace.objects.iter();
        let landed = landed.filter_map(|object| Dataset::of_landing_key(&object.key).ok());
        landed.chain(self.finish.ledger.iter().map(|entry| entry.dataset)).collect()
    }

    /// What a stage did with a dataset, over all of its files.
    fn line(&self, stage: Stage, dataset: Dataset) -> Option<LedgerEntry> {
        let entries = self.finish.ledger.iter();
        let entries = entries.filter(|entry| entry.stage == stage && entry.dataset == dataset);
        entries.cloned().reduce(|sum, entry| LedgerEntry {
            rows_in: sum.rows_in + entry.rows_in,
            rows_loaded: sum.rows_loaded + entry.rows_loaded,
            rows_quarantined: sum.rows_quarantined + entry.rows_quarantined,
            rows_unchanged: sum.rows_unchanged + entry.rows_unchanged,
            rows_replaced: sum.rows_replaced + entry.rows_replaced,
            ..sum
        })
    }

    fn parts(&self, function: &str) -> Vec<Part> {
        match function {
            "generate" => vec![self.generate()],
            "validate" => self.each("validate", Stage::Validate, Self::validate),
            "upload" => self.each("upload", Stage::Upload, Self::upload),
            "load" => self.each("load", Stage::Load, Self::load),
            "transform" => {
                let mut parts = self.each("transform.silver", Stage::Transform, Self::silver);
                parts.extend(self.transform());
                parts
            }
            "quality" => vec![self.quality()],
            _ => {
                Dataset::all().filter(|dataset| self.is_compacted(*dataset)).map(compact).collect()
            }
        }
    }

    fn is_compacted(&self, dataset: Dataset) -> bool {
        self.finish.trace.compacted.contains(&keys::silver_table(dataset))
    }

    /// One part per dataset that a stage accounts for, or should have when it failed.
    fn each(
        &self,
        name: &str,
        stage: Stage,
        part: impl Fn(&Self, Dataset, Option<LedgerEntry>) -> (Vec<Place>, Vec<Place>),
    ) -> Vec<Part> {
        let function = name.split('.').next().unwrap_or(name);
        let failed = self.failed_at(function);
        let parts = self.datasets().into_iter().filter_map(|dataset| {
            let line = self.line(stage, dataset);
            let rejected =
                stage == Stage::Validate && self.finish.trace.rejected.contains(&dataset);
            let done = line.is_some() && !rejected;
            if line.is_none() && !failed {
                return None;
            }
            let (inputs, outputs) = part(self, dataset, line);
            Some(Part { name: format!("{name}.{dataset}"), inputs, outputs, done })
        });
        parts.collect()
    }

    /// The files in `incoming/`; with their version if a dataset has only one.
    fn landed(&self, dataset: Dataset, rows: Option<u64>) -> Place {
        let objects = self.finish.trace.objects.iter();
        let mut objects = objects
            .filter(|object| Dataset::of_landing_key(&object.key).is_ok_and(|of| of == dataset));
        let version = match (objects.next(), objects.next()) {
            (Some(only), None) => only.version_id.clone(),
            _ => None,
        };
        Place { version, ..place(format!("raw.{dataset}"), "incoming", rows) }
    }

    fn generate(&self) -> Part {
        let outputs = self.datasets().into_iter().map(|dataset| self.landed(dataset, None));
        Part {
            name: "generate".to_owned(),
            inputs: vec![],
            outputs: outputs.collect(),
            done: false,
        }
    }

    fn validate(&self, dataset: Dataset, line: Option<LedgerEntry>) -> (Vec<Place>, Vec<Place>) {
        let rows = |of: fn(&LedgerEntry) -> u64| line.as_ref().map(of);
        let raw = format!("raw.{dataset}");
        let good = place(raw.clone(), "validated", rows(|line| line.rows_loaded));
        let bad = place(raw, "quarantine", rows(|line| line.rows_quarantined));
        (vec![self.landed(dataset, rows(|line| line.rows_in))], vec![good, bad])
    }

    fn upload(&self, dataset: Dataset, line: Option<LedgerEntry>) -> (Vec<Place>, Vec<Place>) {
        let rows = |of: fn(&LedgerEntry) -> u64| line.as_ref().map(of);
        let raw = format!("raw.{dataset}");
        let version = self.finish.trace.manifest.as_ref().and_then(|m| m.version_id.clone());
        let loaded = rows(|line| line.rows_loaded);
        let copy = Place { version, ..place(raw.clone(), "raw", loaded) };
        let bronze = place(format!("bronze.{dataset}"), "raw", loaded);
        (vec![place(raw, "validated", rows(|line| line.rows_in))], vec![copy, bronze])
    }

    fn load(&self, dataset: Dataset, line: Option<LedgerEntry>) -> (Vec<Place>, Vec<Place>) {
        let raw = format!("raw.{dataset}");
        let core = self.graph.datasets.iter().filter(|table| table.layer() == Some(Layer::Core));
        let written = core.filter(|table| table.inputs().contains(raw.as_str()));
        let written = written.map(|table| {
            let own = table.table() == dataset.name();
            let rows = line.as_ref().filter(|_| own).map(|line| line.rows_loaded);
            place(table.name.clone(), "raw", rows)
        });
        let written = written.collect();
        (vec![place(raw, "raw", line.map(|line| line.rows_in))], written)
    }

    fn silver(&self, dataset: Dataset, line: Option<LedgerEntry>) -> (Vec<Place>, Vec<Place>) {
        let rows = |of: fn(&LedgerEntry) -> u64| line.as_ref().map(of);
        let bronze = place(format!("bronze.{dataset}"), "raw", rows(|line| line.rows_in));
        let silver = place(format!("silver.{dataset}"), "raw", rows(|line| line.rows_loaded));
        (vec![bronze], vec![silver])
    }

    /// The star schema, the gold tables, and what is published of them to Postgres.
    fn transform(&self) -> Vec<Part> {
        let mut published: BTreeSet<&str> = BTreeSet::new();
        let (mut star, mut publish, mut gold) = (Vec::new(), Vec::new(), Vec::new());
        for dataset in &self.graph.datasets {
            let inputs = dataset.inputs();
            let of_gold = |input: &&str| input.starts_with("gold.") || published.contains(*input);
            match dataset.layer() {
                Some(Layer::Gold) => gold.push(dataset),
                Some(Layer::Warehouse) if inputs.iter().any(of_gold) => {
                    published.insert(&dataset.name);
                    publish.push(dataset);
                }
                Some(Layer::Warehouse) => star.push(dataset),
                _ => {}
            }
        }
        let rows = |name: &str| {
            let table = name.strip_prefix("gold.")?;
            let counted = self.finish.trace.gold.iter().find(|counted| counted.table == table)?;
            Some(counted.rows)
        };
        let part = |name: &str, outputs: Vec<&shopflow_lineage::Dataset>| {
            let written: BTreeSet<&str> = outputs.iter().map(|table| table.name.as_str()).collect();
            let read: BTreeSet<&str> = outputs.iter().flat_map(|table| table.inputs()).collect();
            Part {
                name: format!("transform.{name}"),
                inputs: read.difference(&written).map(|table| whole(table)).collect(),
                outputs: outputs
                    .iter()
                    .map(|table| place(table.name.clone(), "raw", rows(&table.name)))
                    .collect(),
                done: false,
            }
        };
        vec![part("warehouse", star), part("gold", gold), part("publish", publish)]
    }

    fn quality(&self) -> Part {
        let judged = self.evidence.assertions.keys().chain(self.evidence.metrics.keys());
        let judged: BTreeSet<&String> =
            judged.filter(|name| self.graph.dataset(name).is_some()).collect();
        let inputs = judged.into_iter().map(|name| whole(name)).collect();
        Part { name: "quality".to_owned(), inputs, outputs: vec![], done: false }
    }
}

/// Rewrites the files of a table; its rows stay.
fn compact(dataset: Dataset) -> Part {
    let silver = format!("silver.{dataset}");
    let name = format!("compact.{silver}");
    Part { name, inputs: vec![whole(&silver)], outputs: vec![whole(&silver)], done: false }
}
