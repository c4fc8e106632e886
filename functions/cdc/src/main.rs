//! Wires the `cdc` function.

use shopflow_cdc::Context;
use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_postgres::Database;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "cdc",
        &[Need::Lake, Need::Database],
        async |init| {
            let database = Database::new(&init.aws, &init.settings.database).await?;
            let settings = init.settings.cdc.clone();
            Ok(Context::new(init.storage, database, &init.settings.buckets.lake, settings))
        },
        |context, event, invocation| async move {
            Box::pin(shopflow_cdc::handle(&context, event, &invocation)).await
        },
    )
    .await
}
