//! Do files bring rows whose ids stood for something else before? A few are corrections that went
//! far. Many are ids that are no ids, such as the number of an order on each of its lines, and of
//! those only the last one stays.

use std::collections::BTreeMap;

use shopflow_core::dataset::Role;
use shopflow_core::{Dataset, Result};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::{ToSql, Type};

use super::{Check, Layer};
use crate::known_as::{KnownAs, Rows};

/// Files that are named one by one.
const NAMED: usize = 5;
/// What a check says when nothing was replaced.
const NONE: &str = "none";

/// A file that the run has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedFile {
    pub dataset: Dataset,
    /// Key of the landed file.
    pub key: String,
    pub rows: u64,
    /// Rows whose id stood for something else before.
    pub replaced: u64,
    /// Two of these at most, by key or by id.
    pub ids: Vec<String>,
}

impl LoadedFile {
    fn share(&self) -> f64 {
        self.replaced as f64 / self.rows.max(1) as f64
    }

    fn described(&self) -> String {
        let what = if self.ids.len() == 1 { "id" } else { "ids" };
        format!(
            "{} of {} rows of {} ({what} {})",
            self.replaced,
            self.rows,
            self.key,
            self.ids.join(" and ")
        )
    }
}

const FILES: &str = "
SELECT dataset, source_key, rows_in, replaced, replaced_ids
FROM ops.load_audit WHERE run_id = $1 ORDER BY dataset, part";

/// Asks Postgres; rows are named by their keys, if those may be shown.
///
/// # Errors
/// `Transient.Database`, or `Internal` when the schema is not as expected.
pub async fn measure(client: &Client, run_id: &str, known_as: &KnownAs) -> Result<Vec<LoadedFile>> {
    let run: [(&(dyn ToSql + Sync), Type); 1] = [(&run_id, Type::TEXT)];
    let rows = client.query_typed(FILES, &run).await.or_db("measure replaced rows")?;
    let mut named = Rows::new();
    for row in &rows {
        let dataset: Dataset = row.get::<_, &str>(0).parse()?;
        named.extend(row.get::<_, Vec<i64>>(4).into_iter().map(|id| (dataset, id)));
    }
    let keys = known_as.keys(client, &named).await?;
    let file = |row: &tokio_postgres::Row| -> Result<LoadedFile> {
        let dataset: Dataset = row.get::<_, &str>(0).parse()?;
        let shown = |id: i64| keys.get(&(dataset, id)).cloned().unwrap_or_else(|| id.to_string());
        Ok(LoadedFile {
            dataset,
            key: row.get(1),
            rows: row.get::<_, i64>(2).max(0) as u64,
            replaced: row.get::<_, i64>(3).max(0) as u64,
            ids: row.get::<_, Vec<i64>>(4).into_iter().map(shown).collect(),
        })
    };
    rows.iter().map(file).collect()
}

/// A warning per dataset of events that the run has files of, which passes unless more than `limit`
/// (0 to 1) of the rows of a file replaced others. What the rows of entities stand for is their id.
pub fn judge(files: &[LoadedFile], limit: f64) -> Vec<Check> {
    let mut datasets: BTreeMap<Dataset, Vec<&LoadedFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| matches!(file.dataset.role(), Role::Event(_))) {
        datasets.entry(file.dataset).or_default().push(file);
    }
    datasets.into_iter().map(|(dataset, files)| check(dataset, files, limit)).collect()
}

fn check(dataset: Dataset, mut files: Vec<&LoadedFile>, limit: f64) -> Check {
    let name = format!("core.{dataset}.replaced");
    let expected = format!("at most {:.2} % of the rows of a file", limit * 100.0);
    files.retain(|file| file.replaced > 0);
    if files.is_empty() {
        return Check::equal(Layer::Core, name, expected, NONE).passed_if(true).warning();
    }
    files.sort_by(|a, b| b.share().total_cmp(&a.share()).then(a.key.cmp(&b.key)));
    let mut named: Vec<String> = files.iter().take(NAMED).map(|file| file.described()).collect();
    if files.len() > NAMED {
        named.push(format!("and {} more files", files.len() - NAMED));
    }
    let columns: Vec<&str> =
        dataset.definition().references().map(|(column, _)| column.name).collect();
    let detail = format!(
        "each has the id of a row with another {}, and only the later one of the two stays; if the \
         id is the number of an order, give each line an id of its own",
        columns.join(" or ")
    );
    let passed = files.iter().all(|file| file.share() <= limit);
    let check = Check::equal(Layer::Core, name, expected, named.join("; "));
    check.passed_if(passed).warning().detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(key: &str, rows: u64, replaced: u64, ids: &[i64]) -> LoadedFile {
        let (dataset, key) = (Dataset::Transactions, key.to_owned());
        let ids = ids.iter().map(i64::to_string).collect();
        LoadedFile { dataset, key, rows, replaced, ids }
    }

    #[test]
    fn files_are_named_with_two_ids_those_that_replaced_most_first() {
        let mut files = vec![
            file("a.csv", 200, 2, &[3, 9]),
            file("b.csv", 9, 0, &[]),
            file("c.csv", 3, 1, &[7]),
        ];
        let checks = judge(&files, 0.01);
        assert_eq!(checks.len(), 1);
        let check = &checks[0];
        assert_eq!((check.name.as_str(), check.passed), ("core.transactions.replaced", false));
        assert_eq!(check.expected, "at most 1.00 % of the rows of a file");
        assert_eq!(
            check.actual,
            "1 of 3 rows of c.csv (id 7); 2 of 200 rows of a.csv (ids 3 and 9)"
        );
        let detail = check.detail.as_deref().unwrap();
        assert!(detail.contains("another customer_id or product_id"), "{detail}");
        files.extend((0..7).map(|number| file(&format!("{number}.csv"), 200, 1, &[1])));
        let actual = judge(&files, 0.01)[0].actual.clone();
        assert!(actual.ends_with("2.csv (id 1); and 4 more files"), "{actual}");
    }

    #[test]
    fn a_share_within_the_limit_is_told_and_passes() {
        let checks = judge(&[file("a.csv", 200, 2, &[3, 9])], 0.01);
        assert!(checks[0].passed && checks[0].actual.starts_with("2 of 200 rows"));
        let checks = judge(&[file("a.csv", 200, 0, &[])], 0.0);
        assert!(checks[0].passed && checks[0].actual == NONE);
    }

    #[test]
    fn runs_without_events_have_nothing_to_check() {
        let customers = LoadedFile { dataset: Dataset::Customers, ..file("a.csv", 9, 0, &[]) };
        assert!(judge(&[customers], 0.01).is_empty());
        assert!(judge(&[], 0.01).is_empty());
    }
}
