//! Postgres without the values of a customer: the known columns by number, every other text by
//! search.

use std::collections::BTreeMap;

use shopflow_core::contract::ErasedCustomers;
use shopflow_core::dataset::{Dimension, Made};
use shopflow_core::{Dataset, Error, ErrorKind, Result};
use shopflow_postgres::dimensions::Star;
use tokio_postgres::{Client, GenericClient, Transaction};

use super::own;
use super::person::{self, Needles, Values};

/// The schemas that hold anything of the shop.
const SCHEMAS: &str = "'core', 'warehouse', 'ops', 'stream', 'features'";

/// Without the server's words, which could quote a value.
fn failed(what: &str, error: tokio_postgres::Error) -> Error {
    let code = error.code().map_or("none: the connection broke", |code| code.code());
    Error::new(ErrorKind::TransientDatabase, format!("{what} failed")).with("sqlstate", code)
}

/// What Postgres knows of the customer.
///
/// # Errors
/// `Transient.Database`.
pub async fn values(client: &Client, customer: i64) -> Result<Values> {
    let mut values = Values::default();
    for (column, _) in own::personal(customer) {
        let name = column.name;
        let sql = format!(
            "SELECT \"{name}\" FROM core.customers WHERE id = $1
             UNION SELECT \"{name}\" FROM core.customer_history WHERE id = $1"
        );
        let rows = client.query(&sql, &[&customer]).await;
        for row in rows.map_err(|error| failed("read the customer", error))? {
            values.add(column, row.get::<_, Option<&str>>(0).unwrap_or_default());
        }
    }
    Ok(values)
}

/// All customers that were ever asked to be erased, with the latest moment.
///
/// # Errors
/// `Transient.Database`.
pub async fn erased(client: &Client) -> Result<ErasedCustomers> {
    let sql = "SELECT customer_id, max(requested_at) FROM ops.erasures GROUP BY 1";
    let rows = client.query(sql, &[]).await.map_err(|error| failed("read erasures", error))?;
    let customers =
        rows.iter().filter_map(|row| Some((u64::try_from(row.get::<_, i64>(0)).ok()?, row.get(1))));
    Ok(ErasedCustomers { customers: customers.collect() })
}

/// Those of `values` that other customers have too, or that a thing is called.
///
/// # Errors
/// `Transient.Database`.
pub async fn of_others(client: &Client, customer: i64, values: &Values) -> Result<Values> {
    let mut others = Values::default();
    let things = "UNION ALL SELECT 0, name FROM core.products
                  UNION ALL SELECT 0, name FROM core.product_history
                  UNION ALL SELECT 0, name FROM core.suppliers
                  UNION ALL SELECT 0, name FROM core.countries";
    for (column, of, things) in [("name", &values.names, things), ("email", &values.emails, "")] {
        let wanted: Vec<String> = of.iter().map(|value| value.to_lowercase()).collect();
        let sql = format!(
            "SELECT DISTINCT lower({column}) FROM (
                 SELECT id, {column} FROM core.customers
                 UNION ALL SELECT id, {column} FROM core.customer_history {things}
             ) AS known WHERE id <> $1 AND lower({column}) = ANY ($2)"
        );
        let rows = client.query(&sql, &[&customer, &wanted]).await;
        for row in rows.map_err(|error| failed("compare with other customers", error))? {
            let lower: String = row.get(0);
            let shared = of.iter().filter(|value| value.to_lowercase() == lower).cloned();
            match column {
                "name" => others.names.extend(shared),
                _ => others.emails.extend(shared),
            }
        }
    }
    Ok(others)
}

/// Erases the customer in one transaction; rows changed by table. With `dry_run` it is rolled back.
///
/// # Errors
/// `Transient.Database`.
pub async fn erase(
    client: &mut Client,
    (request, customer): (&str, i64),
    needles: &Needles,
    dry_run: bool,
) -> Result<BTreeMap<String, u64>> {
    let transaction = client.transaction().await.map_err(|error| failed("begin erasure", error))?;
    let mut changed = own_rows(&transaction, customer).await?;
    if changed.values().any(|rows| *rows > 0) {
        transaction
            .execute(
                "INSERT INTO ops.dirty_entities (dataset, id, since) VALUES ('customers', $1, '-infinity')
                 ON CONFLICT (dataset, id) DO UPDATE
                 SET marked_at = clock_timestamp(), since = excluded.since",
                &[&customer],
            )
            .await
            .map_err(|error| failed("mark the customer for the dimensions", error))?;
    }
    if let Some(pattern) = needles.sql() {
        for table in texts(&transaction).await? {
            let rows = table.replace(&transaction, pattern).await?;
            *changed.entry(table.name).or_default() += rows;
        }
    }
    if dry_run {
        transaction.rollback().await.map_err(|error| failed("roll back the rehearsal", error))?;
        return Ok(changed);
    }
    transaction
        .execute(
            "INSERT INTO ops.erasures (request_id, customer_id) VALUES ($1, $2)
             ON CONFLICT (request_id) DO NOTHING",
            &[&request, &customer],
        )
        .await
        .map_err(|error| failed("note the request", error))?;
    transaction.commit().await.map_err(|error| failed("commit erasure", error))?;
    Ok(changed)
}

async fn own_rows(transaction: &Transaction<'_>, customer: i64) -> Result<BTreeMap<String, u64>> {
    let mut changed = BTreeMap::new();
    for (table, further) in
        [("core.customers", ", updated_at = clock_timestamp()"), ("core.customer_history", "")]
    {
        let (set, hash, differs) =
            (own::set(customer), own::row_hash(customer), own::differs(customer));
        let sql = format!(
            "UPDATE {table} SET {set}, extra = NULL, row_hash = {hash}{further}
             WHERE id = $1 AND row_hash IS NOT NULL
               AND ({differs} OR extra IS NOT NULL OR row_hash <> {hash})"
        );
        let rows = transaction.execute(&sql, &[&customer]).await;
        let rows = rows.map_err(|error| failed("erase the customer's rows", error))?;
        changed.insert(table.to_owned(), rows);
    }
    let Some(star) = Star::of(Dataset::Customers) else { return Ok(changed) };
    let domains = || star.attributes().filter(|attribute| attribute.made == Made::Domain);
    for attribute in domains() {
        let Dimension { table, id, .. } = star.dimension;
        let name = attribute.name;
        // The row as it will be, to be hashed as transform does it.
        let new: Vec<String> = star
            .attributes()
            .map(|it| {
                if it == attribute {
                    format!("$2::text AS {name}")
                } else {
                    format!("d.{}", it.name)
                }
            })
            .collect();
        let sql = format!(
            "UPDATE warehouse.{table} AS d
             SET {name} = $2, row_hash = (SELECT {hash} FROM (SELECT {new}) AS e)
             WHERE d.{id} = $1 AND d.{name} <> $2",
            hash = star.hash("e."),
            new = new.join(", "),
        );
        let rows = transaction.execute(&sql, &[&customer, &person::DOMAIN]).await;
        let rows = rows.map_err(|error| failed("erase the customer's dimension", error))?;
        *changed.entry(format!("warehouse.{table}")).or_default() += rows;
    }
    Ok(changed)
}

/// A table or view with text in it.
#[derive(Debug)]
struct Texts {
    name: String,
    is_table: bool,
    /// Name and type of each column.
    columns: Vec<(String, String)>,
}

async fn texts(client: &impl GenericClient) -> Result<Vec<Texts>> {
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, c.relname), c.relkind <> 'm',
                array_agg(quote_ident(a.attname) ORDER BY a.attnum),
                array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
         FROM pg_class AS c
         JOIN pg_namespace AS n ON n.oid = c.relnamespace
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE n.nspname IN ({SCHEMAS}) AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition
           AND a.attgenerated = '' AND a.atttypid IN ('text'::regtype, 'varchar'::regtype,
               'json'::regtype, 'jsonb'::regtype, 'text[]'::regtype)
         GROUP BY 1, 2 ORDER BY 1"
    );
    let rows = client.query(&sql, &[]).await.map_err(|error| failed("list tables", error))?;
    let texts = rows.iter().map(|row| {
        let (names, types): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
        Texts {
            name: row.get(0),
            is_table: row.get(1),
            columns: names.into_iter().zip(types).collect(),
        }
    });
    Ok(texts.collect())
}

impl Texts {
    fn condition(&self) -> String {
        let columns = self.columns.iter().map(|(name, _)| format!("{name}::text ~* $1"));
        columns.collect::<Vec<_>>().join(" OR ")
    }

    /// Erases the values wherever they stand; the rows that had some.
    async fn replace(&self, transaction: &Transaction<'_>, pattern: &str) -> Result<u64> {
        if !self.is_table {
            return Ok(0);
        }
        let set = self.columns.iter().map(|(name, data_type)| {
            format!(
                "{name} = regexp_replace({name}::text, $1, '{}', 'gi')::{data_type}",
                person::NAME
            )
        });
        let set = set.collect::<Vec<_>>().join(", ");
        let sql = format!("UPDATE {} SET {set} WHERE {}", self.name, self.condition());
        let rows = transaction.execute(&sql, &[&pattern]).await;
        rows.map_err(|error| failed("erase values in a table", error).with("table", &self.name))
    }
}

/// Rows that still have values of the customer, by table, and how many tables were searched.
///
/// # Errors
/// `Transient.Database`.
pub async fn search(
    client: &Client,
    customer: i64,
    needles: &Needles,
) -> Result<(BTreeMap<String, u64>, u64)> {
    let mut found = BTreeMap::new();
    let tables = texts(client).await?;
    if let Some(pattern) = needles.sql() {
        for table in &tables {
            let sql = format!("SELECT count(*) FROM {} WHERE {}", table.name, table.condition());
            let row = client.query_one(&sql, &[&pattern]).await;
            let row =
                row.map_err(|error| failed("search a table", error).with("table", &table.name))?;
            found.insert(table.name.clone(), row.get::<_, i64>(0).max(0).cast_unsigned());
        }
    }
    for table in ["core.customers", "core.customer_history"] {
        let differs = own::differs(customer);
        let sql = format!("SELECT count(*) FROM {table} WHERE id = $1 AND ({differs})");
        let row = client.query_one(&sql, &[&customer]).await;
        let row = row.map_err(|error| failed("search the customer's rows", error))?;
        *found.entry(table.to_owned()).or_default() += row.get::<_, i64>(0).max(0).cast_unsigned();
    }
    found.retain(|_, rows| *rows > 0);
    Ok((found, tables.len() as u64))
}

/// Takes the old rows from the pages of the tables; until then they are there for whoever reads
/// the files of the server.
///
/// # Errors
/// `Transient.Database`.
pub async fn vacuum(client: &Client, tables: &BTreeMap<String, u64>) -> Result<()> {
    for (table, _) in tables.iter().filter(|(_, rows)| **rows > 0) {
        let vacuumed = client.batch_execute(&format!("VACUUM {table}")).await;
        vacuumed.map_err(|error| failed("vacuum a table", error).with("table", table))?;
    }
    Ok(())
}
