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
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Instrument;

use crate::contract::Usage;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::meter::{self, CountingWriter, METER};
use crate::metrics::Metrics;
use crate::overlay::Overlay;
use crate::settings::{Need, Settings};
use configured::{Build, Configured};

pub use configured::Init;

/// An event that every function answers without doing anything, once its init has succeeded: it
/// shows that a function starts, and starts it before it is needed.
pub const PING: &str = r#"{"ping":true}"#;

/// What a handler gets with each event besides the event itself.
#[derive(Debug)]
pub struct Invocation {
    pub metrics: Metrics,
    /// When Lambda will stop the function.
    pub deadline: SystemTime,
    pub request_id: String,
    /// What the call has used so far.
    pub call: Call,
}

/// A call under way.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    function: &'static str,
    started: Instant,
    started_at: DateTime<Utc>,
    init_ms: u64,
}

impl Call {
    fn begin(function: &'static str, init_ms: u64) -> Call {
        Call { function, started: Instant::now(), started_at: Utc::now(), init_ms }
    }

    fn duration_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// What it has used until now.
    pub fn usage(&self) -> Usage {
        Usage {
            function: self.function.to_owned(),
            duration_ms: self.duration_ms(),
            memory_mb: memory_mb(),
            started_at: Some(self.started_at),
            init_ms: self.init_ms,
            billed: METER.read(),
        }
    }
}

impl Invocation {
    /// Time left before Lambda stops the function.
    pub fn remaining(&self) -> Duration {
        self.deadline.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// An invocation outside Lambda, for tests and the command line: an hour left, no metrics.
    pub fn detached(aws: &aws_config::SdkConfig, function: &'static str) -> Self {
        let metrics = crate::settings::MetricsSettings { enabled: false, namespace: String::new() };
        Invocation {
            metrics: Metrics::new(&metrics, aws, function),
            deadline: SystemTime::now() + Duration::from_secs(3600),
            request_id: "detached".to_owned(),
            call: Call::begin(function, 0),
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
    B: Fn(Init) -> BF + 'static,
    BF: Future<Output = Result<C>> + 'static,
    C: Send + Sync + 'static,
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    H: Fn(Arc<C>, E, Arc<Invocation>) -> HF + Send + Sync + 'static,
    HF: Future<Output = Result<R>> + Send + 'static,
{
    let began = Instant::now();
    init_logs();
    let handle = Arc::new(handle);
    let build = move |init| {
        let (building, handle) = (build(init), Arc::clone(&handle));
        let handler = async move {
            let context = Arc::new(building.await?);
            let handler: Box<Handler> = Box::new(move |payload, invocation| {
                let handling =
                    decode(payload).map(|event| handle(Arc::clone(&context), event, invocation));
                async move { encode(handling?.await?) }.boxed()
            });
            Ok::<Arc<Handler>, Error>(Arc::from(handler))
        };
        handler.boxed_local()
    };
    serve(function, needs.to_vec(), Box::new(build), began).await
}

/// A function without the types of its events, from JSON to JSON.
type Handler = dyn Fn(Value, Arc<Invocation>) -> BoxFuture<'static, Result<Value>> + Send + Sync;

/// The Lambda loop. It knows no types of a function and is boxed, so that it is compiled once, here,
/// and not again into each of the programs.
fn serve(
    function: &'static str,
    needs: Vec<Need>,
    build: Build<Handler>,
    began: Instant,
) -> LocalBoxFuture<'static, std::result::Result<(), lambda_runtime::Error>> {
    let serve = async move {
        let aws = aws_loader().http_client(meter::http_client(&METER)).load().await;
        let settings = Box::new(move |overlay: &Overlay| Settings::load_over(overlay, &needs));
        let uri = Overlay::uri_of_environment();
        let configured = Rc::new(Configured::new(aws.clone(), uri, settings, build));
        configured
            .init(|error| log_init_failure(function, error))
            .await
            .inspect_err(|error| log_init_failure(function, error))?;
        let init_ms = AtomicU64::new(began.elapsed().as_millis() as u64);
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
            let (configured, aws) = (Rc::clone(&configured), aws.clone());
            let is_ping = is_ping(&event.payload);
            // The first call that does something tells how long the init took.
            let init_ms = if is_ping { 0 } else { init_ms.swap(0, Ordering::Relaxed) };
            let call = Call::begin(function, init_ms);
            async move {
                if is_ping {
                    return Ok(event.payload);
                }
                let built = configured
                    .following(&event.payload)
                    .await
                    .inspect_err(|error| log_init_failure(function, error))?;
                let invocation = Arc::new(Invocation {
                    metrics: Metrics::new(&built.settings.metrics, &aws, function),
                    deadline: UNIX_EPOCH + Duration::from_millis(event.context.deadline),
                    request_id: event.context.request_id.clone(),
                    call,
                });
                answer(function, &*built.context, event.payload, invocation).await
            }
        }))
        .await
    };
    serve.boxed_local()
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

async fn answer(
    function: &'static str,
    handler: &Handler,
    payload: Value,
    invocation: Arc<Invocation>,
) -> std::result::Result<Value, Diagnostic> {
    let span = tracing::info_span!(
        "invocation",
        function,
        request_id = %invocation.request_id,
        run_id = text(&payload, "run_id"),
        dataset = text(&payload, "dataset"),
    );
    async {
        let outcome = handler(payload, Arc::clone(&invocation)).await;
        let duration_ms = invocation.call.duration_ms();
        invocation.metrics.millis("Duration", duration_ms, &[]);
        let failed = u64::from(outcome.is_err());
        invocation.metrics.count("Failures", failed, &[]);
        invocation.metrics.flush().await;
        match outcome {
            Ok(result) => {
                tracing::info!(duration_ms, "done");
                let usage = Usage { billed: METER.take(), ..invocation.call.usage() };
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

fn is_ping(payload: &Value) -> bool {
    serde_json::from_str::<Value>(PING).is_ok_and(|ping| ping == *payload)
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

fn encode<R: Serialize>(result: R) -> Result<Value> {
    serde_json::to_value(result).or_error(ErrorKind::Internal, "encode result failed")
}

fn with_usage(mut value: Value, usage: Usage) -> Result<Value> {
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
    fn a_ping_is_nothing_but_a_ping() {
        let of = |text: &str| is_ping(&serde_json::from_str(text).unwrap());
        assert!(of(PING) && of(r#"{ "ping": true }"#));
        for other in ["{}", "null", r#"{"ping":false}"#, r#"{"ping":true,"run_id":"r"}"#] {
            assert!(!of(other), "{other}");
        }
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
