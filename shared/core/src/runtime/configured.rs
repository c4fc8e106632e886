//! What a function builds from its configuration, built anew when a run follows another one.

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::error::{Error, Result};
use crate::overlay::{self, CONFIG_VERSION, Overlay};
use crate::settings::Settings;
use crate::storage::Storage;

/// What a function gets once, at init.
#[derive(Debug, Clone)]
pub struct Init {
    pub settings: Arc<Settings>,
    pub aws: aws_config::SdkConfig,
    pub storage: Storage,
    /// Files over the built-in configuration and suites.
    pub overlay: Arc<Overlay>,
}

/// Reads and checks the configuration with files over it.
pub(super) type Read = Box<dyn Fn(&Overlay) -> Result<Settings>>;

/// Makes of a configuration what events are handled with.
pub(super) type Build<T> = Box<dyn Fn(Init) -> LocalBoxFuture<'static, Result<Arc<T>>>>;

/// What events are handled with, and the settings it was built from.
#[derive(Debug)]
pub(super) struct Built<T: ?Sized> {
    /// Version of the files over the built-in ones.
    version: Option<String>,
    pub context: Arc<T>,
    pub settings: Arc<Settings>,
}

impl<T: ?Sized> Clone for Built<T> {
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
pub(super) struct Configured<T: ?Sized> {
    aws: aws_config::SdkConfig,
    /// Where files over the built-in ones are.
    uri: Option<String>,
    read: Read,
    build: Build<T>,
    latest: Mutex<Option<Built<T>>>,
}

impl<T: ?Sized> Configured<T> {
    /// Nothing is built yet.
    pub fn new(
        aws: aws_config::SdkConfig,
        uri: Option<String>,
        read: Read,
        build: Build<T>,
    ) -> Self {
        Configured { aws, uri, read, build, latest: Mutex::new(None) }
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
                (self.read)(&Overlay::default())?;
                note(&error);
            }
        }
        Ok(())
    }

    /// The context for an event, which may name the version that its run follows.
    ///
    /// # Errors
    /// `InvalidInput` with every problem of the configuration; `Transient.Storage`.
    pub async fn following(&self, payload: &Value) -> Result<Built<T>> {
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
                let settings = (self.read)(&Overlay::default())?;
                let storage = Storage::new(&self.aws, &settings.storage);
                let overlay = overlay::kept(&storage, &settings.buckets.reports, version).await?;
                self.build(overlay).await?
            }
        };
        tracing::info!(config_version = built.version.as_deref(), "configuration loaded");
        Ok(latest.insert(built).clone())
    }

    async fn read_and_build(&self) -> Result<Built<T>> {
        let overlay = match &self.uri {
            None => Overlay::default(),
            Some(uri) => {
                let built_in = (self.read)(&Overlay::default())?;
                Overlay::read(&Storage::new(&self.aws, &built_in.storage), uri).await?
            }
        };
        self.build(overlay).await
    }

    async fn build(&self, overlay: Overlay) -> Result<Built<T>> {
        let settings = Arc::new((self.read)(&overlay)?);
        let storage = Storage::new(&self.aws, &settings.storage);
        let version = overlay.version();
        let init = Init {
            settings: Arc::clone(&settings),
            aws: self.aws.clone(),
            storage,
            overlay: Arc::new(overlay),
        };
        let context = (self.build)(init).await?;
        Ok(Built { version, context, settings })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;
    use serde_json::json;

    use super::*;
    use crate::settings::StorageSettings;

    const STORAGE: StorageSettings =
        StorageSettings { part_size_mib: 8, concurrent_parts: 2, concurrent_objects: 4 };

    /// A prefix for configuration, and a bucket for what is kept of it.
    struct World {
        aws: aws_config::SdkConfig,
        storage: Storage,
        bucket: String,
        builds: Arc<AtomicUsize>,
    }

    impl World {
        async fn new() -> World {
            let aws = shopflow_testkit::aws().await;
            let storage = Storage::new(&aws, &STORAGE);
            let bucket = shopflow_testkit::unique("config");
            storage.client().create_bucket().bucket(&bucket).send().await.unwrap();
            World { aws, storage, bucket, builds: Arc::default() }
        }

        fn uri(&self) -> String {
            format!("s3://{}/shop/", self.bucket)
        }

        async fn put(&self, name: &str, text: &str) {
            let key = format!("shop/{name}");
            self.storage.write_all(&self.bucket, &key, "text/yaml", text.to_owned()).await.unwrap();
        }

        async fn keep(&self) -> String {
            let overlay = Overlay::read(&self.storage, &self.uri()).await.unwrap();
            overlay::keep(&self.storage, &self.bucket, &overlay).await.unwrap().unwrap()
        }

        /// The share that a function's context is built from.
        async fn share(&self, overlay: &Overlay) -> Result<f64> {
            Ok(settings(&self.bucket)(overlay)?.validation.max_reject_rate)
        }
    }

    fn settings(reports: &str) -> Read {
        let variable = ("SHOPFLOW__BUCKETS__REPORTS".to_owned(), reports.to_owned());
        Box::new(move |overlay| {
            let variables = HashMap::from([variable.clone()]);
            Settings::from_layers("prod", overlay, variables, &[])
        })
    }

    /// A function whose context is a setting.
    fn function(world: &World, uri: Option<String>) -> Configured<f64> {
        let builds = Arc::clone(&world.builds);
        let build: Build<f64> = Box::new(move |init| {
            builds.fetch_add(1, Ordering::SeqCst);
            async move { Ok(Arc::new(init.settings.validation.max_reject_rate)) }.boxed_local()
        });
        Configured::new(world.aws.clone(), uri, settings(&world.bucket), build)
    }

    #[tokio::test]
    async fn without_an_address_nothing_is_read() {
        let (proxy, requests) =
            shopflow_testkit::proxy::noting(shopflow_testkit::emulator_address()).await;
        let aws = shopflow_testkit::aws_at(&format!("http://{proxy}")).await;
        let build: Build<usize> =
            Box::new(|init| async move { Ok(Arc::new(init.overlay.files.len())) }.boxed_local());
        let function = Configured::new(aws, None, settings("reports"), build);
        function.init(|error| panic!("{error}")).await.unwrap();
        for event in [json!({}), json!({"config_version": null}), json!({"run_id": "r"})] {
            assert_eq!(*function.following(&event).await.unwrap().context, 0);
        }
        assert_eq!(requests.take(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn all_stages_of_a_run_follow_the_version_it_started_with() {
        let world = World::new().await;
        world.put("config/base.yaml", "validation: {max_reject_rate: 0.1}").await;
        let first = world.keep().await;
        world.put("config/base.yaml", "validation: {max_reject_rate: 0.2}").await;
        let function = function(&world, Some(world.uri()));
        function.init(|error| panic!("{error}")).await.unwrap();
        let share = async |event: Value| *function.following(&event).await.unwrap().context;
        // What no run is about follows what was there at init.
        assert_eq!(share(json!({})).await, 0.2);
        assert_eq!(share(json!({"config_version": first})).await, 0.1);
        assert_eq!(share(json!({"config_version": first})).await, 0.1);
        assert_eq!(world.builds.load(Ordering::SeqCst), 2, "the same version is built once");
        assert_eq!(share(json!({"config_version": null})).await, 0.05);
        let second = world.keep().await;
        assert_ne!(first, second);
        assert_eq!(share(json!({"config_version": second})).await, 0.2);
        let unknown = function.following(&json!({"config_version": "0123456789abcdef"})).await;
        let error = unknown.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("was not kept"), "{error}");
    }

    #[tokio::test]
    async fn files_that_are_wrong_are_told_with_all_problems_until_they_are_mended() {
        let world = World::new().await;
        world.put("config/base.yaml", "validation: {max_reject_rat: 0.1}").await;
        world.put("config/prod.yaml", "compact: [").await;
        world.put("suites/products.yaml", "suite: things").await;
        world.put("suits/products.yaml", "suite: products").await;
        let function = function(&world, Some(world.uri()));
        let mut noted = String::new();
        function.init(|error| noted = error.to_string()).await.unwrap();
        let told = function.following(&json!({})).await.map(|_| ()).unwrap_err().to_string();
        for part in [
            "validation.max_reject_rat, which is no setting",
            "config/prod.yaml cannot be read",
            "suites/products.yaml is the suite 'things'",
            "suits/products.yaml is not",
        ] {
            assert!(noted.contains(part), "{part} is missing in: {noted}");
            assert!(told.contains(part), "{part} is missing in: {told}");
        }
        // A run that never started follows the built-in files, so that its failure can be recorded.
        let event = json!({"config_version": null});
        assert_eq!(*function.following(&event).await.unwrap().context, 0.05);

        world.put("config/base.yaml", "validation: {max_reject_rate: 0.3}").await;
        world.put("config/prod.yaml", "compact: {min_small_files: 7}").await;
        world.put("suites/products.yaml", "suite: products").await;
        let names = ["shop/suits/products.yaml".to_owned()];
        world.storage.delete(&world.bucket, &names).await.unwrap();
        let overlay = Overlay::read(&world.storage, &world.uri()).await.unwrap();
        assert_eq!(world.share(&overlay).await.unwrap(), 0.3);
        let again = self::function(&world, Some(world.uri()));
        again.init(|error| panic!("{error}")).await.unwrap();
        assert_eq!(*again.following(&json!({})).await.unwrap().context, 0.3);
    }
}
