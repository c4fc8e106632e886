//! The wiring every function shares: logs, configuration, the AWS configuration, the Lambda loop.
//!
//! `main.rs` of a function is then a page at most:
//!
//! ```ignore
//! #[tokio::main(flavor = "multi_thread", worker_threads = 2)]
//! async fn main() -> Result<(), lambda_runtime::Error> {
//!     runtime::run("validate", &[Need::Landing, Need::Reports], async |init| {
//!         Ok(Validator::new(init))
//!     }, |validator, event, metrics| validator.handle(event, metrics)).await
//! }
//! ```

mod configured;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Instrument;

use crate::contract::Usage;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::meter::{self, CountingWriter, Meter};
use crate::metrics::Metrics;
use crate::overlay::Overlay;
use crate::settings::{Need, Settings};
use configured::Configured;

pub use configured::Init;

/// Of the whole process: it runs one function, one call after the other. What a failed call used is
/// counted with the next that succeeds, usually its repeat.
pub(crate) static METER: LazyLock<Meter> = LazyLock::new(Meter::default);

/// What a handler gets with each event besides the event itself.
#[derive(Debug)]
pub struct Invocation {
    pub metrics: Metrics,
    /// When Lambda will stop the function.
    pub deadline: SystemTime,
    pub request_id: String,
    function: &'static str,
    started: (Instant, DateTime<Utc>),
    init_ms: u64,
}

impl Invocation {
    /// Time left before Lambda stops the function.
    pub fn remaining(&self) -> Duration {
        self.deadline.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// What the call has used until now.
    pub fn usage(&self) -> Usage {
        let (started, started_at) = self.started;
        Usage {
            function: self.function.to_owned(),
            duration_ms: started.elapsed().as_millis() as u64,
            memory_mb: memory_mb(),
            started_at: Some(started_at),
            init_ms: self.init_ms,
            billed: METER.read(),
        }
    }

    /// An invocation outside Lambda, for tests and the command line: an hour left, no metrics.
    pub fn detached(aws: &aws_config::SdkConfig, function: &'static str) -> Self {
        let metrics = crate::settings::MetricsSettings { enabled: false, namespace: String::new() };
        Invocation {
            metrics: Metrics::new(&metrics, aws, function),
            deadline: SystemTime::now() + Duration::from_secs(3600),
            request_id: "detached".to_owned(),
            function,
            started: (Instant::now(), Utc::now()),
            init_ms: 0,
        }
    }
}

/// Runs a function until Lambda stops it.
///
/// Settings are read and checked, clients built and `context` made once, and anew when the run of
/// an event follows another configuration ([`overlay`](crate::overlay)); then each event is
/// decoded, handled under a span with `run_id` and `dataset`, and answered with the result plus
/// its [`Usage`]. Errors answer with their [`ErrorKind`] name.
///
/// # Errors
/// When init fails: the message lists every wrong setting.
pub async fn run<C, B, BF, E, R, H, HF>(
    function: &'static str,
    needs: &[Need],
    build: B,
    handle: H,
) -> std::result::Result<(), lambda_runtime::Error>
where
    B: Fn(Init) -> BF,
    BF: Future<Output = Result<C>>,
    C: Send + Sync + 'static,
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    H: Fn(Arc<C>, E, Arc<Invocation>) -> HF + Send + Sync + 'static,
    HF: Future<Output = Result<R>> + Send + 'static,
{
    let began = Instant::now();
    init_logs();
    let aws = aws_loader().http_client(meter::http_client(&METER)).load().await;
    let uri = Overlay::uri_of_environment();
    let needs = needs.to_vec();
    let settings = move |overlay: &Overlay| Settings::load_over(overlay, &needs);
    let configured = Arc::new(Configured::new(aws.clone(), uri, settings, build));
    configured
        .init(|error| log_init_failure(function, error))
        .await
        .inspect_err(|error| log_init_failure(function, error))?;
    let handle = Arc::new(handle);
    let init_ms = AtomicU64::new(began.elapsed().as_millis() as u64);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let configured = Arc::clone(&configured);
        let handle = Arc::clone(&handle);
        let aws = aws.clone();
        let started = (Instant::now(), Utc::now());
        let init_ms = init_ms.swap(0, Ordering::Relaxed);
        async move {
            let built = configured
                .following(&event.payload)
                .await
                .inspect_err(|error| log_init_failure(function, error))?;
            let invocation = Arc::new(Invocation {
                metrics: Metrics::new(&built.settings.metrics, &aws, function),
                deadline: UNIX_EPOCH + Duration::from_millis(event.context.deadline),
                request_id: event.context.request_id.clone(),
                function,
                started,
                init_ms,
            });
            answer(function, built.context, handle, event.payload, invocation).await
        }
    }))
    .await
}

/// The SDK configuration: standard retries with backoff and jitter, five attempts, time-outs so
/// that a dead connection is noticed.
pub async fn aws_config() -> aws_config::SdkConfig {
    aws_loader().load().await
}

fn aws_loader() -> aws_config::ConfigLoader {
    let retries = aws_config::retry::RetryConfig::standard().with_max_attempts(5);
    let timeouts = aws_config::timeout::TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(60))
        .build();
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .retry_config(retries)
        .timeout_config(timeouts)
}

/// JSON logs on standard output; `RUST_LOG` filters them, `info` by default.
pub fn init_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(|| CountingWriter::new(std::io::stdout(), &METER));
    // A second call in one process (tests) keeps the first subscriber.
    let _ = logs.try_init();
}

fn log_init_failure(function: &str, error: &Error) {
    tracing::error!(function, error = %error, error_kind = error.kind().name(), "init failed");
}

async fn answer<C, E, R, H, HF>(
    function: &'static str,
    context: Arc<C>,
    handle: Arc<H>,
    payload: Value,
    invocation: Arc<Invocation>,
) -> std::result::Result<Value, Diagnostic>
where
    E: DeserializeOwned,
    R: Serialize,
    H: Fn(Arc<C>, E, Arc<Invocation>) -> HF,
    HF: Future<Output = Result<R>> + Send + 'static,
{
    let span = tracing::info_span!(
        "invocation",
        function,
        request_id = %invocation.request_id,
        run_id = text(&payload, "run_id"),
        dataset = text(&payload, "dataset"),
    );
    async {
        let outcome = match decode(payload) {
            // Boxed: the types of nested futures would grow past what the compiler takes.
            Ok(event) => {
                let handling: Pin<Box<dyn Future<Output = Result<R>> + Send>> =
                    Box::pin(handle(context, event, Arc::clone(&invocation)));
                handling.await
            }
            Err(error) => Err(error),
        };
        let duration_ms = invocation.started.0.elapsed().as_millis() as u64;
        invocation.metrics.millis("Duration", duration_ms, &[]);
        let failed = u64::from(outcome.is_err());
        invocation.metrics.count("Failures", failed, &[]);
        invocation.metrics.flush().await;
        match outcome {
            Ok(result) => {
                tracing::info!(duration_ms, "done");
                let usage = Usage { billed: METER.take(), ..invocation.usage() };
                with_usage(result, usage).map_err(Into::into)
            }
            Err(error) => {
                let error_kind = error.kind().name();
                tracing::error!(duration_ms, error = %error, error_kind, "failed");
                Err(error.into())
            }
        }
    }
    .instrument(span)
    .await
}

fn text<'a>(payload: &'a Value, field: &str) -> &'a str {
    payload.get(field).and_then(Value::as_str).unwrap_or("")
}

fn decode<E: DeserializeOwned>(payload: Value) -> Result<E> {
    serde_json::from_value(payload).map_err(|error| {
        Error::new(ErrorKind::InvalidInput, "event does not match the function's input")
            .because(error)
            .hint("compare it with the sample under events/")
    })
}

fn with_usage<R: Serialize>(result: R, usage: Usage) -> Result<Value> {
    let mut value =
        serde_json::to_value(result).or_error(ErrorKind::Internal, "encode result failed")?;
    if let Value::Object(fields) = &mut value {
        let usage =
            serde_json::to_value(usage).or_error(ErrorKind::Internal, "encode usage failed")?;
        fields.insert("usage".to_owned(), usage);
    }
    Ok(value)
}

/// Memory that Lambda gave the function.
fn memory_mb() -> u64 {
    let size = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
    size.and_then(|size| size.parse().ok()).unwrap_or(128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Billed;

    #[derive(Debug, serde::Deserialize)]
    #[allow(dead_code)]
    struct Sample {
        key: String,
    }

    #[test]
    fn a_wrong_event_names_the_field_and_the_remedy() {
        let error = decode::<Sample>(serde_json::json!({"kee": "x"})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("missing field `key`"), "{error}");
        assert!(error.to_string().contains("events/"), "{error}");
    }

    #[test]
    fn every_result_tells_what_it_used() {
        let usage = Usage {
            function: "load".to_owned(),
            duration_ms: 12,
            memory_mb: 1024,
            started_at: Some(Utc::now()),
            init_ms: 0,
            billed: Billed { s3_reads: 4, ..Billed::default() },
        };
        let value = with_usage(serde_json::json!({"rows": 3}), usage).unwrap();
        assert_eq!(value["rows"], 3);
        assert_eq!(value["usage"]["function"], "load");
        assert_eq!(value["usage"]["duration_ms"], 12);
        assert!(value["usage"]["started_at"].is_string());
        assert_eq!(value["usage"]["billed"], serde_json::json!({"s3_reads": 4}));
    }
}
