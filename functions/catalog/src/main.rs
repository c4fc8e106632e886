//! The `catalog` function: wiring only, see the library.

use shopflow_catalog::{Context, handle};
use shopflow_core::runtime;
use shopflow_core::settings::Need;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "catalog",
        &[Need::Lake],
        async |init| Ok(Context::new(init)),
        // Boxed: the nested futures are more than the compiler follows by default.
        |context, event, invocation| {
            Box::pin(async move { handle(&context, event, &invocation).await })
        },
    )
    .await
}
