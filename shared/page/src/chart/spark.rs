//! A line without axes, to stand beside a figure.

use crate::html;
use crate::html::Html;

const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 24.0;
/// Room for the mark of the last value.
const MARGIN: f64 = 3.5;

/// The values from left to right, the last one marked; `range` is what bottom and top stand for,
/// the values' own range without it. `description` is read out instead. Empty when there are fewer
/// than two values.
pub fn spark(values: &[f64], range: Option<(f64, f64)>, description: &str) -> Html {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return Html::default();
    }
    let own = || {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least, most)
    };
    let (least, most) = range.unwrap_or_else(own);
    let x = |at: usize| MARGIN + (WIDTH - 2.0 * MARGIN) * at as f64 / (values.len() - 1) as f64;
    let y = |value: f64| {
        // Values that are all alike lie in the middle.
        let share =
            if most > least { ((value - least) / (most - least)).clamp(0.0, 1.0) } else { 0.5 };
        HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * share
    };
    let points: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(at, value)| format!("{:.1},{:.1}", x(at), y(*value)))
        .collect();
    let last = values.len() - 1;
    html!(
        "<svg class=\"spark\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\
         <polyline class=\"line\" points=\"{}\"/>\
         <circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/></svg>",
        WIDTH,
        HEIGHT,
        description,
        points.join(" "),
        x(last),
        y(values[last])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_is_on_top_and_equal_ones_in_the_middle() {
        let svg = spark(&[1.0, 3.0, 2.0], None, "rows");
        assert!(svg.as_str().contains("points=\"3.5,20.5 48.0,3.5 92.5,12.0\""), "{svg}");
        let svg = spark(&[7.0, 7.0], None, "rows");
        assert!(svg.as_str().contains("points=\"3.5,12.0 92.5,12.0\""), "{svg}");
        let svg = spark(&[0.5, 1.0], Some((0.0, 1.0)), "share");
        assert!(svg.as_str().contains("points=\"3.5,12.0 92.5,3.5\""), "{svg}");
    }

    #[test]
    fn one_value_makes_no_line() {
        assert!(spark(&[1.0], None, "").is_empty());
        assert!(spark(&[1.0, f64::NAN], None, "").is_empty());
    }
}
