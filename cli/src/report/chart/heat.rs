//! Cells shaded by their value.

use shopflow_page::chart::{Caption, WIDTH, svg, text, text_width};
use shopflow_page::{Html, html};

use crate::analytics::chart::Chart;
use crate::table::Table;

const ROW: f64 = 22.0;
const HEADER: f64 = 20.0;
/// Columns drawn; the figures have the rest.
const MOST_COLUMNS: usize = 13;
/// Rows drawn, the latest.
const MOST_ROWS: usize = 14;
/// A shade over this hides dark text.
const DARKEST: f64 = 0.55;

/// One cell per row and column of the map. The first column is not drawn: there every value is the
/// whole. The darkest shade is the largest value of the others.
pub fn draw(
    chart: &Chart,
    table: &Table,
    rows: &[usize],
    column: &str,
    caption: &Caption<'_>,
) -> Vec<Html> {
    let cells: Vec<(&str, &str, f64)> = rows
        .iter()
        .filter_map(|row| {
            let value = table.number(*row, &chart.value)?;
            Some((table.cell(*row, &chart.label)?, table.cell(*row, column)?, value))
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    let mut heads: Vec<&str> = Vec::new();
    for (name, head, _) in &cells {
        if !names.contains(name) {
            names.push(name);
        }
        if !heads.contains(head) {
            heads.push(head);
        }
    }
    let heads: Vec<&str> = heads.into_iter().skip(1).take(MOST_COLUMNS).collect();
    let names: Vec<&str> = names.split_off(names.len().saturating_sub(MOST_ROWS));
    // A row needs a cell beside its first.
    let names: Vec<&str> = names
        .into_iter()
        .filter(|name| cells.iter().any(|(row, head, _)| row == name && heads.contains(head)))
        .collect();
    if names.is_empty() {
        return Vec::new();
    }
    let drawn = || {
        cells.iter().filter_map(|(name, head, value)| {
            let row = names.iter().position(|known| known == name)?;
            let column = heads.iter().position(|known| known == head)?;
            Some((row, column, *value))
        })
    };
    let most = drawn().map(|(_, _, value)| value).fold(0.0, f64::max);
    let left = names.iter().map(|name| text_width(name)).fold(0.0, f64::max) + 8.0;
    let step = (WIDTH - left) / heads.len() as f64;
    let mut content = Html::default();
    for (number, head) in heads.iter().enumerate() {
        let middle = left + step * (number as f64 + 0.5);
        content.push(text(middle, 13.0, "middle", "tick", &format!("+{head}")));
    }
    for (number, name) in names.iter().enumerate() {
        let y = HEADER + ROW * number as f64 + 15.0;
        content.push(text(left - 8.0, y, "end", "label", name));
    }
    for (row, column, value) in drawn() {
        let (x, y) = (left + step * column as f64, HEADER + ROW * row as f64);
        let shade = if most > 0.0 { DARKEST * value / most } else { 0.0 };
        content.push(html!(
            "<rect class=\"cell\" fill-opacity=\"{:.2}\" x=\"{:.1}\" y=\"{:.1}\" \
             width=\"{:.1}\" height=\"{:.1}\"/>",
            shade,
            x + 0.5,
            y + 0.5,
            step - 1.0,
            ROW - 1.0
        ));
        let shown = format!("{value:.0}");
        content.push(text(x + step / 2.0, y + 15.0, "middle", "in-cell", &shown));
    }
    vec![svg(WIDTH, HEADER + ROW * names.len() as f64, "heat", caption, &content)]
}
