//! A column: what it is like, and what is expected of it.

use serde_json::Value;
use shopflow_expectations::ColumnProfile;
use shopflow_page::chart::{Bin, Caption, Point, Tone, bars, histogram, spark};
use shopflow_page::number::thousands;
use shopflow_page::{Html, html};

use super::cells;
use crate::expectations::history::Compared;

/// Most frequent values that are drawn.
const TOP: usize = 6;
/// Of values that are nearly all different the most frequent ones say nothing.
const TELLING: u64 = 2;

/// The figures and drawings of a column; `id` is unique on the page.
pub fn figures(column: &ColumnProfile, rows: u64, id: &str, compared: Option<&Compared>) -> Html {
    let share = |count: u64| cells::percent(count as f64 / rows.max(1) as f64);
    let counted = |count: u64| match count {
        0 => html!("0"),
        _ => html!("{} <span class=\"quiet\">{}</span>", thousands(count), share(count)),
    };
    let missing = html!(
        "{} {}",
        counted(column.nulls),
        compared.map(|c| trend(c, &column.name)).unwrap_or_default()
    );
    let about = if column.distinct_error.is_some() { "about " } else { "" };
    let mut items =
        vec![("Missing", missing), ("Different", html!("{}{}", about, thousands(column.distinct)))];
    if column.malformed > 0 {
        items.push(("Not readable", counted(column.malformed)));
    }
    for (name, value) in [("Smallest", &column.min), ("Largest", &column.max)] {
        if !value.is_null() {
            items.push((name, plain(value)));
        }
    }
    for (name, number) in [("Mean", column.mean), ("Standard deviation", column.stdev)] {
        if let Some(number) = number.filter(|_| !column.is_key()) {
            items.push((name, html!("{}", cells::number(number))));
        }
    }
    let items: Html = items
        .iter()
        .map(|(name, value)| html!("<div><dt>{}</dt><dd>{}</dd></div>", name, value))
        .collect();
    if column.personal {
        let note = "The values are personal: nothing but counts is known of them.";
        return html!("<dl class=\"facts\">{}</dl>\n<p class=\"quiet\">{}</p>\n", items, note);
    }
    html!("<dl class=\"facts\">{}</dl>\n{}{}", items, quantiles(column), drawing(column, id))
}

fn plain(value: &Value) -> Html {
    match value.as_f64() {
        Some(number) => html!("{}", cells::number(number)),
        None => cells::value(value),
    }
}

/// The share of missing values in the runs before and this one.
fn trend(compared: &Compared, name: &str) -> Html {
    let runs = compared.before.iter().chain([&compared.present]);
    let columns = runs.flat_map(|run| &run.columns).filter(|column| column.name == name);
    let shares: Vec<f64> = columns.map(|column| column.null_share).collect();
    let description = format!("Missing values of {name} over {} runs", shares.len());
    if shares.iter().all(|share| *share == 0.0) {
        // A flat line says nothing.
        return Html::default();
    }
    spark(&shares, None, &description)
}

/// The figures between which the numbers lie.
fn quantiles(column: &ColumnProfile) -> Html {
    if column.quantiles.is_empty() || column.is_key() {
        return Html::default();
    }
    let heads: Html = column
        .quantiles
        .iter()
        .map(|(quantile, _)| {
            html!("<th scope=\"col\" class=\"number\">{}</th>", percentile(*quantile))
        })
        .collect();
    let values: Html = column
        .quantiles
        .iter()
        .map(|(_, value)| html!("<td class=\"number\">{}</td>", cells::number(*value)))
        .collect();
    html!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Quantiles of {name}\">\
         <table class=\"quantiles\"><caption>Quantiles of {name}</caption>\
         <thead><tr>{heads}</tr></thead><tbody><tr>{values}</tr></tbody></table></div>\n";
        name = column.name, heads = heads, values = values
    )
}

fn percentile(quantile: f64) -> String {
    if quantile == 0.5 { "median".to_owned() } else { format!("{:.0} %", quantile * 100.0) }
}

/// How the values are distributed: bars of the most frequent ones when they repeat, otherwise a
/// histogram of the numbers.
fn drawing(column: &ColumnProfile, id: &str) -> Html {
    let most = column.top_values.first().map_or(0, |top| top.count);
    let few = !column.top_values.is_empty() && column.distinct <= 20;
    if most >= TELLING && (few || column.histogram.is_empty()) {
        return top_values(column, id);
    }
    if column.is_key() {
        return Html::default();
    }
    let bins: Vec<Bin> = column
        .histogram
        .iter()
        .map(|bin| Bin { from: bin.from, to: bin.to, count: bin.count })
        .collect();
    let description = bins
        .iter()
        .map(|bin| {
            let (from, to) = (cells::number(bin.from), cells::number(bin.to));
            format!("{from} to {to}: {}", thousands(bin.count))
        })
        .collect::<Vec<_>>()
        .join("; ");
    let title = format!("Distribution of {}", column.name);
    let caption = Caption { id, title: &title, description: &description };
    figure("Values in ten equal steps", &histogram(&bins, &caption))
}

fn top_values(column: &ColumnProfile, id: &str) -> Html {
    let points: Vec<Point> = column
        .top_values
        .iter()
        .take(TOP)
        .map(|top| Point {
            label: match &top.value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
            value: top.count as f64,
            shown: thousands(top.count),
            tone: Tone::Plain,
        })
        .collect();
    let description = points
        .iter()
        .map(|point| format!("{}: {}", point.label, point.shown))
        .collect::<Vec<_>>()
        .join("; ");
    let title = format!("Most frequent values of {}", column.name);
    let caption = Caption { id, title: &title, description: &description };
    let rest = column.distinct.saturating_sub(points.len() as u64);
    let words = match rest {
        0 => "All values by frequency".to_owned(),
        _ => format!("Most frequent values; {} others", thousands(rest)),
    };
    figure(&words, &bars(&points, &caption))
}

fn figure(words: &str, drawing: &Html) -> Html {
    if drawing.is_empty() {
        return Html::default();
    }
    html!("<figure><figcaption>{}</figcaption>{}</figure>\n", words, drawing)
}
