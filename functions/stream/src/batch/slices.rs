//! Slices of a shard: read as far as they are not kept, merged with what a batch adds, and written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Definition, Definitions, State, slice_of};
use tokio_postgres::Transaction;

use crate::connection::Statements;
use crate::kept::Place;
use crate::moment::{micros, slice_start};

const READ: &str = "SELECT wanted.place, slices.slice_start, slices.state \
     FROM unnest($3::integer[], $4::text[], $5::text[], $6::timestamptz[]) \
         AS wanted (place, definition, definition_version, slice_start) \
     JOIN stream.slices ON slices.stream = $1 AND slices.shard = $2 \
         AND slices.definition = wanted.definition \
         AND slices.definition_version = wanted.definition_version \
         AND slices.slice_start = wanted.slice_start";
const WRITE: &str = "INSERT INTO stream.slices \
         (stream, definition, definition_version, slice_start, shard, state) \
     SELECT $1, definition, definition_version, slice_start, $2, state \
     FROM unnest($3::text[], $4::text[], $5::timestamptz[], $6::bytea[]) \
         AS new (definition, definition_version, slice_start, state) \
     ON CONFLICT (stream, definition, definition_version, slice_start, shard) \
     DO UPDATE SET state = excluded.state, is_changed = true";

/// Where slices are of.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    pub stream: &'a str,
    pub shard: &'a str,
    pub definitions: &'a Definitions,
}

impl<'a> Owner<'a> {
    fn definition(&self, place: usize) -> Result<&'a Definition> {
        let definition = self.definitions.windows.get(place);
        definition.ok_or_else(|| Error::internal("a slice is of no definition"))
    }
}

/// Adds to the slices of the shard; what they are then, with the bytes of each. `kept` are those that
/// need not be read.
///
/// # Errors
/// `Transient.Database`, `Internal` when a slice cannot be decoded.
pub async fn add(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    owner: Owner<'_>,
    additions: BTreeMap<Place, State>,
    mut kept: BTreeMap<Place, State>,
) -> Result<Vec<(Place, State, usize)>> {
    let missing = additions.keys().filter(|place| !kept.contains_key(place));
    let missing: Vec<Place> = missing.copied().collect();
    kept.extend(read(transaction, statements, owner, &missing).await?);
    let mut merged = Vec::with_capacity(additions.len());
    let mut columns = Columns::default();
    for (place, addition) in additions {
        let definition = owner.definition(place.0)?;
        let state = match kept.remove(&place) {
            Some(mut state) => {
                state.merge(definition, &addition);
                state
            }
            None => addition,
        };
        let encoded = state.encode(definition);
        merged.push((place, state, encoded.len()));
        columns.push(definition, place, encoded);
    }
    if !merged.is_empty() {
        let Owner { stream, shard, .. } = owner;
        let Columns { definitions, versions, starts, states, .. } = &columns;
        let statement = statements.of(transaction, WRITE).await?;
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&stream, &shard, definitions, versions, starts, states];
        transaction.execute(&statement, &parameters).await.or_db("write slices")?;
    }
    Ok(merged)
}

async fn read(
    transaction: &Transaction<'_>,
    statements: &mut Statements,
    owner: Owner<'_>,
    places: &[Place],
) -> Result<BTreeMap<Place, State>> {
    let mut found = BTreeMap::new();
    if places.is_empty() {
        return Ok(found);
    }
    let mut columns = Columns::default();
    for place in places {
        columns.push(owner.definition(place.0)?, *place, Vec::new());
    }
    let Owner { stream, shard, .. } = owner;
    let Columns { places, definitions, versions, starts, .. } = &columns;
    let statement = statements.of(transaction, READ).await?;
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&stream, &shard, places, definitions, versions, starts];
    let rows = transaction.query(&statement, &parameters).await.or_db("read slices")?;
    for row in &rows {
        let place = usize::try_from(row.get::<_, i32>(0)).unwrap_or(usize::MAX);
        let slice = slice_of(micros(row.get::<_, DateTime<Utc>>(1)));
        let state = State::decode(owner.definition(place)?, row.get(2))?;
        found.insert((place, slice), state);
    }
    Ok(found)
}

/// Columns of slices.
#[derive(Debug, Default)]
struct Columns {
    places: Vec<i32>,
    definitions: Vec<String>,
    versions: Vec<String>,
    starts: Vec<DateTime<Utc>>,
    states: Vec<Vec<u8>>,
}

impl Columns {
    fn push(&mut self, definition: &Definition, (place, slice): Place, state: Vec<u8>) {
        self.places.push(i32::try_from(place).unwrap_or(i32::MAX));
        self.definitions.push(definition.name.clone());
        self.versions.push(definition.version.clone());
        self.starts.push(slice_start(slice));
        self.states.push(state);
    }
}
