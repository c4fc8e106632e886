//! What a join gives, checked before anything is read: columns, and which sides ask by the same keys.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use shopflow_core::{Error, Result};

use super::columns::EVENT_TIMESTAMP;
use super::side::Side;
use crate::Type;

/// Sides whose keys are the same columns: the spine is sorted once for them.
#[derive(Debug)]
pub(super) struct Group {
    pub keys: Vec<(String, Type)>,
    /// Places of the sides.
    pub sides: Vec<usize>,
    /// Their columns, one side after the other.
    pub schema: SchemaRef,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub groups: Vec<Group>,
    /// Columns beside those of the spine, by side.
    fields: Vec<Vec<FieldRef>>,
    /// For each of these columns, in the order of sides, its group and its place there.
    sources: Vec<(usize, usize)>,
}

impl Plan {
    /// With `full_names` columns are called `<view>__<feature>`, else `<feature>`.
    pub fn new(sides: &[Side<'_>], full_names: bool) -> Result<Plan> {
        let fields: Vec<Vec<FieldRef>> =
            sides.iter().map(|side| fields(side, full_names)).collect();
        let mut groups: Vec<Group> = Vec::new();
        for (number, side) in sides.iter().enumerate() {
            check_keys(side)?;
            match groups.iter_mut().find(|group| group.keys == side.keys) {
                Some(group) => group.sides.push(number),
                None => groups.push(Group {
                    keys: side.keys.clone(),
                    sides: vec![number],
                    schema: Arc::new(Schema::empty()),
                }),
            }
        }
        let mut sources = vec![Vec::new(); sides.len()];
        for (number, group) in groups.iter_mut().enumerate() {
            let columns = group.sides.iter().flat_map(|side| &fields[*side]);
            group.schema = Arc::new(Schema::new(columns.cloned().collect::<Vec<_>>()));
            let mut place = 0;
            for side in &group.sides {
                sources[*side] =
                    (place..place + fields[*side].len()).map(|at| (number, at)).collect();
                place += fields[*side].len();
            }
        }
        let plan = Plan { groups, fields, sources: sources.concat() };
        plan.check_names(&[])?;
        Ok(plan)
    }

    /// The columns of an answer to a batch of the spine.
    pub fn schema(&self, spine: &Schema) -> Result<SchemaRef> {
        self.check_names(spine.fields())?;
        let fields = spine.fields().iter().chain(self.fields.iter().flatten());
        let metadata = spine.metadata().clone();
        Ok(Arc::new(Schema::new_with_metadata(fields.cloned().collect::<Vec<_>>(), metadata)))
    }

    /// A batch of the spine, and beside it the columns of each group in the order of sides.
    pub fn beside(
        &self,
        schema: &SchemaRef,
        spine: &RecordBatch,
        groups: &[Vec<arrow::array::ArrayRef>],
    ) -> std::result::Result<RecordBatch, arrow::error::ArrowError> {
        let added = self.sources.iter().map(|(group, at)| &groups[*group][*at]);
        let columns = spine.columns().iter().chain(added).cloned().collect();
        RecordBatch::try_new(Arc::clone(schema), columns)
    }

    fn check_names(&self, spine: &[FieldRef]) -> Result<()> {
        let mut names: Vec<&str> = spine
            .iter()
            .chain(self.fields.iter().flatten())
            .map(|field| field.name().as_str())
            .collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => Err(Error::invalid("two columns have the same name")
                .with("column", pair[0])
                .hint("ask for full names, or rename the column of the spine")),
        }
    }
}

fn fields(side: &Side<'_>, full_names: bool) -> Vec<FieldRef> {
    let field = |name: &str, kind: DataType, is_nullable| {
        Arc::new(Field::new(format!("{}__{name}", side.view), kind, is_nullable))
    };
    let features = side.features.iter().map(|(name, kind)| match full_names {
        true => field(name, kind.arrow(), true),
        false => Arc::new(Field::new(name, kind.arrow(), true)),
    });
    let moment =
        side.shows_event_timestamp.then(|| field(EVENT_TIMESTAMP, Type::Timestamp.arrow(), true));
    let status = side.shows_status.then(|| field("status", DataType::Utf8, false));
    features.chain(moment).chain(status).collect()
}

fn check_keys(side: &Side<'_>) -> Result<()> {
    let wrong = |message: &str| Err(Error::invalid(message).with("view", &side.view));
    if !(1..=2).contains(&side.keys.len()) {
        return wrong("a view is joined by one or two keys");
    }
    if side.keys.iter().any(|(_, kind)| !matches!(kind, Type::Int64 | Type::Text)) {
        return wrong("a join key is an int64 or a text");
    }
    Ok(())
}
