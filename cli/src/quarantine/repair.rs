//! Refused rows in the form of the file they came from, so that they can be repaired and replayed.

use shopflow_core::contract::SourceObject;
use shopflow_core::dataset::Format;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, Storage, rates};

use super::files::Reason;
use super::rows::Refused;

/// Longest row `validate` takes; quarantine keeps this much of a longer one.
const RECORD_LIMIT: usize = 1024 * 1024;
/// The rule of rows that quarantine does not have as a whole.
const RECORD_TOO_LONG: &str = "record_too_long";
/// The rule of the rows of a file without a header.
const MISSING_HEADER: &str = "missing_header";
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The bytes of the row, `None` when quarantine has only its beginning.
pub fn row(refused: &Refused) -> Option<Vec<u8>> {
    let bytes = unescaped(&refused.row);
    let cut = refused.rule == RECORD_TOO_LONG || bytes.len() >= RECORD_LIMIT;
    (!cut).then_some(bytes)
}

/// True when the rows of a file, refused for these reasons, lay under a header.
pub fn had_header(reasons: &[Reason]) -> bool {
    reasons.iter().all(|reason| reason.rule != MISSING_HEADER)
}

/// The first line of files of `dataset` without its line break, when rows lie under one: that of
/// the source, whose columns may be in an order of their own.
///
/// # Errors
/// `InvalidInput` when the source does not exist any more.
pub async fn header(
    storage: &Storage,
    dataset: Dataset,
    source: &SourceObject,
    had_header: bool,
) -> Result<Option<Vec<u8>>> {
    if dataset.format() != Format::Csv {
        return Ok(None);
    }
    if !had_header {
        return Ok(Some(own_header(dataset)));
    }
    let object = ObjectRef {
        bucket: source.bucket.clone(),
        key: source.key.clone(),
        version_id: Some(source.version_id.clone()),
    };
    let mut reader = storage.read(&object).await?;
    let mut start = Vec::new();
    while let Some(chunk) = reader.next().await? {
        start.extend_from_slice(&chunk);
        if first_line(&start).is_some() || start.len() > RECORD_LIMIT {
            break;
        }
    }
    let line = first_line(&start).unwrap_or(&start);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(BOM).unwrap_or(line);
    if line.is_empty() || line.len() > RECORD_LIMIT {
        return Err(Error::new(ErrorKind::InvalidInput, "the source has no usable first line")
            .with("key", &source.key));
    }
    Ok(Some(of_rows(dataset, line).to_vec()))
}

/// The header of the rows under this one: those of a table of exchange rates are made of it.
fn of_rows(dataset: Dataset, header: &[u8]) -> &[u8] {
    let is_table =
        dataset == Dataset::ExchangeRates && rates::is_table(&String::from_utf8_lossy(header));
    if is_table { rates::ROWS.as_bytes() } else { header }
}

/// The header to take when that of the source cannot be had.
pub fn fallback(dataset: Dataset) -> Option<Vec<u8>> {
    (dataset.format() == Format::Csv).then(|| own_header(dataset))
}

/// The header that usual files of the dataset have.
fn own_header(dataset: Dataset) -> Vec<u8> {
    let columns = dataset.columns().iter().filter(|column| column.is_usual());
    let names: Vec<&str> = columns.map(|column| column.name).collect();
    names.join(",").into_bytes()
}

/// The first line that is more than separators, as far as it is there as a whole; line breaks within
/// quotes are part of it.
fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let mut from = 0;
    let mut quoted = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                let line = &bytes[from..at];
                if !line.iter().all(|byte| b", \t\r".contains(byte)) {
                    return Some(line);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// A row that was not UTF-8 is kept with `\xE9` for a wrong byte and doubled backslashes. Every
/// other row is kept as it is, so only a text that is exactly what such a row gives is taken back.
fn unescaped(text: &str) -> Vec<u8> {
    let plain = || text.as_bytes().to_vec();
    if !text.contains("\\x") {
        return plain();
    }
    let bytes = text.as_bytes();
    let mut row = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            row.push(bytes[at]);
            at += 1;
            continue;
        }
        match bytes.get(at + 1) {
            Some(b'\\') => {
                row.push(b'\\');
                at += 2;
            }
            Some(b'x') => {
                let digits = text.get(at + 2..at + 4).filter(|digits| {
                    digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
                });
                let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())
                else {
                    return plain();
                };
                row.push(byte);
                at += 4;
            }
            _ => return plain(),
        }
    }
    if std::str::from_utf8(&row).is_ok() { plain() } else { row }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rule: &str, row: &str) -> Refused {
        Refused {
            line: 2,
            column: String::new(),
            rule: rule.to_owned(),
            value: String::new(),
            reason: String::new(),
            row: row.to_owned(),
        }
    }

    #[test]
    fn wrong_bytes_come_back_and_everything_else_stays() {
        let bytes = |text: &str| row(&refused("field_count", text)).unwrap();
        assert_eq!(bytes("1,caf\\xE9 \\\\ bar,2"), b"1,caf\xE9 \\ bar,2");
        // Not what a row with wrong bytes gives: these rows hold backslashes of their own.
        for own in ["1,C:\\xylophone", "1,\\x41", "1,\\xE9 \\ x", "1,\\xe9", "1,\\x"] {
            assert_eq!(bytes(own), own.as_bytes());
        }
    }

    #[test]
    fn a_row_of_which_only_the_beginning_is_kept_is_not_taken_for_whole() {
        assert_eq!(row(&refused("record_too_long", "1,a")), None);
        assert_eq!(row(&refused("missing_column", &"x".repeat(RECORD_LIMIT))), None);
        assert!(row(&refused("missing_column", "1,a")).is_some());
    }

    #[test]
    fn the_first_line_ends_outside_of_quotes_and_is_not_blank() {
        assert_eq!(first_line(b"\n\r\nid,\"a\nb\"\r\n1,2\n"), Some(&b"id,\"a\nb\"\r"[..]));
        assert_eq!(first_line(b",,\r\nid,name\n"), Some(&b"id,name"[..]));
        assert_eq!(first_line(b"id,name"), None);
    }

    #[test]
    fn rows_of_a_table_of_rates_have_a_header_of_their_own() {
        let of_rates = |header| of_rows(Dataset::ExchangeRates, header);
        assert_eq!(of_rates(b"Date,USD,JPY,"), rates::ROWS.as_bytes());
        assert_eq!(of_rates(b"currency,rate,rate_date"), b"currency,rate,rate_date");
        assert_eq!(of_rows(Dataset::Products, b"Date,USD"), b"Date,USD");
    }

    #[test]
    fn a_dataset_has_a_header_of_its_own() {
        assert_eq!(own_header(Dataset::Products), b"id,name,category,price,supplier");
        let sales = b"id,customer_id,product_id,quantity,timestamp,payment_method";
        assert_eq!(own_header(Dataset::Transactions), sales);
    }
}
