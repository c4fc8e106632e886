//! Glue's types from and to ours.

use std::collections::HashMap;

use aws_sdk_glue::types::{
    self as glue, Partition, PartitionInput, SerDeInfo, StorageDescriptor, Table, TableInput,
};
use shopflow_core::{ErrorKind, Result, ResultExt};

use crate::definition::{Column, Definition, OWNED};
use crate::tags;

/// Parameter of a table: fingerprint of the definition that this function last gave it.
const FINGERPRINT: &str = "shopflow_definition";
/// A table of the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) definition: Definition,
    /// Fingerprint of the definition that this function last gave it.
    pub(crate) recorded: Option<String>,
    /// A view has no files.
    pub(crate) external: bool,
    table: Table,
}

impl Known {
    pub(crate) fn name(&self) -> &str {
        self.table.name()
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }
}

/// A table as Glue has it.
pub(crate) fn known(table: Table) -> Known {
    let storage = table.storage_descriptor();
    let serde = storage.and_then(StorageDescriptor::serde_info);
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let parameters = table.parameters().cloned().unwrap_or_default();
    let owned = OWNED
        .iter()
        .filter_map(|name| parameters.get(*name).map(|value| ((*name).to_owned(), value.clone())));
    let definition = Definition {
        description: text(table.description()),
        location: text(storage.and_then(StorageDescriptor::location)),
        format: [
            text(storage.and_then(StorageDescriptor::input_format)),
            text(storage.and_then(StorageDescriptor::output_format)),
            text(serde.and_then(SerDeInfo::serialization_library)),
        ],
        columns: storage
            .map(StorageDescriptor::columns)
            .unwrap_or_default()
            .iter()
            .map(column)
            .collect(),
        keys: table.partition_keys().iter().map(column).collect(),
        parameters: owned.collect(),
    };
    Known {
        definition,
        recorded: parameters.get(FINGERPRINT).cloned(),
        external: table.table_type() == Some("EXTERNAL_TABLE"),
        table,
    }
}

fn column(found: &glue::Column) -> Column {
    let owned = [tags::CLASSIFICATION, tags::PERSONAL_DATA];
    let value = |name: &str| found.parameters().and_then(|all| all.get(name)).cloned();
    let tags = owned.iter().filter_map(|name| value(name).map(|value| ((*name).to_owned(), value)));
    Column {
        name: found.name().to_owned(),
        hive_type: found.r#type().unwrap_or_default().to_owned(),
        comment: found.comment().unwrap_or_default().to_owned(),
        tags: tags.collect(),
    }
}

/// A table as Glue takes it; what this function does not decide about stays as it was `before`.
pub(crate) fn table_input(
    name: &str,
    wanted: &Definition,
    before: Option<&Table>,
) -> Result<TableInput> {
    let mut parameters: HashMap<String, String> =
        before.and_then(Table::parameters).cloned().unwrap_or_default();
    parameters.retain(|name, _| !OWNED.contains(&name.as_str()));
    parameters.extend(wanted.parameters.clone());
    parameters.insert(FINGERPRINT.to_owned(), wanted.fingerprint()?);
    let old_columns = before
        .and_then(Table::storage_descriptor)
        .map(StorageDescriptor::columns)
        .unwrap_or_default();
    let columns = wanted.columns.iter().map(|column| {
        glue_column(column, old_columns.iter().find(|old| old.name() == column.name))
    });
    let keys = wanted.keys.iter().map(|key| glue_column(key, None));
    TableInput::builder()
        .name(name)
        .description(&wanted.description)
        .set_owner(before.and_then(Table::owner).map(str::to_owned))
        .table_type("EXTERNAL_TABLE")
        .set_parameters(Some(parameters))
        .set_partition_keys(Some(keys.collect::<Result<Vec<_>>>()?))
        .storage_descriptor(descriptor(
            &wanted.format,
            &wanted.location,
            columns.collect::<Result<Vec<_>>>()?,
        ))
        .build()
        .or_error(ErrorKind::Internal, "build table failed")
}

/// A column as Glue takes it; parameters that somebody else gave it stay.
fn glue_column(column: &Column, before: Option<&glue::Column>) -> Result<glue::Column> {
    let mut parameters = before.and_then(glue::Column::parameters).cloned().unwrap_or_default();
    parameters.remove(tags::CLASSIFICATION);
    parameters.remove(tags::PERSONAL_DATA);
    parameters.extend(column.tags.clone());
    glue::Column::builder()
        .name(&column.name)
        .r#type(&column.hive_type)
        .comment(&column.comment)
        .set_parameters((!parameters.is_empty()).then_some(parameters))
        .build()
        .or_error(ErrorKind::Internal, "build column failed")
}

/// A partition as Glue takes it. Names and types of the columns only: comments are the table's.
pub(crate) fn partition_input(
    values: &[String],
    location: &str,
    definition: &Definition,
) -> Result<PartitionInput> {
    let columns = definition.columns.iter().map(|column| {
        glue::Column::builder()
            .name(&column.name)
            .r#type(&column.hive_type)
            .build()
            .or_error(ErrorKind::Internal, "build column failed")
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(PartitionInput::builder()
        .set_values(Some(values.to_vec()))
        .storage_descriptor(descriptor(&definition.format, location, columns))
        .build())
}

/// True when a partition is as [`partition_input`] makes it.
pub(crate) fn is_current(found: &Partition, location: &str, definition: &Definition) -> bool {
    let Some(storage) = found.storage_descriptor() else { return false };
    let serde = storage.serde_info().and_then(SerDeInfo::serialization_library);
    let format = [storage.input_format(), storage.output_format(), serde];
    let columns = storage.columns().iter().map(|column| (column.name(), column.r#type()));
    let wanted = definition
        .columns
        .iter()
        .map(|column| (column.name.as_str(), Some(column.hive_type.as_str())));
    storage.location() == Some(location)
        && format.iter().zip(&definition.format).all(|(one, other)| *one == Some(other.as_str()))
        && columns.eq(wanted)
}

fn descriptor(
    format: &[String; 3],
    location: &str,
    columns: Vec<glue::Column>,
) -> StorageDescriptor {
    let [input, output, library] = format;
    let serde = SerDeInfo::builder()
        .serialization_library(library)
        .parameters("serialization.format", "1")
        .build();
    StorageDescriptor::builder()
        .set_columns(Some(columns))
        .location(location)
        .input_format(input)
        .output_format(output)
        .serde_info(serde)
        .build()
}
