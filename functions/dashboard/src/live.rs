//! The figures of the page, all as of one moment of the database.
//!
//! Two kinds of figures meet here. What only a tick of the stream changes (closed windows, ended
//! visits, findings) is read once per tick and kept. What every batch changes (slices that no window
//! has yet, visits under way) is read whenever the stream's version moved. Between the two there is
//! no gap: a minute is taken from its window once there is one, and from its slices until then.

mod answer;
mod clock;
mod health;
mod minutes;
mod source;
mod ticked;
mod traffic;
mod version;
mod visits;

use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::IsolationLevel;

pub use answer::{
    Counts, Finding, Funnel, Lag, Live, Minutes, Recent, Slices, TooLate, Trend, Trends, Visitors,
};
pub use clock::Clock;
pub use source::Place;
use source::Reading;
use version::Version;

/// A stream, the definitions of its windows, and what is kept of the last reading.
pub type Source = source::Source<ticked::Ticked>;

/// No question goes on in the database when nobody waits for its answer any more. It is a second more
/// than the function waits: what is too slow ends there first.
const LIMIT: &str = "SET LOCAL statement_timeout = '9s'";

/// The tag of the figures, and the figures unless `known` has that tag already: then nothing more is
/// read.
///
/// # Errors
/// `Transient.Database` when trying again helps; `Internal` when the tables of the stream hold what
/// cannot be read.
pub async fn read(
    source: &Source,
    client: &mut Client,
    clock: Clock,
    known: Option<&str>,
) -> Result<(String, Option<Live>)> {
    let transaction = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await
        .or_db("begin reading the stream")?;
    transaction.batch_execute(LIMIT).await.or_db("limit the time of reading")?;
    let stream = source.place.stream.as_str();
    let version = Version::read(&transaction, stream).await?;
    let etag = version.etag(clock, &source.traffic()?.version);
    let live = if known.is_some_and(|known| version::has(known, &etag)) {
        None
    } else {
        let reading = Reading { transaction: &transaction, stream, clock, version: &version };
        Some(figures(source, &reading).await?)
    };
    transaction.commit().await.or_db("end reading the stream")?;
    Ok((etag, live))
}

async fn figures(source: &Source, reading: &Reading<'_>) -> Result<Live> {
    let gap = source.definitions.sessions.gap;
    let (health, visits, ticked) = tokio::try_join!(
        health::read(reading),
        visits::read(reading),
        ticked::current(&source.kept, reading, gap),
    )?;
    let (place, clock) = (&source.place, reading.clock);
    let Some((lag, counts)) = health else { return Ok(Live::nothing(clock, place)) };
    let traffic = traffic::read(reading, source.traffic()?, &ticked.closed).await?;
    Ok(Live {
        now: clock.now,
        until: clock.until,
        stream: place.stream.clone(),
        currency: place.currency.clone(),
        visitors: Some(visits.visitors),
        events: Some(traffic.events),
        revenue: Some(traffic.revenue),
        funnel: Some(visits.funnel),
        recent: traffic.recent.map(|recent| Recent {
            purchases_without_amount: recent
                .purchases_without_amount
                .or(Some(visits.purchases_without_amount)),
            ..recent.without(visits.bots)
        }),
        week_before: ticked.week_before.clone(),
        trends: ticked.trends.clone(),
        abandoned_carts: ticked.abandoned_carts,
        lag: Some(lag),
        counts: Some(counts),
        findings: ticked.findings.clone(),
    })
}
