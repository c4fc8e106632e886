//! Visits as rows of Postgres: open ones, by shard, and those that have ended.

use chrono::{DateTime, Utc};
use shopflow_windows::{Bots, Session};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::moment::{micros, moment};

/// What rows of visits have in common, in the order that [`read`] and [`Columns`] have them.
macro_rules! columns {
    () => {
        "session_id, started_at, ended_at, customer_id, events, page_views, searches, \
         product_views, carts, checkouts, purchases"
    };
}
pub(crate) use columns;

/// What a query selects of a row: the columns, and revenue in hundredths.
macro_rules! selected {
    () => {
        concat!($crate::visits::columns!(), ", (revenue * 100)::bigint")
    };
}
pub(crate) use selected;

/// The arrays of [`Columns`] as a table, as parameters from the third on.
macro_rules! unnested {
    () => {
        "unnest($3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[], $7::integer[], \
             $8::integer[], $9::integer[], $10::integer[], $11::integer[], $12::integer[], \
             $13::integer[], $14::bigint[], $15::boolean[], $16::integer[]) \
         AS new (session_id, started_at, ended_at, customer_id, events, page_views, searches, \
             product_views, carts, checkouts, purchases, revenue, is_bot, revision)"
    };
}
pub(crate) use unnested;

/// What a visit sets of a row that is there.
macro_rules! replaced {
    () => {
        "ended_at = excluded.ended_at, customer_id = excluded.customer_id, \
         events = excluded.events, page_views = excluded.page_views, \
         searches = excluded.searches, product_views = excluded.product_views, \
         carts = excluded.carts, checkouts = excluded.checkouts, \
         purchases = excluded.purchases, revenue = excluded.revenue, is_bot = excluded.is_bot"
    };
}
pub(crate) use replaced;

/// How many columns [`read`] reads.
pub const READ: usize = 12;

/// The visit of a row that begins with the selected columns, and its name.
pub fn read(row: &Row) -> (String, Session) {
    let count = |index: usize| u32::try_from(row.get::<_, i32>(index)).unwrap_or_default();
    let moment = |index: usize| micros(row.get::<_, DateTime<Utc>>(index));
    let customer_id = row.get::<_, Option<i64>>(3).and_then(|id| u64::try_from(id).ok());
    let session = Session {
        started_at: moment(1),
        ended_at: moment(2),
        customer_id,
        events: count(4),
        page_views: count(5),
        searches: count(6),
        product_views: count(7),
        carts: count(8),
        checkouts: count(9),
        purchases: count(10),
        revenue_cents: row.get(11),
    };
    (row.get(0), session)
}

/// Visits to be written, column by column.
#[derive(Debug, Default)]
pub struct Columns {
    session_ids: Vec<String>,
    started: Vec<DateTime<Utc>>,
    ended: Vec<DateTime<Utc>>,
    customers: Vec<Option<i64>>,
    /// Events, page views, searches, product views, carts, checkouts, purchases.
    counts: [Vec<i32>; 7],
    revenues: Vec<i64>,
    bots: Vec<bool>,
    revisions: Vec<i32>,
}

impl Columns {
    /// Adds a visit. Open ones have no revision.
    pub fn push(&mut self, session_id: &str, session: &Session, bots: &Bots, revision: i32) {
        self.session_ids.push(session_id.to_owned());
        self.started.push(moment(session.started_at));
        self.ended.push(moment(session.ended_at));
        self.customers.push(session.customer_id.and_then(|id| i64::try_from(id).ok()));
        let counts = [
            session.events,
            session.page_views,
            session.searches,
            session.product_views,
            session.carts,
            session.checkouts,
            session.purchases,
        ];
        for (column, count) in self.counts.iter_mut().zip(counts) {
            column.push(i32::try_from(count).unwrap_or(i32::MAX));
        }
        self.revenues.push(session.revenue_cents);
        self.bots.push(session.is_bot(bots));
        self.revisions.push(revision);
    }

    /// True without a visit.
    pub fn is_empty(&self) -> bool {
        self.session_ids.is_empty()
    }

    /// The parameters of a statement with the unnested arrays: two of its own, and these.
    pub fn parameters<'a>(
        &'a self,
        own: [&'a (dyn ToSql + Sync); 2],
    ) -> Vec<&'a (dyn ToSql + Sync)> {
        let mut parameters: Vec<&(dyn ToSql + Sync)> = own.to_vec();
        parameters.push(&self.session_ids);
        parameters.push(&self.started);
        parameters.push(&self.ended);
        parameters.push(&self.customers);
        for column in &self.counts {
            parameters.push(column);
        }
        parameters.push(&self.revenues);
        parameters.push(&self.bots);
        parameters.push(&self.revisions);
        parameters
    }
}
