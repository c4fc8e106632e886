//! The `compact` function: wiring only, see the library.

use shopflow_compact::{Context, handle};
use shopflow_core::runtime;
use shopflow_core::settings::Need;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "compact",
        &[Need::Lake],
        async |init| Ok(Context::new(init)),
        |context, event, invocation| async move { handle(&context, event, &invocation).await },
    )
    .await
}
