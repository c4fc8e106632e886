//! What all pages have in common: head, way back, verdicts, tables.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shopflow_page::{Html, document, html, slug};

const STYLE: &str = include_str!("docs.css");
/// What may stand in a part of an address as it is.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'=');

/// Whether something is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warning,
    Bad,
    /// For information.
    Quiet,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Warning => "warn",
            Tone::Bad => "bad",
            Tone::Quiet => "info",
        }
    }

    /// For those who do not see colours; the words beside it say the same.
    fn mark(self) -> &'static str {
        match self {
            Tone::Good => "✓",
            Tone::Warning => "!",
            Tone::Bad => "✕",
            Tone::Quiet => "i",
        }
    }
}

/// A page with its head.
#[derive(Debug, Default)]
pub struct Shell<'a> {
    /// Of the window and in lists of results.
    pub title: &'a str,
    pub heading: Html,
    /// Below the heading.
    pub basis: Html,
    /// The way back, from the index on: names and addresses.
    pub way: &'a [(&'a str, &'a str)],
    /// This page at the end of the way; empty on the index.
    pub here: &'a str,
}

impl Shell<'_> {
    /// The page around its body.
    pub fn around(&self, body: &Html) -> String {
        let mut way: Html = self
            .way
            .iter()
            .map(|(name, address)| html!("<li><a href=\"{}\">{}</a></li>", address, name))
            .collect();
        if !self.here.is_empty() {
            way.push(html!("<li aria-current=\"page\">{}</li>", self.here));
        }
        let nav = match way.is_empty() {
            true => html!("<p class=\"brand\">ShopFlow data docs</p>\n"),
            false => html!("<nav class=\"way\" aria-label=\"Way back\"><ol>{}</ol></nav>\n", way),
        };
        let body = html!(
            "<a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
             <header>\n{}<h1>{}</h1>\n<p class=\"basis\">{}</p>\n</header>\n\
             <main id=\"content\">\n{}</main>\n\
             <footer><p>Written by ShopFlow {} when the run was checked. Personal values are not \
             shown.</p></footer>\n",
            nav,
            self.heading,
            self.basis,
            body,
            env!("CARGO_PKG_VERSION")
        );
        document(self.title, STYLE, &body)
    }
}

/// A part of an address.
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A word with a mark: `✓ passed`.
pub fn badge(tone: Tone, words: &str) -> Html {
    html!(
        "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
        tone.class(),
        tone.mark(),
        words
    )
}

/// The sentence that says how it stands.
pub fn verdict(tone: Tone, sentence: &Html) -> Html {
    html!(
        "<p class=\"verdict {}\"><span class=\"sign\" aria-hidden=\"true\">{}</span> \
         <span>{}</span></p>\n",
        tone.class(),
        tone.mark(),
        sentence
    )
}

/// Figures in a row.
pub fn totals(items: &[(&str, Html)]) -> Html {
    let items: Html = items
        .iter()
        .map(|(name, value)| html!("<div><dt>{}</dt><dd>{}</dd></div>", name, value))
        .collect();
    html!("<dl class=\"totals\">{}</dl>\n", items)
}

/// A part of a page below its heading.
pub fn section(heading: &str, body: &Html) -> Html {
    if body.is_empty() {
        return Html::default();
    }
    html!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{body}</section>\n";
        id = slug(heading), heading = heading, body = body
    )
}

/// A column of a table: its name, and whether it holds numbers.
pub type Head<'a> = (&'a str, bool);

/// A table that scrolls by itself where it is wider than the page. The first cell of a row names it;
/// `rows` holds the rows.
pub fn table(caption: &str, heads: &[Head<'_>], rows: &Html) -> Html {
    named_table(caption, caption, heads, rows)
}

/// A [`table`] whose caption is not unique on the page: `region` is its name among the regions.
pub fn named_table(region: &str, caption: &str, heads: &[Head<'_>], rows: &Html) -> Html {
    let heads: Html = heads
        .iter()
        .map(|(name, is_number)| match is_number {
            true => html!("<th scope=\"col\" class=\"number\">{}</th>", name),
            false => html!("<th scope=\"col\">{}</th>", name),
        })
        .collect();
    html!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{region}\">\
         <table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>\n\
         <tbody>{rows}</tbody></table></div>\n";
        region = region, caption = caption, heads = heads, rows = rows
    )
}

/// A row of a [`table`] out of its cells.
pub fn row(name: &Html, cells: &[Html]) -> Html {
    let cells: Html = cells.iter().cloned().collect();
    html!("<tr><th scope=\"row\">{}</th>{}</tr>\n", name, cells)
}

/// A cell with text or markup.
pub fn cell(content: &Html) -> Html {
    html!("<td>{}</td>", content)
}

/// A cell with a number.
pub fn number_cell(content: &str) -> Html {
    html!("<td class=\"number\">{}</td>", content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_addresses_are_encoded() {
        assert_eq!(part("run_id=nightly-1"), "run_id=nightly-1");
        assert_eq!(part("a b/c?d#e\"<é"), "a%20b%2Fc%3Fd%23e%22%3C%C3%A9");
    }
}
