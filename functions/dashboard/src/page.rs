//! The page: style, scripts and markup in one answer, and the policy that lets nothing else in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use shopflow_core::http::Response;
use shopflow_page::{STYLE, escape};

use crate::encoding::gzip;

const TEMPLATE: &str = include_str!("../assets/dashboard.html");
const OWN_STYLE: &str = include_str!("../assets/dashboard.css");
const OWN_SCRIPT: &str = include_str!("../assets/dashboard.js");
const CHART_STYLE: &str = include_str!("../assets/uplot/uPlot.min.css");
const CHART_SCRIPT: &str = include_str!("../assets/uplot/uPlot.iife.min.js");
const CHART_LICENSE: &str = include_str!("../assets/uplot/LICENSE");

/// The environment that has no TLS, and that commands take when none is named.
pub const LOCAL: &str = "local";

/// What the page for people without a good link may do: have a style.
pub const REFUSAL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The page and its policy, made once.
#[derive(Debug, Clone)]
pub struct Page {
    text: String,
    compressed: Option<Vec<u8>>,
    policy: String,
}

impl Page {
    /// The page of an environment.
    pub fn new(environment: &str) -> Page {
        let (text, policy) = page(environment);
        let compressed = gzip(text.as_bytes()).ok();
        Page { text, compressed, policy }
    }

    /// The page as a response.
    pub fn response(&self, takes_gzip: bool) -> Response {
        let media = "text/html; charset=utf-8";
        let response = match (&self.compressed, takes_gzip) {
            (Some(bytes), true) => {
                Response::bytes(200, media, bytes.as_slice()).header("content-encoding", "gzip")
            }
            (_, _) => Response::text(200, media, self.text.as_str()),
        };
        let response = response
            .header("cache-control", "no-store")
            .header("content-security-policy", self.policy.as_str());
        guarded(response)
    }
}

/// The page of an environment and its content security policy, which allows the styles and scripts
/// in it by their hashes, requests to its own address, and nothing else.
pub fn page(environment: &str) -> (String, String) {
    let style = format!("\n{STYLE}{CHART_STYLE}\n{OWN_STYLE}");
    // The first line of the library is a comment with an address; its licence takes that place.
    let library = CHART_SCRIPT.split_once('\n').map_or(CHART_SCRIPT, |(_, library)| library);
    let library = format!("/*! uPlot 1.6.32\n{CHART_LICENSE}*/\n{library}");
    let policy = format!(
        "default-src 'none'; script-src {} {}; style-src {}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(&library),
        hash(OWN_SCRIPT),
        hash(&style),
    );
    let text = TEMPLATE
        .replace("{{command}}", &escape(&command(environment)))
        .replace("{{environment}}", &escape(environment))
        .replace("{{style}}", &style)
        .replace("{{library}}", &library)
        .replace("{{script}}", OWN_SCRIPT);
    (text, policy)
}

/// The command that makes a link.
pub fn command(environment: &str) -> String {
    match environment {
        LOCAL => "cargo shopflow dashboard --open".to_owned(),
        other => format!("cargo shopflow dashboard --open --env {other}"),
    }
}

/// Headers that every answer to a browser has.
pub fn guarded(response: Response) -> Response {
    response
        .header("x-content-type-options", "nosniff")
        .header("referrer-policy", "no-referrer")
        .header("cross-origin-opener-policy", "same-origin")
        .header("cross-origin-resource-policy", "same-origin")
        .header("x-robots-tag", "noindex")
}

/// How a policy names an inline style or script.
fn hash(content: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(Sha256::digest(content.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything of the page that comes over the network, in bytes.
    const LARGEST: usize = 100_000;

    #[test]
    fn the_page_is_small_and_needs_nothing_from_elsewhere() {
        let (text, _) = page("prod");
        assert!(text.len() < LARGEST, "{} bytes", text.len());
        for address in ["http:", "https:", "src=\"//", "url(", "@import", "{{"] {
            assert!(!text.contains(address), "{address} in the page");
        }
        assert!(text.contains("The MIT License"));
    }

    #[test]
    fn the_policy_allows_what_is_in_the_page_and_no_inline_code() {
        let (text, policy) = page("prod");
        assert!(!policy.contains("unsafe"), "{policy}");
        for (open, close) in [("<style>", "</style>"), ("<script>", "</script>")] {
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once(open) {
                let (content, after) = after.split_once(close).unwrap();
                assert!(policy.contains(&hash(content)), "{open} {}", &content[..60]);
                rest = after;
            }
        }
        assert!(!text.contains(" style=") && !text.contains(" onclick="));
    }

    #[test]
    fn the_page_names_the_command_that_makes_a_link() {
        assert_eq!(command("local"), "cargo shopflow dashboard --open");
        assert!(page("staging").0.contains("cargo shopflow dashboard --open --env staging"));
    }
}
