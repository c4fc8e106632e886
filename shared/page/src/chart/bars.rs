//! Horizontal bars.

use super::{Caption, GROUP_WIDTH, Point, Tone, WIDTH, fitted, svg, text, text_width};
use crate::html;
use crate::html::Html;

/// Bars of one chart; the figures have the rest.
const MOST_BARS: usize = 12;
/// Bars of one group.
const MOST_OF_GROUP: usize = 3;
const ROW: f64 = 25.0;
const BAR: f64 = 16.0;
/// Share of the width that names may take.
const WIDEST_LABEL: f64 = 0.46;
const GAP: f64 = 8.0;

/// One bar per point, the largest emphasised.
pub fn draw(points: &[Point], caption: &Caption<'_>) -> Html {
    let shown = points.get(..MOST_BARS).unwrap_or(points);
    let most = shown.iter().map(|point| point.value).fold(0.0, f64::max);
    let mut content = rows(shown, most, 0.0, WIDTH);
    let mut height = shown.len() as f64 * ROW;
    if shown.len() < points.len() {
        let rest = format!("and {} more in the figures", points.len() - shown.len());
        content.push(text(0.0, height + 15.0, "start", "quiet", &rest));
        height += ROW;
    }
    svg(WIDTH, height, "bars", caption, &content)
}

/// The first bars of a group below its name, on the scale of all groups.
pub fn draw_group(points: &[Point], name: &str, most: f64, caption: &Caption<'_>) -> Html {
    let shown = points.get(..MOST_OF_GROUP).unwrap_or(points);
    let mut content = text(0.0, 15.0, "start", "group", name);
    content.push(rows(shown, most, ROW, GROUP_WIDTH));
    svg(GROUP_WIDTH, ROW * (1 + MOST_OF_GROUP) as f64, "bars", caption, &content)
}

fn rows(points: &[Point], most: f64, top: f64, width: f64) -> Html {
    let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(text_width).fold(0.0, f64::max);
    let labels =
        widest(&mut points.iter().map(|point| point.label.as_str())).min(width * WIDEST_LABEL);
    let values = widest(&mut points.iter().map(|point| point.shown.as_str()));
    let left = labels + GAP;
    let room = (width - left - values - GAP).max(1.0);
    let mut content = Html::default();
    for (number, point) in points.iter().enumerate() {
        let y = top + number as f64 * ROW;
        let middle = y + 15.0;
        let length = if most > 0.0 { room * point.value.max(0.0) / most } else { 0.0 };
        let class = match point.tone {
            Tone::Bad => "bar bad",
            Tone::Cut => "bar cut",
            Tone::Plain if point.value >= most => "bar most",
            Tone::Plain => "bar",
        };
        let label = fitted(&point.label, labels + 1.0);
        content.push(text(labels, middle, "end", "label", &label));
        content.push(html!(
            "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\"/>",
            class,
            left,
            y + 2.5,
            length.max(0.5),
            BAR
        ));
        content.push(text(left + length + 5.0, middle, "start", "value", &point.shown));
    }
    content
}
