//! Products by the shop's own keys: where a key is a text, the number made of it has nineteen digits
//! that nobody has seen before.

use std::collections::HashMap;

use shopflow_core::natural_key::{LARGEST_NUMBER, NATURAL_KEY, ShownKeys};
use shopflow_core::{Dataset, ErrorKind, Result};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::analytics::Answer;
use crate::local::database;
use crate::table::Table;

/// The column of an answer with the number of a product, and the one with its key.
const NUMBER: &str = "product_id";
pub const KEY: &str = "product_key";

/// True when an answer names a product by a number that was made of its key.
pub fn names_made_numbers(answers: &[Answer]) -> bool {
    answers.iter().any(|answer| !made(&answer.table).is_empty())
}

/// Gives answers that name products by number a column with their keys behind it, where a number was
/// made of one and `permitted` says that it may be shown. Products whose key is a number have that.
///
/// # Errors
/// When Postgres refuses. A login that may not read `core` sees numbers.
pub async fn name_products(
    client: &Client,
    answers: &mut [Answer],
    permitted: &ShownKeys,
) -> Result<()> {
    let mut numbers: Vec<i64> = answers.iter().flat_map(|answer| made(&answer.table)).collect();
    numbers.retain(|number| permitted.shows(Dataset::Products, *number));
    if numbers.is_empty() {
        return Ok(());
    }
    let products = Dataset::Products;
    let sql = format!(
        "SELECT id::text, {NATURAL_KEY} FROM core.{products} \
         WHERE id = ANY($1) AND {NATURAL_KEY} IS NOT NULL"
    );
    let rows = match client.query(&sql, &[&numbers]).await {
        Ok(rows) => rows,
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => return Ok(()),
        Err(error) => {
            return Err(database::refused(ErrorKind::Internal, "read keys of products", error));
        }
    };
    let keys: HashMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for answer in answers {
        add_keys(&mut answer.table, &keys);
    }
    Ok(())
}

/// The table as people read it: a key takes the place of its number.
pub fn shown(table: &Table) -> Table {
    let mut shown = table.clone();
    if shown.column(KEY).is_some()
        && let Some(at) = shown.column(NUMBER)
    {
        shown.columns.remove(at);
        shown.rows.iter_mut().filter(|row| at < row.len()).for_each(|row| drop(row.remove(at)));
    }
    shown
}

/// Numbers of products that stand for a text.
fn made(table: &Table) -> Vec<i64> {
    let numbers =
        (0..table.rows.len()).filter_map(|row| table.cell(row, NUMBER)?.parse::<i64>().ok());
    numbers.filter(|number| *number > LARGEST_NUMBER as i64).collect()
}

fn add_keys(table: &mut Table, keys: &HashMap<String, String>) {
    let Some(at) = table.column(NUMBER).filter(|_| !made(table).is_empty()) else { return };
    table.columns.insert(at + 1, KEY.to_owned());
    for row in &mut table.rows {
        let number = row.get(at).cloned().flatten();
        let key = number.as_ref().and_then(|number| keys.get(number)).cloned();
        row.insert((at + 1).min(row.len()), key.or(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_behind_its_number_and_people_see_it_alone() {
        let mut table = Table::new(&["rank", "product_id", "units"]);
        table.push(["1", "5000000000000000000", "9"].map(str::to_owned));
        table.push(["2", "17", "4"].map(str::to_owned));
        let usual = Table { rows: table.rows[1..].to_vec(), ..table.clone() };
        let keys = HashMap::from([("5000000000000000000".to_owned(), "MUG-1".to_owned())]);
        add_keys(&mut table, &keys);
        assert_eq!(
            table.to_csv().unwrap(),
            "rank,product_id,product_key,units\n1,5000000000000000000,MUG-1,9\n2,17,17,4\n"
        );
        assert_eq!(shown(&table).to_csv().unwrap(), "rank,product_key,units\n1,MUG-1,9\n2,17,4\n");
        // A shop whose keys are numbers has the answers it always had.
        let mut same = usual.clone();
        add_keys(&mut same, &keys);
        assert_eq!((&same, shown(&same)), (&usual, usual.clone()));
    }
}
