//! What one pass over a part of a table collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shopflow_core::Result;
use shopflow_core::error::{Error, ErrorKind, ResultExt};

use crate::column::Batch;
use crate::evidence::Evidence;
use crate::metric::Collected;
use crate::metric::scope::Scope;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::result::ValidationResult;
use crate::unreadable::Unreadable;

/// The state of a pass. Parts of a table are collected apart and merged in their order; a state
/// can be stored as JSON and merged on another day.
#[derive(Debug, Clone)]
pub struct State {
    plan: Arc<Plan>,
    rows: u64,
    unreadable: Unreadable,
    collected: Vec<Collected>,
}

#[derive(Serialize, Deserialize)]
struct Stored<C> {
    plan: String,
    rows: u64,
    unreadable: Unreadable,
    collected: C,
}

impl State {
    /// Nothing collected yet.
    pub fn new(plan: &Arc<Plan>) -> State {
        let collected = plan.metrics.iter().map(|planned| planned.metric.start()).collect();
        State { plan: plan.clone(), rows: 0, unreadable: Unreadable::default(), collected }
    }

    /// Adds the rows of a batch with the plan's schema.
    ///
    /// # Errors
    /// `InvalidInput` when a column's values cannot be read.
    pub fn update(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = Batch::from_record_batch(batch, &self.plan.wanted)
            .or_error(ErrorKind::InvalidInput, "read the columns of a batch failed")?;
        self.update_columns(&batch);
        Ok(())
    }

    /// Adds rows whose columns are those of [`Plan::columns`], in that order.
    pub fn update_columns(&mut self, batch: &Batch) {
        if batch.rows == 0 {
            return;
        }
        self.rows += batch.rows as u64;
        let plan = &*self.plan;
        let selected: Vec<Vec<u8>> =
            plan.conditions.iter().map(|condition| condition.rows(batch)).collect();
        for (planned, state) in plan.metrics.iter().zip(&mut self.collected) {
            let selected = planned.condition.map(|at| selected[at].as_slice());
            let scope = Scope { batch, selected, presenter: &plan.presenter };
            planned.metric.update(state, &scope);
        }
    }

    /// Notes rows that could not be read; the table fails then.
    pub fn add_unreadable(&mut self, unreadable: Unreadable) {
        self.unreadable.append(unreadable);
    }

    /// Adds what was collected from the rows that follow.
    ///
    /// # Errors
    /// `InvalidInput` when the other state belongs to another plan.
    pub fn merge(&mut self, next: State) -> Result<()> {
        if self.plan.fingerprint != next.plan.fingerprint {
            return Err(Error::invalid("states of different plans cannot be merged")
                .with("suite", &self.plan.suite.name)
                .hint("collect both parts with the same suite, schema and options"));
        }
        self.rows += next.rows;
        self.add_unreadable(next.unreadable);
        let limit = self.plan.presenter.limit;
        let pairs = self.plan.metrics.iter().zip(&mut self.collected).zip(next.collected);
        for ((planned, state), next) in pairs {
            planned.metric.merge(state, next, limit);
        }
        Ok(())
    }

    /// Rows that were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Judges every expectation.
    pub fn finish(&self) -> ValidationResult {
        self.finish_beside(&BTreeMap::new())
    }

    /// Judges every expectation; `other_tables` gives the numbers of rows that
    /// `expect_table_row_count_to_equal_other_table` compares with.
    pub fn finish_beside(&self, other_tables: &BTreeMap<String, u64>) -> ValidationResult {
        let evidence = self.evidence(other_tables);
        let outcomes = self.plan.judges.iter().map(|judge| judge(&evidence));
        ValidationResult::new(&self.plan.suite, outcomes.collect(), self.rows, &self.unreadable)
    }

    fn evidence<'a>(&'a self, other_tables: &'a BTreeMap<String, u64>) -> Evidence<'a> {
        let Plan { metrics, presenter, .. } = &*self.plan;
        Evidence { metrics, collected: &self.collected, presenter, other_tables }
    }

    /// What the columns are like; `None` unless the plan's options asked for profiles.
    pub fn profile(&self) -> Option<Profile> {
        if self.plan.profiled.is_empty() {
            return None;
        }
        let other_tables = BTreeMap::new();
        let evidence = self.evidence(&other_tables);
        let columns = self.plan.profiled.iter().map(|column| column.finish(&evidence)).collect();
        Some(Profile { rows: self.rows, columns })
    }

    /// The state as JSON.
    ///
    /// # Errors
    /// `Internal` when it cannot be written.
    pub fn to_json(&self) -> Result<Value> {
        serde_json::to_value(Stored {
            plan: self.plan.fingerprint.clone(),
            rows: self.rows,
            unreadable: self.unreadable.clone(),
            collected: &self.collected,
        })
        .or_error(ErrorKind::Internal, "write the state of a validation failed")
    }

    /// A stored state of `plan`.
    ///
    /// # Errors
    /// `InvalidInput` when it is not one.
    pub fn from_json(plan: &Arc<Plan>, value: Value) -> Result<State> {
        let stored: Stored<Vec<Collected>> = serde_json::from_value(value)
            .or_error(ErrorKind::InvalidInput, "read the state of a validation failed")?;
        let fits = stored.plan == plan.fingerprint
            && stored.collected.len() == plan.metrics.len()
            && plan.metrics.iter().zip(&stored.collected).all(|(p, state)| p.metric.fits(state));
        if !fits {
            return Err(Error::invalid("the stored state belongs to another plan")
                .with("suite", &plan.suite.name)
                .hint("collect the part again with the present suite and schema"));
        }
        let Stored { rows, unreadable, collected, .. } = stored;
        Ok(State { plan: plan.clone(), rows, unreadable, collected })
    }
}
