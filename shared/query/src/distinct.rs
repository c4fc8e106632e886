//! `count(DISTINCT id)` per group, exact, at a fraction of the cost of the engine's own.
//!
//! The engine keeps a boxed accumulator per group, copies the rows of each into an array of its
//! own, and hashes every id again when the partial counts come together. Here the sets of all
//! groups stand side by side ([`IdSet`]), and what one partition hands to the next step is mostly a
//! bit per number, not a list of ids. Everything else stays with the engine.

use std::any::Any;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};

use crate::ids::IdSet;

/// `count` of the engine, with another way to count different ids per group.
pub fn count() -> AggregateUDF {
    AggregateUDF::new_from_impl(Count { inner: count_udaf() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Count {
    inner: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Count {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(arguments)
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        is_of_ids(&arguments) || self.inner.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        if is_of_ids(&arguments) {
            return Ok(Box::new(DistinctIds::default()));
        }
        self.inner.create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(
        &self,
        arguments: AccumulatorArgs,
    ) -> Result<Box<dyn Accumulator>> {
        self.inner.create_sliding_accumulator(arguments)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn default_value(&self, kind: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(kind)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.inner.value_from_stats(statistics)
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(kind)
    }
}

fn is_of_ids(arguments: &AccumulatorArgs) -> bool {
    let fields = arguments.expr_fields;
    arguments.is_distinct && matches!(fields, [only] if *only.data_type() == DataType::Int64)
}

/// The ids of each group.
#[derive(Debug, Default)]
struct DistinctIds {
    groups: Vec<IdSet>,
    /// Memory of the sets and lists.
    bytes: usize,
}

impl DistinctIds {
    fn change(&mut self, group: usize, change: impl FnOnce(&mut IdSet)) {
        let ids = &mut self.groups[group];
        let before = ids.bytes();
        change(ids);
        self.bytes = (self.bytes + ids.bytes()).saturating_sub(before);
    }

    fn take(&mut self, emit: EmitTo) -> Vec<IdSet> {
        let taken = emit.take_needed(&mut self.groups);
        self.bytes = self.groups.iter().map(IdSet::bytes).sum();
        taken
    }
}

impl GroupsAccumulator for DistinctIds {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups.resize_with(total, IdSet::default);
        let ids = ids_of(values)?;
        let is_counted = |row: usize| {
            ids.is_valid(row) && filter.is_none_or(|one| one.is_valid(row) && one.value(row))
        };
        let all = ids.null_count() == 0 && filter.is_none();
        let mut at = 0;
        for same in groups.chunk_by(|left, right| left == right) {
            let rows = at..at + same.len();
            at = rows.end;
            self.change(same[0], |set| {
                if all {
                    set.add(&ids.values()[rows]);
                } else {
                    let counted = rows.filter(|row| is_counted(*row)).map(|row| ids.value(row));
                    set.add(&counted.collect::<Vec<_>>());
                }
            });
        }
        Ok(())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        _filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups.resize_with(total, IdSet::default);
        let lists = values
            .first()
            .and_then(|lists| lists.as_list_opt::<i32>())
            .ok_or_else(|| unexpected("state"))?;
        let states = ids_of(std::slice::from_ref(lists.values()))?.values();
        for (ends, group) in lists.offsets().windows(2).zip(groups) {
            let state = &states[ends[0] as usize..ends[1] as usize];
            self.change(*group, |set| set.merge(state));
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let counts = self.take(emit).into_iter().map(|ids| ids.len() as i64);
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut states = Vec::new();
        let mut ends = vec![0];
        for set in self.take(emit) {
            set.write_state(&mut states);
            ends.push(i32::try_from(states.len()).map_err(|_| too_many())?);
        }
        let ends = OffsetBuffer::new(ends.into());
        let field = Arc::new(Field::new_list_field(DataType::Int64, true));
        let lists = ListArray::try_new(field, ends, Arc::new(Int64Array::from(states)), None)?;
        Ok(vec![Arc::new(lists)])
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<IdSet>()
    }
}

fn ids_of(values: &[ArrayRef]) -> Result<&Int64Array> {
    let ids = values.first().and_then(|ids| ids.as_primitive_opt::<Int64Type>());
    ids.ok_or_else(|| unexpected("argument"))
}

fn too_many() -> DataFusionError {
    DataFusionError::Execution("different ids of one batch of groups take over 16 GiB".to_owned())
}

fn unexpected(what: &str) -> DataFusionError {
    DataFusionError::Internal(format!("{what} of count distinct is of another type"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::RecordBatch;
    use datafusion::datasource::MemTable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    /// Rows of group and id, in batches that two partitions read.
    async fn answers(sql: &str, own: bool) -> Vec<String> {
        let batch = |seed: i64| {
            let groups = (0..4000_i64).map(|row| (row + seed) / 1000 * 7 % 13);
            let ids =
                (0..4000_i64).map(|row| (row % 17 != 3).then_some((row * row + seed) % 997 - 400));
            let groups: ArrayRef = Arc::new(Int64Array::from_iter_values(groups));
            let ids: ArrayRef = Arc::new(Int64Array::from_iter(ids));
            RecordBatch::try_from_iter_with_nullable([("g", groups, false), ("id", ids, true)])
                .unwrap()
        };
        let parts = vec![vec![batch(0), batch(1500)], vec![batch(3900)]];
        let table = MemTable::try_new(parts[0][0].schema(), parts).unwrap();
        let config = SessionConfig::new().with_target_partitions(2).with_batch_size(512);
        let context = SessionContext::new_with_config(config);
        if own {
            context.register_udaf(count());
        }
        context.register_table("rows", Arc::new(table)).unwrap();
        let answer = context.sql(sql).await.unwrap().collect().await.unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&answer).unwrap().to_string();
        text.lines().map(str::to_owned).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn counts_are_those_of_the_engine() {
        for sql in [
            "SELECT g, count(DISTINCT id) AS ids, count(*) AS n, count(id) AS known, min(id) AS low
             FROM rows GROUP BY g ORDER BY g",
            "SELECT g, count(DISTINCT id) FILTER (WHERE id > 0) AS ids, count(*) AS n FROM rows
             GROUP BY g ORDER BY g",
            "SELECT count(DISTINCT id) AS ids, count(*) AS n FROM rows",
            "SELECT count(DISTINCT id) AS ids, count(*) AS n FROM rows WHERE id > 5000",
            "SELECT id, count(DISTINCT g) AS groups, sum(g) AS s, count(*) AS n FROM rows
             GROUP BY id ORDER BY id",
        ] {
            let own = answers(sql, true).await;
            assert_eq!(own, answers(sql, false).await, "{sql}");
            assert!(own.len() > 4, "{own:?}");
        }
    }

    #[test]
    fn memory_that_is_given_back_is_not_counted() {
        let mut sets = DistinctIds::default();
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
        let groups: Vec<usize> = (0..10_000).map(|row| row / 5000).collect();
        sets.update_batch(&[ids], &groups, None, 2).unwrap();
        let full = sets.size();
        assert!(full >= 10_000 / 8, "{full}");
        let first = sets.evaluate(EmitTo::First(1)).unwrap();
        assert_eq!(first.as_primitive::<Int64Type>().values(), &[5000]);
        assert!(sets.size() < full);
        let rest = sets.state(EmitTo::All).unwrap();
        let empty = sets.size();
        sets.merge_batch(&rest, &[0], None, 1).unwrap();
        assert!(sets.size() > empty);
        let merged = sets.evaluate(EmitTo::All).unwrap();
        assert_eq!(merged.as_primitive::<Int64Type>().values(), &[5000]);
        assert_eq!(sets.size(), empty);
    }
}
