//! Wires the `ingest` function.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_ingest::{Context, handle};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "ingest",
        &[Need::StateMachine],
        async |init| Context::new(&init),
        |context, event, invocation| async move { handle(&context, event, &invocation).await },
    )
    .await
}
