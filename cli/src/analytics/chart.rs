//! How an answer is drawn: the `Chart` line at the head of a question.

use std::str::FromStr;

use shopflow_core::{Error, Result};

/// A chart of some columns of an answer, in the order of its rows.
///
/// ```
/// use shopflow::analytics::chart::{Chart, Shape};
///
/// let chart: Chart = "line revenue by week where days is 7".parse()?;
/// assert_eq!(chart.shape, Shape::Line);
/// assert_eq!(chart.filter, Some(("days".to_owned(), "7".to_owned())));
/// # Ok::<(), shopflow_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    pub shape: Shape,
    /// Column of the numbers.
    pub value: String,
    /// Column of the labels; of the rows, for a heat map.
    pub label: String,
    /// Column of the values a row must have to be drawn, and that value.
    pub filter: Option<(String, String)>,
}

/// The forms there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Horizontal bars, for names.
    Bars,
    /// Horizontal bars in groups by this column.
    GroupedBars(String),
    /// Upright bars, for few moments in time.
    Columns,
    /// A line, for many moments in time.
    Line,
    /// Shaded cells; this is the column of the columns.
    Heat(String),
}

impl FromStr for Chart {
    type Err = Error;

    fn from_str(text: &str) -> Result<Chart> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (words, filter) = match words.as_slice() {
            [rest @ .., "where", column, "is", value] => {
                (rest, Some(((*column).to_owned(), (*value).to_owned())))
            }
            all => (all, None),
        };
        let (shape, value, label) = match words {
            ["bars", value, "by", label] => (Shape::Bars, value, label),
            ["bars", value, "by", label, "in", group] => {
                (Shape::GroupedBars((*group).to_owned()), value, label)
            }
            ["columns", value, "by", label] => (Shape::Columns, value, label),
            ["line", value, "by", label] => (Shape::Line, value, label),
            ["heat", value, "by", row, "and", column] => {
                (Shape::Heat((*column).to_owned()), value, row)
            }
            _ => {
                return Err(Error::invalid("a chart cannot be understood")
                    .with("chart", text)
                    .hint("write one like: bars revenue by country"));
            }
        };
        Ok(Chart { shape, value: (*value).to_owned(), label: (*label).to_owned(), filter })
    }
}
