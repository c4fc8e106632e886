//! The rows of one partition, batch by batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, Int64Array, PrimitiveArray, RecordBatch,
    UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{partition, take_record_batch};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type, Int32Type, Int64Type, SchemaRef};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use futures::{StreamExt, TryStreamExt};

use super::groups::Groups;

/// Rows per run from which on a key is computed once per run.
const WORTHWHILE_RUN: usize = 4;

/// Groups the rows of one partition.
pub fn run(
    aggregate: &AggregateExec,
    partition: usize,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let stage = Stage::new(aggregate, partition, context)?;
    let batches = futures::stream::try_unfold(stage, |mut stage| async move {
        Ok(stage.next().await?.map(|batch| (batch, stage)))
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(aggregate.schema(), batches.boxed())))
}

struct Stage {
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    key: Key,
    groups: Groups,
    aggregates: Vec<Aggregate>,
    reservation: MemoryReservation,
    probe: Probe,
    /// Every row is handed on as a group of its own.
    is_passing: bool,
    /// The group of each row of a batch; kept for its memory.
    rows: Vec<usize>,
}

/// An aggregate of every group.
struct Aggregate {
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    states: Box<dyn GroupsAccumulator>,
}

impl Aggregate {
    fn evaluate(&self, batch: &RecordBatch) -> Result<(Vec<ArrayRef>, Option<ArrayRef>)> {
        let rows = batch.num_rows();
        let array = |of: &Arc<dyn PhysicalExpr>| of.evaluate(batch)?.into_array(rows);
        let arguments = self.arguments.iter().map(array).collect::<Result<_>>()?;
        Ok((arguments, self.filter.as_ref().map(array).transpose()?))
    }
}

/// Finds out whether grouping is worth it at all.
struct Probe {
    seen: usize,
    rows: usize,
    ratio: f64,
}

impl Stage {
    fn new(
        aggregate: &AggregateExec,
        partition: usize,
        context: &Arc<TaskContext>,
    ) -> Result<Stage> {
        let functions = aggregate.aggr_expr().iter().zip(aggregate.filter_expr());
        let aggregates = functions
            .map(|(function, filter)| {
                let states = function.create_groups_accumulator()?;
                Ok(Aggregate { arguments: function.expressions(), filter: filter.clone(), states })
            })
            .collect::<Result<Vec<_>>>()?;
        let options = &context.session_config().options().execution;
        let is_convertible = aggregates.iter().all(|one| one.states.supports_convert_to_state());
        Ok(Stage {
            input: aggregate.input().execute(partition, Arc::clone(context))?,
            schema: aggregate.schema(),
            key: Key::new(
                &aggregate.group_expr().expr()[0].0,
                aggregate.schema().field(0).data_type(),
            ),
            groups: Groups::default(),
            aggregates,
            // It can give its memory back at any time, by handing its groups on.
            reservation: MemoryConsumer::new(format!("GroupByKey[{partition}]"))
                .with_can_spill(true)
                .register(context.memory_pool()),
            probe: Probe {
                seen: 0,
                rows: match is_convertible {
                    true => options.skip_partial_aggregation_probe_rows_threshold,
                    false => usize::MAX,
                },
                ratio: options.skip_partial_aggregation_probe_ratio_threshold,
            },
            is_passing: false,
            rows: Vec::new(),
        })
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.input.try_next().await? {
            if self.is_passing {
                return self.pass(&batch).map(Some);
            }
            self.group(&batch)?;
            if self.is_futile() || self.reservation.try_resize(self.size()).is_err() {
                return self.take().map(Some);
            }
        }
        if self.groups.is_empty() { Ok(None) } else { self.take().map(Some) }
    }

    fn group(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows.clear();
        self.key.groups_of(batch, &mut self.groups, &mut self.rows)?;
        for aggregate in &mut self.aggregates {
            let (arguments, filter) = aggregate.evaluate(batch)?;
            let filter = filter.as_ref().map(|filter| filter.as_boolean());
            aggregate.states.update_batch(&arguments, &self.rows, filter, self.groups.len())?;
        }
        Ok(())
    }

    /// Almost every row has been a group of its own; the engine asks the same question.
    fn is_futile(&mut self) -> bool {
        let is_young = self.probe.seen < self.probe.rows;
        self.probe.seen += self.rows.len();
        if is_young && self.probe.seen >= self.probe.rows {
            let most = self.probe.ratio * self.probe.seen as f64;
            self.is_passing = self.groups.len() as f64 >= most;
        }
        self.is_passing
    }

    fn size(&self) -> usize {
        let states: usize = self.aggregates.iter().map(|one| one.states.size()).sum();
        states + self.groups.size() + self.rows.capacity() * size_of::<usize>()
    }

    /// The groups so far. The second stage brings those of one key together.
    fn take(&mut self) -> Result<RecordBatch> {
        let (keys, without) = self.groups.take();
        let mut columns = vec![self.key.array(keys, without)?];
        for aggregate in &mut self.aggregates {
            columns.extend(aggregate.states.state(EmitTo::All)?);
        }
        self.reservation.resize(self.size());
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn pass(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = vec![self.key.evaluate(batch)?];
        for aggregate in &self.aggregates {
            let (arguments, filter) = aggregate.evaluate(batch)?;
            let filter = filter.as_ref().map(|filter| filter.as_boolean());
            columns.extend(aggregate.states.convert_to_state(&arguments, filter)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// What the rows are grouped by.
struct Key {
    expression: Arc<dyn PhysicalExpr>,
    kind: DataType,
    /// The only column that it is computed from.
    source: Option<usize>,
}

impl Key {
    fn new(expression: &Arc<dyn PhysicalExpr>, kind: &DataType) -> Key {
        let columns = collect_columns(expression);
        let is_computed = !expression.as_any().is::<Column>() && !is_volatile(expression);
        let only = columns.iter().next().filter(|_| columns.len() == 1 && is_computed);
        Key {
            expression: Arc::clone(expression),
            kind: kind.clone(),
            source: only.map(Column::index),
        }
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        self.expression.evaluate(batch)?.into_array(batch.num_rows())
    }

    /// Appends the group of each row of a batch to `rows`.
    fn groups_of(
        &self,
        batch: &RecordBatch,
        groups: &mut Groups,
        rows: &mut Vec<usize>,
    ) -> Result<()> {
        let source = self.source.map(|source| batch.column(source));
        if let Some(source) = source.filter(|source| source.data_type().is_primitive()) {
            // The month of a date, say, need not be computed for every sale of a day.
            let runs = partition(&[Arc::clone(source)])?.ranges();
            if runs.len() * WORTHWHILE_RUN <= batch.num_rows() {
                let heads: UInt32Array = runs.iter().map(|run| run.start as u32).collect();
                let keys = self.evaluate(&take_record_batch(batch, &heads)?)?;
                let mut of_runs = Vec::with_capacity(runs.len());
                self.number(&keys, groups, &mut of_runs)?;
                for (run, group) in runs.iter().zip(of_runs) {
                    rows.extend(std::iter::repeat_n(group, run.len()));
                }
                return Ok(());
            }
        }
        self.number(&self.evaluate(batch)?, groups, rows)
    }

    fn number(&self, keys: &ArrayRef, groups: &mut Groups, to: &mut Vec<usize>) -> Result<()> {
        match self.kind {
            DataType::Int64 => number(primitive::<Int64Type>(keys)?, groups, to),
            DataType::Int32 => number(primitive::<Int32Type>(keys)?, groups, to),
            DataType::Date32 => number(primitive::<Date32Type>(keys)?, groups, to),
            _ => return Err(unexpected(&self.kind)),
        }
        Ok(())
    }

    /// Keys as a column; the group at `without` has none.
    fn array(&self, keys: Vec<i64>, without: Option<usize>) -> Result<ArrayRef> {
        let nulls = without
            .map(|without| (0..keys.len()).map(|group| group != without).collect::<NullBuffer>());
        // They came from this type.
        let narrow = |keys: Vec<i64>| keys.into_iter().map(|key| key as i32).collect::<Vec<_>>();
        Ok(match self.kind {
            DataType::Int64 => Arc::new(Int64Array::new(keys.into(), nulls)),
            DataType::Int32 => Arc::new(Int32Array::new(narrow(keys).into(), nulls)),
            DataType::Date32 => Arc::new(Date32Array::new(narrow(keys).into(), nulls)),
            _ => return Err(unexpected(&self.kind)),
        })
    }
}

fn number<T: ArrowPrimitiveType>(keys: &PrimitiveArray<T>, groups: &mut Groups, to: &mut Vec<usize>)
where
    T::Native: Into<i64>,
{
    let values = keys.values();
    let Some(nulls) = keys.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return groups.of(values, to);
    };
    let without = groups.without_key();
    let start = to.len();
    for (from, until) in nulls.valid_slices() {
        to.resize(start + from, without);
        groups.of(&values[from..until], to);
    }
    to.resize(start + keys.len(), without);
}

fn primitive<T: ArrowPrimitiveType>(keys: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    keys.as_primitive_opt::<T>().ok_or_else(|| unexpected(keys.data_type()))
}

fn unexpected(kind: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!("{kind} is no key of a grouping"))
}
