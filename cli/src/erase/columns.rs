//! Parquet rows without the values of a customer.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Int64Type};
use serde_json::{Map, Value};
use shopflow_core::natural_key::NaturalKeys;
use shopflow_core::{Dataset, ErrorKind, Result, ResultExt};
use shopflow_lake::{Silver, schema};

use super::person::{self, Erased, Needles, Values};
use super::rows::Headers;

/// Where the change log is.
pub const CHANGES: &str = "bronze/_changes/";

/// What the rows of a Parquet file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Customers as they arrived.
    Bronze,
    /// Customers as the policies let silver show them.
    Silver,
    /// Versions of customers in gold, with the domain of their address.
    Dimension,
    /// Changes of rows, as JSON.
    Changes,
    /// Anything else.
    Other,
}

impl Rows {
    /// The rows of an object of the lake.
    pub fn of(key: &str) -> Rows {
        if key.starts_with(CHANGES) {
            Rows::Changes
        } else if key.starts_with("bronze/customers/") {
            Rows::Bronze
        } else if key.starts_with("silver/customers/") {
            Rows::Silver
        } else if key.starts_with("gold/dim_customer/") {
            Rows::Dimension
        } else {
            Rows::Other
        }
    }
}

/// Erases a customer from batches.
#[derive(Debug)]
pub struct Eraser<'a> {
    pub customer: i64,
    pub natural_keys: &'a NaturalKeys,
    /// The columns that refused rows came under.
    pub headers: &'a Headers,
    pub needles: &'a Needles,
    pub silver: &'a Silver,
}

/// Batches without the values, how many rows had some, and which.
#[derive(Debug, Default)]
pub struct ErasedBatches {
    pub batches: Vec<RecordBatch>,
    pub changed: u64,
    pub found: Values,
}

impl Eraser<'_> {
    /// Rewrites the batches of one file.
    ///
    /// # Errors
    /// `Internal` when a batch cannot be built.
    pub fn erase(&self, rows: Rows, batches: Vec<RecordBatch>) -> Result<ErasedBatches> {
        let mut erased = ErasedBatches::default();
        for batch in batches {
            let batch = self.batch(rows, &batch, &mut erased)?;
            erased.batches.push(batch);
        }
        Ok(erased)
    }

    fn batch(
        &self,
        rows: Rows,
        batch: &RecordBatch,
        erased: &mut ErasedBatches,
    ) -> Result<RecordBatch> {
        let own = self.own_rows(rows, batch);
        let mut changed = vec![false; batch.num_rows()];
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let name = field.name();
            // Where a row comes from is no value of anybody.
            let technical = name.starts_with('_') && name != schema::EXTRA;
            if field.data_type() != &DataType::Utf8 || technical {
                columns.push(Arc::clone(column));
                continue;
            }
            columns.push(self.texts(rows, name, column, &own, (&mut changed, &mut erased.found)));
        }
        let rows = changed.iter().filter(|changed| **changed).count() as u64;
        if rows == 0 {
            return Ok(batch.clone());
        }
        erased.changed += rows;
        RecordBatch::try_new(batch.schema(), columns)
            .or_error(ErrorKind::Internal, "build rows without the customer failed")
    }

    /// Rows that are the customer's own, by number.
    fn own_rows(&self, rows: Rows, batch: &RecordBatch) -> Vec<bool> {
        let ids = match rows {
            Rows::Bronze | Rows::Silver => batch.column_by_name("id"),
            Rows::Dimension => batch.column_by_name("customer_id"),
            Rows::Changes | Rows::Other => None,
        };
        let ids = ids.and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        match ids {
            Some(ids) => ids.iter().map(|id| id == Some(self.customer)).collect(),
            None => vec![false; batch.num_rows()],
        }
    }

    fn texts(
        &self,
        rows: Rows,
        name: &str,
        column: &ArrayRef,
        own: &[bool],
        (changed, found): (&mut [bool], &mut Values),
    ) -> ArrayRef {
        let texts = column.as_string::<i32>();
        let mut out = StringBuilder::with_capacity(texts.len(), texts.values().len());
        let mut any = false;
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else {
                out.append_null();
                continue;
            };
            let replaced = if own[row] {
                self.own_text(rows, name, text, found)
            } else if rows == Rows::Changes && matches!(name, "before" | "after") {
                self.image(text, found).map(Some)
            } else {
                None
            };
            let replaced = replaced.or_else(|| self.cleaned(text).map(Some));
            match replaced {
                Some(other) if other.as_deref() != Some(text) => {
                    out.append_option(other);
                    changed[row] = true;
                    any = true;
                }
                _ => out.append_value(text),
            }
        }
        if any { Arc::new(out.finish()) } else { Arc::clone(column) }
    }

    /// A text of a row of the customer; the outer option is empty when it may stay.
    fn own_text(
        &self,
        rows: Rows,
        name: &str,
        text: &str,
        found: &mut Values,
    ) -> Option<Option<String>> {
        if person::is_domain(name) {
            return Some(Some(person::DOMAIN.to_owned()));
        }
        if name == schema::EXTRA {
            // Columns the dataset does not know can hold anything.
            return (!is_empty(text)).then_some(None);
        }
        let column = person::column(name)?;
        let tombstone = match person::erased(column, self.customer) {
            Erased::Stays => return None,
            Erased::Text(tombstone) => Some(tombstone),
            Erased::Nothing => None,
        };
        if rows == Rows::Silver {
            let shown = |text: String| self.silver.value(Dataset::Customers, column, &text);
            return Some(tombstone.and_then(shown));
        }
        found.add(column, text);
        Some(tombstone)
    }

    /// A row of the change log, as JSON; nothing when it is not the customer's.
    fn image(&self, text: &str, found: &mut Values) -> Option<String> {
        let mut row: Map<String, Value> = serde_json::from_str(text).ok()?;
        if !row.contains_key("email") || row.get("id")?.as_i64() != Some(self.customer) {
            return None;
        }
        for (name, value) in &mut row {
            // A hash without a key tells who guesses right.
            if matches!(name.as_str(), "extra" | "row_hash") {
                *value = Value::Null;
            }
            let Some(column) = person::column(name) else { continue };
            let Value::String(text) = &*value else { continue };
            let erased = match person::erased(column, self.customer) {
                Erased::Stays => continue,
                Erased::Text(tombstone) => Value::from(tombstone),
                Erased::Nothing => Value::Null,
            };
            found.add(column, text);
            *value = erased;
        }
        let erased = serde_json::to_string(&row).ok()?;
        let same = serde_json::from_str::<Map<String, Value>>(text).ok()? == row;
        (!same).then_some(erased)
    }

    fn cleaned(&self, text: &str) -> Option<String> {
        self.needles.replace(text.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok())
    }
}

/// True for the JSON object of unknown columns in which none has a value.
fn is_empty(extra: &str) -> bool {
    let empty = |value: &Value| value.is_null() || value.as_str() == Some("");
    serde_json::from_str::<Map<String, Value>>(extra).is_ok_and(|row| row.values().all(empty))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::array::{Int64Array, StringArray};
    use shopflow_core::Settings;
    use shopflow_privacy::Key;

    use super::*;

    fn silver() -> Silver {
        let settings = Settings::from_sources("prod", HashMap::new(), &[]).unwrap();
        Silver::new(&settings.privacy, Key::new(b"thirty-two letters and digits...").unwrap())
    }

    fn erase(rows: Rows, batch: RecordBatch) -> (Vec<Vec<Option<String>>>, u64) {
        let (silver, mut values) = (silver(), Values::default());
        values.add_email("ann@x.org");
        let needles = Needles::new(&values).unwrap();
        let (natural_keys, headers) = (&NaturalKeys::default(), &Headers::default());
        let (needles, silver) = (&needles, &silver);
        let eraser = Eraser { customer: 7, natural_keys, headers, needles, silver };
        let erased = eraser.erase(rows, vec![batch]).unwrap();
        let again = eraser.erase(rows, erased.batches.clone()).unwrap();
        assert_eq!((again.changed, again.found), (0, Values::default()), "a second pass");
        let texts = erased.batches[0].columns().iter().filter_map(|c| c.as_string_opt::<i32>());
        let texts = texts.map(|c| c.iter().map(|text| text.map(str::to_owned)).collect()).collect();
        (texts, erased.changed)
    }

    fn customers() -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let texts = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        RecordBatch::try_from_iter_with_nullable([
            ("id", ids, false),
            ("name", texts(vec![Some("Ann Lee"), Some("Bob")]), true),
            ("email", texts(vec![Some("ann@x.org"), Some("bob@x.org")]), true),
            (schema::EXTRA, texts(vec![Some("{\"phone\":\"1\"}"), None]), true),
        ])
        .unwrap()
    }

    #[test]
    fn the_customer_s_rows_are_erased_and_others_stay() {
        let (texts, changed) = erase(Rows::Bronze, customers());
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(texts[0], [text("[erased]"), text("Bob")]);
        assert_eq!(texts[1], [text("erased-7@erased.invalid"), text("bob@x.org")]);
        assert_eq!(texts[2], [None, None]);
        assert_eq!(changed, 1);
    }

    #[test]
    fn silver_shows_what_transform_would_make_of_the_erased_row() {
        let (texts, _) = erase(Rows::Silver, customers());
        assert_eq!(texts[0][0].as_deref(), Some("[***"));
        let column =
            |name| Dataset::Customers.columns().iter().find(move |c| c.name == name).unwrap();
        let hash = silver().value(Dataset::Customers, column("email"), &person::email(7));
        assert_eq!(texts[1][0], hash);
    }

    #[test]
    fn the_domain_of_the_address_goes_from_the_dimension() {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let domains: ArrayRef = Arc::new(StringArray::from(vec!["lee.example", "lee.example"]));
        let columns = [("customer_id", ids), ("email_domain", domains)];
        let (texts, changed) = erase(Rows::Dimension, RecordBatch::try_from_iter(columns).unwrap());
        assert_eq!(texts[0][0].as_deref(), Some("erased.invalid"));
        assert_eq!((texts[0][1].as_deref(), changed), (Some("lee.example"), 1));
    }

    #[test]
    fn the_change_log_keeps_the_change_and_loses_the_values() {
        let after: ArrayRef = Arc::new(StringArray::from(vec![
            Some(
                r#"{"id":7,"name":"Ann Lee","email":"ann@x.org","row_hash":"\\xab","extra":null}"#,
            ),
            Some(r#"{"id":8,"name":"Bob","email":"bob@x.org"}"#),
            Some(r#"{"id":7,"customer_id":9,"note":"ask ann@x.org"}"#),
            None,
        ]));
        let batch = RecordBatch::try_from_iter_with_nullable([("after", after, true)]).unwrap();
        let (texts, changed) = erase(Rows::Changes, batch);
        let row = texts[0][0].as_deref().unwrap();
        assert!(!row.contains("Ann") && !row.contains("ann@") && !row.contains("xab"), "{row}");
        assert!(row.contains("\"id\":7"), "{row}");
        assert_eq!(texts[0][1].as_deref(), Some(r#"{"id":8,"name":"Bob","email":"bob@x.org"}"#));
        assert!(texts[0][2].as_deref().unwrap().contains("ask [erased]"));
        assert_eq!(changed, 2);
    }
}
