//! Keys that are texts, or that several columns make up together: rows go on with numbers in their
//! place, and with the key behind the other columns.

use std::borrow::Cow;

use shopflow_core::Dataset;
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::natural_key::{self, Form, Keys, NATURAL_KEY};

use crate::rules::Rule;

/// What to do to the rows under one header.
#[derive(Debug, Clone)]
pub(super) struct Keying {
    dataset: Dataset,
    keys: Keys,
    /// Position and kind of the columns whose values are texts that stand for numbers.
    texts: Vec<(usize, Kind)>,
    /// Position of the id, if the file has one.
    id_at: Option<usize>,
    /// What makes up the key: position and column.
    parts: Vec<(usize, &'static Column)>,
    form: Form,
}

impl Keying {
    /// What the rows with these columns need; `None` stands for a column nobody knows.
    pub fn of(
        dataset: Dataset,
        columns: &[Option<&'static Column>],
        form: &Form,
        keys: Keys,
    ) -> Keying {
        let known = || {
            let places = columns.iter().enumerate();
            places.filter_map(|(position, column)| column.map(|column| (position, column)))
        };
        let place = |name: &str| known().find(|(_, column)| column.name == name);
        let parts = match form {
            Form::Columns(parts) => parts.iter().filter_map(|part| place(part.name)).collect(),
            Form::Number | Form::Text => Vec::new(),
        };
        let texts = known().filter(|(_, column)| keys.has_texts(column));
        Keying {
            dataset,
            keys,
            texts: texts.map(|(position, column)| (position, column.kind)).collect(),
            id_at: known().find(|(_, column)| is_id(column)).map(|(position, _)| position),
            parts,
            form: form.clone(),
        }
    }

    /// Why a row is refused whose columns identify an earlier one.
    pub fn same_key(&self) -> String {
        let names: Vec<&str> = self.parts.iter().map(|(_, column)| column.name).collect();
        format!("an earlier row has the same {}; the first one is kept", names.join(" and "))
    }

    /// Position of the id, if the file has one.
    pub fn id_at(&self) -> Option<usize> {
        self.id_at
    }

    /// True when rows do not go on as they came.
    pub fn is_due(&self) -> bool {
        !self.texts.is_empty() || self.has_parts()
    }

    /// True when the number of a row is made of several columns.
    pub fn has_parts(&self) -> bool {
        matches!(self.form, Form::Columns(_))
    }

    /// The names that stand behind the header.
    pub fn header_end(&self) -> String {
        match self.form {
            Form::Number => String::new(),
            Form::Text => format!(",{NATURAL_KEY}"),
            Form::Columns(_) => format!(",{},{NATURAL_KEY}", self.dataset.id_column().name),
        }
    }

    /// The number of a row that several columns identify.
    ///
    /// # Errors
    /// The position of the value that is missing or wrong, and the rule it breaks.
    pub fn number<'a>(&self, value: impl Fn(usize) -> Cow<'a, [u8]>) -> Result<u64, (usize, Rule)> {
        self.joined(value).map(|(id, _)| id)
    }

    /// The value at `position` as it goes on, if not as it came.
    pub fn going_on(&self, position: usize, value: &[u8]) -> Option<Vec<u8>> {
        let (_, kind) = self.texts.iter().find(|(place, _)| *place == position)?;
        let number = match kind {
            // Nothing refers to nothing.
            _ if value.is_empty() => return None,
            Kind::Reference(of) => self.keys.of(*of, value),
            _ => self.keys.own(value),
        };
        number.ok().map(|number| number.to_string().into_bytes())
    }

    /// What stands behind the fields of a row.
    pub fn row_end<'a>(&self, value: impl Fn(usize) -> Cow<'a, [u8]>) -> Vec<u8> {
        let mut end = Vec::new();
        match &self.form {
            Form::Number => {}
            Form::Text => {
                let key = self.id_at.map(value).unwrap_or_default();
                end.push(b',');
                put(natural_key::kept(&key), &mut end);
            }
            Form::Columns(_) => {
                // Rows without a key are refused before.
                let (id, key) = self.joined(value).unwrap_or_default();
                end.extend_from_slice(format!(",{id},").as_bytes());
                put(&key, &mut end);
            }
        }
        end
    }

    fn joined<'a>(
        &self,
        value: impl Fn(usize) -> Cow<'a, [u8]>,
    ) -> Result<(u64, Vec<u8>), (usize, Rule)> {
        let values: Vec<Cow<'a, [u8]>> =
            self.parts.iter().map(|(position, _)| value(*position)).collect();
        let columns = self.parts.iter().map(|(_, column)| *column);
        let parts = columns.zip(values.iter().map(|value| &value[..]));
        natural_key::joined(self.dataset, &self.keys, parts)
            .map_err(|(place, rule)| (self.parts.get(place).map_or(0, |(at, _)| *at), rule))
    }

    /// The same for a row of somebody who was erased: the key may tell who it was.
    pub fn erased_row_end(&self) -> &'static [u8] {
        match self.form {
            Form::Number => b"",
            Form::Text => b",",
            // Only customers are erased, and what others refer to has no such key.
            Form::Columns(_) => b",,",
        }
    }
}

fn is_id(column: &Column) -> bool {
    matches!(column.kind, Kind::Id | Kind::Uuid)
}

/// Appends a value, quoted where CSV asks for it.
pub(super) fn put(value: &[u8], out: &mut Vec<u8>) {
    if !value.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        out.extend_from_slice(value);
        return;
    }
    out.push(b'"');
    for byte in value {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
