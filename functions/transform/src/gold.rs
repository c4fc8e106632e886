//! The gold tables in the lake: only the touched part is computed, and a table that comes out the
//! same is not written.
//!
//! A touched date, week or month is replaced as a whole by what silver and the dimensions say
//! now, and files hold their rows sorted by key. So it makes no difference to a single byte
//! whether a table was built in many steps or at once.

pub mod aggregates;
pub mod dimensions;
pub mod facts;
pub mod modelled;
pub mod models;
pub mod rates;
pub mod refresh;
pub mod sessions;
pub mod tables;

use futures::FutureExt;
use futures::future::BoxFuture;
use shopflow_core::contract::GoldTable;
use shopflow_core::{Result, keys};
use shopflow_lake::Table;
use shopflow_postgres::Client;
use shopflow_postgres::dimensions::{self as stars, Star};
use shopflow_query::{Engine, FileCache};

use crate::context::Context;
use modelled::MODELLED;
use refresh::{Dimensions, Refresh};
use sessions::SessionChange;
use tables::{AGGREGATES, Aggregate, Input};

pub use refresh::{Change, Published, Update};

/// Everything that was recomputed.
#[derive(Debug, Default)]
pub struct Refreshed {
    pub aggregates: Vec<Change>,
    pub sessions: Option<SessionChange>,
}

/// The star as it is now, of which the aggregates are computed.
pub struct FreshStar<'a> {
    refresh: Refresh<'a>,
    dims: Dimensions,
    facts: Table,
    /// The sessions that were recomputed, to be published.
    pub sessions: Option<SessionChange>,
}

/// Recomputes what `update` names of dimensions and facts, and the sessions that
/// `ops.dirty_sessions` names. The rest is left to [`FreshStar::aggregates`].
///
/// # Errors
/// `Transient.*`, or `Internal` when a sale has no version of its customer or product.
pub fn star<'a: 'c, 'c>(
    context: &'a Context,
    client: &'c Client,
    cache: &'a FileCache,
    update: &'a Update,
) -> BoxFuture<'c, Result<FreshStar<'a>>> {
    refresh_star(context, client, cache, update).boxed()
}

/// [`star`] and [`FreshStar::aggregates`] one after the other.
///
/// # Errors
/// As theirs.
pub async fn refresh(
    context: &Context,
    client: &Client,
    cache: &FileCache,
    update: &Update,
) -> Result<Refreshed> {
    let star = star(context, client, cache, update).await?;
    let aggregates = star.aggregates().await?;
    Ok(Refreshed { aggregates, sessions: star.sessions })
}

async fn refresh_star<'a>(
    context: &'a Context,
    client: &Client,
    cache: &'a FileCache,
    update: &'a Update,
) -> Result<FreshStar<'a>> {
    let engine = Engine::new(context.memory_bytes / 4 * 3);
    let refresh = Refresh { context, engine, cache, update };
    let dims = Dimensions::read(client, update).await?;
    // The file of a dimension that got a new column does not have it, although no row changed.
    let is_due = |star: &Star| update.dimensions || star.attributes().any(|it| star.is_later(it));
    let write_dimensions = dims
        .all
        .iter()
        .filter(|(star, _)| is_due(star))
        .map(|(star, rows)| refresh.replace(star.dimension.table, rows));
    let (_, facts, sessions) = futures::try_join!(
        futures::future::try_join_all(write_dimensions),
        refresh.facts(&dims).boxed(),
        refresh.sessions(client, &dims.customers).boxed()
    )?;
    Ok(FreshStar { refresh, dims, facts, sessions })
}

impl FreshStar<'_> {
    /// Recomputes the aggregates and models over what has changed of the star.
    ///
    /// # Errors
    /// `Transient.Storage`, or `Internal` when a question fails.
    pub fn aggregates(&self) -> BoxFuture<'_, Result<Vec<Change>>> {
        self.refresh_aggregates().boxed()
    }

    async fn refresh_aggregates(&self) -> Result<Vec<Change>> {
        let FreshStar { refresh, dims, facts, sessions } = self;
        let update = refresh.update;
        let changed = |input: &Input| match input {
            Input::FactSales => update.full || !update.dates.is_empty(),
            Input::FactSessions => sessions.is_some(),
            Input::DimCustomer | Input::DimProduct => update.dimensions,
        };
        // What was never published is computed whatever has changed, so that an upgrade fills it.
        let is_new = |table: &&Aggregate| !update.published.0.contains_key(table.name);
        let outdated = |table: &&Aggregate| is_new(table) || table.reads.iter().any(changed);
        let outdated = AGGREGATES.iter().filter(outdated);
        let aggregates = outdated.map(|table| refresh.aggregate(table, facts, dims).boxed());
        let [fits, predictions, pairs, similarity] = &*MODELLED;
        let of_sales = [fits, predictions, pairs].iter().any(is_new);
        let sales = changed(&Input::FactSales) || of_sales;
        let clicks = changed(&Input::FactSessions) || is_new(&similarity);
        let (mut aggregates, models) = futures::try_join!(
            futures::future::try_join_all(aggregates),
            refresh.models(facts, sales, clicks).boxed()
        )?;
        aggregates.extend(models);
        Ok(aggregates)
    }
}

/// Names of every gold table, in the order they are computed.
pub fn table_names() -> impl Iterator<Item = &'static str> {
    let dimensions = stars::all().into_iter().map(|star| star.dimension.table);
    let facts = [tables::FACT_SALES, tables::FACT_SESSIONS];
    let computed = AGGREGATES.iter().chain(MODELLED.iter());
    dimensions.chain(facts).chain(computed.map(|aggregate| aggregate.name))
}

/// Rows of each gold table as its manifest says.
///
/// # Errors
/// `Transient.Storage`.
pub async fn row_counts(context: &Context) -> Result<Vec<GoldTable>> {
    let counts = table_names().map(|name| {
        async move {
            let table =
                Table::open(&context.storage, &context.lake, &keys::gold_table(name)).await?;
            Ok(GoldTable { table: name.to_owned(), rows: table.manifest().rows() })
        }
        .boxed()
    });
    futures::future::try_join_all(counts).await
}
