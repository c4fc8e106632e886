//! Lines at the end of an export that are no rows: totals, and how many rows there are.

/// Words that begin a total.
const TOTALS: [&str; 8] =
    ["total", "totals", "grand total", "subtotal", "sub total", "sum", "summe", "gesamt"];
/// Words behind a number that make a line a count of rows.
const COUNTED: [&str; 4] = ["row", "rows", "record", "records"];

/// True for a refused row whose first value begins a total, or is a count of rows such as
/// `(12 rows affected)`.
pub(super) fn is_one(row: &[u8]) -> bool {
    let text = String::from_utf8_lossy(row);
    let is_mark = |character: char| character.is_whitespace() || "\"'=*()-".contains(character);
    let mut values = text.split(',').map(|value| value.trim_matches(is_mark));
    let Some(first) = values.find(|value| !value.is_empty()) else { return false };
    let first = first.to_lowercase();
    let before_colon = first.split(':').next().unwrap_or_default().trim();
    TOTALS.contains(&before_colon) || is_count(&first)
}

fn is_count(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let is_number = words.next().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    is_number && words.next().is_some_and(|word| COUNTED.contains(&word))
}

/// True for a row with nothing in it but separators, blanks and empty quotes.
pub(super) fn is_nothing(row: &[u8]) -> bool {
    row.iter().all(|byte| matches!(byte, b',' | b' ' | b'\t' | b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_and_counts_are_told_from_rows() {
        for line in [
            "Total,,,10,,",
            ",TOTAL,,10",
            "\"Grand Total\",,12",
            "Total: 12 orders",
            "=== Sum ===,1",
            "(12 rows affected)",
            "12 rows",
            "-- 1 record",
        ] {
            assert!(is_one(line.as_bytes()), "{line}");
        }
        for line in ["7,Total,1", "Totality,1", "Sumatra,1", "12,rows", "x", ",,,", "", "12 red"] {
            assert!(!is_one(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn separators_alone_are_nothing() {
        for row in ["", ",,,", " , \t,", "\"\",\"\""] {
            assert!(is_nothing(row.as_bytes()), "{row}");
        }
        assert!(!is_nothing(b",0,"));
    }
}
