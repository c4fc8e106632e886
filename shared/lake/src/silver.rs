//! Bronze rows as silver keeps them: without technical columns, personal values treated as the
//! policies say.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{Schema, SchemaRef};
use shopflow_core::dataset::{Column, PersonalData};
use shopflow_core::privacy::Privacy;
use shopflow_core::{Dataset, Error, ErrorKind, Result, ResultExt};
use shopflow_privacy::{Key, Layer, Treatment, Treatments};

use crate::schema;

/// What the hash of this text is called: the name of the key it was made with.
const KEY_NAME: &str = "shopflow: name of the key";

/// How a column becomes one of silver.
#[derive(Debug, Clone, Copy)]
struct Step {
    treatment: Treatment,
    kind: Option<PersonalData>,
}

/// The treatments between bronze and silver. The same values, policies and key give the same
/// bytes.
#[derive(Debug, Clone)]
pub struct Silver {
    privacy: Privacy,
    treatments: Treatments,
}

impl Silver {
    /// The policies, with the key of the keyed hash.
    pub fn new(privacy: &Privacy, key: Key) -> Self {
        Silver { privacy: privacy.clone(), treatments: Treatments::new(key) }
    }

    /// Keeps the columns of silver and treats the personal ones.
    ///
    /// # Errors
    /// `Internal` when the batch does not have the bronze schema of `dataset`.
    pub fn from_bronze(&self, dataset: Dataset, bronze: &RecordBatch) -> Result<RecordBatch> {
        let target = schema::silver(dataset);
        let all = schema::bronze(dataset);
        let source =
            target.fields().iter().filter_map(|field| all.field_with_name(field.name()).ok());
        let source: SchemaRef = Arc::new(Schema::new(source.cloned().collect::<Vec<_>>()));
        let bronze =
            schema::complete(bronze, &source).map_err(|error| error.with("dataset", dataset))?;
        let columns = target
            .fields()
            .iter()
            .zip(bronze.columns())
            .map(|(field, values)| {
                match dataset.columns().iter().find(|known| known.name == field.name()) {
                    Some(known) => self.column(known, self.step(dataset, known), values),
                    None => Ok(Arc::clone(values)),
                }
            })
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(target, columns)
            .or_error(ErrorKind::Internal, "bronze file does not have the expected schema")
            .map_err(|error| error.with("dataset", dataset))
    }

    /// What silver shows of one value; nothing where the policy drops it.
    pub fn value(&self, dataset: Dataset, column: &Column, value: &str) -> Option<String> {
        let Step { treatment, kind } = self.step(dataset, column);
        self.treatments.apply(treatment, kind, value).value().map(|value| value.into_owned())
    }

    /// Names how the rows of `dataset` are treated, and with which key if with any, so that rows
    /// treated otherwise can be told. Says nothing about the key.
    pub fn name(&self, dataset: Dataset) -> String {
        let mut words = Vec::new();
        for column in dataset.columns() {
            let Step { treatment, kind } = self.step(dataset, column);
            if treatment == Treatment::Keep {
                continue;
            }
            let kind = kind.map_or("", PersonalData::name);
            words.push(match treatment {
                Treatment::Hash => format!("{}={treatment}({kind},{})", column.name, self.key()),
                _ => format!("{}={treatment}({kind})", column.name),
            });
        }
        words.join(" ")
    }

    fn key(&self) -> String {
        let name = self.treatments.apply(Treatment::Hash, None, KEY_NAME).value();
        name.map(|name| name.into_owned()).unwrap_or_default()
    }

    fn step(&self, dataset: Dataset, column: &Column) -> Step {
        let decision = self.privacy.decide(dataset, column);
        Step { treatment: decision.step(Layer::Bronze, Layer::Silver), kind: decision.kind }
    }

    fn column(&self, column: &Column, step: Step, values: &ArrayRef) -> Result<ArrayRef> {
        match step.treatment {
            Treatment::Keep => return Ok(Arc::clone(values)),
            Treatment::Drop => return Ok(Arc::new(StringArray::new_null(values.len()))),
            _ => {}
        }
        let texts = values.as_string_opt::<i32>().ok_or_else(|| {
            Error::internal("column to be treated is not text").with("column", column.name)
        })?;
        let mut treated = StringBuilder::with_capacity(texts.len(), texts.len() * 16);
        for text in texts {
            let value = text
                .and_then(|text| self.treatments.apply(step.treatment, step.kind, text).value());
            treated.append_option(value);
        }
        Ok(Arc::new(treated.finish()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use shopflow_core::Settings;

    use super::*;

    fn silver(variables: &[(&str, &str)], key: &[u8]) -> Silver {
        let variables: HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| (format!("SHOPFLOW__PRIVACY__{name}"), (*value).to_owned()))
            .collect();
        let settings = Settings::from_sources("prod", variables, &[]).unwrap();
        Silver::new(&settings.privacy, Key::new(key).unwrap())
    }

    fn shown(silver: &Silver, name: &str, value: &str) -> Option<String> {
        let column = Dataset::Customers.columns().iter().find(|column| column.name == name);
        silver.value(Dataset::Customers, column.unwrap(), value)
    }

    const KEY: &[u8] = b"thirty-two letters and digits...";

    #[test]
    fn names_keep_their_initial_and_addresses_become_hashes_that_join() {
        let silver = silver(&[], KEY);
        assert_eq!(shown(&silver, "name", "Ada Lovelace").as_deref(), Some("A***"));
        let hash = shown(&silver, "email", "ada@example.com").unwrap();
        assert_eq!((hash.len(), hash.contains('@')), (26, false));
        assert_eq!(shown(&silver, "email", "Ada@Example.com"), Some(hash));
        assert_eq!(shown(&silver, "country", "GB").as_deref(), Some("GB"));
    }

    #[test]
    fn a_batch_is_treated_value_by_value_and_dropped_columns_are_null() {
        let dropped = [("EXCEPTIONS__PERSON_NAME__SILVER", "drop")];
        let silver = silver(&dropped, KEY);
        let rows = RecordBatch::new_empty(schema::bronze(Dataset::Customers));
        let empty = silver.from_bronze(Dataset::Customers, &rows).unwrap();
        assert_eq!(empty.schema(), schema::silver(Dataset::Customers));
        let name = &Dataset::Customers.columns()[1];
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["Ada Lovelace"]));
        let column = silver.column(name, silver.step(Dataset::Customers, name), &texts).unwrap();
        assert_eq!((column.len(), column.null_count()), (1, 1));
    }

    #[test]
    fn other_policies_and_other_keys_have_other_names_that_tell_no_key() {
        let name = |silver: &Silver| silver.name(Dataset::Customers);
        let usual = silver(&[], KEY);
        assert_eq!(name(&usual), name(&silver(&[], KEY)));
        assert_ne!(name(&usual), name(&silver(&[], b"another key of enough bytes")));
        let masked = [("EXCEPTIONS__EMAIL__SILVER", "mask"), ("EXCEPTIONS__EMAIL__GOLD", "drop")];
        assert_ne!(name(&usual), name(&silver(&masked, KEY)));
        assert!(name(&usual).starts_with("name=initial(person_name) email=hash(email,"));
        assert!(!name(&usual).contains("thirty"));
        assert_eq!(usual.name(Dataset::Transactions), "");
    }
}
