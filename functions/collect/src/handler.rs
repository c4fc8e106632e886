//! One request: within its limits, by whom it may come, event by event, onto the stream.

use std::time::{Duration, Instant};

use chrono::Utc;
use serde::Serialize;
use shopflow_core::Result;
use shopflow_core::http::{Request, Response};
use shopflow_core::runtime::Invocation;

use crate::body;
use crate::context::Context;
use crate::cors::{self, Access};
use crate::intake::{Intake, Refused};
use crate::records::records;

/// Where events are sent to.
const PATH: &str = "/";

/// The body of the answer to events.
#[derive(Serialize)]
struct Receipt {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    accepted: usize,
    refused: Vec<Refused>,
}

/// Takes the events of a request. What goes wrong is told by the response, so that pages of other
/// origins can read it.
///
/// # Errors
/// When the response cannot be encoded.
pub async fn handle(
    context: &Context,
    request: &Request,
    invocation: &Invocation,
) -> Result<Response> {
    let access = context.origins.access(request.header("origin"));
    let response = match respond(context, request, &access, invocation).await {
        Ok(response) => response,
        Err(error) => {
            let error_kind = error.kind().name();
            tracing::error!(error = %error, error_kind, "events are not on the stream");
            Response::of_error(&error)
        }
    };
    Ok(context.origins.complete(&access, response))
}

async fn respond(
    context: &Context,
    request: &Request,
    access: &Access,
    invocation: &Invocation,
) -> Result<Response> {
    if request.path != PATH {
        return Ok(Response::refusal(404, "events are sent to /"));
    }
    if *access == Access::Refused {
        return Ok(Response::refusal(403, "pages of this origin may not send events"));
    }
    match request.method.as_str() {
        "POST" => {}
        "OPTIONS" => return Ok(cors::preflight()),
        _ => {
            let response = Response::refusal(405, "events are sent with POST");
            return Ok(response.header("allow", "OPTIONS, POST"));
        }
    }
    let metrics = &invocation.metrics;
    let Intake { lines, refused } = match take(context, request) {
        Ok(intake) => intake,
        Err(response) => {
            metrics.count("RequestsThrottled", u64::from(response.status == 429), &[]);
            return Ok(response);
        }
    };
    let accepted = lines.len();
    let records = records(lines);
    let sent = records.len();
    let again = context.sender.send(records, invocation).await?;
    metrics.count("EventsAccepted", accepted as u64, &[]);
    metrics.count("EventsRefused", refused.len() as u64, &[]);
    metrics.count("RecordsRetried", again, &[]);
    tracing::info!(accepted, refused = refused.len(), records = sent, again, "events taken");
    let (status, error) = match accepted {
        0 => (400, Some("none of the events can be read")),
        _ => (202, None),
    };
    Response::json(status, &Receipt { error, accepted, refused })
}

/// The events of a request, checked; or the response that says why it is not looked at.
fn take(context: &Context, request: &Request) -> Result<Intake, Response> {
    let now = Instant::now();
    let limiter = &context.limiter;
    let within_rate = |events: usize| limiter.take(&request.source_ip, events, now);
    // What cannot be read costs as much as one event.
    within_rate(1).map_err(too_many)?;
    let plain = body::plain(request, context.settings.max_bytes)?;
    let mut buffer = Vec::new();
    let events = body::events(&plain, &mut buffer, context.settings.max_events)?;
    // When it comes again it pays for its first event again.
    let again = |wait: Duration| too_many(wait + limiter.time_of_one());
    within_rate(events.len().saturating_sub(1)).map_err(again)?;
    Ok(Intake::of(&context.reader, &events, Utc::now()))
}

fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    Response::refusal(429, "too many events from this address")
        .header("retry-after", seconds.to_string())
}
