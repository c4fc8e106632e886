//! How numbers are distributed.

use super::{Caption, GROUP_WIDTH, svg, text, text_width};
use crate::html;
use crate::html::Html;
use crate::number::compact;

const TOP: f64 = 16.0;
const BOTTOM: f64 = 84.0;
const HEIGHT: f64 = 102.0;

/// Numbers from `from` up to `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    pub from: f64,
    pub to: f64,
    pub count: u64,
}

/// Bars side by side over the range of the bins, the fullest one labelled. Empty without bins.
pub fn histogram(bins: &[Bin], caption: &Caption<'_>) -> Html {
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Html::default() };
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let step = GROUP_WIDTH / bins.len() as f64;
    let mut content = Html::default();
    let mut is_labelled = false;
    for (number, bin) in bins.iter().enumerate() {
        let share = if most > 0 { bin.count as f64 / most as f64 } else { 0.0 };
        let height = (BOTTOM - TOP) * share;
        let is_most = bin.count == most && most > 0;
        let x = step * number as f64;
        content.push(html!(
            "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            if is_most { "bar most" } else { "bar" },
            x + 0.5,
            BOTTOM - height,
            step - 1.0,
            height
        ));
        if is_most && !is_labelled {
            is_labelled = true;
            let shown = compact(bin.count as f64);
            let half = text_width(&shown) / 2.0;
            let middle = (x + step / 2.0).clamp(half, GROUP_WIDTH - half);
            content.push(text(middle, TOP - 5.0, "middle", "value", &shown));
        }
    }
    content.push(html!(
        "<line class=\"axis\" x1=\"0\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>",
        GROUP_WIDTH,
        BOTTOM,
        BOTTOM
    ));
    content.push(text(0.0, HEIGHT - 3.0, "start", "tick", &compact(first.from)));
    content.push(text(GROUP_WIDTH, HEIGHT - 3.0, "end", "tick", &compact(last.to)));
    svg(GROUP_WIDTH, HEIGHT, "histogram", caption, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_the_first_of_the_fullest_carries_its_count() {
        let counts = [5, 20, 20];
        let bins: Vec<Bin> = counts
            .iter()
            .enumerate()
            .map(|(at, count)| Bin { from: at as f64, to: at as f64 + 1.0, count: *count })
            .collect();
        let svg = histogram(&bins, &Caption::default());
        let svg = svg.as_str();
        assert!(svg.contains("height=\"17.0\"") && svg.contains("height=\"68.0\""), "{svg}");
        assert_eq!(svg.matches(">20<").count(), 1);
        assert!(svg.contains(">0<") && svg.contains(">3<"), "{svg}");
        assert!(histogram(&[], &Caption::default()).is_empty());
    }
}
