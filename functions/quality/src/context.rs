//! What the function is given once, at its start.

use std::sync::Arc;

use shopflow_core::privacy::Privacy;
use shopflow_core::runtime::Init;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Error, Result, Storage};
use shopflow_postgres::Database;

use crate::alert::Alerts;
use crate::expectations::{Places, Suites};
use crate::known_as::KnownAs;

/// What quality builds once.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) database: Database,
    pub(crate) alerts: Alerts,
    pub(crate) suites: Arc<Suites>,
    pub(crate) privacy: Privacy,
    pub(crate) vocabulary: Vocabularies,
    /// Whose keys are shown in the place of their numbers.
    pub(crate) known_as: KnownAs,
    /// Share of a file's rows, 0 to 1, that may replace others.
    pub(crate) replaced_share: f64,
    pub(crate) lake_bucket: String,
    pub(crate) reports_bucket: String,
}

impl Context {
    /// Clients from the function's settings.
    ///
    /// # Errors
    /// `InvalidInput` when a setting is missing or a suite is not understood.
    pub async fn new(init: &Init) -> Result<Context> {
        let settings = &init.settings;
        let topic = settings
            .alert_topic_arn
            .as_deref()
            .ok_or_else(|| Error::invalid("alert_topic_arn is not set"))?;
        Ok(Context {
            storage: init.storage.clone(),
            database: Database::new(&init.aws, &settings.database).await?,
            alerts: Alerts::new(&init.aws, topic, &settings.alerts),
            suites: Arc::new(Suites::load(settings, &init.overlay)?),
            privacy: settings.privacy.clone(),
            vocabulary: settings.vocabulary.clone(),
            known_as: KnownAs::new(&settings.privacy, &settings.natural_keys),
            replaced_share: settings.alerts.replaced_share,
            lake_bucket: settings.buckets.lake.clone(),
            reports_bucket: settings.buckets.reports.clone(),
        })
    }

    /// Where the tables are.
    pub(crate) fn places(&self) -> Places<'_> {
        Places { storage: &self.storage, lake: &self.lake_bucket, reports: &self.reports_bucket }
    }
}
