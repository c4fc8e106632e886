//! Who may see the page: whoever has a link that `shopflow dashboard` made, until it expires.
//!
//! The first request brings the token in the query. It is moved into a cookie, so that it stands
//! neither in the address nor in the history any longer.

use chrono::{DateTime, Utc};
use shopflow_core::Result;
use shopflow_core::http::{Request, Response};
use shopflow_core::signed_link;
use shopflow_page::{document, html};

use crate::page;

const COOKIE: &str = "shopflow_dashboard";

/// Name of the token in the query.
const TOKEN: &str = "token";

/// True when the cookie of the request is good.
pub fn is_allowed(request: &Request, secret: &str, now: DateTime<Utc>) -> bool {
    let token = request.cookie(COOKIE);
    token.is_some_and(|token| signed_link::verify(secret, token, now.timestamp()).is_ok())
}

/// The answer to a token in the query, if it has one that is good: the page without it, and a cookie
/// that lasts as long as the link.
///
/// The cookie has no path, which makes it the folder of the page: the root on AWS, and the
/// function's own folder on the local cloud, where all functions share an address.
pub fn entered(
    request: &Request,
    secret: &str,
    environment: &str,
    now: DateTime<Utc>,
) -> Option<Response> {
    let token = request.query(TOKEN)?;
    let expiry = signed_link::verify(secret, token, now.timestamp()).ok()?;
    let seconds = expiry - now.timestamp();
    let secure = if environment == page::LOCAL { "" } else { "; Secure" };
    let cookie = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}");
    let response = Response::new(303).header("location", "./").cookie(cookie);
    Some(page::guarded(response).header("cache-control", "no-store"))
}

/// The answer to everybody else.
///
/// # Errors
/// `Internal` when the answer cannot be encoded.
pub fn refused(request: &Request, environment: &str, is_api: bool) -> Result<Response> {
    let command = page::command(environment);
    if is_api {
        let told = serde_json::json!({
            "error": "the link has expired or is not good",
            "command": command,
        });
        return Response::json(401, &told);
    }
    let body = html!(
        "<main>\n<header><p class=\"brand\">ShopFlow</p><h1>This link has expired</h1></header>\n\
         <p>It has expired, or was not made for this page. This command makes a new one:</p>\n\
         <pre><code>{}</code></pre>\n</main>\n",
        command,
    );
    let text = document("ShopFlow: link expired", "", &body);
    let response = Response::text(401, "text/html; charset=utf-8", text)
        .header("cache-control", "no-store")
        .header("content-security-policy", page::REFUSAL_POLICY);
    Ok(page::guarded(match comes_from_elsewhere(request) {
        true => response.header("refresh", "0;url=./"),
        false => response,
    }))
}

/// True when a link of another site led here. Browsers hold a strict cookie back then, even one that
/// the answer before has just set; a page that loads itself again gets it.
fn comes_from_elsewhere(request: &Request) -> bool {
    request.header("sec-fetch-site") == Some("cross-site") && request.query(TOKEN).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of more than thirty-two characters";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn asked(name: &str, value: &str) -> Request {
        let mut request = Request::default();
        request.query.insert(name.to_owned(), value.to_owned());
        request
    }

    #[test]
    fn a_good_token_becomes_a_cookie_that_lasts_as_long() {
        let token = signed_link::sign(SECRET, 1_000).unwrap();
        let answer = entered(&asked(TOKEN, &token), SECRET, "prod", at(400)).unwrap();
        assert_eq!(answer.status, 303);
        assert!(answer.headers.contains(&("location".to_owned(), "./".to_owned())));
        let cookie =
            format!("shopflow_dashboard={token}; HttpOnly; SameSite=Strict; Max-Age=600; Secure");
        assert_eq!(answer.cookies, [cookie]);
        let mut request = Request::default();
        request.cookies.insert(COOKIE.to_owned(), token);
        assert!(is_allowed(&request, SECRET, at(999)));
        assert!(!is_allowed(&request, SECRET, at(1_000)));
        assert!(!is_allowed(&Request::default(), SECRET, at(400)));
    }

    #[test]
    fn the_local_cloud_has_no_tls_and_its_cookies_do_not_need_it() {
        let token = signed_link::sign(SECRET, 1_000).unwrap();
        let answer = entered(&asked(TOKEN, &token), SECRET, page::LOCAL, at(400)).unwrap();
        assert!(answer.cookies[0].ends_with("Max-Age=600"), "{:?}", answer.cookies);
    }

    #[test]
    fn a_token_that_is_not_good_sets_no_cookie() {
        for token in ["", "1000.", "1000.AAAA", "x"] {
            assert_eq!(entered(&asked(TOKEN, token), SECRET, "prod", at(400)), None, "{token}");
        }
    }

    #[test]
    fn a_visitor_from_another_site_is_sent_round_once() {
        let has_refresh = |request: &Request| {
            let answer = refused(request, "prod", false).unwrap();
            answer.headers.iter().any(|(name, _)| name == "refresh")
        };
        let mut request = Request::default();
        request.headers.insert("sec-fetch-site".to_owned(), "cross-site".to_owned());
        assert!(has_refresh(&request));
        request.headers.insert("sec-fetch-site".to_owned(), "same-origin".to_owned());
        assert!(!has_refresh(&request));
        let mut request = asked(TOKEN, "bad");
        request.headers.insert("sec-fetch-site".to_owned(), "cross-site".to_owned());
        assert!(!has_refresh(&request));
    }
}
