//! Which web pages may send: cross-origin resource sharing.
//!
//! Browsers ask before they send JSON, and do not ask before they send text, as
//! `navigator.sendBeacon` does. The origin, which no page can make up, is therefore looked at with
//! every request. Programs that are no browsers send none.

use shopflow_core::http::Response;

/// How long browsers may remember what a page may do, in seconds; more than two hours none does.
const REMEMBERED: &str = "7200";

/// The origins of the pages that may send.
#[derive(Debug, Clone)]
pub struct Origins {
    any: bool,
    exact: Vec<String>,
}

/// What becomes of a request because of where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// No page sent it.
    NoPage,
    /// A page sent it, and any may.
    Any,
    /// A page of this origin sent it, and may.
    Origin(String),
    /// A page sent it, and may not.
    Refused,
}

impl Origins {
    /// Origins such as `https://shop.example`; `*` stands for all.
    pub fn new(allowed: &[String]) -> Origins {
        Origins { any: allowed.iter().any(|origin| origin == "*"), exact: allowed.to_vec() }
    }

    /// What a page of `origin` may do.
    pub fn access(&self, origin: Option<&str>) -> Access {
        match origin {
            None => Access::NoPage,
            Some(_) if self.any => Access::Any,
            Some(origin) if self.exact.iter().any(|exact| exact == origin) => {
                Access::Origin(origin.to_owned())
            }
            Some(_) => Access::Refused,
        }
    }

    /// Adds what lets the page read the response. Without configured origins nothing is added.
    pub fn complete(&self, access: &Access, response: Response) -> Response {
        let depends_on_origin = !self.any && !self.exact.is_empty();
        let response = if depends_on_origin { response.header("vary", "origin") } else { response };
        let allowed = match access {
            Access::NoPage | Access::Refused => return response,
            Access::Any => "*",
            Access::Origin(origin) => origin.as_str(),
        };
        response
            .header("access-control-allow-origin", allowed)
            .header("access-control-expose-headers", "retry-after")
    }
}

/// The answer to a browser that asks before it sends.
pub fn preflight() -> Response {
    Response::new(204)
        .header("access-control-allow-methods", "POST")
        .header("access-control-allow-headers", "content-encoding, content-type")
        .header("access-control-max-age", REMEMBERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "https://shop.example";

    fn origins(allowed: &[&str]) -> Origins {
        let allowed: Vec<String> = allowed.iter().map(|origin| (*origin).to_owned()).collect();
        Origins::new(&allowed)
    }

    fn headers(allowed: &[&str], origin: Option<&str>) -> Vec<(String, String)> {
        let origins = origins(allowed);
        origins.complete(&origins.access(origin), Response::new(202)).headers
    }

    #[test]
    fn an_origin_is_compared_as_a_whole() {
        let origins = origins(&[SHOP]);
        assert_eq!(origins.access(Some(SHOP)), Access::Origin(SHOP.to_owned()));
        for other in [
            "https://shop.example.evil.example",
            "http://shop.example",
            "https://shop.example:8443",
            "https://www.shop.example",
            "null",
            "*",
        ] {
            assert_eq!(origins.access(Some(other)), Access::Refused, "{other}");
        }
        assert_eq!(origins.access(None), Access::NoPage);
    }

    #[test]
    fn without_origins_no_page_may_send_and_no_header_is_added() {
        assert_eq!(origins(&[]).access(Some(SHOP)), Access::Refused);
        assert!(headers(&[], Some(SHOP)).is_empty() && headers(&[], None).is_empty());
    }

    #[test]
    fn caches_keep_the_answers_to_different_origins_apart() {
        let vary = ("vary".to_owned(), "origin".to_owned());
        let allow = |origin: &str| ("access-control-allow-origin".to_owned(), origin.to_owned());
        assert!(headers(&[SHOP], None).contains(&vary));
        let allowed = headers(&[SHOP], Some(SHOP));
        assert!(allowed.contains(&vary) && allowed.contains(&allow(SHOP)));
        let any = headers(&["*"], Some(SHOP));
        assert!(!any.contains(&vary) && any.contains(&allow("*")));
    }
}
