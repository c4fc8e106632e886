//! Refused events: a file in quarantine as `validate` writes them, so that the same commands show it.

use shopflow_core::{Dataset, ErrorKind, Result, ResultExt, keys};

use super::group::Group;
use super::read::Refused;

/// The columns of every quarantine file.
const HEADER: [&str; 6] = ["line", "column", "rule", "value", "reason", "row"];

/// A quarantine file.
#[derive(Debug)]
pub struct Quarantine {
    pub key: String,
    pub content: Vec<u8>,
}

/// The file of a group, if anything was refused. The line is the number of the event in its record, and
/// the reason names the record.
///
/// # Errors
/// `Internal` when it cannot be written.
pub fn of(shard: &str, group: &Group<'_>, refused: &[Refused<'_>]) -> Result<Option<Quarantine>> {
    let (Some((first, last)), false) = (group.range(), refused.is_empty()) else {
        return Ok(None);
    };
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(HEADER).or_error(ErrorKind::Internal, "write quarantine failed")?;
    for Refused { record, number, refusal, row } in refused {
        let record = group.records.get(*record).map_or("", |record| record.sequence.as_str());
        let fields = [
            number.to_string(),
            refusal.column.unwrap_or_default().to_owned(),
            refusal.rule.name().to_owned(),
            refusal.value.clone().unwrap_or_default(),
            format!("{} (record {record})", refusal.reason),
            text(row),
        ];
        writer.write_record(&fields).or_error(ErrorKind::Internal, "write quarantine failed")?;
    }
    let content = writer.into_inner().map_err(|error| error.into_error());
    let content = content.or_error(ErrorKind::Internal, "write quarantine failed")?;
    let part = format!("{first}-{last}");
    let key = keys::quarantine(Dataset::Clickstream, &format!("stream-{shard}"), &part);
    Ok(Some(Quarantine { key, content }))
}

/// Bytes as text: a wrong byte becomes `\xE9`, and then a backslash is doubled, so that the bytes can
/// be had back.
fn text(row: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(row) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(row.len() + 16);
    for chunk in row.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_stay_recognisable() {
        assert_eq!(text(b"caf\xE9\\"), "caf\\xE9\\\\");
        assert_eq!(text("café\\".as_bytes()), "café\\");
    }
}
