//! The right to erasure: the personal values of one customer leave every store, the facts stay
//! under the number (docs/decisions/0023).
//!
//! 1. The values are collected: from Postgres, and from the rows of the customer in every version
//!    of every file.
//! 2. Postgres is erased in one transaction, and change data capture brought up to it.
//! 3. Objects are rewritten, older versions with values removed for good.
//! 4. Manifests and queues follow the rewritten objects.
//! 5. The number goes on the list that `validate` keeps to, so that no later delivery brings values
//!    back.
//! 6. Everything is searched again, and the outcome is the [`Proof`].
//!
//! Each step can be repeated; a second call changes nothing.

pub mod columns;
mod headers;
mod lake;
mod looks;
mod named;
mod objects;
mod own;
pub mod person;
pub mod proof;
mod references;
mod rows;
mod shape;
mod stores;
mod warehouse;

use std::collections::{BTreeMap, BTreeSet};

use chrono::Utc;
use shopflow_core::contract::ErasedCustomers;
use shopflow_core::{Error, Result, keys};
use shopflow_lake::Silver;
use shopflow_postgres::{locks, secret};
use shopflow_privacy::Key;
use tokio_postgres::Client;

use self::person::Needles;
pub use self::person::Values;
pub use self::proof::Proof;
use self::proof::Search;
use crate::target::Target;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub customer: i64,
    /// Names the proof.
    pub request_id: String,
    /// Nothing is changed, only searched.
    pub dry_run: bool,
}

/// Erases a customer; the proof, which also lies in the reports bucket unless this changed nothing
/// that was proved before.
///
/// # Errors
/// `InvalidInput` while a run is under way; `Transient.*`; `Internal` when an object cannot be
/// rewritten.
pub async fn erase(target: &Target, request: &Request) -> Result<Proof> {
    let started_at = Utc::now();
    stores::check_at_rest(target).await?;
    let mut client = target.database().await?;
    lock(&client).await?;
    let key = key(target).await?;
    // The policies that silver is made by.
    let settings = target.settings("transform").await?;
    let silver = Silver::new(&settings.privacy, key.clone());
    // Before uploads are rewritten, which have them.
    let headers = headers::of_customers(target).await?;
    let forms = (&settings.natural_keys, &headers, &silver);
    let stores = stores::Stores::new(target, request.customer, forms)?;

    let mut values = warehouse::values(&client, request.customer).await?;
    values.extend(stores.collect().await?);
    let shared = warehouse::of_others(&client, request.customer, &values).await?;
    let searched = proof::Searched {
        names: values.names.len() as u64,
        emails: values.emails.len() as u64,
        shared_with_others: shared.all().count() as u64,
        hashes: values.all().map(|value| key.hash(None, value)).collect(),
    };
    values.names.retain(|name| !shared.names.contains(name));
    values.emails.retain(|email| !shared.emails.contains(email));
    let needles = Needles::new(&values)?;

    let of = (request.request_id.as_str(), request.customer);
    let tables = warehouse::erase(&mut client, of, &needles, request.dry_run).await?;
    if !request.dry_run {
        warehouse::vacuum(&client, &tables).await?;
        stores::capture_changes(target, &client).await?;
    }
    let erased = stores.erase(&needles, request.dry_run).await?;
    let mut proof = Proof {
        request_id: request.request_id.clone(),
        customer_id: request.customer,
        environment: target.stack.environment().to_owned(),
        started_at,
        finished_at: started_at,
        dry_run: request.dry_run,
        values: searched,
        objects: erased.folders,
        tables,
        references: 0,
        search: Search::default(),
        not_searched: not_searched(),
    };
    if !request.dry_run {
        list(target, &client).await?;
        proof.references = settle(target, &client, &erased.changes).await?;
        proof.search = search(&client, &stores, request.customer, &needles).await?;
    }
    proof.finished_at = Utc::now();
    if !request.dry_run {
        publish(target, &client, &proof).await?;
    }
    Ok(proof)
}

async fn settle(target: &Target, client: &Client, rewritten: &BTreeSet<String>) -> Result<u64> {
    let storage = target.storage();
    let (landing, lake) = (target.stack.landing()?, target.stack.lake()?);
    let entries = references::settle(&storage, (landing, lake), client).await?;
    Ok(entries + lake::settle_changes(&storage, lake, client, rewritten).await?)
}

async fn search(
    client: &Client,
    stores: &stores::Stores<'_>,
    customer: i64,
    needles: &Needles,
) -> Result<Search> {
    let (in_tables, tables) = warehouse::search(client, customer, needles).await?;
    let again = stores.search(needles).await?;
    let in_tables: BTreeMap<String, u64> = in_tables;
    Ok(Search {
        versions: again.versions,
        bytes: again.bytes,
        tables,
        found: again.found + in_tables.values().sum::<u64>(),
        places: again.places.into_iter().chain(in_tables.into_keys()).collect(),
    })
}

/// Adds the customers of `ops.erasures` to the list of erased ones. Nobody leaves the list, since a
/// database that was restored may not know them any more.
async fn list(target: &Target, client: &Client) -> Result<()> {
    let (storage, reports) = (target.storage(), target.stack.reports()?);
    let known: Option<(ErasedCustomers, _)> =
        storage.read_json_if_exists(reports, keys::ERASED_CUSTOMERS).await?;
    let known = known.map(|(known, _)| known).unwrap_or_default();
    let mut all = warehouse::erased(client).await?;
    all.add(&known);
    if all != known {
        storage.write_json(reports, keys::ERASED_CUSTOMERS, &all).await?;
    }
    Ok(())
}

/// A proof of the same request stays where nothing was left to do.
async fn publish(target: &Target, client: &Client, proof: &Proof) -> Result<()> {
    let (storage, reports) = (target.storage(), target.stack.reports()?);
    let key = keys::erasure(&proof.request_id);
    let known = storage.read_json_if_exists::<Proof>(reports, &key).await?;
    let holds = known.is_some_and(|(known, _)| known.search.found == 0);
    if !holds || proof.changed() || proof.search.found > 0 {
        storage.write_json(reports, &key, proof).await?;
    }
    let proved = proof.search.found == 0;
    client
        .execute(
            "UPDATE ops.erasures SET proof = $2,
                 proved_at = CASE WHEN $3 THEN clock_timestamp() ELSE NULL END
             WHERE request_id = $1",
            &[&proof.request_id, &key, &proved],
        )
        .await
        .map_err(|error| {
            crate::local::database::refused(
                shopflow_core::ErrorKind::TransientDatabase,
                "note the proof",
                error,
            )
        })?;
    Ok(())
}

/// Held until the connection ends: nobody loads customers or makes silver meanwhile.
async fn lock(client: &Client) -> Result<()> {
    let row = client
        .query_one(
            "SELECT pg_try_advisory_lock($1) AND pg_try_advisory_lock($2)",
            &[&locks::TRANSFORM, &locks::LOAD],
        )
        .await
        .map_err(|error| {
            crate::local::database::refused(
                shopflow_core::ErrorKind::TransientDatabase,
                "lock transform",
                error,
            )
        })?;
    if row.get(0) {
        return Ok(());
    }
    Err(Error::invalid("a run loads or transforms data at this moment")
        .hint("wait until `cargo shopflow status` shows none running"))
}

async fn key(target: &Target) -> Result<Key> {
    let id = target.stack.output("PrivacyKeySecretArn")?;
    let text = secret::read(&target.aws, id).await?;
    Key::new(text.as_bytes()).map_err(|error| Error::invalid(error.to_string()).with("secret", id))
}

fn not_searched() -> Vec<String> {
    [
        "logs: the functions write no values, and logs expire with the stack's retention",
        "backups and write-ahead log of Postgres: until they expire",
        "copies that somebody made outside the stack",
    ]
    .map(str::to_owned)
    .to_vec()
}
