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
mod gathered;
mod invocation;
mod web;

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::Instrument;

use crate::contract::Usage;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::http::{Request, Response};
use crate::meter::{self, CountingWriter, METER};
use crate::metrics::Metrics;
use crate::overlay::Overlay;
use crate::settings::{Need, Settings};
use configured::{Build, Configured};
use gathered::Gathered;
use web::Place;

pub use configured::Init;
pub use invocation::{Call, Invocation};

/// An event that every function answers without doing anything, once its init has succeeded: it
/// shows that a function starts, and starts it before it is needed.
pub const PING: &str = r#"{"ping":true}"#;

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
    start(function, needs, build, handle, Answers::Results).await
}

/// Runs a function behind a URL until Lambda stops it, as [`run`] does, with requests for events.
///
/// Every call is answered with a response, errors too ([`Response::of_error`]), so that what
/// callers see is never Lambda's own `502`. Logs have method, path, status and duration; queries,
/// cookies, bodies and addresses stay out of them. A status from 500 on counts under `Failures`, as
/// Lambda counts no error. Metrics of calls within ten seconds are sent together.
///
/// # Errors
/// When init fails: the message lists every wrong setting.
pub async fn run_http<C, B, BF, H, HF>(
    function: &'static str,
    needs: &[Need],
    build: B,
    handle: H,
) -> std::result::Result<(), lambda_runtime::Error>
where
    B: Fn(Init) -> BF + 'static,
    BF: Future<Output = Result<C>> + 'static,
    C: Send + Sync + 'static,
    H: Fn(Arc<C>, Request, Arc<Invocation>) -> HF + Send + Sync + 'static,
    HF: Future<Output = Result<Response>> + Send + 'static,
{
    start(function, needs, build, handle, Answers::Responses(Arc::default())).await
}

/// How a function answers.
#[derive(Clone)]
enum Answers {
    /// With the result of the handler and what it used, or with an error.
    Results,
    /// With a response, whatever happens.
    Responses(Arc<Gathered>),
}

fn start<C, B, BF, E, R, H, HF>(
    function: &'static str,
    needs: &[Need],
    build: B,
    handle: H,
    answers: Answers,
) -> LocalBoxFuture<'static, std::result::Result<(), lambda_runtime::Error>>
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
    serve(function, needs.to_vec(), Box::new(build), answers, began)
}

/// A function without the types of its events, from JSON to JSON.
type Handler = dyn Fn(Value, Arc<Invocation>) -> BoxFuture<'static, Result<Value>> + Send + Sync;

/// The Lambda loop. It knows no types of a function and is boxed, so that it is compiled once, here,
/// and not again into each of the programs.
fn serve(
    function: &'static str,
    needs: Vec<Need>,
    build: Build<Handler>,
    answers: Answers,
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
            let answers = answers.clone();
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
                    .inspect_err(|error| log_init_failure(function, error));
                let built = match (built, &answers) {
                    (Ok(built), _) => built,
                    (Err(error), Answers::Results) => return Err(Diagnostic::from(error)),
                    (Err(error), Answers::Responses(_)) => return Ok(web::unbuilt(&error)),
                };
                let invocation = Arc::new(Invocation {
                    metrics: Metrics::new(&built.settings.metrics, &aws, function),
                    deadline: UNIX_EPOCH + Duration::from_millis(event.context.deadline),
                    request_id: event.context.request_id.clone(),
                    call,
                });
                match answers {
                    Answers::Results => {
                        answer(function, &*built.context, event.payload, invocation).await
                    }
                    Answers::Responses(gathered) => {
                        let place = Place::of(&event.payload);
                        let handling = (built.context)(event.payload, Arc::clone(&invocation));
                        Ok(web::respond(&place, handling, &invocation, &gathered).await)
                    }
                }
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

#[cfg(test)]
mod tests {
    use chrono::Utc;

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
