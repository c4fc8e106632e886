//! What a function builds from its configuration, built anew when a run follows another one.

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::Init;
use crate::error::{Error, Result};
use crate::overlay::{self, CONFIG_VERSION, Overlay};
use crate::settings::{Need, Settings};
use crate::storage::Storage;

/// A function's context and the settings it was built from.
#[derive(Debug)]
pub(super) struct Built<C> {
    /// Version of the files over the built-in ones.
    version: Option<String>,
    pub context: Arc<C>,
    pub settings: Arc<Settings>,
}

impl<C> Clone for Built<C> {
    fn clone(&self) -> Self {
        let Built { version, context, settings } = self;
        Built {
            version: version.clone(),
            context: Arc::clone(context),
            settings: Arc::clone(settings),
        }
    }
}

/// Builds contexts, and remembers the latest.
pub(super) struct Configured<C, B> {
    needs: Vec<Need>,
    aws: aws_config::SdkConfig,
    /// Where files over the built-in ones are.
    uri: Option<String>,
    build: B,
    latest: Mutex<Option<Built<C>>>,
}

impl<C, B, BF> Configured<C, B>
where
    B: Fn(Init) -> BF,
    BF: Future<Output = Result<C>>,
{
    /// Nothing is built yet.
    pub fn new(needs: &[Need], aws: aws_config::SdkConfig, uri: Option<String>, build: B) -> Self {
        Configured { needs: needs.to_vec(), aws, uri, build, latest: Mutex::new(None) }
    }

    /// Reads and checks the configuration, and builds the context.
    ///
    /// Files that are wrong do not end the function, since they may be mended, and a run may follow
    /// others: the error is logged by `note`, and told to whoever calls.
    ///
    /// # Errors
    /// When the built-in configuration and the variables are wrong.
    pub async fn init(&self, note: impl FnOnce(&Error)) -> Result<()> {
        match self.read_and_build().await {
            Ok(built) => *self.latest.lock().await = Some(built),
            Err(error) if self.uri.is_none() => return Err(error),
            Err(error) => {
                self.settings(&Overlay::default())?;
                note(&error);
            }
        }
        Ok(())
    }

    /// The context for an event, which may name the version that its run follows.
    ///
    /// # Errors
    /// `InvalidInput` with every problem of the configuration; `Transient.Storage`.
    pub async fn following(&self, payload: &Value) -> Result<Built<C>> {
        let mut latest = self.latest.lock().await;
        let wanted = match payload.get(CONFIG_VERSION) {
            Some(Value::String(version)) => Some(Some(version.as_str())),
            Some(Value::Null) => Some(None),
            _ => None,
        };
        if let Some(built) = &*latest
            && wanted.is_none_or(|version| version == built.version.as_deref())
        {
            return Ok(built.clone());
        }
        let built = match wanted {
            None => self.read_and_build().await?,
            Some(version) => {
                let settings = self.settings(&Overlay::default())?;
                let storage = Storage::new(&self.aws, &settings.storage);
                let overlay = overlay::kept(&storage, &settings.buckets.reports, version).await?;
                self.build(overlay).await?
            }
        };
        tracing::info!(config_version = built.version.as_deref(), "configuration loaded");
        Ok(latest.insert(built).clone())
    }

    async fn read_and_build(&self) -> Result<Built<C>> {
        let overlay = match &self.uri {
            None => Overlay::default(),
            Some(uri) => {
                let built_in = self.settings(&Overlay::default())?;
                Overlay::read(&Storage::new(&self.aws, &built_in.storage), uri).await?
            }
        };
        self.build(overlay).await
    }

    fn settings(&self, overlay: &Overlay) -> Result<Settings> {
        Settings::load_over(overlay, &self.needs)
    }

    async fn build(&self, overlay: Overlay) -> Result<Built<C>> {
        let settings = Arc::new(self.settings(&overlay)?);
        let storage = Storage::new(&self.aws, &settings.storage);
        let version = overlay.version();
        let init = Init {
            settings: Arc::clone(&settings),
            aws: self.aws.clone(),
            storage,
            overlay: Arc::new(overlay),
        };
        let context = Arc::new((self.build)(init).await?);
        Ok(Built { version, context, settings })
    }
}
