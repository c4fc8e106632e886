//! Calls of the Glue Data Catalog.

use std::collections::BTreeMap;

use aws_sdk_glue::Client;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{
    self as glue, BatchUpdatePartitionRequestEntry, DatabaseInput, ErrorDetail, Partition,
    PartitionInput,
};
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::convert::{Known, known, table_input};
use crate::definition::Definition;

/// Most partitions of one call that creates or updates them.
pub(crate) const BATCH: usize = 100;

/// One database of the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl Database {
    pub(crate) async fn get(&self) -> Result<Option<glue::Database>> {
        match self.client.get_database().name(&self.name).send().await {
            Ok(found) => Ok(found.database),
            Err(error) if error.code() == Some("EntityNotFoundException") => Ok(None),
            Err(error) => Err(self.failed("get database", error)),
        }
    }

    pub(crate) async fn create(&self, description: &str, location: &str) -> Result<()> {
        let input = self.input(description, location, None)?;
        let sent = self.client.create_database().database_input(input).send().await;
        sent.map(drop).map_err(|error| self.failed("create database", error))
    }

    /// Gives a database description and location; the rest stays as it was `found`.
    pub(crate) async fn update(
        &self,
        description: &str,
        location: &str,
        found: glue::Database,
    ) -> Result<()> {
        let input = self.input(description, location, Some(found))?;
        let sent =
            self.client.update_database().name(&self.name).database_input(input).send().await;
        sent.map(drop).map_err(|error| self.failed("update database", error))
    }

    fn input(
        &self,
        description: &str,
        location: &str,
        before: Option<glue::Database>,
    ) -> Result<DatabaseInput> {
        let (parameters, permissions) = match before {
            Some(database) => (database.parameters, database.create_table_default_permissions),
            None => (None, None),
        };
        DatabaseInput::builder()
            .name(&self.name)
            .description(description)
            .location_uri(location)
            .set_parameters(parameters)
            .set_create_table_default_permissions(permissions)
            .build()
            .or_error(ErrorKind::Internal, "build database failed")
    }

    /// Every table and view, by name.
    pub(crate) async fn tables(&self) -> Result<BTreeMap<String, Known>> {
        let mut tables = BTreeMap::new();
        let mut pages = self.client.get_tables().database_name(&self.name).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.failed("get tables", error))?;
            for table in page.table_list() {
                tables.insert(table.name().to_owned(), known(table.clone()));
            }
        }
        Ok(tables)
    }

    pub(crate) async fn create_table(&self, name: &str, wanted: &Definition) -> Result<()> {
        let input = table_input(name, wanted, None)?;
        let sent =
            self.client.create_table().database_name(&self.name).table_input(input).send().await;
        sent.map(drop).map_err(|error| self.failed("create table", error).with("table", name))
    }

    /// Gives a table a definition; what this function does not decide about stays.
    pub(crate) async fn update_table(&self, wanted: &Definition, known: &Known) -> Result<()> {
        let input = table_input(known.name(), wanted, Some(known.table()))?;
        let sent = self
            .client
            .update_table()
            .database_name(&self.name)
            .table_input(input)
            // Glue keeps a limited number of old versions; git keeps all of ours.
            .skip_archive(true)
            .set_version_id(known.table().version_id().map(str::to_owned))
            .send()
            .await;
        sent.map(drop)
            .map_err(|error| self.failed("update table", error).with("table", known.name()))
    }

    pub(crate) async fn delete_table(&self, name: &str) -> Result<()> {
        let sent = self.client.delete_table().database_name(&self.name).name(name).send().await;
        sent.map(drop).map_err(|error| self.failed("delete table", error).with("table", name))
    }

    /// Every partition of a table, by its values.
    pub(crate) async fn partitions(&self, table: &str) -> Result<BTreeMap<Vec<String>, Partition>> {
        let mut partitions = BTreeMap::new();
        let asked = self.client.get_partitions().database_name(&self.name).table_name(table);
        let mut pages = asked.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| self.failed("get partitions", error).with("table", table))?;
            for partition in page.partitions() {
                partitions.insert(partition.values().to_vec(), partition.clone());
            }
        }
        Ok(partitions)
    }

    /// Creates at most [`BATCH`] partitions.
    pub(crate) async fn create_partitions(
        &self,
        table: &str,
        batch: Vec<PartitionInput>,
    ) -> Result<()> {
        let action = "create partitions";
        let sent = self
            .client
            .batch_create_partition()
            .database_name(&self.name)
            .table_name(table)
            .set_partition_input_list(Some(batch))
            .send()
            .await
            .map_err(|error| self.failed(action, error).with("table", table))?;
        let refused =
            sent.errors().iter().map(|error| (error.partition_values(), error.error_detail()));
        self.check(action, table, refused)
    }

    /// Updates at most [`BATCH`] partitions.
    pub(crate) async fn update_partitions(
        &self,
        table: &str,
        batch: Vec<PartitionInput>,
    ) -> Result<()> {
        let action = "update partitions";
        let entries = batch.into_iter().map(|input| {
            BatchUpdatePartitionRequestEntry::builder()
                .set_partition_value_list(Some(input.values().to_vec()))
                .partition_input(input)
                .build()
                .or_error(ErrorKind::Internal, "build partition failed")
        });
        let sent = self
            .client
            .batch_update_partition()
            .database_name(&self.name)
            .table_name(table)
            .set_entries(Some(entries.collect::<Result<Vec<_>>>()?))
            .send()
            .await
            .map_err(|error| self.failed(action, error).with("table", table))?;
        let refused =
            sent.errors().iter().map(|error| (error.partition_value_list(), error.error_detail()));
        self.check(action, table, refused)
    }

    /// Drops a partition; one that is gone already is fine.
    pub(crate) async fn drop_partition(&self, table: &str, values: &[String]) -> Result<()> {
        let sent = self
            .client
            .delete_partition()
            .database_name(&self.name)
            .table_name(table)
            .set_partition_values(Some(values.to_vec()))
            .send()
            .await;
        match sent {
            Err(error) if error.code() != Some("EntityNotFoundException") => {
                Err(self.failed("drop partition", error).with("table", table))
            }
            _ => Ok(()),
        }
    }

    fn check<'a>(
        &self,
        action: &str,
        table: &str,
        mut refused: impl Iterator<Item = (&'a [String], Option<&'a ErrorDetail>)>,
    ) -> Result<()> {
        // One is enough: the next attempt compares again.
        let Some((values, detail)) = refused.next() else { return Ok(()) };
        let code = detail.and_then(ErrorDetail::error_code).unwrap_or("unknown");
        let kind =
            if is_transient(code) { ErrorKind::TransientService } else { ErrorKind::Internal };
        Err(Error::new(kind, format!("{action} was refused"))
            .with("database", &self.name)
            .with("table", table)
            .with("partition", values.join("/"))
            .with("code", code))
    }

    fn failed<E, R>(&self, action: &str, error: SdkError<E, R>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or("").to_owned();
        let failure = Error::aws(ErrorKind::TransientService, action, error);
        let failure = if is_transient(&code) && !failure.kind().is_transient() {
            Error::new(ErrorKind::TransientService, format!("{action} failed")).because(failure)
        } else {
            failure
        };
        let failure = failure.with("database", &self.name);
        if code == "AccessDeniedException" {
            return failure.hint("grant it to the role of catalog, in Lake Formation too if used");
        }
        failure
    }
}

/// What Glue says when trying again can help; a race with another run is such a case, since the
/// next attempt compares again.
fn is_transient(code: &str) -> bool {
    let races = ["AlreadyExists", "ConcurrentModification", "EntityNotFound", "ResourceNotReady"];
    let trouble = ["InternalService", "OperationTimeout", "Throttl", "ConcurrentRuns"];
    races.iter().chain(&trouble).any(|part| code.contains(part))
}
