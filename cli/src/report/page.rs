//! The report as one HTML page that needs nothing but itself: no scripts, no requests.

use crate::analytics::{Answer, Question};
use crate::report::chart::Caption;
use crate::report::finding::finding;
use crate::report::{Report, chart::draw};
use crate::table::{Table, thousands_decimal};

const STYLE: &str = include_str!("page.css");
/// Figures of an answer on the page; the CSV file has all.
const MOST_ROWS: usize = 200;
/// Columns that name or place something: their numbers are no amounts.
const NAMES: [&str; 5] = ["rank", "rank_by_revenue", "customer_id", "product_id", "step_number"];

/// Text as HTML shows it, in elements and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Not allowed in HTML, and some change what follows them.
            _ if character.is_control() && character != '\n' => safe.push('\u{fffd}'),
            _ => safe.push(character),
        }
    }
    safe
}

impl Report {
    /// The page. It depends on the report alone: the same report gives the same bytes.
    pub fn page(&self, environment: &str) -> String {
        let title = match &self.figures.days {
            Some((_, last)) => format!("Shop report, data to {}", day(last)),
            None => "Shop report".to_owned(),
        };
        let title = escape(&title);
        let themes = self.themes();
        let nav: String = themes
            .iter()
            .map(|theme| format!("<li><a href=\"#{}\">{}</a></li>", slug(theme), escape(theme)))
            .collect();
        let sections: String = themes.iter().map(|theme| self.section(theme)).collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#answers\">Skip to the answers</a>\n\
             <header>\n<p class=\"brand\">ShopFlow</p>\n<h1>The shop in figures</h1>\n{}{}\
             <nav aria-label=\"Themes\"><ul>{nav}</ul></nav>\n</header>\n\
             <main id=\"answers\">\n{sections}</main>\n{}</body>\n</html>\n",
            self.basis(environment),
            self.totals(),
            footer(),
        )
    }

    fn themes(&self) -> Vec<&str> {
        let mut themes: Vec<&str> = Vec::new();
        for answer in &self.answers {
            if !themes.contains(&theme_of(&answer.question)) {
                themes.push(theme_of(&answer.question));
            }
        }
        themes
    }

    /// What the figures rest on.
    fn basis(&self, environment: &str) -> String {
        let mut parts = Vec::new();
        if let Some((first, last)) = &self.figures.days {
            parts.push(format!("Sales from {} to {}", escape(&day(first)), escape(&day(last))));
        }
        match (&self.as_of.run_id, &self.as_of.finished_at) {
            (Some(run), Some(finished)) => parts.push(format!(
                "as of run <code>{}</code>, finished {} UTC",
                escape(run),
                escape(finished)
            )),
            _ => parts.push("no run has been recorded yet".to_owned()),
        }
        parts.push(format!("environment {}", escape(environment)));
        format!("<p class=\"basis\">{}.</p>\n", parts.join(", "))
    }

    fn totals(&self) -> String {
        let none = || "–".to_owned();
        let figures = &self.figures;
        let quality = self.as_of.quality_score.as_deref();
        let totals = [
            ("Revenue", whole(&figures.revenue)),
            ("Sales", thousands_decimal(&figures.transactions)),
            ("Customers who bought", thousands_decimal(&figures.customers)),
            (
                "Average order",
                figures.average_order_value.as_deref().map_or_else(none, thousands_decimal),
            ),
            ("Quality score, of 100", quality.map_or_else(none, thousands_decimal)),
        ];
        let items: String = totals
            .iter()
            .map(|(name, value)| {
                format!("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value))
            })
            .collect();
        format!("<dl class=\"totals\">{items}</dl>\n")
    }

    fn section(&self, theme: &str) -> String {
        let cards: String = self
            .answers
            .iter()
            .filter(|answer| theme_of(&answer.question) == theme)
            .map(|answer| self.card(answer))
            .collect();
        let id = slug(theme);
        format!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n\
             <div class=\"cards\">\n{cards}</div>\n</section>\n",
            escape(theme)
        )
    }

    fn card(&self, answer: &Answer) -> String {
        let Question { name, title, chart, .. } = &answer.question;
        let last_day = self.figures.last_day();
        let finding = finding(name, &answer.table, last_day);
        let sentence = match (&finding, answer.table.rows.is_empty()) {
            (Some(finding), _) => format!("<p class=\"finding\">{}</p>\n", escape(finding)),
            (None, true) => "<p class=\"finding\">There is no data for this yet.</p>\n".to_owned(),
            (None, false) => String::new(),
        };
        let id = slug(name);
        let caption = Caption {
            id: &format!("{id}-chart"),
            title,
            description: finding.as_deref().unwrap_or(title),
            last_day,
        };
        let drawings =
            chart.as_ref().map(|chart| draw(chart, &answer.table, &caption)).unwrap_or_default();
        let class = if drawings.len() > 1 { "card wide" } else { "card" };
        format!(
            "<article class=\"{class}\" aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{}</h3>\n\
             {sentence}{}{}{}</article>\n",
            escape(title),
            figure(&answer.question, &drawings),
            figures(&answer.table),
            explanation(&answer.question),
        )
    }
}

fn figure(question: &Question, drawings: &[String]) -> String {
    if drawings.is_empty() {
        return String::new();
    }
    let what = question
        .chart
        .as_ref()
        .map(describe)
        .map(|text| format!("<figcaption>{}</figcaption>", escape(&text)))
        .unwrap_or_default();
    let class = if drawings.len() > 1 { " class=\"several\"" } else { "" };
    format!("<figure>{what}<div{class}>{}</div></figure>\n", drawings.concat())
}

/// What a chart shows, below the finding.
fn describe(chart: &crate::analytics::chart::Chart) -> String {
    use crate::analytics::chart::Shape;
    let (value, label) = (heading(&chart.value), heading(&chart.label));
    let mut text = match &chart.shape {
        Shape::Heat(column) => format!("{value} by {label} and {} since", heading(column)),
        Shape::GroupedBars(group) => {
            format!("{value} by {label}, the best of each {}", heading(group))
        }
        _ => format!("{value} by {label}"),
    };
    if let Some((column, number)) = &chart.filter {
        text.push_str(&format!(", only with {number} {}", heading(column)));
    }
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The answer as a table: what the chart shows, for those who cannot see it or want the numbers.
fn figures(table: &Table) -> String {
    if table.rows.is_empty() {
        return String::new();
    }
    let classes: Vec<&str> = (0..table.columns.len())
        .map(|column| if table.is_numeric(column) { " class=\"number\"" } else { "" })
        .collect();
    let head: String = table
        .columns
        .iter()
        .zip(&classes)
        .map(|(name, class)| format!("<th scope=\"col\"{class}>{}</th>", escape(&heading(name))))
        .collect();
    let body: String = table
        .rows
        .iter()
        .take(MOST_ROWS)
        .map(|row| {
            let cells: String = row
                .iter()
                .zip(&classes)
                .zip(&table.columns)
                .map(|((cell, class), name)| {
                    let text = shown(cell.as_deref(), name, !class.is_empty());
                    format!("<td{class}>{}</td>", escape(&text))
                })
                .collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    let count = match table.rows.len() {
        1 => "1 row".to_owned(),
        rows if rows > MOST_ROWS => format!("{MOST_ROWS} of {rows} rows"),
        rows => format!("{rows} rows"),
    };
    format!(
        "<details class=\"figures\"><summary>Figures <span class=\"quiet\">{count}</span></summary>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures\">\
         <table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div></details>\n"
    )
}

fn shown(cell: Option<&str>, column: &str, is_number: bool) -> String {
    match cell {
        None => "–".to_owned(),
        Some(text) if is_number && !NAMES.contains(&column) => thousands_decimal(text),
        Some(text) => text.to_owned(),
    }
}

/// `recent_share_percent` as `recent share (%)`.
fn heading(column: &str) -> String {
    match column.strip_suffix("_percent") {
        Some(name) => format!("{} (%)", name.replace('_', " ")),
        None => column.replace('_', " "),
    }
}

fn explanation(question: &Question) -> String {
    let part = |name: &str, text: &str| {
        if text.is_empty() {
            return String::new();
        }
        format!("<dt>{name}</dt><dd>{}</dd>", escape(text))
    };
    format!(
        "<details class=\"method\"><summary>How this is answered</summary>\n<dl>{}{}{}</dl>\n\
         <pre tabindex=\"0\"><code>{}</code></pre></details>\n",
        part("One row is", &question.grain),
        part("Read from", &question.reads.join(", ")),
        part("To note", &question.notes),
        escape(question.statement().trim_end()),
    )
}

fn footer() -> String {
    format!(
        "<footer><p>Revenue counts every sale at the price that was valid at its moment. Customers \
         appear by number only. Written by <code>shopflow report</code> {}.</p></footer>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn theme_of(question: &Question) -> &str {
    if question.theme.is_empty() { "More" } else { &question.theme }
}

/// Letters and digits of a name, for an id.
fn slug(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect()
}

/// A decimal without its fraction, rounded.
fn whole(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(value) => thousands_decimal(&format!("{value:.0}")),
        Err(_) => number.to_owned(),
    }
}

/// `2026-01-14` as `14 January 2026`.
fn day(date: &str) -> String {
    match date.parse::<chrono::NaiveDate>() {
        Ok(parsed) => parsed.format("%-d %B %Y").to_string(),
        Err(_) => date.to_owned(),
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
