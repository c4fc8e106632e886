//! Wires the `collect` function.

use shopflow_collect::{Context, handle};
use shopflow_core::runtime;
use shopflow_core::settings::Need;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run_http(
        "collect",
        &[Need::Stream],
        async |init| Context::new(&init),
        |context, request, invocation| async move { handle(&context, &request, &invocation).await },
    )
    .await
}
