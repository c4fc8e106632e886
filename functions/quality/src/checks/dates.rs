//! The sales of each event date, as `core` and the warehouse have them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use shopflow_core::Result;
use shopflow_postgres::{Client, PgResultExt};

/// Prime under which ids are summed, so that the sum of a billion of them fits 64 bits.
pub const ID_MODULUS: i64 = 1_000_000_007;

/// Enough to notice a missing, an extra or a swapped row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    pub rows: i64,
    /// Sum of `id % ID_MODULUS`.
    pub ids: i64,
    pub units: i64,
}

/// Fingerprints by UTC event date.
pub type ByDate = BTreeMap<NaiveDate, Fingerprint>;

/// What Postgres holds per event date.
#[derive(Debug, Clone, Default)]
pub struct DateFacts {
    pub core: ByDate,
    pub facts: ByDate,
    /// Dates that a load has changed and no transform has recomputed yet; not comparable.
    pub dirty: BTreeSet<NaiveDate>,
}

/// Asks Postgres.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client) -> Result<DateFacts> {
    let core = format!(
        "SELECT (\"timestamp\" AT TIME ZONE 'UTC')::date, count(*),
                sum(id % {ID_MODULUS})::bigint, sum(quantity)::bigint
         FROM core.transactions GROUP BY 1"
    );
    let facts = format!(
        "SELECT d.date, count(*), sum(f.transaction_id % {ID_MODULUS})::bigint,
                sum(f.quantity)::bigint
         FROM warehouse.fact_sales AS f JOIN warehouse.dim_date AS d USING (date_key) GROUP BY 1"
    );
    let (core, facts, dirty) = tokio::try_join!(
        client.query_typed(&core, &[]),
        client.query_typed(&facts, &[]),
        client.query_typed("SELECT event_date FROM ops.dirty_dates", &[]),
    )
    .or_db("measure event dates")?;
    let by_date = |rows: &[tokio_postgres::Row]| {
        rows.iter()
            .map(|row| {
                let fingerprint =
                    Fingerprint { rows: row.get(1), ids: row.get(2), units: row.get(3) };
                (row.get(0), fingerprint)
            })
            .collect()
    };
    Ok(DateFacts {
        core: by_date(&core),
        facts: by_date(&facts),
        dirty: dirty.iter().map(|row| row.get(0)).collect(),
    })
}

impl DateFacts {
    /// Rows in `core` on the dates that are up to date.
    pub fn settled_core_rows(&self) -> i64 {
        self.settled(&self.core).map(|(_, fingerprint)| fingerprint.rows).sum()
    }

    /// The entries of `by_date` whose date is up to date.
    pub fn settled<'a, T>(
        &'a self,
        by_date: &'a BTreeMap<NaiveDate, T>,
    ) -> impl Iterator<Item = (&'a NaiveDate, &'a T)> {
        by_date.iter().filter(|(date, _)| !self.dirty.contains(date))
    }

    /// Up-to-date dates on which `other` differs from `core`, as `same` sees it.
    pub fn differing<T: Copy + Default>(
        &self,
        other: &BTreeMap<NaiveDate, T>,
        same: impl Fn(Fingerprint, T) -> bool,
    ) -> Vec<NaiveDate> {
        let dates: BTreeSet<NaiveDate> = self.core.keys().chain(other.keys()).copied().collect();
        dates
            .into_iter()
            .filter(|date| !self.dirty.contains(date))
            .filter(|date| {
                let core = self.core.get(date).copied().unwrap_or_default();
                !same(core, other.get(date).copied().unwrap_or_default())
            })
            .collect()
    }
}

/// `differs on 2026-01-01, 2026-01-02 and 7 more`; empty when nothing differs.
pub fn describe(dates: &[NaiveDate]) -> String {
    list("differs on", dates)
}

/// Some words and the first of some items; empty when there are none.
pub fn list<T: ToString>(words: &str, items: &[T]) -> String {
    const SHOWN: usize = 5;
    if items.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = items.iter().take(SHOWN).map(T::to_string).collect();
    let more = items.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{words} {}{rest}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn of(rows: i64) -> Fingerprint {
        Fingerprint { rows, ids: rows * 10, units: rows }
    }

    #[test]
    fn dates_differ_by_content_on_either_side_unless_dirty() {
        let facts = DateFacts {
            core: ByDate::from([(day(1), of(1)), (day(2), of(2)), (day(3), of(3))]),
            facts: ByDate::new(),
            dirty: BTreeSet::from([day(3), day(5)]),
        };
        let swapped = Fingerprint { ids: 21, ..of(2) };
        let other =
            ByDate::from([(day(1), of(1)), (day(2), swapped), (day(4), of(1)), (day(5), of(9))]);
        assert_eq!(facts.differing(&other, |a, b| a == b), [day(2), day(4)]);
        assert_eq!(facts.settled_core_rows(), 3);
    }

    #[test]
    fn many_dates_are_cut_short() {
        let dates: Vec<NaiveDate> = (1..=7).map(day).collect();
        assert!(describe(&dates).ends_with("2026-01-05 and 2 more"));
        assert_eq!(describe(&dates[..1]), "differs on 2026-01-01");
        assert_eq!(describe(&[]), "");
    }
}
