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

/// One column per point.
pub fn columns(points: &[Point], caption: &Caption<'_>) -> Html {
    let mut content = Html::default();
    let frame = Frame::grid(points, &mut content);
    let step = frame.width() / points.len() as f64;
    let best = position_of_most(points);
    let mut labels = Labels::default();
    for (number, point) in points.iter().enumerate() {
        let x = frame.left + step * number as f64;
        let middle = x + step / 2.0;
        let y = frame.y(point.value);
        let class = match point.tone {
            Tone::Cut => "bar cut",
            Tone::Bad => "bar bad",
            Tone::Plain if number == best => "bar most",
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
        if number == best || number + 1 == points.len() {
            content.push(text(middle, y - 5.0, "middle", "value", &point.shown));
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
