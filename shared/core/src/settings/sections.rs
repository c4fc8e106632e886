//! What can be set, section by section.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::dataset::Dataset;

/// Names of the three buckets.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Buckets {
    pub landing: String,
    pub lake: String,
    pub reports: String,
}

/// How Postgres is found and entered.
#[derive(Debug, Clone, Deserialize)]
pub struct Database {
    /// Host name; when absent, `instance` is looked up through the RDS API.
    #[serde(default)]
    pub host: Option<String>,
    /// RDS instance identifier.
    #[serde(default)]
    pub instance: Option<String>,
    pub port: u16,
    pub name: String,
    /// Role to log in as with `auth: iam`; with `auth: secret` the secret names it.
    pub user: String,
    pub auth: DatabaseAuth,
    /// Secrets Manager secret with `username` and `password` (`auth: secret`).
    #[serde(default)]
    pub secret_arn: Option<String>,
    pub tls: Tls,
    /// PEM file with the certificate authorities of the server, needed with `tls: verify`. For RDS
    /// that is its published bundle: AWS signs with authorities of its own.
    #[serde(default)]
    pub ca_file: Option<String>,
    pub connect_timeout_seconds: u64,
}

/// Where the database password comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseAuth {
    /// A Secrets Manager secret.
    Secret,
    /// A short-lived RDS IAM token.
    Iam,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Encrypted, certificate and host name verified.
    Verify,
    /// Plain text; only accepted in the local environment.
    Disable,
}

/// Whether `generate` works here.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Generate {
    /// False where real customers are: invented ones would take the place of those with their ids.
    pub allowed: bool,
}

/// How `validate` reads files, and its limits.
#[derive(Debug, Clone, Deserialize)]
pub struct Validation {
    /// Share of refused rows, 0 to 1, above which a file is rejected, unless its dataset has a limit
    /// of its own.
    pub max_reject_rate: f64,
    /// What is set for single datasets, by name.
    #[serde(default)]
    pub datasets: BTreeMap<String, DatasetValidation>,
    /// IANA name of the zone that times without an offset are of; when absent, that of the shop.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// The year in which the shop began to sell; files with moments before it are told.
    pub first_year: i32,
}

/// What differs for the files of one dataset.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct DatasetValidation {
    /// In the place of [`Validation::max_reject_rate`].
    #[serde(default)]
    pub max_reject_rate: Option<f64>,
}

impl Validation {
    /// Share of refused rows, 0 to 1, above which a file of `dataset` is rejected.
    pub fn limit(&self, dataset: Dataset) -> f64 {
        let own = self.datasets.get(dataset.name()).and_then(|own| own.max_reject_rate);
        own.unwrap_or(self.max_reject_rate)
    }

    pub(super) fn check(&self, problems: &mut Vec<String>) {
        let mut check = |name: &str, share: f64| {
            if !(0.0..=1.0).contains(&share) {
                problems.push(format!("{name} must be between 0 and 1"));
            }
        };
        check("validation.max_reject_rate", self.max_reject_rate);
        for (dataset, own) in &self.datasets {
            let share = own.max_reject_rate.unwrap_or_default();
            check(&format!("validation.datasets.{dataset}.max_reject_rate"), share);
        }
        if !(1900..=2100).contains(&self.first_year) {
            problems.push("validation.first_year must be between 1900 and 2100".to_owned());
        }
        let is_unknown = |name: &&String| name.parse::<Dataset>().is_err();
        let unknown = self.datasets.keys().filter(is_unknown);
        problems.extend(unknown.map(|name| format!("validation.datasets.{name} is not a dataset")));
    }
}

/// How objects are transferred.
#[derive(Debug, Clone, Deserialize)]
pub struct StorageSettings {
    /// Part size of multipart uploads in MiB, 5 to 5120.
    pub part_size_mib: usize,
    pub concurrent_parts: usize,
    pub concurrent_objects: usize,
}

/// How finely the tables of the lake are cut into files.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Lake {
    /// A month of silver that is larger has a file per day.
    pub month_mib: u64,
    /// Up to this size a month or day stays one file.
    pub file_mib: u64,
}

/// When and how far `compact` works.
#[derive(Debug, Clone, Deserialize)]
pub struct Compact {
    pub target_file_mib: u64,
    pub min_small_files: usize,
    pub reserve_seconds: u64,
}

/// What `cdc` captures, and how.
#[derive(Debug, Clone, Deserialize)]
pub struct Cdc {
    pub mode: CdcMode,
    /// Publication that lists the tables (logical mode).
    pub publication: String,
    /// The replication slot is named after it and the database: slots belong to the whole server.
    pub slot: String,
    /// Tables of the schema `core`.
    pub tables: Vec<String>,
    /// Messages of logical decoding after which a batch ends, at the end of a transaction.
    pub max_changes: i32,
    /// Encoded size at which a file of the change log is closed, in MiB.
    pub file_mib: usize,
    /// How far a pass of the watermark mode looks back, in seconds: the longest time from the
    /// start of a transaction to its first write.
    pub overlap_seconds: u32,
    /// No batch is started with less time left.
    pub reserve_seconds: u64,
}

/// Where changes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CdcMode {
    /// Logical where the server decodes its log, else watermark.
    Auto,
    /// Logical decoding only; an error where the server cannot.
    Logical,
    /// `updated_at` of each table.
    Watermark,
    /// Nothing is captured.
    Off,
}

/// How the shop counts its days.
#[derive(Debug, Clone, Deserialize)]
pub struct Business {
    /// IANA name of the zone that daily, weekly and monthly aggregates follow.
    pub time_zone: String,
    /// ISO 4217 code of the currency that every sum is in.
    pub currency: String,
}

/// How sales in other currencies are converted.
#[derive(Debug, Clone, Deserialize)]
pub struct ExchangeRates {
    /// ISO 4217 code of the currency whose unit the rates are for.
    pub base: String,
    /// How many days a rate may be older than the sale.
    pub max_age_days: u16,
}

/// How much `transform` does at once.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Transform {
    /// Rows that a call takes, of files, of sales and of clicks each: what is more waits for the next
    /// call, which the state machine makes.
    pub rows_per_call: u64,
}

/// What counts as a recommendation.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Recommendations {
    /// Baskets (or sessions) that two products must share at least.
    pub minimum_baskets: u32,
    /// Similar products kept for each product.
    pub top: usize,
    /// Days of clicks, up to the latest, that sessions are taken from.
    pub session_days: u32,
}

/// Where metrics go.
#[derive(Debug, Clone, Deserialize)]
pub struct MetricsSettings {
    pub enabled: bool,
    pub namespace: String,
}

/// What people are told about failed checks.
#[derive(Debug, Clone, Deserialize)]
pub struct AlertSettings {
    /// A failure that lasts is told again after so many hours.
    pub repeat_after_hours: u32,
    /// Share of a file's rows, 0 to 1, that may replace rows about something else.
    pub replaced_share: f64,
    /// Who looks after a dataset, a table or a layer; `default` has the rest.
    pub owners: BTreeMap<String, String>,
    /// Where the reports bucket is published, for the link to the data docs.
    #[serde(default)]
    pub docs_url: Option<String>,
}

/// How events of lineage are named, and where they go besides the reports bucket (`record`).
#[derive(Debug, Clone, Deserialize)]
pub struct LineageSettings {
    /// Namespace of the jobs.
    pub namespace: String,
    /// Base address of an OpenLineage backend; events are posted to `/api/v1/lineage` below it.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Secrets Manager secret whose text is the API key.
    #[serde(default)]
    pub api_key_secret_arn: Option<String>,
    /// Name of an environment variable that holds the API key.
    #[serde(default)]
    pub api_key_variable: Option<String>,
    /// Longest time for one event; a backend that does not answer is left alone.
    pub timeout_seconds: u64,
    /// Where the source code of this release is published, as `https://…`.
    #[serde(default)]
    pub source_url: Option<String>,
}

impl LineageSettings {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if self.namespace.is_empty() || self.timeout_seconds == 0 {
            problems.push("lineage.namespace and lineage.timeout_seconds must be set".to_owned());
        }
        let web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if !self.endpoint.iter().chain(&self.source_url).all(web) {
            problems.push("lineage.endpoint and lineage.source_url must be http(s)".to_owned());
        }
        if self.api_key_secret_arn.is_some() && self.api_key_variable.is_some() {
            problems
                .push("lineage.api_key_* name two places for one key; set one of them".to_owned());
        }
    }
}
