//! Typed configuration: `config/base.yaml`, then `config/<env>.yaml`, then environment variables.
//!
//! The files are compiled into the binary, so a function needs no file at run time. Variables are
//! `SHOPFLOW__SECTION__NAME` (`SHOPFLOW__VALIDATION__MAX_REJECT_RATE=0.1`); `SHOPFLOW_ENV` picks
//! the environment. [`Settings::load`] is called once at init and reports every problem at once.

mod layers;
mod sections;
mod streaming;

use std::collections::HashMap;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::natural_key::NaturalKeys;
use crate::overlay::Overlay;
use crate::privacy::Privacy;
use crate::schema_contract::Contracts;
use crate::values;
use crate::vocabulary::Vocabularies;

pub use sections::{
    AlertSettings, Buckets, Business, Cdc, CdcMode, Compact, Database, DatabaseAuth,
    DatasetValidation, ExchangeRates, Generate, Lake, LineageSettings, MetricsSettings,
    Recommendations, StorageSettings, Tls, Transform, Validation,
};
pub use streaming::{Collect, Dashboard, Stream, Volume};

/// All settings; each function states what it needs with [`Need`].
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    /// `local`, `dev`, `staging` or `prod`.
    #[serde(default)]
    pub environment: String,
    pub buckets: Buckets,
    pub database: Database,
    pub generate: Generate,
    pub validation: Validation,
    pub storage: StorageSettings,
    pub lake: Lake,
    pub compact: Compact,
    pub cdc: Cdc,
    pub business: Business,
    pub exchange_rates: ExchangeRates,
    pub transform: Transform,
    pub recommendations: Recommendations,
    pub stream: Stream,
    pub collect: Collect,
    pub dashboard: Dashboard,
    pub metrics: MetricsSettings,
    pub alerts: AlertSettings,
    pub lineage: LineageSettings,
    /// How confidential which data is, and what each layer does with it.
    pub privacy: Privacy,
    /// What files with another schema than their dataset's meet.
    #[serde(default)]
    pub schema_contract: Contracts,
    /// What identifies the rows of each dataset in its files.
    #[serde(default)]
    pub natural_keys: NaturalKeys,
    /// The values of closed sets, and what others meet.
    pub vocabulary: Vocabularies,
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
    /// The Kinesis stream of clicks.
    Stream,
    /// What links to the dashboard are signed with.
    DashboardSecret,
}

impl Settings {
    /// Reads and checks the settings of the environment named by `SHOPFLOW_ENV`.
    ///
    /// # Errors
    /// `InvalidInput` that lists every missing or impossible setting.
    pub fn load(needs: &[Need]) -> Result<Settings> {
        Settings::load_over(&Overlay::default(), needs)
    }

    /// [`Settings::load`] with the files of `overlay` over the built-in ones.
    ///
    /// # Errors
    /// As [`Settings::load`], with every problem of the files.
    pub fn load_over(overlay: &Overlay, needs: &[Need]) -> Result<Settings> {
        let environment = std::env::var("SHOPFLOW_ENV").unwrap_or_else(|_| "local".to_owned());
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("SHOPFLOW__"));
        Settings::from_layers(&environment, overlay, variables.collect(), needs)
    }

    /// [`Settings::load`] with the environment passed in.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn from_sources(
        environment: &str,
        variables: HashMap<String, String>,
        needs: &[Need],
    ) -> Result<Settings> {
        Settings::from_layers(environment, &Overlay::default(), variables, needs)
    }

    /// The built-in files, those of `overlay` over them, and the variables over all.
    ///
    /// # Errors
    /// As [`Settings::load_over`].
    pub fn from_layers(
        environment: &str,
        overlay: &Overlay,
        variables: HashMap<String, String>,
        needs: &[Need],
    ) -> Result<Settings> {
        let (layers, mut problems) = layers::files::<Settings>(environment, overlay)?;
        let settings: Result<Settings> = layers::merged(&layers, variables);
        match settings {
            Ok(mut settings) => {
                settings.environment = environment.to_owned();
                problems.extend(settings.problems(needs));
                if problems.is_empty() {
                    return Ok(settings);
                }
            }
            // What is wrong with the built-in files and the variables alone has no list.
            Err(error) if problems.is_empty() && overlay.files.is_empty() => return Err(error),
            Err(error) => problems.push(error.to_string()),
        }
        let error = Error::invalid(format!("configuration is wrong: {}", problems.join("; ")))
            .with("environment", environment);
        Err(match overlay.uri.as_str() {
            "" => error.hint("set SHOPFLOW__SECTION__NAME or edit config/"),
            uri => error.with("uri", uri).hint("correct the objects, or SHOPFLOW__SECTION__NAME"),
        })
    }

    /// Everything that is missing or impossible.
    fn problems(&self, needs: &[Need]) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        for need in needs {
            self.check_need(*need, &mut problems);
        }
        self.validation.check(&mut problems);
        if !(5..=5120).contains(&self.storage.part_size_mib) {
            problems.push("storage.part_size_mib must be between 5 and 5120".to_owned());
        }
        if self.storage.concurrent_parts == 0 || self.storage.concurrent_objects == 0 {
            problems.push("storage.concurrent_* must be at least 1".to_owned());
        }
        if self.compact.target_file_mib == 0 {
            problems.push("compact.target_file_mib must be at least 1".to_owned());
        }
        if !(1..=self.lake.month_mib).contains(&self.lake.file_mib) {
            problems.push("lake.file_mib must be between 1 and lake.month_mib".to_owned());
        }
        problems.extend(self.schema_contract.problems());
        problems.extend(self.natural_keys.problems());
        problems.extend(self.vocabulary.problems());
        problems.extend(self.privacy.problems());
        if self.cdc.max_changes < 1 || self.cdc.file_mib == 0 {
            problems.push("cdc.max_changes and cdc.file_mib must be at least 1".to_owned());
        }
        for (name, code) in [
            ("business.currency", &self.business.currency),
            ("exchange_rates.base", &self.exchange_rates.base),
        ] {
            if values::currency(code.as_bytes()) != Ok(code.as_str()) {
                problems.push(format!("{name} must be an ISO 4217 code in capitals, such as EUR"));
            }
        }
        self.lineage.check(&mut problems);
        if self.transform.rows_per_call == 0 {
            problems.push("transform.rows_per_call must be at least 1".to_owned());
        }
        let Recommendations { minimum_baskets, top, session_days } = self.recommendations;
        if minimum_baskets == 0 || top == 0 || session_days == 0 {
            problems.push("recommendations.* must be at least 1".to_owned());
        }
        self.stream.check(&mut problems);
        self.collect.check(&mut problems);
        self.dashboard.check(&mut problems);
        if !self.alerts.owners.contains_key("default") {
            problems.push("alerts.owners.default is not set".to_owned());
        }
        if !(0.0..=1.0).contains(&self.alerts.replaced_share) {
            problems.push("alerts.replaced_share must be between 0 and 1".to_owned());
        }
        if self.alerts.docs_url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            problems.push("alerts.docs_url must start with https://".to_owned());
        }
        problems
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
            Need::Stream => {
                let name = self.stream.name.as_deref().unwrap_or_default();
                require("stream.name", !name.is_empty());
            }
            Need::DashboardSecret => {
                require("dashboard.secret_arn", self.dashboard.secret_arn.is_some());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> std::collections::HashMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn variables_override_the_environment_which_overrides_the_base() {
        let staging = Settings::from_sources("staging", variables(&[]), &[]).unwrap();
        let local = Settings::from_sources("local", variables(&[]), &[]).unwrap();
        let variable = variables(&[("SHOPFLOW__LINEAGE__NAMESPACE", "mine")]);
        let set = Settings::from_sources("local", variable, &[]).unwrap();
        assert_eq!(staging.lineage.namespace, "shopflow-staging");
        assert_eq!(local.lineage.namespace, "shopflow-local");
        assert_eq!(set.lineage.namespace, "mine");
    }

    #[test]
    fn the_limit_of_refused_rows_is_the_same_everywhere_unless_a_dataset_has_its_own() {
        for environment in ["local", "dev", "staging", "prod"] {
            let usual = Settings::from_sources(environment, variables(&[]), &[]).unwrap();
            assert_eq!(usual.validation.limit(crate::Dataset::Customers), 0.05, "{environment}");
        }
        let own = ("SHOPFLOW__VALIDATION__DATASETS__TRANSACTIONS__MAX_REJECT_RATE", "0.4");
        let all = ("SHOPFLOW__VALIDATION__MAX_REJECT_RATE", "0.1");
        let set = Settings::from_sources("prod", variables(&[own, all]), &[]).unwrap();
        assert_eq!(set.validation.limit(crate::Dataset::Transactions), 0.4);
        assert_eq!(set.validation.limit(crate::Dataset::Products), 0.1);
    }

    #[test]
    fn every_problem_is_listed_at_once() {
        let wrong = variables(&[
            ("SHOPFLOW__VALIDATION__MAX_REJECT_RATE", "1.5"),
            ("SHOPFLOW__VALIDATION__DATASETS__ORDERS__MAX_REJECT_RATE", "0.1"),
            ("SHOPFLOW__VALIDATION__DATASETS__PRODUCTS__MAX_REJECT_RATE", "7"),
            ("SHOPFLOW__DATABASE__TLS", "disable"),
            ("SHOPFLOW__SCHEMA_CONTRACT__PRODUCTS__COLUMNS", "drop"),
            ("SHOPFLOW__SCHEMA_CONTRACT__CUSTOMERS__DATA_TYPE", "evolve"),
            ("SHOPFLOW__PRIVACY__EXCEPTIONS__EMAIL__SILVER", "hahs"),
            ("SHOPFLOW__PRIVACY__KINDS__URL", "restrictd"),
            ("SHOPFLOW__LAKE__FILE_MIB", "64"),
            ("SHOPFLOW__ALERTS__REPLACED_SHARE", "2"),
            ("SHOPFLOW__STREAM__PARALLELIZATION_FACTOR", "11"),
            ("SHOPFLOW__STREAM__VOLUME__HIGH", "0.1"),
            ("SHOPFLOW__COLLECT__MAX_EVENTS", "0"),
            ("SHOPFLOW__DASHBOARD__LINK_MINUTES", "100000"),
        ]);
        let needs =
            [Need::Landing, Need::Database, Need::PrivacyKey, Need::Stream, Need::DashboardSecret];
        let error = Settings::from_sources("prod", wrong, &needs).unwrap_err();
        let text = error.to_string();
        for part in [
            "validation.max_reject_rate must be between",
            "validation.datasets.orders is not a dataset",
            "validation.datasets.products.max_reject_rate must be between",
            "buckets.landing",
            "database.host",
            "secret_arn",
            "tls",
            "schema_contract.products.columns",
            "schema_contract.customers.data_type",
            "privacy.exceptions.email.silver: unknown treatment 'hahs'; did you mean 'hash'?",
            "privacy.kinds.url: unknown class 'restrictd'; did you mean 'restricted'?",
            "privacy.key_secret_arn",
            "lake.file_mib must be between 1 and lake.month_mib",
            "alerts.replaced_share must be between 0 and 1",
            "stream.name is not set",
            "stream.parallelization_factor must be between 1 and 10",
            "stream.volume must have 0 <= low < 1 < high",
            "collect.max_events must be between 1 and 500",
            "dashboard.secret_arn is not set",
            "dashboard.link_minutes must be between 1 and 1440",
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
        for column in Dataset::all().flat_map(Dataset::columns) {
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
