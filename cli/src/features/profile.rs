//! What the columns of a training set hold, counted while its rows are written.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use shopflow_core::Result;
use shopflow_features::{EVENT_TIMESTAMP, Type};

use super::manifest::{OfFeature, OfView};
use super::plan::{Made, Plan};
use super::spine::column;

/// What the join says of a row of the spine that found nothing.
const MISSING: &str = "missing";
const OUTSIDE_TTL: &str = "outside_ttl";

/// Counts over all rows.
#[derive(Debug)]
pub struct Profile {
    pub rows: u64,
    pub rows_known_later: u64,
    views: Vec<ViewCounts>,
    numbers: Vec<Numbers>,
    nulls: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
struct ViewCounts {
    missing: u64,
    outside_ttl: u64,
    known_later: u64,
}

/// The numbers of a column.
#[derive(Debug, Clone, Default)]
struct Numbers {
    count: u64,
    sum: f64,
    extremes: Option<(f64, f64)>,
}

/// Columns of a joined batch that say how a view was looked up.
pub struct Looked<'b> {
    pub status: &'b ArrayRef,
    /// When the row was known that a join by `event_timestamp` alone would take.
    pub known: &'b ArrayRef,
}

impl Profile {
    pub fn new(plan: &Plan<'_>) -> Profile {
        Profile {
            rows: 0,
            rows_known_later: 0,
            views: vec![ViewCounts::default(); plan.reads.len()],
            numbers: vec![Numbers::default(); plan.outputs.len()],
            nulls: vec![0; plan.outputs.len()],
        }
    }

    /// Counts a batch of the training set. `looked` has an entry for each view that was read, `values`
    /// a column for each feature.
    ///
    /// # Errors
    /// `Internal` when the spine has no moments.
    pub fn add(
        &mut self,
        plan: &Plan<'_>,
        spine: &RecordBatch,
        looked: &[Looked<'_>],
        values: &[ArrayRef],
    ) -> Result<()> {
        let moments = column(spine, EVENT_TIMESTAMP)?;
        let moments = moments.as_primitive::<TimestampMicrosecondType>().values();
        let mut is_later = vec![false; spine.num_rows()];
        for (counts, looked) in self.views.iter_mut().zip(looked) {
            for status in looked.status.as_string::<i32>().iter().flatten() {
                counts.missing += u64::from(status == MISSING);
                counts.outside_ttl += u64::from(status == OUTSIDE_TTL);
            }
            let known = looked.known.as_primitive::<TimestampMicrosecondType>();
            for (row, known) in known.iter().enumerate() {
                if known.is_some_and(|known| known > moments[row]) {
                    counts.known_later += 1;
                    is_later[row] = true;
                }
            }
        }
        self.rows += spine.num_rows() as u64;
        self.rows_known_later += is_later.iter().filter(|is_later| **is_later).count() as u64;
        for (at, (output, array)) in plan.outputs.iter().zip(values).enumerate() {
            self.nulls[at] += array.null_count() as u64;
            match output.feature.kind {
                Type::Int64 => {
                    let numbers = array.as_primitive::<Int64Type>().iter().flatten();
                    self.numbers[at].add(numbers.map(|number| number as f64));
                }
                Type::Float64 => {
                    self.numbers[at].add(array.as_primitive::<Float64Type>().iter().flatten());
                }
                Type::Text | Type::Boolean | Type::Timestamp => {}
            }
        }
        Ok(())
    }

    /// The views that were read, as the manifest has them.
    pub fn views(&self, plan: &Plan<'_>) -> Vec<OfView> {
        let of_view = |(read, counts): (&super::plan::Read<'_>, &ViewCounts)| OfView {
            name: read.view.name.clone(),
            version: read.view.version.clone(),
            sql_sha256: read.sql_sha256(),
            ttl: read.view.ttl,
            missing: counts.missing,
            outside_ttl: counts.outside_ttl,
            known_later: counts.known_later,
        };
        plan.reads.iter().zip(&self.views).map(of_view).collect()
    }

    /// The columns, as the manifest has them.
    pub fn features(&self, plan: &Plan<'_>) -> Vec<OfFeature> {
        let counted = plan.outputs.iter().zip(&self.numbers).zip(&self.nulls);
        let of_feature = counted.map(|((output, numbers), nulls)| {
            let looked = match output.made {
                Made::View(place) => self.views[place].clone(),
                Made::Computed(..) => ViewCounts::default(),
            };
            OfFeature {
                name: output.name.clone(),
                of: plan.of(output).to_owned(),
                kind: output.feature.kind.name().to_owned(),
                expression: plan.expression(output).map(str::to_owned),
                nulls: *nulls,
                missing: looked.missing,
                outside_ttl: looked.outside_ttl,
                min: numbers.extremes.map(|(min, _)| min),
                mean: (numbers.count > 0).then(|| numbers.sum / numbers.count as f64),
                max: numbers.extremes.map(|(_, max)| max),
            }
        });
        of_feature.collect()
    }
}

impl Numbers {
    fn add(&mut self, numbers: impl Iterator<Item = f64>) {
        for number in numbers.filter(|number| number.is_finite()) {
            self.count += 1;
            self.sum += number;
            let (min, max) = self.extremes.unwrap_or((number, number));
            let is_less = |one: f64, other: f64| one.total_cmp(&other) == Ordering::Less;
            self.extremes = Some((
                if is_less(number, min) { number } else { min },
                if is_less(max, number) { number } else { max },
            ));
        }
    }
}
