//! The true list of planted defects, one JSON object per line.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use shopflow_core::Dataset;
use shopflow_core::dataset::Format;

use super::defects::{Defect, Edit};
use super::kinds::Kind;
use super::model::Shop;
use super::output::Written;
use super::plan;

/// What is known about one planted defect.
#[derive(Debug, Serialize)]
struct Truth<'a> {
    dataset: Dataset,
    /// Object key or file name.
    file: &'a str,
    /// Physical line, from 1; a header is line 1.
    line: u64,
    /// `null` when the row as a whole is wrong.
    column: Option<&'static str>,
    defect: &'static str,
    detected_by: &'static str,
    /// The id the row has, or would have without the defect; the day of a line of rates.
    id: Id,
    /// The id that is repeated or that exists nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Id>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

impl Id {
    fn new(text: String) -> Id {
        text.parse().map(Id::Number).unwrap_or(Id::Text(text))
    }
}

pub fn write<W: Write>(
    shop: &Shop,
    file: impl Fn(Dataset) -> String,
    out: W,
) -> io::Result<Written> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    let mut written = Written::default();
    for &dataset in crate::datasets(shop.profile).iter().filter(|_| shop.defects.any()) {
        let file = file(dataset);
        let first_line = if dataset.format() == Format::Csv { 2 } else { 1 };
        for row in 0..plan::rows(shop, dataset) {
            if !shop.defects.hits(dataset, row) {
                continue;
            }
            let Defect { kind, column, edit } = shop.defects.at(dataset, row);
            let reference = match (kind, edit) {
                (Kind::DuplicateId | Kind::OrphanReference, Edit::Text(id)) => Some(Id::new(id)),
                _ => None,
            };
            let truth = Truth {
                dataset,
                file: &file,
                line: row + first_line,
                column,
                defect: kind.name(),
                detected_by: kind.detected_by(),
                id: Id::new(id(shop, dataset, row)),
                reference,
            };
            let mut line = serde_json::to_vec(&truth).map_err(io::Error::other)?;
            line.push(b'\n');
            out.write_all(&line)?;
            written.rows += 1;
            written.bytes += line.len() as u64;
        }
    }
    out.flush()?;
    written.defects = written.rows;
    Ok(written)
}

fn id(shop: &Shop, dataset: Dataset, row: u64) -> String {
    match dataset {
        Dataset::ExchangeRates => shop.rates.date(row).to_owned(),
        _ => shop.defects.id(dataset, row),
    }
}
