//! Which sales are chosen. They are listed in a temporary table, so that however many there are, none
//! of them is held here.

use chrono::NaiveDate;
use shopflow_core::{Error, Result};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

/// Days in the shop's time zone, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

/// What is taken back. Where several things are said, all must be true of a sale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Sales with these ids; all, if there are none.
    pub ids: Vec<i64>,
    /// Sales that some version of this file brought: its key in the landing bucket.
    pub file: Option<String>,
    pub period: Option<Period>,
    /// But not those that the latest version of this file has, or a file after it.
    pub keep: Option<String>,
}

/// The files of a key as core knows them, the latest last.
const SOURCES: &str = "SELECT source_id FROM core.sources \
    WHERE dataset = 'transactions' AND bucket = $1 AND key = $2 \
    ORDER BY effective_at, modified_at, version_id COLLATE \"C\"";

/// The sources that are not before one: those of the same version, which may have been loaded twice,
/// and later ones. What a source confirms is forgotten once a later one confirms it.
const NOT_BEFORE: &str = "SELECT s.source_id FROM core.sources s, core.sources k \
    WHERE k.source_id = $1 AND s.dataset = 'transactions' \
      AND (s.effective_at, s.modified_at, s.version_id COLLATE \"C\") \
       >= (k.effective_at, k.modified_at, k.version_id COLLATE \"C\")";

/// True for a sale `t` that one of the sources has. A file that repeats what is stored has no rows of
/// its own: core has the ranges of the ids that it confirms, or the files whose rows it repeats.
macro_rules! of_sources {
    ($parameter:literal) => {
        concat!(
            "(t.source_id = ANY(",
            $parameter,
            ") OR EXISTS (SELECT FROM core.confirmations c WHERE c.source_id = ANY(",
            $parameter,
            ") AND c.source_id > t.source_id AND t.id BETWEEN c.first_id AND c.last_id) \
             OR EXISTS (SELECT FROM core.confirmed_sources s WHERE s.source_id = ANY(",
            $parameter,
            ") AND s.confirmed_source_id = t.source_id))"
        )
    };
}

/// Fills the list.
const LIST: &str = concat!(
    "INSERT INTO pg_temp.withdrawn SELECT t.id FROM core.transactions t \
     WHERE t.status IS DISTINCT FROM 'cancelled' \
       AND ($1::bigint[] IS NULL OR t.id = ANY($1)) \
       AND ($2::date IS NULL OR (t.\"timestamp\" AT TIME ZONE $4)::date >= $2) \
       AND ($3::date IS NULL OR (t.\"timestamp\" AT TIME ZONE $4)::date <= $3) \
       AND ($5::int[] IS NULL OR ",
    of_sources!("$5"),
    ") AND NOT ",
    of_sources!("$6"),
);

/// Lists the chosen sales that are not cancelled yet in `pg_temp.withdrawn`.
///
/// # Errors
/// `InvalidInput` when nothing is chosen or core does not know the file; `Transient.Database`.
pub async fn select(client: &Client, landing: &str, zone: &str, choice: &Choice) -> Result<()> {
    let Choice { ids, file, period, keep } = choice;
    if ids.is_empty() && file.is_none() && period.is_none() {
        return Err(Error::invalid("nothing says which sales are meant")
            .hint("give --id, --file, or --from and --to"));
    }
    if let Some(Period { from, to }) = period
        && from > to
    {
        return Err(Error::invalid("the period ends before it begins")
            .with("from", from)
            .with("to", to));
    }
    let of_file = match file {
        Some(file) => Some(sources(client, landing, file).await?),
        None => None,
    };
    let mut kept: Vec<i32> = Vec::new();
    if let Some(keep) = keep
        && let Some(latest) = sources(client, landing, keep).await?.last()
    {
        let rows = client.query(NOT_BEFORE, &[latest]).await.or_db("look for later files")?;
        kept.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
    }
    client
        .batch_execute(
            "DROP TABLE IF EXISTS pg_temp.withdrawn; \
             CREATE TEMP TABLE withdrawn (id bigint NOT NULL)",
        )
        .await
        .or_db("list sales")?;
    let ids = (!ids.is_empty()).then_some(ids);
    let (from, to) = (period.map(|period| period.from), period.map(|period| period.to));
    let parameters: [&(dyn ToSql + Sync); 6] = [&ids, &from, &to, &zone, &of_file, &kept];
    client.execute(LIST, &parameters).await.or_db("list sales")?;
    client.batch_execute("ANALYZE pg_temp.withdrawn").await.or_db("list sales")
}

async fn sources(client: &Client, landing: &str, key: &str) -> Result<Vec<i32>> {
    let key = key.strip_prefix(&format!("s3://{landing}/")).unwrap_or(key);
    let rows = client.query(SOURCES, &[&landing, &key]).await.or_db("look for the file")?;
    if rows.is_empty() {
        return Err(Error::invalid("core knows no sales of this file").with("key", key).hint(
            "give the key of a file that was loaded, such as incoming/transactions/june.csv",
        ));
    }
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
