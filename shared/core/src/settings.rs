//! Typed configuration: `config/base.yaml`, then `config/<env>.yaml`, then environment variables.
//!
//! The files are compiled into the binary, so a function needs no file at run time. Variables are
//! `SHOPFLOW__SECTION__NAME` (`SHOPFLOW__VALIDATION__MAX_REJECT_RATE=0.1`); `SHOPFLOW_ENV` picks
//! the environment. [`Settings::load`] is called once at init and reports every problem at once.

use std::collections::BTreeMap;

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::privacy::Privacy;
use crate::schema_contract::Contracts;

const BASE: &str = include_str!("../../../config/base.yaml");

/// The environments a deployment can be.
const ENVIRONMENTS: &[(&str, &str)] = &[
    ("local", include_str!("../../../config/local.yaml")),
    ("dev", include_str!("../../../config/dev.yaml")),
    ("staging", include_str!("../../../config/staging.yaml")),
    ("prod", include_str!("../../../config/prod.yaml")),
];

/// All settings; each function states what it needs with [`Need`].
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    /// `local`, `dev`, `staging` or `prod`.
    #[serde(default)]
    pub environment: String,
    pub buckets: Buckets,
    pub database: Database,
    pub validation: Validation,
    pub storage: StorageSettings,
    pub compact: Compact,
    pub cdc: Cdc,
    pub business: Business,
    pub recommendations: Recommendations,
    pub metrics: MetricsSettings,
    pub alerts: AlertSettings,
    pub lineage: LineageSettings,
    /// How confidential which data is, and what each layer does with it.
    pub privacy: Privacy,
    /// What files with another schema than their dataset's meet.
    #[serde(default)]
    pub schema_contract: Contracts,
    /// The pipeline's state machine (`ingest`).
    #[serde(default)]
    pub state_machine_arn: Option<String>,
    /// Topic for alerts (`quality`).
    #[serde(default)]
    pub alert_topic_arn: Option<String>,
    /// Folder for human-readable logs on a laptop (`logs/validation.log`).
    #[serde(default)]
    pub log_dir: Option<String>,
}

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

/// Limits of `validate`.
#[derive(Debug, Clone, Deserialize)]
pub struct Validation {
    /// Share of rejected rows, 0 to 1, above which a file fails the run.
    pub max_reject_rate: f64,
}

/// How objects are transferred.
#[derive(Debug, Clone, Deserialize)]
pub struct StorageSettings {
    /// Part size of multipart uploads in MiB, 5 to 5120.
    pub part_size_mib: usize,
    pub concurrent_parts: usize,
    pub concurrent_objects: usize,
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

/// A setting a function cannot work without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Landing,
    Lake,
    Reports,
    Database,
    StateMachine,
    AlertTopic,
    /// The key of the keyed hash.
    PrivacyKey,
}

impl Settings {
    /// Reads and checks the settings of the environment named by `SHOPFLOW_ENV`.
    ///
    /// # Errors
    /// `InvalidInput` that lists every missing or impossible setting.
    pub fn load(needs: &[Need]) -> Result<Settings> {
        let environment = std::env::var("SHOPFLOW_ENV").unwrap_or_else(|_| "local".to_owned());
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("SHOPFLOW__"));
        Settings::from_sources(&environment, variables.collect(), needs)
    }

    /// [`Settings::load`] with the environment passed in.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_sources(
        environment: &str,
        variables: std::collections::HashMap<String, String>,
        needs: &[Need],
    ) -> Result<Settings> {
        let (_, overlay) =
            ENVIRONMENTS.iter().find(|(name, _)| *name == environment).ok_or_else(|| {
                Error::invalid(format!("unknown environment '{environment}'"))
                    .hint("set SHOPFLOW_ENV to local, dev, staging or prod")
            })?;
        let overrides = Environment::with_prefix("SHOPFLOW")
            .prefix_separator("__")
            .separator("__")
            .try_parsing(true)
            .ignore_empty(true)
            .source(Some(variables));
        let mut settings: Settings = Config::builder()
            .add_source(File::from_str(BASE, FileFormat::Yaml))
            .add_source(File::from_str(overlay, FileFormat::Yaml))
            .add_source(overrides)
            .build()
            .and_then(Config::try_deserialize)
            .or_error(ErrorKind::InvalidInput, "read configuration failed")?;
        settings.environment = environment.to_owned();
        settings.check(needs)?;
        Ok(settings)
    }

    fn check(&self, needs: &[Need]) -> Result<()> {
        let mut problems: Vec<String> = Vec::new();
        for need in needs {
            self.check_need(*need, &mut problems);
        }
        if !(0.0..=1.0).contains(&self.validation.max_reject_rate) {
            problems.push("validation.max_reject_rate must be between 0 and 1".to_owned());
        }
        if !(5..=5120).contains(&self.storage.part_size_mib) {
            problems.push("storage.part_size_mib must be between 5 and 5120".to_owned());
        }
        if self.storage.concurrent_parts == 0 || self.storage.concurrent_objects == 0 {
            problems.push("storage.concurrent_* must be at least 1".to_owned());
        }
        if self.compact.target_file_mib == 0 {
            problems.push("compact.target_file_mib must be at least 1".to_owned());
        }
        problems.extend(self.schema_contract.problems());
        problems.extend(self.privacy.problems());
        if self.cdc.max_changes < 1 || self.cdc.file_mib == 0 {
            problems.push("cdc.max_changes and cdc.file_mib must be at least 1".to_owned());
        }
        self.lineage.check(&mut problems);
        let Recommendations { minimum_baskets, top, session_days } = self.recommendations;
        if minimum_baskets == 0 || top == 0 || session_days == 0 {
            problems.push("recommendations.* must be at least 1".to_owned());
        }
        if !self.alerts.owners.contains_key("default") {
            problems.push("alerts.owners.default is not set".to_owned());
        }
        if self.alerts.docs_url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            problems.push("alerts.docs_url must start with https://".to_owned());
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(format!("configuration is wrong: {}", problems.join("; ")))
            .with("environment", &self.environment)
            .hint("set SHOPFLOW__SECTION__NAME or edit config/"))
    }

    fn check_need(&self, need: Need, problems: &mut Vec<String>) {
        let mut require = |name: &str, present: bool| {
            if !present {
                problems.push(format!("{name} is not set"));
            }
        };
        match need {
            Need::Landing => require("buckets.landing", !self.buckets.landing.is_empty()),
            Need::Lake => require("buckets.lake", !self.buckets.lake.is_empty()),
            Need::Reports => require("buckets.reports", !self.buckets.reports.is_empty()),
            Need::StateMachine => require("state_machine_arn", self.state_machine_arn.is_some()),
            Need::AlertTopic => require("alert_topic_arn", self.alert_topic_arn.is_some()),
            Need::PrivacyKey => {
                require("privacy.key_secret_arn", self.privacy.key_secret_arn.is_some());
            }
            Need::Database => {
                let database = &self.database;
                require(
                    "database.host or database.instance",
                    database.host.is_some() || database.instance.is_some(),
                );
                require(
                    "database.secret_arn",
                    database.auth == DatabaseAuth::Iam || database.secret_arn.is_some(),
                );
                if database.tls == Tls::Disable && self.environment != "local" {
                    problems.push("database.tls can only be disabled locally".to_owned());
                }
                if database.tls == Tls::Disable && database.auth == DatabaseAuth::Iam {
                    problems.push("database.auth iam needs database.tls verify".to_owned());
                }
            }
        }
    }
}

impl LineageSettings {
    fn check(&self, problems: &mut Vec<String>) {
        if self.namespace.is_empty() || self.timeout_seconds == 0 {
            problems.push("lineage.namespace and lineage.timeout_seconds must be set".to_owned());
        }
        let web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if !self.endpoint.iter().chain(&self.source_url).all(web) {
            problems.push("lineage.endpoint and lineage.source_url must be http(s)".to_owned());
        }
        if self.api_key_secret_arn.is_some() && self.api_key_variable.is_some() {
            problems.push("lineage.api_key_* are two places for one key".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_override_the_environment_which_overrides_the_base() {
        let base = Settings::from_sources("prod", variables(&[]), &[]).unwrap();
        let local = Settings::from_sources("local", variables(&[]), &[]).unwrap();
        let variable = variables(&[("SHOPFLOW__VALIDATION__MAX_REJECT_RATE", "0.5")]);
        let set = Settings::from_sources("local", variable, &[]).unwrap();
        assert_eq!(base.validation.max_reject_rate, 0.05);
        assert_eq!(local.validation.max_reject_rate, 0.25);
        assert_eq!(set.validation.max_reject_rate, 0.5);
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let wrong = variables(&[
            ("SHOPFLOW__VALIDATION__MAX_REJECT_RATE", "1.5"),
            ("SHOPFLOW__DATABASE__TLS", "disable"),
            ("SHOPFLOW__SCHEMA_CONTRACT__PRODUCTS__COLUMNS", "drop"),
            ("SHOPFLOW__SCHEMA_CONTRACT__CUSTOMERS__DATA_TYPE", "evolve"),
            ("SHOPFLOW__PRIVACY__EXCEPTIONS__EMAIL__SILVER", "hahs"),
            ("SHOPFLOW__PRIVACY__KINDS__URL", "restrictd"),
        ]);
        let error = Settings::from_sources(
            "prod",
            wrong,
            &[Need::Landing, Need::Database, Need::PrivacyKey],
        )
        .unwrap_err();
        let text = error.to_string();
        for part in [
            "max_reject_rate",
            "buckets.landing",
            "database.host",
            "secret_arn",
            "tls",
            "schema_contract.products.columns",
            "schema_contract.customers.data_type",
            "privacy.exceptions.email.silver: unknown treatment 'hahs'; did you mean 'hash'?",
            "privacy.kinds.url: unknown class 'restrictd'; did you mean 'restricted'?",
            "privacy.key_secret_arn",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn policies_that_the_pipeline_cannot_follow_are_refused() {
        for (variable, value, problem) in [
            ("KINDS__CUSTOMER_ID", "restricted", "customers.id: silver cannot be redact"),
            ("EXCEPTIONS__PERSON_NAME__BRONZE", "initial", "customers.name: bronze is initial"),
            (
                "EXCEPTIONS__SESSION_ID__SILVER",
                "redact",
                "gold cannot be keep, as silver is redact",
            ),
            ("EXCEPTIONS__SESSION_ID__GOLD", "drop", "session_id: gold is drop"),
        ] {
            let variable = format!("SHOPFLOW__PRIVACY__{variable}");
            let wrong = variables(&[(variable.as_str(), value)]);
            let text = Settings::from_sources("prod", wrong, &[]).unwrap_err().to_string();
            assert!(text.contains(problem), "{problem} is missing in: {text}");
        }
    }

    #[test]
    fn columns_are_classified_by_what_their_definition_says_they_hold() {
        use crate::Dataset;
        use shopflow_privacy::{Class, Layer, Treatment};
        let settings = Settings::from_sources("prod", variables(&[]), &[]).unwrap();
        let decide = |dataset: Dataset, name: &str| {
            let column = dataset.columns().iter().find(|column| column.name == name).unwrap();
            let decision = settings.privacy.decide(dataset, column);
            (decision.class, decision.treatment(Layer::Silver))
        };
        let customers = |name| decide(Dataset::Customers, name);
        assert_eq!(customers("email"), (Class::Restricted, Treatment::Hash));
        assert_eq!(customers("name"), (Class::Restricted, Treatment::Initial));
        assert_eq!(customers("id"), (Class::Confidential, Treatment::Keep));
        assert_eq!(customers("country"), (Class::Internal, Treatment::Keep));
        assert_eq!(decide(Dataset::Products, "name"), (Class::Public, Treatment::Keep));
        for column in Dataset::ALL.into_iter().flat_map(Dataset::columns) {
            let decision = settings.privacy.decide(Dataset::Customers, column);
            assert_eq!(
                decision.class == Class::Restricted,
                column.is_personal(),
                "{}",
                column.name
            );
        }
    }

    #[test]
    fn an_unknown_environment_is_named() {
        let error = Settings::from_sources("qa", variables(&[]), &[]).unwrap_err();
        assert!(error.to_string().contains("'qa'"), "{error}");
    }

    #[test]
    fn bucket_names_that_look_like_numbers_stay_text() {
        let set = variables(&[("SHOPFLOW__BUCKETS__LANDING", "12345")]);
        let settings = Settings::from_sources("local", set, &[Need::Landing]).unwrap();
        assert_eq!(settings.buckets.landing, "12345");
    }
}
