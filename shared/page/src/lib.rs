//! HTML pages that need nothing but themselves: no scripts, no fonts, no requests.
//!
//! [`html!`] writes markup and escapes every value, [`document`] puts a body into a page with the
//! common style, and [`chart`] draws values as inline SVG. `shopflow report` and the data docs of
//! `quality` are made of it.
//!
//! ```
//! use shopflow_page::{document, html};
//!
//! let name = "<script>";
//! let body = html!("<main><h1>{}</h1></main>", name);
//! let page = document("A page", "", &body);
//! assert!(page.contains("<h1>&lt;script&gt;</h1>"));
//! ```

pub mod chart;
mod html;
pub mod number;

pub use html::{Html, Shown, Value, escape};

/// What all pages look like; a page adds its own rules.
pub const STYLE: &str = include_str!("base.css");

/// A whole page around `body`, with `style` after the common rules.
///
/// The policy in its head allows inline styles and nothing else, so that not even markup that
/// slipped through could fetch or run anything.
pub fn document(title: &str, style: &str, body: &Html) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{style}</style>\n</head>\n<body>\n\
         {body}</body>\n</html>\n"
    )
}

/// Letters and digits of a name, for an id.
pub fn slug(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect()
}
