//! Which dataset a file is of, by its first line.

use shopflow_core::dataset::{Column, Format, Kind, Role};
use shopflow_core::{Dataset, header};

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
    let has = |column: &&Column| columns.iter().any(|name| header::is_same(column.name, name));
    // Sales may be identified by other columns than their id.
    let is_needed = |column: &&Column, dataset: Dataset| {
        let may_lack_id = matches!(dataset.role(), Role::Event(_)) && column.kind == Kind::Id;
        column.required && !may_lack_id
    };
    let may_be = |dataset: &Dataset| {
        let mut needed = dataset.columns().iter().filter(|column| is_needed(column, *dataset));
        dataset.format() == Format::Csv && needed.all(|column| has(&column))
    };
    // Few columns are required: a file of products has those of customers too. The one with most in
    // common is meant, the first of several.
    Dataset::all()
        .filter(may_be)
        .rev()
        .max_by_key(|dataset| dataset.columns().iter().filter(has).count())
}
