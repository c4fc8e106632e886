//! The `validate` Lambda function.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_validate::{Context, handle};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "validate",
        &[Need::Landing, Need::Reports],
        async |init| Context::new(init),
        // Boxed: the nested futures are more than the compiler follows by default.
        |context, event, invocation| {
            Box::pin(async move { handle(&context, event, &invocation).await })
        },
    )
    .await
}
