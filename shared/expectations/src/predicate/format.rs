//! Texts that are dates or JSON.

use serde::de::IgnoredAny;

use super::Predicate;
use super::strptime::Format;
use crate::column::{Batch, Data};
use crate::dateutil;

/// A kind of text.
#[derive(Debug)]
pub(crate) enum Readable {
    Strftime(Format),
    /// Whatever `dateutil.parser.parse` of Python reads.
    Date,
    Json,
}

impl Readable {
    #[inline]
    fn accepts(&self, text: &[u8]) -> bool {
        match self {
            Readable::Strftime(format) => format.accepts(text),
            Readable::Date => std::str::from_utf8(text).is_ok_and(dateutil::is_date),
            Readable::Json => std::str::from_utf8(text).is_ok_and(is_json),
        }
    }
}

/// JSON as Python reads it: `NaN` and the infinities are numbers.
fn is_json(text: &str) -> bool {
    matches!(text.trim(), "NaN" | "Infinity" | "-Infinity")
        || serde_json::from_str::<IgnoredAny>(text).is_ok()
}

impl Predicate for Readable {
    fn unexpected(&self, batch: &Batch, columns: &[usize], unexpected: &mut [u8]) {
        let Data::Text(text) = batch.columns[columns[0]].data() else { return };
        for (unexpected, value) in unexpected.iter_mut().zip(text.iter()) {
            *unexpected = u8::from(!self.accepts(value));
        }
    }
}
