//! The drawings of the report: what of an answer becomes a chart.

mod heat;

use shopflow_page::Html;
use shopflow_page::chart::{self, Caption, Point, Tone};
use shopflow_page::number::compact;

use crate::analytics::chart::{Chart, Shape};
use crate::report::finding::cuts_short;
use crate::table::Table;

/// The drawings of an answer: one, or one per group. Empty when the answer lacks a column or rows.
///
/// A month that `last_day`, the last day with data (`YYYY-MM-DD`), cuts short is drawn lighter.
pub fn draw(
    chart: &Chart,
    table: &Table,
    caption: &Caption<'_>,
    last_day: Option<&str>,
) -> Vec<Html> {
    let rows: Vec<usize> = (0..table.rows.len())
        .filter(|row| match &chart.filter {
            Some((column, value)) => table.cell(*row, column) == Some(value),
            None => true,
        })
        .collect();
    let mut points = points(chart, table, &rows);
    if points.is_empty() {
        return Vec::new();
    }
    match &chart.shape {
        Shape::Bars => vec![chart::bars(&points, caption)],
        Shape::GroupedBars(group) => groups(chart, table, &rows, group, caption),
        Shape::Columns => {
            for point in &mut points {
                if last_day.is_some_and(|day| cuts_short(day, Some(&point.label))) {
                    point.tone = Tone::Cut;
                }
            }
            vec![chart::columns(&points, caption)]
        }
        Shape::Line => vec![chart::line(&points, caption)],
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
            Some(Point { label, value, shown, tone: Tone::Plain })
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
) -> Vec<Html> {
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
            let caption = Caption { id: &id, title: &title, description: name };
            chart::group_of_bars(&points(chart, table, &of_group), name, most, &caption)
        })
        .collect()
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
