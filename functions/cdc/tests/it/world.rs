//! A database, a bucket and the function; the slots are dropped at the end, since a server has few.

use std::future::Future;
use std::sync::Arc;

use shopflow_cdc::Context;
use shopflow_core::contract::{CdcEvent, CdcResult, CdcSource};
use shopflow_core::runtime::Invocation;
use shopflow_core::settings::{Cdc, CdcMode};
use shopflow_core::{ErrorKind, Result, Storage};
use shopflow_postgres::Database;
use shopflow_testkit::wait::{Wait, cut_off};

pub struct World {
    pub context: Context,
    pub settings: Cdc,
    pub database: Database,
    pub aws: aws_config::SdkConfig,
    pub storage: Storage,
    pub lake: String,
    pub sql: tokio_postgres::Client,
}

pub fn settings(mode: CdcMode) -> Cdc {
    let tables = [
        "categories",
        "countries",
        "customer_history",
        "customers",
        "exchange_rate_history",
        "exchange_rates",
        "payment_history",
        "payment_methods",
        "payments",
        "product_history",
        "products",
        "suppliers",
        "transactions",
    ];
    Cdc {
        mode,
        publication: "shopflow_cdc".to_owned(),
        slot: "cdc_test".to_owned(),
        tables: tables.map(str::to_owned).to_vec(),
        max_changes: 100_000,
        file_mib: 32,
        overlap_seconds: 60,
        reserve_seconds: 5,
    }
}

impl World {
    async fn new(settings: Cdc) -> World {
        let aws = shopflow_testkit::aws().await;
        let storage = shopflow_testkit::storage().await;
        let lake = shopflow_testkit::bucket(&storage, "lake").await;
        let (database, sql) = shopflow_testkit::database().await;
        let database = Database::new(&aws, &database).await.unwrap();
        let mut client = database.connect().await.unwrap();
        database.migrate(&mut client).await.unwrap();
        let context = Context::new(storage.clone(), database.clone(), &lake, settings.clone());
        World { context, settings, database, aws, storage, lake, sql }
    }

    /// The same with other settings.
    pub fn context_with(&self, change: impl FnOnce(&mut Cdc)) -> Context {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Context::new(self.storage.clone(), self.database.clone(), &self.lake, settings)
    }

    pub fn invocation(&self) -> Invocation {
        Invocation::detached(&self.aws, "cdc")
    }

    pub async fn call(&self, context: &Context, event: CdcEvent) -> Result<CdcResult> {
        Box::pin(shopflow_cdc::handle(context, event, &self.invocation())).await
    }

    /// One call that must do its work; waits while a killed predecessor's session ends.
    pub async fn capture(&self) -> CdcResult {
        self.capture_with(&self.context).await
    }

    pub async fn capture_with(&self, context: &Context) -> CdcResult {
        // A new slot waits for every transaction of the server, other tests' among them.
        let wait = Wait::until("a call has come through");
        loop {
            match self.call(context, CdcEvent::default()).await {
                Ok(result) if result.skipped.is_none() => return result,
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}"),
            }
            wait.pause(100).await;
        }
    }

    /// Calls that are cut off, each further on than the one before, until one does its work.
    pub async fn cut_ever_later(&self, snapshot: bool) {
        let wait = Wait::until("a call has come through");
        let mut steps = 1;
        loop {
            let call = self.call(&self.context, CdcEvent { snapshot });
            match cut_off(call, steps).await {
                None => steps += 1 + steps / 2,
                Some(Ok(result)) if result.skipped.is_none() => return,
                // The session of the one before has not ended yet.
                Some(Ok(_)) => wait.pause(20).await,
                Some(Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::TransientDatabase, "{error}");
                    wait.pause(20).await;
                }
            }
        }
    }

    pub async fn captured(&self) -> CdcSource {
        self.capture().await.sources.remove(0)
    }

    pub async fn execute(&self, sql: &str) {
        self.sql.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn count(&self, sql: &str) -> i64 {
        self.sql.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// A connection of its own.
    pub async fn connect(&self) -> tokio_postgres::Client {
        self.database.connect().await.unwrap()
    }

    async fn drop_slots(&self) {
        let drop = "SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots \
                    WHERE database = current_database() AND NOT active";
        let left = "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()";
        let wait = Wait::until("no session holds a slot");
        loop {
            self.count(drop).await;
            if self.count(left).await == 0 {
                return;
            }
            wait.pause(200).await;
        }
    }
}

/// Runs a test in a world of its own and leaves no slot behind, however the test ends.
pub async fn world<F, T>(settings: Cdc, test: F)
where
    F: FnOnce(Arc<World>) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let world = Arc::new(World::new(settings).await);
    let outcome = tokio::spawn(test(Arc::clone(&world))).await;
    world.drop_slots().await;
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}
