//! The file with the labels, and how many events have each.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};
use shopflow_generate::live::{Label, Planned};

/// How many events have each label.
pub type Tally = BTreeMap<Label, u64>;

/// What an event is meant to be.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// Milliseconds from the start of the stream.
    at_ms: u64,
    event_id: &'a str,
    label: &'static str,
    /// How a broken one is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    breakage: Option<&'static str>,
}

/// Writes a line of JSON for every event.
#[derive(Debug)]
pub struct Labels {
    path: PathBuf,
    out: BufWriter<File>,
    tally: Tally,
}

impl Labels {
    /// Begins the file, in the place of an earlier one.
    ///
    /// # Errors
    /// `InvalidInput` when it cannot be written.
    pub fn create(path: &Path) -> Result<Labels> {
        let create = || -> std::io::Result<File> {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            File::create(path)
        };
        let file = create().map_err(|error| failed(path, error))?;
        Ok(Labels { path: path.to_owned(), out: BufWriter::new(file), tally: Tally::new() })
    }

    /// Adds an event.
    ///
    /// # Errors
    /// `InvalidInput` when the file cannot be written.
    pub fn note(&mut self, planned: &Planned) -> Result<()> {
        *self.tally.entry(planned.label).or_default() += 1;
        let line = Line {
            at_ms: planned.at.as_millis() as u64,
            event_id: &planned.event_id,
            label: planned.label.name(),
            breakage: planned.breakage.map(|breakage| breakage.name()),
        };
        let mut text =
            serde_json::to_vec(&line).or_error(ErrorKind::Internal, "encode label failed")?;
        text.push(b'\n');
        self.out.write_all(&text).map_err(|error| failed(&self.path, error))
    }

    /// Ends the file: how many events have each label.
    ///
    /// # Errors
    /// `InvalidInput` when the file cannot be written.
    pub fn finish(mut self) -> Result<Tally> {
        self.out.flush().map_err(|error| failed(&self.path, error))?;
        Ok(self.tally)
    }
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::invalid("write labels failed").with("file", path.display()).because(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shopflow_generate::live::Breakage;

    use super::*;

    #[test]
    fn every_event_has_a_line_and_every_label_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/labels.jsonl");
        let planned = |label, breakage| Planned {
            at: Duration::from_micros(1_234_567),
            label,
            breakage,
            event_id: "e-1".to_owned(),
            session: "a".to_owned(),
            payload: b"{}".to_vec(),
        };
        let mut labels = Labels::create(&path).unwrap();
        labels.note(&planned(Label::Good, None)).unwrap();
        labels.note(&planned(Label::Good, None)).unwrap();
        labels.note(&planned(Label::Broken, Some(Breakage::CutJson))).unwrap();
        let tally = labels.finish().unwrap();
        assert_eq!(tally, Tally::from([(Label::Good, 2), (Label::Broken, 1)]));
        let expected = "\
{\"at_ms\":1234,\"event_id\":\"e-1\",\"label\":\"good\"}
{\"at_ms\":1234,\"event_id\":\"e-1\",\"label\":\"good\"}
{\"at_ms\":1234,\"event_id\":\"e-1\",\"label\":\"broken\",\"breakage\":\"cut_json\"}
";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    }
}
