//! What the catalog should say about a table, and how that differs from what it says.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Schema};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shopflow_core::contract::{CatalogChanges, CatalogDriftKind};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::tags::{self, Tags};

/// Longest comment of a column that Glue takes, in bytes.
const COMMENT_BYTES: usize = 255;

/// How Hive reads and writes Parquet: input format, output format, serialization library.
pub(crate) const PARQUET: [&str; 3] = [
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
];

/// A column or partition key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Hive's name of the type, such as `decimal(10,2)`.
    pub(crate) hive_type: String,
    pub(crate) comment: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A table, as far as this function decides about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Definition {
    pub(crate) description: String,
    /// `s3://<bucket>/<table>/`.
    pub(crate) location: String,
    pub(crate) format: [String; 3],
    pub(crate) columns: Vec<Column>,
    pub(crate) keys: Vec<Column>,
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Names of the parameters of a table that this function decides about.
pub(crate) const OWNED: [&str; 4] =
    ["EXTERNAL", "classification", tags::CLASSIFICATION, tags::PERSONAL_DATA];

/// One difference between what is wanted and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) kind: CatalogDriftKind,
    pub(crate) subject: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Definition {
    /// A table of Parquet files; `explain` gives comment and tags of a column by its name.
    ///
    /// # Errors
    /// `Internal` for a column type that the lake does not use.
    pub(crate) fn new(
        location: String,
        description: &str,
        schema: &Schema,
        keys: &[String],
        explain: impl Fn(&str) -> (Option<&'static str>, Tags),
    ) -> Result<Definition> {
        let mut columns = Vec::new();
        let mut all_tags = Vec::new();
        for field in schema.fields() {
            let (comment, tags) = explain(field.name());
            all_tags.push(tags);
            columns.push(Column {
                // Glue keeps names in lower case.
                name: field.name().to_lowercase(),
                hive_type: hive_type(field.data_type())
                    .map_err(|error| error.with("column", field.name()))?,
                comment: shortened(comment.unwrap_or_default()),
                tags: tags.parameters(),
            });
        }
        let mut parameters = tags::of_table(&all_tags);
        parameters.insert("EXTERNAL".to_owned(), "TRUE".to_owned());
        parameters.insert("classification".to_owned(), "parquet".to_owned());
        Ok(Definition {
            description: description.to_owned(),
            location,
            format: PARQUET.map(str::to_owned),
            columns,
            keys: keys.iter().map(|name| key(name)).collect(),
            parameters,
        })
    }

    /// SHA-256 of the definition. It is kept with the table, so that what somebody else changed
    /// can be told from what the definitions changed.
    ///
    /// # Errors
    /// `Internal` when the definition cannot be encoded.
    pub(crate) fn fingerprint(&self) -> Result<String> {
        let text =
            serde_json::to_vec(self).or_error(ErrorKind::Internal, "encode definition failed")?;
        Ok(hex::encode(Sha256::digest(&text)))
    }

    /// True when the names and types of the partition keys are the same.
    pub(crate) fn same_keys(&self, other: &Definition) -> bool {
        let plain = |keys: &[Column]| -> Vec<(String, String)> {
            keys.iter().map(|key| (key.name.clone(), key.hive_type.clone())).collect()
        };
        plain(&self.keys) == plain(&other.keys)
    }

    /// Where `found` differs from this definition, sorted by kind.
    pub(crate) fn differences(&self, found: &Definition) -> Vec<Difference> {
        use CatalogDriftKind as Kind;
        let mut all = compare_columns(&self.columns, &found.columns);
        let mut note = |kind, subject: &str, expected: &str, found: &str| {
            if expected != found {
                all.push(difference(kind, subject, expected, found));
            }
        };
        note(Kind::PartitionKeys, "", &listed(&self.keys), &listed(&found.keys));
        note(Kind::Description, "", &self.description, &found.description);
        note(Kind::Location, "", &self.location, &found.location);
        note(Kind::Format, "", &self.format.join(" "), &found.format.join(" "));
        for name in OWNED {
            let value = |of: &Definition| of.parameters.get(name).cloned().unwrap_or_default();
            note(Kind::Parameter, name, &value(self), &value(found));
        }
        all.sort_by(|a, b| (a.kind, &a.subject).cmp(&(b.kind, &b.subject)));
        all
    }

    /// What becomes of the columns when `found` is made to be this definition.
    pub(crate) fn column_changes(&self, found: &[Column]) -> CatalogChanges {
        let before: BTreeMap<&str, &Column> =
            found.iter().map(|column| (column.name.as_str(), column)).collect();
        let mut changes = CatalogChanges::default();
        for column in &self.columns {
            match before.get(column.name.as_str()) {
                None => changes.created += 1,
                Some(same) if *same == column => changes.unchanged += 1,
                Some(_) => changes.updated += 1,
            }
        }
        let wanted: BTreeSet<&str> =
            self.columns.iter().map(|column| column.name.as_str()).collect();
        changes.dropped = before.keys().filter(|name| !wanted.contains(*name)).count() as u64;
        changes
    }
}

fn compare_columns(wanted: &[Column], found: &[Column]) -> Vec<Difference> {
    use CatalogDriftKind as Kind;
    let mut all = Vec::new();
    let by_name = |columns: &[Column], name: &str| -> Option<Column> {
        columns.iter().find(|column| column.name == name).cloned()
    };
    for column in found.iter().filter(|column| by_name(wanted, &column.name).is_none()) {
        all.push(difference(Kind::UnknownColumn, &column.name, "", &column.hive_type));
    }
    for column in wanted {
        let name = &column.name;
        let Some(there) = by_name(found, name) else {
            all.push(difference(Kind::MissingColumn, name, &column.hive_type, ""));
            continue;
        };
        if column.hive_type != there.hive_type {
            all.push(difference(Kind::ColumnType, name, &column.hive_type, &there.hive_type));
        }
        if column.comment != there.comment {
            all.push(difference(Kind::ColumnComment, name, &column.comment, &there.comment));
        }
        if column.tags != there.tags {
            let text = |tags: &BTreeMap<String, String>| -> String {
                let pairs: Vec<String> =
                    tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
                pairs.join(" ")
            };
            let (expected, actual) = (text(&column.tags), text(&there.tags));
            all.push(difference(Kind::ColumnTags, name, &expected, &actual));
        }
    }
    let names = |columns: &[Column]| -> Vec<String> {
        columns.iter().map(|column| column.name.clone()).collect()
    };
    let (wanted, found) = (names(wanted), names(found));
    let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
    if wanted != found && wanted.len() == found.len() && sorted(&wanted) == sorted(&found) {
        all.push(difference(Kind::ColumnOrder, "", &wanted.join(","), &found.join(",")));
    }
    all
}

fn difference(kind: CatalogDriftKind, subject: &str, expected: &str, found: &str) -> Difference {
    Difference {
        kind,
        subject: subject.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}

fn listed(keys: &[Column]) -> String {
    let keys: Vec<String> =
        keys.iter().map(|key| format!("{} {} {}", key.name, key.hive_type, key.comment)).collect();
    keys.join(", ")
}

/// A partition key: the lake's folders are days (`…_date=2024-01-15`) or months (`month=2024-01`).
fn key(name: &str) -> Column {
    let (hive_type, comment) = match name {
        "ingest_date" => ("date", "business date of the run that wrote the row"),
        "event_date" => ("date", "UTC date of the event or of the version"),
        "month" => ("string", "UTC month of the event or of the version, YYYY-MM"),
        _ if name.ends_with("_date") => ("date", ""),
        _ => ("string", ""),
    };
    Column {
        name: name.to_owned(),
        hive_type: hive_type.to_owned(),
        comment: comment.to_owned(),
        tags: BTreeMap::new(),
    }
}

/// Hive's name of a type.
fn hive_type(data_type: &DataType) -> Result<String> {
    Ok(match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::List(item) => format!("array<{}>", hive_type(item.data_type())?),
        other => {
            return Err(Error::internal("column has a type the catalog does not know")
                .with("type", other)
                .hint("add the type to functions/catalog/src/definition.rs"));
        }
    })
}

fn shortened(comment: &str) -> String {
    let mut end = comment.len().min(COMMENT_BYTES);
    while !comment.is_char_boundary(end) {
        end -= 1;
    }
    comment[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shopflow_core::Dataset;
    use shopflow_lake::schema;

    fn customers() -> Definition {
        let settings = shopflow_core::Settings::from_sources("prod", Default::default(), &[]);
        let privacy = settings.unwrap().privacy;
        let explain = |name: &str| (None, tags::of_bronze(&privacy, Dataset::Customers, name));
        let keys = ["ingest_date".to_owned()];
        let schema = schema::bronze(Dataset::Customers);
        Definition::new("s3://lake/t/".to_owned(), "t", &schema, &keys, explain).unwrap()
    }

    #[test]
    fn arrow_types_have_hive_names() {
        let all = [
            (DataType::Int64, "bigint"),
            (DataType::Decimal128(10, 2), "decimal(10,2)"),
            (schema::timestamp(), "timestamp"),
            (DataType::Date32, "date"),
            (DataType::Utf8, "string"),
        ];
        for (arrow, hive) in all {
            assert_eq!(hive_type(&arrow).unwrap(), hive);
        }
        assert!(hive_type(&DataType::Null).is_err());
    }

    #[test]
    fn a_long_comment_is_cut_between_characters() {
        let comment = shortened(&"é".repeat(200));
        assert_eq!(comment.len(), 254);
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        use CatalogDriftKind as Kind;
        let wanted = customers();
        let mut found = wanted.clone();
        assert!(wanted.differences(&found).is_empty());
        found.columns[0].hive_type = "string".to_owned();
        found.columns[1].tags.clear();
        found.columns[2].comment = "x".to_owned();
        found.columns[3].name = "opened".to_owned();
        found.parameters.remove("classification");
        found.location.push('x');
        let kinds: Vec<Kind> = wanted.differences(&found).iter().map(|one| one.kind).collect();
        assert_eq!(
            kinds,
            [
                Kind::UnknownColumn,
                Kind::MissingColumn,
                Kind::ColumnType,
                Kind::ColumnComment,
                Kind::ColumnTags,
                Kind::Parameter,
                Kind::Location
            ]
        );
        let changes = wanted.column_changes(&found.columns);
        assert_eq!((changes.created, changes.updated, changes.dropped), (1, 3, 1));
        assert_ne!(wanted.fingerprint().unwrap(), found.fingerprint().unwrap());
    }

    #[test]
    fn another_order_of_columns_is_a_difference() {
        let wanted = customers();
        let mut found = wanted.clone();
        found.columns.swap(0, 1);
        let kinds: Vec<_> = wanted.differences(&found).iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [CatalogDriftKind::ColumnOrder]);
    }
}
