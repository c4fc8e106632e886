//! Tables for the screen and as CSV.

use shopflow_core::{ErrorKind, Result, ResultExt};

/// Column names and rows of text; an absent cell is a missing value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        Table { columns: columns.iter().map(|name| (*name).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row of present cells.
    pub fn push<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(Some).collect());
    }

    /// Position of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// A present cell of a row, by the name of its column.
    pub fn cell(&self, row: usize, column: &str) -> Option<&str> {
        self.rows.get(row)?.get(self.column(column)?)?.as_deref()
    }

    /// [`Table::cell`] as a number.
    pub fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.cell(row, column)?.parse().ok()
    }

    /// Lines of aligned columns: numbers to the right, text to the left, `-` for a missing value.
    pub fn render(&self) -> String {
        let numeric: Vec<bool> =
            (0..self.columns.len()).map(|column| self.is_numeric(column)).collect();
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let header = self.columns.iter().map(String::as_str);
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        let mut lines = vec![
            line(header, &widths, &numeric),
            line(rule.iter().map(String::as_str), &widths, &numeric),
        ];
        for row in &self.rows {
            lines.push(line(row.iter().map(shown), &widths, &numeric));
        }
        lines.join("\n") + "\n"
    }

    /// RFC 4180 text with a header; a missing value is an empty field.
    ///
    /// # Errors
    /// `Internal` when a row has another number of cells than the header.
    pub fn to_csv(&self) -> Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.columns).or_error(ErrorKind::Internal, "write csv failed")?;
        for row in &self.rows {
            let cells = row.iter().map(|cell| cell.as_deref().unwrap_or(""));
            writer.write_record(cells).or_error(ErrorKind::Internal, "write csv failed")?;
        }
        let bytes = writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
            .or_error(ErrorKind::Internal, "write csv failed")?;
        String::from_utf8(bytes).or_error(ErrorKind::Internal, "write csv failed")
    }

    /// True when a column has values and all of them are numbers.
    pub fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)?.as_deref()).peekable();
        cells.peek().is_some() && cells.all(|cell| cell.replace(',', "").parse::<f64>().is_ok())
    }

    fn width(&self, column: usize) -> usize {
        let header = self.columns.get(column).map_or(0, |name| name.chars().count());
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| shown(cell).chars().count()).max().unwrap_or(0).max(header)
    }
}

fn shown(cell: &Option<String>) -> &str {
    cell.as_deref().unwrap_or("-")
}

fn line<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize], numeric: &[bool]) -> String {
    let mut text = String::new();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push_str("  ");
        }
        let width = widths.get(index).copied().unwrap_or(0);
        let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
        if numeric.get(index).copied().unwrap_or(false) {
            text.push_str(&fill);
            text.push_str(cell);
        } else {
            text.push_str(cell);
            text.push_str(&fill);
        }
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["category", "units", "share"]);
        table.push(["books".to_owned(), "1,204".to_owned(), "0.5".to_owned()]);
        table.push(["grocéry, \"fresh\"".to_owned(), "7".to_owned(), "12.25".to_owned()]);
        table.rows.push(vec![Some("toys".to_owned()), None, None]);
        table
    }

    #[test]
    fn numbers_align_right_and_text_left() {
        let expected = "\
category          units  share
────────────────  ─────  ─────
books             1,204    0.5
grocéry, \"fresh\"      7  12.25
toys                  -      -
";
        assert_eq!(sample().render(), expected);
    }

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_missing_values_empty() {
        let expected = "\
category,units,share
books,\"1,204\",0.5
\"grocéry, \"\"fresh\"\"\",7,12.25
toys,,
";
        assert_eq!(sample().to_csv().unwrap(), expected);
    }

    #[test]
    fn a_column_without_values_is_text() {
        let mut table = Table::new(&["note"]);
        table.rows.push(vec![None]);
        assert_eq!(table.render(), "note\n────\n-\n");
    }
}
