//! The columns of a dataset in staging, in `core` and in its history, as its definition has them.

use shopflow_core::dataset::{Column, Kind, Role};
use shopflow_core::{Dataset, Error, Result};
use shopflow_postgres::{Client, PgResultExt};

/// How a column is staged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    BigInt,
    Integer,
    Date,
    Timestamp,
    Price,
    /// A whole number of either sign.
    Units,
    /// Money, or a share, with four places.
    Amount,
    /// Money of either sign with four places.
    Money,
    /// A rate with eight places.
    Rate,
    Text,
    /// A name that is stored as the key of its row in a lookup table.
    Key,
}

impl Target {
    /// How `column` is staged; `keyed` tells whether names of lookup tables come as keys.
    pub fn of(column: &Column, keyed: bool) -> Target {
        match column.kind {
            _ if keyed && column.lookup.is_some() => Target::Key,
            Kind::Id | Kind::Reference(_) => Target::BigInt,
            Kind::Quantity => Target::Integer,
            Kind::Date => Target::Date,
            Kind::Timestamp => Target::Timestamp,
            Kind::Price => Target::Price,
            Kind::Units => Target::Units,
            Kind::Amount | Kind::Discount => Target::Amount,
            Kind::Money => Target::Money,
            Kind::Rate => Target::Rate,
            Kind::Uuid
            | Kind::Text(_)
            | Kind::Email
            | Kind::Country
            | Kind::Currency
            | Kind::OneOf(_) => Target::Text,
        }
    }

    /// The column type in the staging table.
    pub fn sql_type(self) -> &'static str {
        match self {
            Target::BigInt => "bigint",
            Target::Integer | Target::Units => "integer",
            Target::Date => "date",
            Target::Timestamp => "timestamptz",
            Target::Price | Target::Amount | Target::Money | Target::Rate => "numeric",
            Target::Text => "text",
            Target::Key => "smallint",
        }
    }
}

/// A name as SQL writes it.
pub fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// True when the names of lookup tables are staged as keys: events are many and narrow.
pub fn is_keyed(dataset: Dataset) -> bool {
    matches!(dataset.role(), Role::Event(_))
}

/// What a column is called in the table of `core`.
pub fn stored_name(column: &Column) -> &'static str {
    column.lookup.map_or(column.name, |lookup| lookup.key)
}

/// The columns besides the id that the table of `core` takes from staged events, quoted.
pub fn of_events(dataset: Dataset) -> Vec<String> {
    let own = dataset.columns().iter().skip(1).map(|column| quoted(stored_name(column)));
    own.chain([quoted("extra")]).collect()
}

/// Looks whether `core` has every column of the dataset. A column of the definition that it lacks
/// would be taken out of the columns nobody knows (`extra`) and be stored nowhere.
///
/// # Errors
/// `Internal` with what is missing, `Transient.Database`.
pub async fn check(client: &Client, dataset: Dataset) -> Result<()> {
    let table = dataset.name();
    let mut expected: Vec<(&str, &str)> = Vec::new();
    let all = || dataset.columns().iter();
    expected.extend(all().map(|column| (table, stored_name(column))));
    match dataset.role() {
        Role::Entity(entity) => {
            expected.extend(all().map(|column| (entity.history, column.name)));
        }
        Role::Event(event) => {
            let Some(history) = event.history else { return Ok(()) };
            expected.extend(all().map(|column| (history, stored_name(column))));
        }
    }
    let (tables, columns): (Vec<&str>, Vec<&str>) = expected.into_iter().unzip();
    let missing = client
        .query(
            "SELECT e.table_name || '.' || e.column_name \
             FROM unnest($1::text[], $2::text[]) WITH ORDINALITY \
                 AS e (table_name, column_name, place) \
             WHERE NOT EXISTS (SELECT FROM pg_attribute a \
                 WHERE a.attrelid = to_regclass('core.' || quote_ident(e.table_name)) \
                     AND a.attname = e.column_name AND a.attnum > 0 AND NOT a.attisdropped) \
             ORDER BY e.place",
            &[&tables, &columns],
        )
        .await
        .or_db("compare columns with core")?;
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<String> =
        missing.iter().map(|row| format!("core.{}", row.get::<_, &str>(0))).collect();
    Err(Error::internal("the database lacks columns of the dataset")
        .with("dataset", dataset)
        .with("columns", missing.join(", "))
        .hint("add a migration to sql/ddl that adds them"))
}
