//! The table of exchange rates that the European Central Bank publishes: a line per day, and a column
//! per currency. `validate` makes rows of it, one per day and currency.
//!
//! ```
//! use shopflow_core::rates;
//!
//! assert!(rates::is_table("Date,USD,JPY,"));
//! assert!(!rates::is_table(rates::ROWS));
//! ```

use crate::header;
use crate::values;

/// The header of the rows that are made of a table.
pub const ROWS: &str = "rate_date,currency,rate";

/// What the first column is called.
pub const DAY: &str = "Date";

/// The currencies that the columns of a table are called by, in their order; nothing where the names
/// are not those of a table. Blanks around a name and separators behind the last one do not count.
pub fn currencies<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Vec<&'static str>> {
    let names: Vec<&str> = names.into_iter().collect();
    let last = names.iter().rposition(|name| !header::is_blank(name))?;
    let (day, codes) = names[..=last].split_first()?;
    if codes.is_empty() || !header::is_same(DAY, day) {
        return None;
    }
    let mut found: Vec<&'static str> = Vec::new();
    for code in codes {
        let code = values::currency(code.as_bytes()).ok()?;
        if found.contains(&code) {
            return None;
        }
        found.push(code);
    }
    Some(found)
}

/// True for the header line of a table.
pub fn is_table(line: &str) -> bool {
    let line = line.trim_start_matches('\u{feff}');
    let names = line.split(',').map(|name| name.trim().trim_matches('"'));
    currencies(names).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_known_by_its_header() {
        for line in ["Date,USD,JPY,", "Date, USD, JPY, \r", "\u{feff}\"date\",\"usd\"", "Date,CYP"]
        {
            assert!(is_table(line), "{line}");
        }
        for line in [
            "",
            ",,",
            "Date",
            "Date,",
            "Date,USD,XYZ",
            "Date,USD,,JPY",
            "Date,USD,usd",
            "USD,Date",
            "Date;USD;JPY",
            "rate_date,USD",
            ROWS,
        ] {
            assert!(!is_table(line), "{line}");
        }
        assert_eq!(currencies(["Date", " usd ", "JPY", " "]), Some(vec!["USD", "JPY"]));
    }
}
