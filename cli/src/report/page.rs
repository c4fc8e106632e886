//! The report as one HTML page that needs nothing but itself: no scripts, no requests.

use shopflow_page::chart::Caption;
use shopflow_page::number::thousands_decimal;
use shopflow_page::{Html, document, html, slug};

use crate::analytics::{Answer, Question};
use crate::report::figures::{is_something, percent};
use crate::report::finding::finding;
use crate::report::keyed;
use crate::report::{Report, chart::draw};
use crate::table::Table;

const STYLE: &str = include_str!("page.css");
/// Figures of an answer on the page; the CSV file has all.
const MOST_ROWS: usize = 200;
/// Columns that name or place something: their numbers are no amounts.
const NAMES: [&str; 6] =
    ["rank", "rank_by_revenue", "customer_id", "product_id", keyed::KEY, "step_number"];

impl Report {
    /// The page. It depends on the report alone: the same report gives the same bytes.
    pub fn page(&self, environment: &str) -> String {
        let title = match &self.figures.days {
            Some((_, last)) => format!("Shop report, data to {}", day(last)),
            None => "Shop report".to_owned(),
        };
        let themes = self.themes();
        let nav: Html = themes
            .iter()
            .map(|theme| html!("<li><a href=\"#{}\">{}</a></li>", slug(theme), theme))
            .collect();
        let sections: Html = themes.iter().map(|theme| self.section(theme)).collect();
        let body = html!(
            "<a class=\"skip\" href=\"#answers\">Skip to the answers</a>\n\
             <header>\n<p class=\"brand\">ShopFlow</p>\n<h1>The shop in figures</h1>\n{}{}\
             <nav aria-label=\"Themes\"><ul>{}</ul></nav>\n</header>\n\
             <main id=\"answers\">\n{}</main>\n{}",
            self.basis(environment),
            self.totals(),
            nav,
            sections,
            footer()
        );
        document(&title, STYLE, &body)
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
    fn basis(&self, environment: &str) -> Html {
        let mut basis = Html::default();
        if let Some((first, last)) = &self.figures.days {
            basis.push(html!("Sales from {} to {}, ", day(first), day(last)));
        }
        basis.push(match (&self.as_of.run_id, &self.as_of.finished_at) {
            (Some(run), Some(finished)) => {
                html!("as of run <code>{}</code>, finished {} UTC", run, finished)
            }
            _ => html!("no run has been recorded yet"),
        });
        if self.figures.currency.is_empty() {
            return html!("<p class=\"basis\">{}, environment {}.</p>\n", basis, environment);
        }
        html!(
            "<p class=\"basis\">{}, environment {}. Amounts are in {}.</p>\n",
            basis,
            environment,
            self.figures.currency
        )
    }

    fn totals(&self) -> Html {
        let none = || "–".to_owned();
        let figures = &self.figures;
        let quality = self.as_of.quality_score.as_deref();
        let mut totals = vec![("Revenue", thousands_decimal(&figures.revenue))];
        if figures.gross != figures.revenue {
            totals.extend([
                ("Gross", thousands_decimal(&figures.gross)),
                ("Discounts", thousands_decimal(&figures.discounts)),
                ("Returns", thousands_decimal(&figures.returns)),
            ]);
        }
        for (name, amount) in [("Tax", &figures.tax), ("Shipping", &figures.shipping)] {
            if is_something(amount) {
                totals.push((name, thousands_decimal(amount)));
            }
        }
        if is_something(&figures.costed_revenue) || is_something(&figures.margin) {
            let known = percent(&figures.costed_revenue, &figures.revenue);
            totals.extend([
                ("Margin", thousands_decimal(&figures.margin)),
                (
                    "Cost known, % of revenue",
                    known.map_or_else(none, |known| format!("{known:.1}")),
                ),
            ]);
        }
        totals.extend([
            ("Lines, returns included", thousands_decimal(&figures.transactions)),
            ("Customers who bought", thousands_decimal(&figures.customers)),
            (
                "Average order",
                figures.average_order_value.as_deref().map_or_else(none, thousands_decimal),
            ),
            ("Quality score, of 100", quality.map_or_else(none, thousands_decimal)),
        ]);
        let items: Html = totals
            .iter()
            .map(|(name, value)| html!("<div><dt>{}</dt><dd>{}</dd></div>", name, value))
            .collect();
        html!("<dl class=\"totals\">{}</dl>\n", items)
    }

    fn section(&self, theme: &str) -> Html {
        let cards: Html = self
            .answers
            .iter()
            .filter(|answer| theme_of(&answer.question) == theme)
            .map(|answer| self.card(answer))
            .collect();
        html!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{theme}</h2>\n\
             <div class=\"cards\">\n{cards}</div>\n</section>\n";
            id = slug(theme), theme = theme, cards = cards
        )
    }

    fn card(&self, answer: &Answer) -> Html {
        let Question { name, title, chart, .. } = &answer.question;
        let last_day = self.figures.last_day();
        let finding = finding(name, &answer.table, last_day);
        let sentence = match (&finding, answer.table.rows.is_empty()) {
            (Some(finding), _) => html!("<p class=\"finding\">{}</p>\n", finding),
            (None, true) => html!("<p class=\"finding\">There is no data for this yet.</p>\n"),
            (None, false) => Html::default(),
        };
        let id = slug(name);
        let caption = Caption {
            id: &format!("{id}-chart"),
            title,
            description: finding.as_deref().unwrap_or(title),
        };
        let drawings = chart
            .as_ref()
            .map(|chart| draw(chart, &answer.table, &caption, last_day))
            .unwrap_or_default();
        html!(
            "<article class=\"{class}\" aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{title}</h3>\n\
             {}{}{}{}</article>\n",
            sentence,
            figure(&answer.question, &drawings),
            figures(&answer.question, &keyed::shown(&answer.table)),
            explanation(&answer.question);
            class = if drawings.len() > 1 { "card wide" } else { "card" },
            id = id,
            title = title
        )
    }
}

fn figure(question: &Question, drawings: &[Html]) -> Html {
    if drawings.is_empty() {
        return Html::default();
    }
    let what = question
        .chart
        .as_ref()
        .map(|chart| html!("<figcaption>{}</figcaption>", describe(chart)))
        .unwrap_or_default();
    let drawn: Html = drawings.iter().cloned().collect();
    if drawings.len() > 1 {
        return html!("<figure>{}<div class=\"several\">{}</div></figure>\n", what, drawn);
    }
    html!("<figure>{}<div>{}</div></figure>\n", what, drawn)
}

/// What a chart shows, below the finding.
fn describe(chart: &crate::analytics::chart::Chart) -> String {
    use crate::analytics::chart::Shape;
    let (value, label) = (heading(&chart.value), heading(&chart.label));
    let mut text = match &chart.shape {
        Shape::Heat(column) => format!("{value} by {label} and {} since", heading(column)),
        Shape::GroupedBars(group) => {
            format!("{value} by {label}, for each {}", heading(group))
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
fn figures(question: &Question, table: &Table) -> Html {
    if table.rows.is_empty() {
        return Html::default();
    }
    let numeric: Vec<bool> =
        (0..table.columns.len()).map(|column| table.is_numeric(column)).collect();
    let class =
        |is_number: bool| if is_number { html!(" class=\"number\"") } else { Html::default() };
    let head: Html = table
        .columns
        .iter()
        .zip(&numeric)
        .map(|(name, is_number)| {
            html!("<th scope=\"col\"{}>{}</th>", class(*is_number), heading(name))
        })
        .collect();
    let body: Html = table
        .rows
        .iter()
        .take(MOST_ROWS)
        .map(|row| {
            let cells: Html = row
                .iter()
                .zip(&numeric)
                .zip(&table.columns)
                .map(|((cell, is_number), name)| {
                    let text = shown(cell.as_deref(), name, *is_number);
                    html!("<td{}>{}</td>", class(*is_number), text)
                })
                .collect();
            html!("<tr>{}</tr>\n", cells)
        })
        .collect();
    let count = match table.rows.len() {
        1 => "1 row".to_owned(),
        rows if rows > MOST_ROWS => format!("{MOST_ROWS} of {rows} rows"),
        rows => format!("{rows} rows"),
    };
    html!(
        "<details class=\"figures\"><summary>Figures <span class=\"quiet\">{}</span></summary>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figures: {}\">\
         <table><thead><tr>{}</tr></thead>\n<tbody>{}</tbody></table></div></details>\n",
        count,
        question.title,
        head,
        body
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

fn explanation(question: &Question) -> Html {
    let part = |name: &str, text: &str| {
        if text.is_empty() {
            return Html::default();
        }
        html!("<dt>{}</dt><dd>{}</dd>", name, text)
    };
    html!(
        "<details class=\"method\"><summary>How this is answered</summary>\n<dl>{}{}{}</dl>\n\
         <pre tabindex=\"0\"><code>{}</code></pre></details>\n",
        part("One row is", &question.grain),
        part("Read from", &question.reads.join(", ")),
        part("To note", &question.notes),
        question.statement().trim_end()
    )
}

fn footer() -> Html {
    html!(
        "<footer><p>Revenue is what was charged, less what came back. Customers \
         appear by number only. Written by <code>shopflow report</code> {}.</p></footer>\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn theme_of(question: &Question) -> &str {
    if question.theme.is_empty() { "More" } else { &question.theme }
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
