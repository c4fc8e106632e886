//! Wires the `record` function.

use shopflow_core::overlay::Overlay;
use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_postgres::Database;
use shopflow_record::{Context, Lineage};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "record",
        &[Need::Database, Need::Landing, Need::Lake, Need::Reports],
        async |init| {
            let database = Database::new(&init.aws, &init.settings.database).await?;
            let lineage = Lineage::new(&init.aws, &init.settings).await;
            let config_uri = Overlay::uri_of_environment();
            Ok(Context { storage: init.storage, database, lineage, config_uri })
        },
        |context, event, invocation| async move {
            Box::pin(shopflow_record::handle(&context, event, &invocation)).await
        },
    )
    .await
}
