//! The ledger of a run, as Postgres keeps it.

use tokio_postgres::Client;

/// One line: a stage, a dataset and its four counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub stage: String,
    pub dataset: String,
    pub rows_in: i64,
    pub loaded: i64,
    pub quarantined: i64,
    pub unchanged: i64,
}

/// Every line of a run.
#[derive(Debug, Clone)]
pub struct Ledger(Vec<Line>);

impl Ledger {
    /// Reads the ledger of `run_id`.
    pub async fn read(database: &Client, run_id: &str) -> Ledger {
        let rows = database
            .query(
                "SELECT stage, dataset, rows_in, rows_loaded, rows_quarantined, rows_unchanged
                 FROM ops.ledger WHERE run_id = $1 ORDER BY stage, dataset",
                &[&run_id],
            )
            .await
            .expect("read ledger");
        let line = |row: &tokio_postgres::Row| Line {
            stage: row.get(0),
            dataset: row.get(1),
            rows_in: row.get(2),
            loaded: row.get(3),
            quarantined: row.get(4),
            unchanged: row.get(5),
        };
        Ledger(rows.iter().map(line).collect())
    }

    /// The line of a stage and dataset.
    pub fn line(&self, stage: &str, dataset: &str) -> &Line {
        self.0
            .iter()
            .find(|line| line.stage == stage && line.dataset == dataset)
            .unwrap_or_else(|| panic!("no {stage} line for {dataset} in {:#?}", self.0))
    }

    /// Every line adds up, and what one stage passed on is what the next one got.
    pub fn assert_balanced(&self) {
        assert!(!self.0.is_empty(), "the ledger is empty");
        for line in &self.0 {
            let out = line.loaded + line.quarantined + line.unchanged;
            assert_eq!(line.rows_in, out, "{line:?} does not balance");
        }
        let find = |stage: &str, dataset: &str| {
            self.0.iter().find(|line| line.stage == stage && line.dataset == dataset)
        };
        for validate in self.0.iter().filter(|line| line.stage == "validate") {
            let Some(upload) = find("upload", &validate.dataset) else { continue };
            assert_eq!(validate.loaded, upload.rows_in, "{validate:?} then {upload:?}");
            for stage in ["load", "transform"] {
                let Some(next) = find(stage, &validate.dataset) else { continue };
                assert_eq!(upload.loaded, next.rows_in, "{upload:?} then {next:?}");
            }
        }
    }

    /// Over all runs, transform got exactly the rows that were uploaded.
    pub async fn assert_conserved(database: &Client) {
        let query = "SELECT dataset,
                (sum(rows_loaded) FILTER (WHERE stage = 'upload'))::bigint AS uploaded,
                (sum(rows_in) FILTER (WHERE stage = 'transform'))::bigint AS transformed
            FROM ops.ledger GROUP BY dataset ORDER BY dataset";
        let rows = database.query(query, &[]).await.expect("sum up the ledger");
        assert!(!rows.is_empty(), "the ledger is empty");
        for row in rows {
            let counts: (Option<i64>, Option<i64>) = (row.get(1), row.get(2));
            assert_eq!(counts.0, counts.1, "{}", row.get::<_, &str>(0));
        }
    }
}
