//! Charts as inline SVG: no scripts, no fonts to fetch, colours from the page's style sheet.
//!
//! Bars and columns start at zero, every chart labels its values directly, and the points keep their
//! order. Charts are drawn 400 units wide, about the width of a phone, so that their text stays
//! readable there.

mod bars;
mod histogram;
mod spark;
mod time;

pub use bars::{draw as bars, draw_group as group_of_bars};
pub use histogram::{Bin, histogram};
pub use spark::spark;
pub use time::{columns, line, trend};

use crate::html;
use crate::html::Html;

/// Width of every chart, in units of the view box.
pub const WIDTH: f64 = 400.0;
/// Width of one drawing of a group: several stand side by side.
const GROUP_WIDTH: f64 = 300.0;
/// Width of a character of a label, as much as the widest of the usual sans-serif fonts needs.
const CHARACTER: f64 = 7.5;

/// A value to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub label: String,
    pub value: f64,
    /// As it is written beside the bar.
    pub shown: String,
    pub tone: Tone,
}

/// How a value stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    #[default]
    Plain,
    /// Not all of it is there yet: drawn lighter.
    Cut,
    /// Something is wrong with it.
    Bad,
}

/// What the page tells a chart besides its data.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caption<'a> {
    /// Prefix of the ids in the drawing; unique on the page.
    pub id: &'a str,
    pub title: &'a str,
    /// Read out instead of the drawing.
    pub description: &'a str,
}

/// The element around a drawing, with its name and description for those who do not see it.
pub fn svg(width: f64, height: f64, class: &str, caption: &Caption<'_>, content: &Html) -> Html {
    html!(
        "<svg class=\"chart {class}\" viewBox=\"0 0 {width} {height:.0}\" role=\"img\" \
         aria-labelledby=\"{id}-t {id}-d\"><title id=\"{id}-t\">{title}</title>\
         <desc id=\"{id}-d\">{description}</desc>{content}</svg>";
        class = class,
        width = width,
        height = height,
        id = caption.id,
        title = caption.title,
        description = caption.description,
        content = content,
    )
}

/// A text; `anchor` is `start`, `middle` or `end`.
pub fn text(x: f64, y: f64, anchor: &str, class: &str, content: &str) -> Html {
    html!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{}\" class=\"{}\">{}</text>",
        x,
        y,
        anchor,
        class,
        content
    )
}

/// Space a label takes.
pub fn text_width(label: &str) -> f64 {
    label.chars().count() as f64 * CHARACTER
}

/// A label that fits into `width`, its end left out if need be.
pub fn fitted(label: &str, width: f64) -> String {
    shortened(label, (width / CHARACTER) as usize)
}

/// At most `room` characters of a text, its end left out if need be.
pub fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
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
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_values_above_the_data() {
        assert_eq!(ticks(0.0), [0.0, 1.0]);
        assert_eq!(ticks(7.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(46_700.0), [0.0, 20_000.0, 40_000.0, 60_000.0]);
        for most in [0.03, 1.0, 9.99, 123.0, 5e8] {
            let marks = ticks(most);
            assert!(marks.len() <= 5 && marks[marks.len() - 1] >= most, "{most} {marks:?}");
        }
    }

    #[test]
    fn a_text_is_shortened_by_characters() {
        assert_eq!(shortened("grocéry", 7), "grocéry");
        assert_eq!(shortened("grocéry", 6), "grocé…");
        assert_eq!(shortened("a b c", 3), "a…");
    }
}
