//! Wires the `stream` function.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_postgres::Database;
use shopflow_stream::{Context, Places};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "stream",
        &[Need::Stream, Need::Landing, Need::Lake, Need::Database],
        async |init| {
            let database = Database::new(&init.aws, &init.settings.database).await?;
            let places = Places { storage: init.storage, database, aws: init.aws };
            Context::new(places, &init.settings)
        },
        |context, event, invocation| async move {
            Box::pin(shopflow_stream::handle(&context, event, &invocation)).await
        },
    )
    .await
}
