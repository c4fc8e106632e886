//! Wires the `load` function.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_load::Context;
use shopflow_postgres::Database;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "load",
        &[Need::Database],
        async |init| {
            let database = Database::new(&init.aws, &init.settings.database).await?;
            let contracts = init.settings.schema_contract.clone();
            let vocabulary = init.settings.vocabulary.clone();
            Ok(Context::new(init.storage, database)
                .with_contracts(contracts)
                .with_vocabulary(vocabulary))
        },
        |context, event, invocation| async move {
            Box::pin(shopflow_load::handle(&context, event, &invocation)).await
        },
    )
    .await
}
