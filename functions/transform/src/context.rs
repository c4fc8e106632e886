//! What the function is given once, at its start.

use aws_config::SdkConfig;
use shopflow_core::privacy::Privacy;
use shopflow_core::runtime::Init;
use shopflow_core::settings::Recommendations;
use shopflow_core::{Error, Result, Storage};
use shopflow_lake::{Layout, Silver};
use shopflow_postgres::{Database, secret};
use shopflow_privacy::Key;
use shopflow_query::engine::memory_budget;

use crate::business::BusinessTime;
use crate::currency::ShopCurrency;

/// What a call needs besides its event; built once per process.
#[derive(Debug, Clone)]
pub struct Context {
    pub storage: Storage,
    pub database: Database,
    /// Name of the lake bucket.
    pub lake: String,
    /// Whose days and weeks the aggregates follow.
    pub business: BusinessTime,
    /// What sales in other currencies are converted to.
    pub currency: ShopCurrency,
    /// What counts as a recommendation.
    pub recommendations: Recommendations,
    /// How silver treats personal values.
    pub silver: Silver,
    /// How finely silver is cut into files.
    pub layout: Layout,
    /// Bytes the query engine and the file cache may use together.
    pub memory_bytes: usize,
    /// Rows of files, of sales and of clicks that a call takes; the next one takes the others.
    pub rows_per_call: u64,
}

impl Context {
    /// Builds the clients.
    ///
    /// # Errors
    /// As [`Database::new`]; `InvalidInput` when the business time zone is none, or the secret with
    /// the key of the keyed hash is missing or too short.
    pub async fn new(init: &Init) -> Result<Context> {
        Ok(Context {
            storage: init.storage.clone(),
            database: Database::new(&init.aws, &init.settings.database).await?,
            lake: init.settings.buckets.lake.clone(),
            business: BusinessTime::new(&init.settings.business.time_zone)?,
            currency: ShopCurrency::of(&init.settings),
            recommendations: init.settings.recommendations,
            silver: silver(&init.aws, &init.settings.privacy).await?,
            layout: Layout::new(&init.settings.lake),
            memory_bytes: memory_budget(),
            rows_per_call: init.settings.transform.rows_per_call,
        })
    }
}

/// The policies with the key from Secrets Manager.
///
/// # Errors
/// `InvalidInput` when the secret is missing or too short, `Transient.Service`.
async fn silver(aws: &SdkConfig, privacy: &Privacy) -> Result<Silver> {
    let id = privacy.key_secret_arn.as_deref().ok_or_else(|| {
        Error::invalid("privacy.key_secret_arn is not set")
            .hint("set SHOPFLOW__PRIVACY__KEY_SECRET_ARN")
    })?;
    let key = secret::read(aws, id).await?;
    let key = Key::new(key.as_bytes())
        .map_err(|error| Error::invalid(error.to_string()).with("secret", id))?;
    Ok(Silver::new(privacy, key))
}
