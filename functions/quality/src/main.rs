//! Wires the `quality` function.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_quality::{Context, handle};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "quality",
        &[Need::Lake, Need::Reports, Need::Database, Need::AlertTopic],
        async |init| Box::pin(Context::new(&init)).await,
        |context, event, invocation| async move {
            Box::pin(handle(&context, event, &invocation)).await
        },
    )
    .await
}
