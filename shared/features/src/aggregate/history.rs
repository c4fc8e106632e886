//! The rows of all views, entity after entity.

use arrow::array::RecordBatch;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use super::fold::Values;
use super::horizon::Horizon;
use super::mask::Masks;
use super::measure::{Rows, Scratch};
use super::order::{Placed, Ranked};
use super::plan::{Plan, Tiling};
use super::row::SourceRows;
use super::table::{Log, Table};
use super::tile::{Slots, Tiles};
use super::timeline::{self, Made, Moment, Timeline, Wanted};
use super::window::Windows;
use crate::Micros;
use crate::value::Value;

/// Makes the rows of a plan's views. It holds the rows that were not taken yet, and the events of one
/// entity.
///
/// ```
/// # use shopflow_features::aggregate::{Aggregate, Cell, History, Horizon, Plan, SourceRows};
/// # use shopflow_features::{
/// #     AggregateOf, Aggregated, ColumnType, Entity, Feature, FeatureKind, PersonalData, Source,
/// #     SourceColumn, Type, Value, View, ViewKind,
/// # };
/// const DAY: i64 = 86_400_000_000;
/// # let entity = Entity {
/// #     name: "customer".into(),
/// #     description: String::new(),
/// #     keys: vec![("customer_id".into(), Type::Int64)],
/// # };
/// # let source = Source {
/// #     name: "sales".into(),
/// #     description: String::new(),
/// #     sql: String::new(),
/// #     columns: vec![SourceColumn { name: "amount".into(), kind: ColumnType::Money }],
/// #     reads: Vec::new(),
/// # };
/// # let revenue = Feature {
/// #     name: "revenue_2d".into(),
/// #     description: String::new(),
/// #     kind: Type::Float64,
/// #     personal_data: PersonalData::None,
/// #     made: FeatureKind::Aggregate(AggregateOf {
/// #         aggregate: Aggregate::Sum,
/// #         column: Some(0),
/// #         filter: Vec::new(),
/// #         window: Some(2 * DAY),
/// #     }),
/// # };
/// # let view = View {
/// #     name: "customer_revenue".into(),
/// #     version: String::new(),
/// #     description: String::new(),
/// #     owner: String::new(),
/// #     tags: Vec::new(),
/// #     entity: "customer".into(),
/// #     ttl: None,
/// #     kind: ViewKind::Aggregated(Aggregated { source: "sales".into(), tile: DAY }),
/// #     features: vec![revenue],
/// # };
/// // The revenue of two days, of a sale on day 0 that is known at once.
/// let plan = Plan::new(&entity, &source, &[&view])?;
/// let mut history = History::new(&plan, Horizon { since: None, until: 10 * DAY });
/// let mut rows = SourceRows::new(&plan);
/// rows.push(DAY / 2, DAY / 2, None, &[Cell::Int64(12_50)])?;
/// history.add(&[Value::Int64(7)], &mut rows)?;
/// let batches = history.take(1)?;
/// let (view, batch) = &batches[0];
/// // One from day 1 on, and one from day 3 on, when it is too long ago.
/// assert_eq!((*view, batch.num_rows()), (0, 2));
/// # Ok::<(), shopflow_core::Error>(())
/// ```
#[derive(Debug)]
pub struct History<'p> {
    plan: &'p Plan,
    horizon: Horizon,
    prepared: Prepared,
    tilings: Vec<Tiled>,
    scratch: Scratch,
    timeline: Timeline,
}

/// What the tilings share of an entity.
#[derive(Debug)]
struct Prepared {
    masks: Masks,
    /// By column, where it is asked for.
    ranked: Vec<Ranked>,
    placed: Vec<Placed>,
}

/// An entity in tiles of one width, and the rows of all entities so far.
#[derive(Debug)]
struct Tiled {
    tiles: Tiles,
    slots: Slots,
    /// Rows that pass a filter, and those that passed the one before.
    bits: Vec<u64>,
    bits_before: Vec<u64>,
    windows: Windows,
    cells: Vec<Values>,
    /// Since when the entity is known, see [`Made`].
    known: Vec<Moment>,
    log: Log,
    /// By shape.
    tables: Vec<Table>,
}

impl<'p> History<'p> {
    pub fn new(plan: &'p Plan, horizon: Horizon) -> Self {
        let columns = plan.columns.len();
        History {
            plan,
            horizon,
            prepared: Prepared {
                masks: Masks::default(),
                ranked: vec![Ranked::default(); columns],
                placed: vec![Placed::default(); columns],
            },
            tilings: plan.tilings.iter().map(|tiling| Tiled::new(plan, tiling)).collect(),
            scratch: Scratch::default(),
            timeline: Timeline::default(),
        }
    }

    /// Adds an entity with all its rows of the source, in any order; in that of their moments it is
    /// fastest, and they are left so. Entities come in the order that the batches shall have.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the keys are not those of the entity.
    pub fn add(&mut self, keys: &[Value], rows: &mut SourceRows) -> Result<()> {
        if keys.len() != self.plan.keys.len() {
            return Err(Error::invalid("an entity has another number of keys")
                .with("keys", keys.len())
                .with("wanted", self.plan.keys.len()));
        }
        rows.sort();
        let mut is_prepared = false;
        for (tiling, tiled) in self.plan.tilings.iter().zip(&mut self.tilings) {
            // Most entities have nothing new.
            let Some(start) = tiled.tiles.fill(rows, tiling, self.horizon) else { continue };
            if !is_prepared {
                self.prepared.fill(self.plan, rows);
                is_prepared = true;
            }
            let what = (tiling, &*self.plan.filters);
            tiled.make(what, &self.prepared, rows, (start, self.horizon), &mut self.scratch);
            let since = self.horizon.since.unwrap_or(Micros::MIN);
            let wanted = Wanted { start, since };
            tiled.write(tiling, keys, rows, wanted, &mut self.timeline)?;
        }
        Ok(())
    }

    /// Takes the rows of the views that have at least so many; each batch with the view's place in the
    /// plan. With 1 it takes all rows.
    ///
    /// # Errors
    ///
    /// `Internal` when Arrow refuses the columns.
    pub fn take(&mut self, at_least: usize) -> Result<Vec<(usize, RecordBatch)>> {
        let mut batches = Vec::new();
        for (place, tiled) in self.tilings.iter_mut().enumerate() {
            tiled.catch_up()?;
            for (shape, table) in tiled.tables.iter_mut().enumerate() {
                if table.rows < at_least.max(1) {
                    continue;
                }
                let (fixed, features) = table.take()?;
                for (number, view) in self.plan.views.iter().enumerate() {
                    if (view.tiling, view.shape) != (place, shape) {
                        continue;
                    }
                    let features = view.columns.iter().map(|column| &features[*column]);
                    let columns = fixed.iter().chain(features).cloned().collect();
                    let batch = RecordBatch::try_new(view.schema.clone(), columns)
                        .or_error(ErrorKind::Internal, "make batch of feature rows failed")
                        .map_err(|error| error.with("view", &view.name))?;
                    batches.push((number, batch));
                }
            }
        }
        batches.sort_unstable_by_key(|(view, _)| *view);
        Ok(batches)
    }
}

impl Prepared {
    fn fill(&mut self, plan: &Plan, rows: &SourceRows) {
        self.masks.fill(plan, rows);
        for (place, column) in plan.columns.iter().enumerate() {
            if column.is_ranked {
                self.ranked[place].fill(rows, place);
            }
            if column.is_placed {
                self.placed[place].fill(rows, place);
            }
        }
    }
}

impl Tiled {
    fn new(plan: &Plan, tiling: &Tiling) -> Self {
        let tables = tiling.shapes.iter().map(|shape| Table::new(plan, tiling, shape));
        Tiled {
            tiles: Tiles::default(),
            slots: Slots::default(),
            bits: Vec::new(),
            bits_before: Vec::new(),
            windows: Windows::new(tiling.windows),
            cells: tiling.cells.iter().map(|is_zero| Values::new(*is_zero)).collect(),
            known: Vec::new(),
            log: Log::new(plan),
            tables: tables.collect(),
        }
    }

    /// All values of the entity, along their windows.
    fn make(
        &mut self,
        (tiling, filters): (&Tiling, &[Vec<usize>]),
        prepared: &Prepared,
        rows: &SourceRows,
        (start, horizon): (Micros, Horizon),
        scratch: &mut Scratch,
    ) {
        self.windows.clear();
        timeline::fill_known(&self.tiles, &mut self.known);
        self.bits_before.clear();
        let mut before: &[(usize, Option<Micros>)] = &[];
        for selection in &tiling.selections {
            let filter = &filters[selection.filter];
            if !prepared.masks.select(filter, &self.tiles.seen, &mut self.bits) {
                continue;
            }
            if self.bits != self.bits_before {
                self.slots.fill(&self.tiles, &self.bits);
                before = &[];
            }
            for (window, length) in &selection.windows {
                match before.iter().find(|(_, other)| other == length) {
                    Some((other, _)) => self.windows.share(*window, *other),
                    None => {
                        let slots = &self.slots.slots;
                        self.windows.fill(*window, slots, *length, (start, horizon.until));
                    }
                }
            }
            std::mem::swap(&mut self.bits, &mut self.bits_before);
            before = &selection.windows;
            let (ranked, placed) = (&*prepared.ranked, &*prepared.placed);
            let rows = Rows { rows, ranked, placed, slots: &self.slots };
            for measure in &selection.measures {
                measure.fill(&rows, &self.windows, &mut self.cells, scratch);
            }
        }
    }

    /// The rows of each shape.
    fn write(
        &mut self,
        tiling: &Tiling,
        keys: &[Value],
        rows: &SourceRows,
        wanted: Wanted,
        timeline: &mut Timeline,
    ) -> Result<()> {
        let made = Made { windows: &self.windows, cells: &self.cells, known: &self.known };
        let first = self.known.iter().copied().filter(|moment| wanted.takes(*moment));
        let before = self.log.add(keys, first)?;
        for (shape, table) in tiling.shapes.iter().zip(&mut self.tables) {
            if made.is_empty(shape) {
                // It takes what is in the log.
                continue;
            }
            timeline.fill(made, shape, wanted);
            table.catch_up(&self.log, before)?;
            table.skip(&self.log);
            table.add(keys, timeline, (shape, &self.cells), &rows.texts)?;
        }
        if self.log.is_long() { self.catch_up() } else { Ok(()) }
    }

    /// Tables take all that is in the log.
    fn catch_up(&mut self) -> Result<()> {
        for table in &mut self.tables {
            table.catch_up(&self.log, self.log.len())?;
            table.begin_log();
        }
        self.log.clear();
        Ok(())
    }
}
