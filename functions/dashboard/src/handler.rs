//! Requests and their answers.

use chrono::{DateTime, Utc};
use shopflow_core::http::{Request, Response};
use shopflow_core::{ErrorKind, Result, ResultExt};

use crate::access;
use crate::context::Context;
use crate::encoding::{gzip, takes_gzip};
use crate::live::Clock;
use crate::page;

/// The page.
const PAGE: &str = "/";
/// The figures.
const LIVE: &str = "/api/live";

/// Answers a request.
///
/// # Errors
/// `Transient.Database` when trying again helps, `Internal` when the tables of the stream are not as
/// they should be.
pub async fn handle(context: &Context, request: &Request) -> Result<Response> {
    handle_at(context, request, Utc::now()).await
}

/// [`handle`] at a moment.
///
/// # Errors
/// As [`handle`].
pub async fn handle_at(
    context: &Context,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<Response> {
    let environment = context.environment();
    let is_get = matches!(request.method.as_str(), "GET" | "HEAD");
    let is_api = request.path.starts_with("/api/");
    if is_get
        && request.path == PAGE
        && let Some(entered) = access::entered(request, context.secret(), environment, now)
    {
        return Ok(entered);
    }
    if !access::is_allowed(request, context.secret(), now) {
        let refused = access::refused(request, environment, is_api)?;
        return Ok(without_body(request, refused));
    }
    let response = match request.path.as_str() {
        PAGE | LIVE if !is_get => {
            Response::refusal(405, "the page is only read").header("allow", "GET, HEAD")
        }
        PAGE => context.page.response(takes_gzip(request)),
        LIVE => figures(context, request, now).await?,
        _ => Response::refusal(404, "there is no such page"),
    };
    Ok(without_body(request, response))
}

async fn figures(context: &Context, request: &Request, now: DateTime<Utc>) -> Result<Response> {
    let known = request.header("if-none-match");
    let (etag, live) = context.live(Clock::new(now), known).await?;
    let response = match live {
        None => Response::new(304),
        Some(live) => {
            let text = serde_json::to_string(&live)
                .or_error(ErrorKind::Internal, "encode figures failed")?;
            match takes_gzip(request) {
                true => Response::bytes(200, "application/json", gzip(text.as_bytes())?)
                    .header("content-encoding", "gzip"),
                false => Response::text(200, "application/json", text),
            }
        }
    };
    let response = response
        .header("etag", etag)
        .header("cache-control", "private, no-cache")
        .header("vary", "accept-encoding, cookie");
    Ok(page::guarded(response))
}

/// What a HEAD request gets: the same without the body.
fn without_body(request: &Request, response: Response) -> Response {
    match request.method.as_str() {
        "HEAD" => Response { body: Response::new(response.status).body, ..response },
        _ => response,
    }
}
