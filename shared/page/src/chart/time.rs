//! Values over time: columns for few moments, a line for many.

use super::{Caption, Point, Tone, WIDTH, svg, text, text_width, ticks};
use crate::html;
use crate::html::Html;
use crate::number::compact;

const HEIGHT: f64 = 210.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 184.0;
/// Room for a label beyond the last value.
const RIGHT: f64 = 6.0;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

struct Frame {
    left: f64,
    most: f64,
}

impl Frame {
    /// Lines at round values, with their labels.
    fn grid(points: &[Point], content: &mut Html) -> Frame {
        let marks = ticks(points.iter().map(|point| point.value).fold(0.0, f64::max));
        let labels: Vec<String> = marks.iter().map(|mark| compact(*mark)).collect();
        let left = labels.iter().map(|label| text_width(label)).fold(0.0, f64::max) + 6.0;
        let frame = Frame { left, most: marks.last().copied().unwrap_or(1.0) };
        for (mark, label) in marks.iter().zip(&labels) {
            let y = frame.y(*mark);
            let class = if *mark == 0.0 { "axis" } else { "grid" };
            content.push(html!(
                "<line class=\"{class}\" x1=\"{left:.1}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>";
                class = class, left = left, right = WIDTH, y = y
            ));
            content.push(text(left - 6.0, y + 4.0, "end", "tick", label));
        }
        frame
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * (value / self.most).clamp(0.0, 1.0)
    }

    fn width(&self) -> f64 {
        WIDTH - RIGHT - self.left
    }
}

/// One column per point, the largest emphasised; its value is written, and that of the last.
pub fn columns(points: &[Point], caption: &Caption<'_>) -> Html {
    let best = position_of_most(points);
    draw_columns(points, (best, "bar most"), &[best, points.len().saturating_sub(1)], caption)
}

/// One column per moment, the latest emphasised, and its value written: what it is now, seen before
/// what was.
pub fn trend(points: &[Point], caption: &Caption<'_>) -> Html {
    let last = points.len().saturating_sub(1);
    draw_columns(points, (last, "bar most"), &[last], caption)
}

fn draw_columns(
    points: &[Point],
    (emphasised, emphasis): (usize, &str),
    labelled: &[usize],
    caption: &Caption<'_>,
) -> Html {
    let mut content = Html::default();
    let frame = Frame::grid(points, &mut content);
    let step = frame.width() / points.len() as f64;
    let mut labels = Labels::default();
    for (number, point) in points.iter().enumerate() {
        let x = frame.left + step * number as f64;
        let middle = x + step / 2.0;
        let y = frame.y(point.value);
        let class = match point.tone {
            Tone::Cut => "bar cut",
            Tone::Bad => "bar bad",
            Tone::Plain if number == emphasised => emphasis,
            Tone::Plain => "bar",
        };
        content.push(html!(
            "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            class,
            x + step * 0.14,
            y,
            step * 0.72,
            (BOTTOM - y).max(0.5)
        ));
        if labelled.contains(&number) {
            // The last column stands at the edge, which a long value would cross.
            let half = text_width(&point.shown) / 2.0;
            let at = middle.min(WIDTH - half);
            content.push(text(at, y - 5.0, "middle", "value", &point.shown));
        }
        labels.push(middle, &moment(&point.label, number == 0), &mut content);
    }
    svg(WIDTH, HEIGHT, "columns", caption, &content)
}

/// A line through the points, its highest and last value labelled.
pub fn line(points: &[Point], caption: &Caption<'_>) -> Html {
    let mut content = Html::default();
    let frame = Frame::grid(points, &mut content);
    let step = frame.width() / (points.len().max(2) - 1) as f64;
    let x = |number: usize| frame.left + step * number as f64;
    let path: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(number, point)| format!("{:.1},{:.1}", x(number), frame.y(point.value)))
        .collect();
    content.push(html!(
        "<polygon class=\"area\" points=\"{first:.1},{bottom} {path} {last:.1},{bottom}\"/>\
         <polyline class=\"line\" points=\"{path}\"/>";
        first = x(0), last = x(points.len() - 1), bottom = BOTTOM, path = path.join(" ")
    ));
    let mut labels = Labels::default();
    let mut month = String::new();
    for (number, point) in points.iter().enumerate() {
        let this = point.label.get(..7).unwrap_or(&point.label);
        if this != month {
            labels.push(x(number), &moment(&point.label, month.is_empty()), &mut content);
            month = this.to_owned();
        }
    }
    for number in [position_of_most(points), points.len() - 1] {
        let Some(point) = points.get(number) else { continue };
        let (at, y) = (x(number), frame.y(point.value));
        content.push(html!("<circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"/>", at, y));
        let anchor = if at > WIDTH - 30.0 { "end" } else { "middle" };
        content.push(text(at.min(WIDTH), y - 8.0, anchor, "value", &point.shown));
    }
    svg(WIDTH, HEIGHT, "line-chart", caption, &content)
}

fn position_of_most(points: &[Point]) -> usize {
    let mut best = 0;
    for (number, point) in points.iter().enumerate() {
        if points.get(best).is_some_and(|most| point.value > most.value) {
            best = number;
        }
    }
    best
}

/// Labels below the axis, as many as fit.
#[derive(Default)]
struct Labels {
    /// Where the last label ended.
    end: f64,
}

impl Labels {
    fn push(&mut self, middle: f64, label: &str, content: &mut Html) {
        let half = text_width(label) / 2.0;
        if label.is_empty() || middle - half < self.end || middle + half > WIDTH {
            return;
        }
        content.push(text(middle, BOTTOM + 17.0, "middle", "tick", label));
        self.end = middle + half + 8.0;
    }
}

/// `2026-01` or a date in it as `Jan 26` when it is the first or a January, otherwise as `Feb`;
/// anything else as it is.
fn moment(label: &str, is_first: bool) -> String {
    let parts = label.get(..4).zip(label.get(5..7).and_then(|month| month.parse::<usize>().ok()));
    let Some((year, month)) = parts.filter(|(year, _)| year.parse::<u16>().is_ok()) else {
        return label.to_owned();
    };
    match MONTHS.get(month.wrapping_sub(1)) {
        Some(name) if is_first || month == 1 => {
            format!("{name} {}", year.get(2..).unwrap_or_default())
        }
        Some(name) => (*name).to_owned(),
        None => label.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Point> {
        let point = |value: &f64| Point {
            label: "1 Jan".to_owned(),
            value: *value,
            shown: format!("{value} of 1000"),
            tone: Tone::Plain,
        };
        values.iter().map(point).collect()
    }

    fn rects(svg: &str) -> Vec<&str> {
        svg.split("<rect class=\"").skip(1).filter_map(|rect| rect.split('"').next()).collect()
    }

    #[test]
    fn a_trend_emphasises_the_latest_and_writes_its_value_only() {
        let points = points(&[9.0, 7.0, 3.0]);
        let trend = trend(&points, &Caption::default());
        assert_eq!(rects(trend.as_str()), ["bar", "bar", "bar most"]);
        assert_eq!(trend.as_str().matches("class=\"value\"").count(), 1);
        assert!(trend.as_str().contains(">3 of 1000<"), "{trend}");
        let columns = columns(&points, &Caption::default());
        assert_eq!(rects(columns.as_str()), ["bar most", "bar", "bar"]);
    }

    #[test]
    fn a_latest_run_with_something_wrong_stays_marked_as_that() {
        let mut points = points(&[9.0, 7.0]);
        points[1].tone = Tone::Bad;
        assert_eq!(rects(trend(&points, &Caption::default()).as_str()), ["bar", "bar bad"]);
        assert!(trend(&[], &Caption::default()).as_str().starts_with("<svg"));
    }
}
