//! Charts as inline SVG: no scripts, no fonts to fetch, colours from the page's style sheet.
//!
//! Bars and columns start at zero, every chart labels its values directly, and the rows keep the
//! order of the answer. Charts are drawn 400 units wide, about the width of a phone, so that their
//! text stays readable there.

mod bars;
mod heat;
mod time;

use crate::analytics::chart::{Chart, Shape};
use crate::report::page::escape;
use crate::table::{Table, compact};

/// Width of every chart, in units of the view box.
const WIDTH: f64 = 400.0;
/// Width of one drawing of a group: several stand side by side.
const GROUP_WIDTH: f64 = 300.0;
/// Width of a character of a label, as much as the widest of the usual sans-serif fonts needs.
const CHARACTER: f64 = 7.5;

/// A value to draw.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    label: String,
    value: f64,
    /// As it is written beside the bar.
    shown: String,
}

/// What the page tells a chart besides its data.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caption<'a> {
    /// Prefix of the ids in the drawing; unique on the page.
    pub id: &'a str,
    pub title: &'a str,
    /// Read out instead of the drawing.
    pub description: &'a str,
    /// Last day with data, `YYYY-MM-DD`: a month that it cuts short is drawn lighter.
    pub last_day: Option<&'a str>,
}

/// The drawings of an answer: one, or one per group. Empty when the answer lacks a column or rows.
pub fn draw(chart: &Chart, table: &Table, caption: &Caption<'_>) -> Vec<String> {
    let rows: Vec<usize> = (0..table.rows.len())
        .filter(|row| match &chart.filter {
            Some((column, value)) => table.cell(*row, column) == Some(value),
            None => true,
        })
        .collect();
    let points = points(chart, table, &rows);
    if points.is_empty() {
        return Vec::new();
    }
    match &chart.shape {
        Shape::Bars => vec![bars::draw(&points, caption)],
        Shape::GroupedBars(group) => groups(chart, table, &rows, group, caption),
        Shape::Columns => vec![time::columns(&points, caption)],
        Shape::Line => vec![time::line(&points, caption)],
        Shape::Heat(column) => heat::draw(chart, table, &rows, column, caption),
    }
}

fn points(chart: &Chart, table: &Table, rows: &[usize]) -> Vec<Point> {
    let percent = if chart.value.ends_with("_percent") { "%" } else { "" };
    rows.iter()
        .filter_map(|row| {
            let value = table.number(*row, &chart.value).filter(|value| value.is_finite())?;
            let label = table.cell(*row, &chart.label).unwrap_or("unknown").to_owned();
            let shown = match percent {
                "" => compact(value),
                _ => format!("{value:.1}%"),
            };
            Some(Point { label, value, shown })
        })
        .collect()
}

/// A drawing per group, with the same scale.
fn groups(
    chart: &Chart,
    table: &Table,
    rows: &[usize],
    group: &str,
    caption: &Caption<'_>,
) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().filter_map(|row| table.cell(*row, group)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let most = points(chart, table, rows).iter().map(|point| point.value).fold(0.0, f64::max);
    names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let of_group: Vec<usize> =
                rows.iter().copied().filter(|row| table.cell(*row, group) == Some(name)).collect();
            let id = format!("{}-{number}", caption.id);
            let title = format!("{}: {name}", caption.title);
            let caption = Caption { id: &id, title: &title, description: name, ..*caption };
            bars::draw_group(&points(chart, table, &of_group), name, most, &caption)
        })
        .collect()
}

/// The element around a drawing, with its name and description for those who do not see it.
fn svg(width: f64, height: f64, class: &str, caption: &Caption<'_>, content: &str) -> String {
    let Caption { id, title, description, .. } = caption;
    let (id, title, description) = (escape(id), escape(title), escape(description));
    format!(
        "<svg class=\"chart {class}\" viewBox=\"0 0 {width} {height:.0}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}</title>\
         <desc id=\"{id}-d\">{description}</desc>{content}</svg>"
    )
}

/// A text; `anchor` is `start`, `middle` or `end`.
fn text(x: f64, y: f64, anchor: &str, class: &str, content: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>",
        escape(content)
    )
}

/// Space a label takes.
fn text_width(label: &str) -> f64 {
    label.chars().count() as f64 * CHARACTER
}

/// A label that fits into `width`, its end left out if need be.
fn fitted(label: &str, width: f64) -> String {
    let room = (width / CHARACTER) as usize;
    if label.chars().count() <= room {
        return label.to_owned();
    }
    let kept: String = label.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Round values from zero to `most` or a little above, at most five.
fn ticks(most: f64) -> Vec<f64> {
    if most <= 0.0 || !most.is_finite() {
        return vec![0.0, 1.0];
    }
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| most / step <= 4.0)
        .unwrap_or(10.0 * power);
    (0..=(most / step).ceil() as usize).map(|count| count as f64 * step).collect()
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
