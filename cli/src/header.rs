//! Which dataset a file is of, by its first line.

use shopflow_core::Dataset;
use shopflow_core::dataset::Format;

/// The dataset whose required columns a header has.
pub fn dataset(header: &str) -> Option<Dataset> {
    if header.starts_with('{') {
        return Dataset::all().find(|dataset| dataset.format() == Format::JsonLines);
    }
    let columns: Vec<&str> = header
        .trim_start_matches('\u{feff}')
        .split(',')
        .map(|column| column.trim().trim_matches('"'))
        .collect();
    Dataset::all().filter(|dataset| dataset.format() == Format::Csv).find(|dataset| {
        let mut required = dataset.columns().iter().filter(|column| column.required);
        required.all(|column| columns.contains(&column.name))
    })
}
