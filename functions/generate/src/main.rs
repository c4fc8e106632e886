//! The Lambda binary of `generate`; what it does is in the library.

use shopflow_core::runtime;
use shopflow_core::settings::Need;
use shopflow_generate::{Context, handle};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run(
        "generate",
        &[Need::Landing],
        async |init| {
            let settings = init.settings;
            let context = Context::new(init.storage, &settings.buckets.landing, settings.generate);
            Ok(context.speaking(&settings.vocabulary))
        },
        |context, event, invocation| async move { handle(&context, event, &invocation).await },
    )
    .await
}
