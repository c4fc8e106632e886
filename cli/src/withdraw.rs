//! Takes sales back: they count no longer, and the history keeps what they were.
//!
//! A withdrawal is a file like any other: the chosen sales as core has them, with the status
//! `cancelled`, land under `incoming/` and go through the pipeline. So the ledger counts them, silver
//! and gold follow, and a later file can bring them back.

mod selection;

use bytes::BytesMut;
use futures::TryStreamExt;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use shopflow_core::dataset::{Column, Kind};
use shopflow_core::natural_key::{Form, NATURAL_KEY, NaturalKeys};
use shopflow_core::{Dataset, Error, ObjectRef, Result, keys};
use shopflow_postgres::PgResultExt;
use tokio_postgres::Client;

use crate::execution::Execution;
use crate::target::Target;
pub use selection::{Choice, Period};

/// What becomes of the sales.
const CANCELLED: &str = "cancelled";
/// Attempts at the same sales whose runs failed.
const MAX_ATTEMPTS: u32 = 99;

/// The sales that a choice finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    pub sales: u64,
    /// Days of the first and the last one in the shop's zone; absent when there are none.
    pub first: Option<String>,
    pub last: Option<String>,
    /// What they brought, as the warehouse has it.
    pub revenue: String,
    #[serde(skip)]
    digest: String,
}

/// Sales that are about to be taken back.
#[derive(Debug)]
pub struct Withdrawal {
    client: Client,
    natural_keys: NaturalKeys,
    pub found: Found,
}

/// Finds the sales.
///
/// # Errors
/// `InvalidInput` when the choice is empty or names a file that core does not know, or the settings of
/// the functions are wrong; `Transient.*`.
pub async fn find(target: &Target, choice: &Choice) -> Result<Withdrawal> {
    // `validate` makes the ids of the keys again.
    let settings = target.settings("validate").await?;
    let client = target.database().await?;
    let zone = &settings.business.time_zone;
    selection::select(&client, target.stack.landing()?, zone, choice).await?;
    let found = found(&client, zone).await?;
    Ok(Withdrawal { client, natural_keys: settings.natural_keys, found })
}

impl Withdrawal {
    /// Lands the sales and starts the run that takes them back, or finds the one that an earlier call
    /// started, or another at the same moment ([`Execution::is_started_here`]).
    ///
    /// # Errors
    /// `InvalidInput` when the keys of sales cannot be written as files have them; `Transient.*`.
    pub async fn start(&self, target: &Target) -> Result<Execution> {
        let (sfn, machine) = (target.sfn(), target.stack.pipeline()?);
        for attempt in 1..=MAX_ATTEMPTS {
            let name = format!("withdraw-{}-{attempt}", self.found.digest);
            let execution = Execution::named(&sfn, machine, &name);
            match execution.find().await? {
                Some(outcome) if outcome.is_running() => return Ok(execution),
                // It failed, or a later file has brought the sales back.
                Some(_) => {}
                None => {
                    let object = self.land(target, &name).await?;
                    let input = json!({"source": {"kind": "objects", "objects": [object]}});
                    let input = input.to_string();
                    return Execution::start_or_join(&sfn, machine, &name, &input).await;
                }
            }
        }
        Err(Error::invalid("these sales were withdrawn too often without success")
            .with("attempts", MAX_ATTEMPTS)
            .hint("look at the last run with `cargo shopflow status`"))
    }

    async fn land(&self, target: &Target, run_id: &str) -> Result<ObjectRef> {
        let dataset = Dataset::Transactions;
        let statement = statement(dataset, &self.natural_keys);
        self.check_keys(dataset).await?;
        let key = keys::generated(dataset, run_id, 0);
        let mut writer = target
            .storage()
            .write(target.stack.landing()?, &key, "text/csv")
            .metadata(keys::RUN_METADATA, run_id);
        let rows = self.client.copy_out(&statement).await.or_db("read sales")?;
        let mut rows = std::pin::pin!(rows);
        let mut piece = BytesMut::new();
        while let Some(row) = rows.try_next().await.or_db("read sales")? {
            piece.extend_from_slice(&row);
            if piece.len() >= 1 << 20 {
                writer.write(&piece.split()).await?;
            }
        }
        writer.write(&piece).await?;
        Ok(writer.finish().await?.reference())
    }

    /// A customer or product that only a sale has named is known by the number alone, and so is one who
    /// was erased: no file can say which key it was made of.
    async fn check_keys(&self, dataset: Dataset) -> Result<()> {
        for (column, of) in dataset.definition().references() {
            if self.natural_keys.of(of) != Form::Text {
                continue;
            }
            let name = column.name;
            let unknown = format!(
                "SELECT count(*) FROM pg_temp.withdrawn w JOIN core.{dataset} t USING (id) \
                 JOIN core.{of} e ON e.id = t.{name} WHERE e.natural_key IS NULL AND e.id > $1"
            );
            let largest = shopflow_core::natural_key::LARGEST_NUMBER as i64;
            let row = self.client.query_one(&unknown, &[&largest]).await.or_db("look for keys")?;
            let rows: i64 = row.get(0);
            if rows > 0 {
                return Err(Error::invalid("the keys that sales refer to are not known")
                    .with("column", name)
                    .with("sales", rows)
                    .hint(format!(
                        "load the file of {of} first; sales of an erased customer cannot be taken \
                         back"
                    )));
            }
        }
        Ok(())
    }
}

async fn found(client: &Client, zone: &str) -> Result<Found> {
    // Facts are found by the day of their partition.
    let row = client
        .query_one(
            "SELECT count(*), min((t.\"timestamp\" AT TIME ZONE $1)::date)::text, \
                 max((t.\"timestamp\" AT TIME ZONE $1)::date)::text, \
                 coalesce(sum(f.amount), 0)::numeric(38, 2)::text, \
                 coalesce(sum(t.id::numeric), 0)::text, coalesce(bit_xor(t.row_hash), 0) \
             FROM pg_temp.withdrawn w JOIN core.transactions t USING (id) \
             LEFT JOIN warehouse.fact_sales f ON f.transaction_id = t.id \
                 AND f.date_key = to_char(t.\"timestamp\" AT TIME ZONE 'UTC', 'YYYYMMDD')::int",
            &[&zone],
        )
        .await
        .or_db("count sales")?;
    let (sales, ids, hashes): (i64, String, i64) = (row.get(0), row.get(4), row.get(5));
    let digest = Sha256::digest(format!("{sales} {ids} {hashes}"));
    Ok(Found {
        sales: sales.max(0) as u64,
        first: row.get(1),
        last: row.get(2),
        revenue: row.get(3),
        digest: hex::encode(&digest[..8]),
    })
}

/// The chosen sales as a CSV file of the dataset.
fn statement(dataset: Dataset, natural_keys: &NaturalKeys) -> String {
    let form = natural_keys.of(dataset);
    let (mut columns, mut joins) = (Vec::new(), String::new());
    for column in dataset.columns().iter().filter(|column| is_written(column, &form)) {
        let name = column.name;
        let stored = format!("t.\"{name}\"");
        let value = match (column.kind, column.lookup) {
            (_, Some(lookup)) => {
                let (table, key) = (lookup.table, lookup.key);
                joins.push_str(&format!(
                    " LEFT JOIN core.{table} {name}_of ON {name}_of.{key} = t.{key}"
                ));
                format!("{name}_of.name")
            }
            (Kind::Id, None) if form == Form::Text => {
                format!("coalesce(t.{NATURAL_KEY}, t.id::text)")
            }
            (Kind::Reference(of), None) if natural_keys.of(of) == Form::Text => {
                joins.push_str(&format!(
                    " LEFT JOIN core.{of} {name}_of ON {name}_of.id = {stored}"
                ));
                format!("coalesce({name}_of.{NATURAL_KEY}, {stored}::text)")
            }
            (Kind::Timestamp, None) => {
                format!("to_char({stored} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            }
            // What is negative counts whatever its status says (docs/decisions/0038-a-sale-as-it-was.md).
            (Kind::Units, None) => format!("abs({stored})"),
            _ if name == "status" => format!("'{CANCELLED}'"),
            _ => stored,
        };
        columns.push(format!("{value} AS \"{name}\""));
    }
    format!(
        "COPY (SELECT {} FROM pg_temp.withdrawn w JOIN core.{dataset} t USING (id){joins} \
         ORDER BY t.id) TO STDOUT (FORMAT csv, HEADER)",
        columns.join(", ")
    )
}

/// Shares and sums cannot stand in one file, and what is cancelled has no discount; what is made of
/// the key is made of it again.
fn is_written(column: &Column, form: &Form) -> bool {
    let is_made = form.makes(column) || column.name == NATURAL_KEY;
    column.kind != Kind::Discount && !is_made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_is_written_with_all_that_it_has_but_its_discount() {
        let text = statement(Dataset::Transactions, &NaturalKeys::default());
        for column in Dataset::Transactions.columns() {
            let is_written = text.contains(&format!(" AS \"{}\"", column.name));
            let is_left_out = matches!(column.name, "discount" | NATURAL_KEY);
            assert_eq!(is_written, !is_left_out, "{}: {text}", column.name);
        }
        let money = "t.\"tax\" AS \"tax\", t.\"shipping\" AS \"shipping\", t.\"currency\"";
        assert!(text.contains(money), "{text}");
    }
}
