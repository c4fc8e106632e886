//! The report after a run: rows per stage and dataset, quality, revenue, top customers, cost.

mod business;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shopflow_core::contract::Cost;
use shopflow_core::{LedgerEntry, Result, keys};
use tokio_postgres::Client;

use crate::console::seconds;
use crate::execution::Outcome;
use crate::reports::{self, Warnings};
use crate::table::Table;
use shopflow_page::number::thousands;

pub use business::{Business, TopCustomer};

/// Everything the report after a run shows; `--json` prints it as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    pub run_id: String,
    pub status: String,
    /// From start to end of the execution, in milliseconds.
    pub duration_ms: Option<u64>,
    pub cost_usd: Option<f64>,
    /// What it is for.
    pub cost: Option<Cost>,
    /// 0 to 100.
    pub quality_score: Option<f64>,
    pub ledger: Vec<LedgerEntry>,
    pub business: Option<Business>,
    /// Values that are new to the vocabulary and were accepted, by dataset.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub new_values: BTreeMap<String, String>,
    /// Rows whose id stood for something else before, by dataset.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub replaced: BTreeMap<String, String>,
    /// Lines that wait for an exchange rate, of all runs until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// What the validation of its files warns of.
    #[serde(flatten)]
    pub warnings: Warnings,
    /// Version of the configuration and suites over the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_version: Option<String>,
    pub error: Option<String>,
    pub cause: Option<String>,
    /// Folder of the run's reports.
    pub reports: String,
}

/// The part of `runs/<run_id>.json` that is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Recorded {
    ledger: Vec<LedgerEntry>,
    cost: Option<Cost>,
    quality_score: Option<f64>,
    config_version: Option<String>,
}

/// The part of the quality report that is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Checked {
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    passed: bool,
    actual: String,
}

/// What a check says that has found nothing to tell.
const NOTHING: &str = "none";

impl Checked {
    /// What failed of `anomaly.<dataset>.vocabulary`, by dataset.
    fn new_values(&self) -> BTreeMap<String, String> {
        self.found("anomaly.", ".vocabulary", |check| !check.passed)
    }

    /// What `core.<dataset>.replaced` has found, even if it is too little for an alert, by dataset.
    fn replaced(&self) -> BTreeMap<String, String> {
        self.found("core.", ".replaced", |check| check.actual != NOTHING)
    }

    /// What failed of `warehouse.fact_sales.exchange_rates`.
    fn waiting(&self) -> Option<String> {
        let name = "warehouse.fact_sales.exchange_rates";
        let waits = self.checks.iter().find(|check| check.name == name && !check.passed);
        waits.map(|check| check.actual.clone())
    }

    fn found(
        &self,
        before: &str,
        behind: &str,
        is_told: impl Fn(&Check) -> bool,
    ) -> BTreeMap<String, String> {
        let told = self.checks.iter().filter(|check| is_told(check));
        let found = told.filter_map(|check| {
            let dataset = check.name.strip_prefix(before)?.strip_suffix(behind)?;
            Some((dataset.to_owned(), check.actual.clone()))
        });
        found.collect()
    }
}

impl RunReport {
    /// Gathers the report of an ended run.
    ///
    /// # Errors
    /// When the reports bucket cannot be read. A run that failed before it was recorded has an
    /// empty ledger.
    pub async fn gather(
        s3: &aws_sdk_s3::Client,
        reports_bucket: &str,
        run_id: &str,
        outcome: &Outcome,
        database: Option<&Client>,
    ) -> Result<RunReport> {
        let recorded: Recorded = reports::read(s3, reports_bucket, &keys::run_summary(run_id))
            .await?
            .unwrap_or_default();
        let checked: Checked = reports::read(s3, reports_bucket, &keys::quality_report(run_id))
            .await?
            .unwrap_or_default();
        let business = match database {
            Some(client) if outcome.succeeded() => Some(business::business(client).await?),
            _ => None,
        };
        let output = |field: &str| {
            outcome.output.as_ref().and_then(|output| output.get(field)).and_then(Value::as_f64)
        };
        Ok(RunReport {
            run_id: run_id.to_owned(),
            status: outcome.status.to_lowercase(),
            duration_ms: outcome.duration().map(|duration| duration.as_millis() as u64),
            cost_usd: recorded.cost.map(|cost| cost.total_usd).or_else(|| output("cost_usd")),
            cost: recorded.cost,
            quality_score: recorded.quality_score.or_else(|| output("quality_score")),
            ledger: recorded.ledger,
            business,
            new_values: checked.new_values(),
            replaced: checked.replaced(),
            waiting: checked.waiting(),
            warnings: reports::warnings(s3, reports_bucket, run_id).await?,
            config_version: recorded.config_version,
            error: outcome.error.clone(),
            cause: outcome.cause.clone(),
            reports: format!("s3://{reports_bucket}/{}", keys::run_summary(run_id)),
        })
    }

    /// The report for people.
    pub fn render(&self) -> String {
        let mut text = self.headline();
        if !self.ledger.is_empty() {
            text.push_str(&format!("\n{}", ledger_table(&self.ledger).render()));
        }
        text.push_str(&format!("\n{}", self.figures()));
        text.push_str(&reports::listed(&self.warnings));
        if let Some(business) = &self.business
            && !business.top_customers.is_empty()
        {
            text.push_str("\nTop customers by spending, in all runs\n");
            text.push_str(&business.top_table().render());
        }
        text
    }

    fn headline(&self) -> String {
        let took = self
            .duration_ms
            .map(|ms| format!(" in {}", seconds(std::time::Duration::from_millis(ms))))
            .unwrap_or_default();
        let mut text = format!("Run {} {}{took}\n", self.run_id, self.status);
        if let Some(error) = &self.error {
            text.push_str(&format!("  error   {error}\n"));
        }
        if let Some(cause) = &self.cause {
            text.push_str(&format!("  cause   {cause}\n"));
        }
        if self.error.is_some() {
            text.push_str(&format!("  report  {}\n", self.reports));
        }
        text
    }

    fn figures(&self) -> String {
        let mut lines = Vec::new();
        if let Some(score) = self.quality_score {
            lines.push(format!("quality score   {score:.1} of 100"));
        }
        if let Some(business) = &self.business {
            lines.push(format!("revenue         {}", business.revenue_line()));
            lines.extend(business.beside_line().map(|line| format!("                {line}")));
            lines.extend(business.margin_line().map(|line| format!("margin          {line}")));
        }
        if let Some(waiting) = &self.waiting {
            lines.push(format!(
                "no rate         {waiting}: in no sum until there is an exchange rate; upload \
                 exchange_rates (docs/currencies.md)"
            ));
        }
        for (dataset, values) in &self.new_values {
            lines.push(format!("new values      {dataset}: {values}"));
        }
        for (dataset, rows) in &self.replaced {
            lines.push(format!(
                "replaced        {dataset}: {rows} have the id of another customer's or product's \
                 sale; the later one stays"
            ));
        }
        if let Some(version) = &self.config_version {
            lines.push(format!("configuration   {version}"));
        }
        if let Some(cost) = &self.cost {
            lines.extend(statement(cost));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// What the run costs on AWS, and for what; parts under half a millionth of a dollar are left out.
fn statement(cost: &Cost) -> Vec<String> {
    let parts = [
        ("Step Functions", cost.step_functions_usd),
        ("Lambda", cost.lambda_usd),
        ("S3 requests", cost.s3_requests_usd),
        ("S3 storage for a month", cost.s3_storage_usd),
        ("database", cost.database_usd),
        ("CloudWatch", cost.cloudwatch_usd),
        ("other services", cost.other_usd),
    ];
    let shown = parts.iter().filter(|(_, usd)| *usd > 0.0);
    let listed: Vec<String> = shown.map(|(name, usd)| format!("{name} {usd:.6}")).collect();
    let mut lines = vec![format!("cost on AWS     ${:.6} (estimate)", cost.total_usd)];
    lines.extend(listed.chunks(3).map(|parts| format!("                {}", parts.join(", "))));
    if cost.metric_hours_usd > 0.0 {
        lines.push(format!(
            "                besides, ${:.6} for custom metrics, once an hour however many runs",
            cost.metric_hours_usd
        ));
    }
    lines
}

/// The ledger as a table, one line per stage and dataset. What was replaced has a column where
/// there is some; it is a part of what went out or is unchanged.
pub fn ledger_table(ledger: &[LedgerEntry]) -> Table {
    let mut columns = vec!["stage", "dataset", "rows in", "rows out", "quarantined", "unchanged"];
    let has_replaced = ledger.iter().any(|entry| entry.rows_replaced > 0);
    if has_replaced {
        columns.push("of these replaced");
    }
    let mut table = Table::new(&columns);
    let mut lines: Vec<&LedgerEntry> = ledger.iter().collect();
    lines.sort_by_key(|entry| (entry.stage, entry.dataset));
    for entry in lines {
        let counts =
            [entry.rows_in, entry.rows_loaded, entry.rows_quarantined, entry.rows_unchanged];
        let replaced = has_replaced.then_some(entry.rows_replaced);
        let mut row = vec![entry.stage.name().to_owned(), entry.dataset.to_string()];
        row.extend(counts.into_iter().chain(replaced).map(thousands));
        table.rows.push(row.into_iter().map(Some).collect());
    }
    table
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
