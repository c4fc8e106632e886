//! What the function is given once, at its start.

use std::time::Duration;

use aws_sdk_glue::Client;
use shopflow_core::Storage;
use shopflow_core::privacy::Privacy;
use shopflow_core::runtime::Init;

use crate::glue::Database;
use crate::lake::Layer;

/// Nothing is begun with less time left.
pub(crate) const RESERVE: Duration = Duration::from_secs(15);

/// What the handler needs from its surroundings.
#[derive(Debug, Clone)]
pub struct Context {
    pub(crate) storage: Storage,
    pub(crate) lake: String,
    glue: Client,
    /// Databases are `<prefix>_bronze`, `<prefix>_silver` and `<prefix>_gold`.
    pub(crate) prefix: String,
    pub(crate) privacy: Privacy,
}

impl Context {
    /// The context of the deployed function.
    pub fn new(init: Init) -> Self {
        let prefix = format!("shopflow_{}", init.settings.environment);
        let privacy = init.settings.privacy.clone();
        Context::with(init.storage, &init.settings.buckets.lake, &init.aws, &prefix, privacy)
    }

    /// A context of given parts; `lake` is the bucket, `prefix` begins the names of the databases.
    pub fn with(
        storage: Storage,
        lake: &str,
        aws: &aws_config::SdkConfig,
        prefix: &str,
        privacy: Privacy,
    ) -> Self {
        Context {
            storage,
            lake: lake.to_owned(),
            glue: Client::new(aws),
            prefix: prefix.to_owned(),
            privacy,
        }
    }

    pub(crate) fn database(&self, layer: Layer) -> Database {
        let name = format!("{}_{}", self.prefix, layer.name());
        Database { client: self.glue.clone(), name }
    }
}
