//! Wires the `dashboard` function.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_dashboard::Context;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run_http(
        "dashboard",
        &[Need::Database, Need::Stream, Need::DashboardSecret],
        async |init| Context::of(&init).await,
        |context, request, _invocation| async move {
            Box::pin(shopflow_dashboard::handle(&context, &request)).await
        },
    )
    .await
}
