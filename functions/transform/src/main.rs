//! The `transform` Lambda.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_transform::{Context, handle};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "transform",
        &[Need::Lake, Need::Database, Need::PrivacyKey],
        async |init| Context::new(&init).await,
        |context, event, invocation| {
            Box::pin(async move { handle(&context, event, &invocation).await })
        },
    )
    .await
}
