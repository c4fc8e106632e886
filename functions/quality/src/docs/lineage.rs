//! Lineage: where every table comes from, as a drawing and table by table with its columns.
//!
//! What is drawn is derived from the definitions by `shopflow-lineage`; the run adds how the suites
//! of its tables stand.

mod drawing;

use std::collections::BTreeMap;

use shopflow_core::Result;
use shopflow_lineage::{Column, Dataset, Graph, Source, Transformation};
use shopflow_page::{Html, html};

use super::evidence::Evidence;
use super::runs::SuiteFigures;
use super::shell::{Shell, Tone, badge, section};
use drawing::{Standing, id};

/// Sources of a column that are named.
const MOST_SOURCES: usize = 8;

/// The page.
///
/// # Errors
/// `Internal` when the embedded lineage is broken, which a test excludes.
pub fn page(evidence: &Evidence<'_>) -> Result<String> {
    Ok(of_graph(&shopflow_lineage::graph()?, evidence.run_id(), &standing(evidence)))
}

fn standing<'a>(evidence: &Evidence<'a>) -> Standing<'a> {
    let of_outcome = |outcome: &'a crate::expectations::Outcome| {
        let layer = if outcome.dataset.is_some() { "bronze" } else { "gold" };
        let figures = SuiteFigures::new(outcome);
        let tone = match (figures.passed, figures.met == figures.total) {
            (true, true) => Tone::Good,
            (true, false) => Tone::Quiet,
            (false, _) => Tone::Bad,
        };
        (format!("{layer}.{}", outcome.suite), (outcome.suite, tone))
    };
    evidence.outcomes.iter().map(of_outcome).collect()
}

fn of_graph(graph: &Graph, run_id: &str, standing: &Standing<'_>) -> String {
    let (drawing, edges) = drawing::draw(graph, standing);
    let mut body = html!(
        "<div class=\"scroll graph\" tabindex=\"0\" role=\"region\" aria-label=\"Lineage of tables\">\
         {}</div>\n\
         <p class=\"quiet\">{} tables, {} steps between them. A table leads to its columns below; its \
         colour says how its suite stands in this run.</p>\n",
        drawing,
        graph.datasets.len(),
        edges
    );
    body.push(section("Tables", &tables(graph, standing)));
    Shell {
        title: &format!("Lineage, run {run_id}"),
        heading: html!("Lineage"),
        basis: html!("From the raw file to gold, as the definitions say it."),
        way: &[("Data docs", "../index.html"), (run_id, "index.html")],
        here: "lineage",
    }
    .around(&body)
}

fn link(name: &str) -> Html {
    html!("<a href=\"#{}\">{}</a>", id(name), name)
}

/// Markup with commas between.
fn listed(parts: impl IntoIterator<Item = Html>) -> Html {
    let parts = parts.into_iter().enumerate();
    parts.map(|(at, part)| if at == 0 { part } else { html!(", {}", part) }).collect()
}

fn tables(graph: &Graph, standing: &Standing<'_>) -> Html {
    let mut feeds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in graph.edges() {
        feeds.entry(from).or_default().push(to);
    }
    let none = Vec::new();
    let card = |dataset: &Dataset| {
        let feeds = feeds.get(dataset.name.as_str()).unwrap_or(&none);
        of_table(dataset, feeds, standing)
    };
    graph.datasets.iter().map(card).collect()
}

fn of_table(dataset: &Dataset, feeds: &[&str], standing: &Standing<'_>) -> Html {
    let suite = standing.get(&dataset.name).map_or_else(Html::default, |(suite, tone)| {
        let words = match tone {
            Tone::Good => "suite met",
            Tone::Quiet => "suite met, with information",
            _ => "suite not met",
        };
        html!(" <a href=\"{}.html\">{}</a>", suite, badge(*tone, words))
    });
    let way = |words: &str, names: Vec<Html>| {
        if names.is_empty() {
            return Html::default();
        }
        html!("<p class=\"quiet\">{} {}</p>\n", words, listed(names))
    };
    let columns: Html = dataset.columns.iter().map(of_column).collect();
    html!(
        "<article class=\"card column\" aria-labelledby=\"{id}\">\n\
         <h3 id=\"{id}\"><code>{name}</code>{suite}</h3>\n{reads}{feeds}\
         <details><summary>{count} columns</summary>\n<ul class=\"plain\">{columns}</ul></details></article>\n";
        id = id(&dataset.name),
        name = dataset.name,
        suite = suite,
        reads = way("Made from", dataset.inputs().into_iter().map(link).collect()),
        feeds = way("Feeds", feeds.iter().map(|name| link(name)).collect()),
        count = dataset.columns.len(),
        columns = columns
    )
}

/// A column and what it is computed from: `email text, from raw.customers.email (masked)`.
fn of_column(column: &Column) -> Html {
    let mut sources = sources(&column.from[..column.from.len().min(MOST_SOURCES)]);
    if column.from.len() > MOST_SOURCES {
        sources.push(format!("{} more", column.from.len() - MOST_SOURCES));
    }
    let from = if sources.is_empty() { "" } else { ", from " };
    html!(
        "<li><code>{}</code> {}{}{}</li>\n",
        column.name,
        column.data_type,
        from,
        sources.join("; ")
    )
}

/// Sources as people read them, the columns of a table that are used in the same way together:
/// `gold.fact_sales: amount, cost (aggregation)`.
fn sources(from: &[Source]) -> Vec<String> {
    let mut groups: Vec<(&str, String, Vec<&str>)> = Vec::new();
    for source in from {
        let (table, column) = source.column.rsplit_once('.').unwrap_or(("", &source.column));
        let how = how(source);
        match groups.iter_mut().find(|group| group.0 == table && group.1 == how) {
            Some((_, _, columns)) => columns.push(column),
            None => groups.push((table, how, vec![column])),
        }
    }
    let group = |(table, how, columns): (&str, String, Vec<&str>)| match columns[..] {
        [only] => format!("{table}.{only}{how}"),
        _ => format!("{table}: {}{how}", columns.join(", ")),
    };
    groups.into_iter().map(group).collect()
}

/// How a column is used, when it is not taken as it is: ` (masked)`.
fn how(source: &Source) -> String {
    let mut how: Vec<String> = Vec::new();
    if source.by != Transformation::Identity {
        how.push(source.by.name().to_lowercase().replace('_', " "));
    }
    if source.masking {
        how.push("masked".to_owned());
    }
    match how.is_empty() {
        true => String::new(),
        false => format!(" ({})", how.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        serde_json::from_value(serde_json::json!({"datasets": [
            {"name": "raw.customers", "columns": [{"name": "email", "type": "text"}]},
            {"name": "bronze.customers", "columns": [{"name": "email", "type": "text", "from": [
                {"column": "raw.customers.email", "by": "IDENTITY", "masking": true}
            ]}]},
            {"name": "gold.people", "columns": [{"name": "all", "type": "text", "from": [
                {"column": "bronze.customers.email", "by": "AGGREGATION"},
                {"column": "raw.customers.email", "by": "AGGREGATION"},
                {"column": "bronze.customers.name", "by": "AGGREGATION"},
                {"column": "bronze.customers.id", "by": "GROUP_BY"}
            ]}]},
            {"name": "gold.a<b", "columns": [{"name": "x\"", "type": "<i>"}], "rows": [
                {"column": "bronze.customers.email", "by": "GROUP_BY"}
            ]},
        ]}))
        .unwrap()
    }

    #[test]
    fn every_table_is_drawn_and_listed_with_its_columns() {
        let standing = BTreeMap::from([("bronze.customers".to_owned(), ("customers", Tone::Bad))]);
        let page = of_graph(&graph(), "run-1", &standing);
        for id in ["table-raw-customers", "table-bronze-customers", "table-gold-a-b"] {
            assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
            assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
        }
        assert!(page.contains("<code>email</code> text, from raw.customers.email (masked)</li>"));
        let sources = "from bronze.customers: email, name (aggregation); \
                       raw.customers.email (aggregation); bronze.customers.id (group by)";
        assert!(page.contains(sources), "{page}");
        assert!(page.contains("4 tables, 4 steps"), "{page}");
        assert!(page.contains("<a href=\"customers.html\"><span class=\"badge bad\">"), "{page}");
        assert!(!page.contains("a<b") && !page.contains("<i>"), "{page}");
    }
}
