//! The migrated database: its tables, views and foreign keys, and the scripts of the warehouse.

use std::collections::BTreeMap;

use shopflow_postgres::Database as Postgres;
use shopflow_postgres::dimensions::{self, Star};
use tokio_postgres::Client;

use super::sql::Database;

/// The statements that fill the warehouse, in the order `transform` runs them. Those that bring
/// single facts in step with a changed history are left out: they end in what these write.
fn scripts() -> Vec<String> {
    let file = |sql: &str| sql.to_owned();
    let stars = dimensions::all();
    let mut scripts = vec![
        file(include_str!("../../../../../sql/warehouse/pending.sql")),
        dimensions::mark_all(),
        file(include_str!("../../../../../sql/warehouse/pending_full.sql")),
        dimensions::PREPARE.to_owned(),
    ];
    scripts.extend(stars.iter().map(Star::changes));
    scripts.push(file(include_str!("../../../../../sql/warehouse/payment_methods.sql")));
    scripts.push(file(include_str!("../../../../../sql/warehouse/pending_rates.sql")));
    scripts.push(dimensions::BEGIN.to_owned());
    scripts.extend(stars.iter().map(Star::update));
    scripts.push(dimensions::END.to_owned());
    scripts.push(file(include_str!("../../../../../sql/warehouse/dates.sql")));
    scripts.push(file(include_str!("../../../../../sql/warehouse/fact_sales.sql")));
    scripts
}

/// A table or view as it is after every migration.
#[derive(Debug)]
pub struct Table {
    pub name: String,
    /// Name and type.
    pub columns: Vec<(String, String)>,
    /// Query of a view.
    pub view: Option<String>,
    /// Column, and the table and column it refers to.
    pub references: BTreeMap<String, (String, String)>,
}

/// The migrated database.
pub struct Schema {
    /// Tables and views of `core`, `warehouse` and `ops`.
    pub tables: Vec<Table>,
    /// Name and query of the functions of `warehouse` that read tables; one that another calls comes
    /// first.
    functions: Vec<(String, String)>,
}

/// Migrates a database and reads what it has.
pub async fn schema() -> Schema {
    let (settings, client) = shopflow_testkit::database().await;
    let database = Postgres::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    let mut connection = database.connect().await.unwrap();
    database.migrate(&mut connection).await.unwrap();
    Schema { tables: tables(&client).await, functions: functions(&client).await }
}

async fn functions(client: &Client) -> Vec<(String, String)> {
    let sql = "
        SELECT n.nspname || '.' || p.proname, p.prosrc
        FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        JOIN pg_language AS l ON l.oid = p.prolang
        WHERE n.nspname = 'warehouse' AND l.lanname = 'sql' AND p.prosrc ~ '\\mFROM\\M'
        ORDER BY p.oid";
    let rows = client.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn tables(client: &Client) -> Vec<Table> {
    let sql = "
        SELECT n.nspname || '.' || c.relname, pg_get_viewdef(c.oid),
               array_agg(a.attname::text ORDER BY a.attnum),
               array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
        FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE n.nspname IN ('core', 'warehouse', 'ops') AND c.relkind IN ('r', 'p', 'v', 'm')
              AND NOT c.relispartition
        GROUP BY c.oid, n.nspname, c.relname
        ORDER BY 1";
    let keys = "
        SELECT k.conrelid::regclass::text, a.attname::text, k.confrelid::regclass::text,
               f.attname::text
        FROM pg_constraint AS k
        JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_attribute AS f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
        WHERE k.contype = 'f' AND cardinality(k.conkey) = 1";
    let keys = client.query(keys, &[]).await.unwrap();
    let tables = client.query(sql, &[]).await.unwrap();
    tables
        .iter()
        .map(|row| {
            let name: String = row.get(0);
            let (names, types): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
            let own = keys.iter().filter(|key| key.get::<_, &str>(0) == name);
            let references = own.map(|key| (key.get(1), (key.get(2), key.get(3)))).collect();
            let columns = names.into_iter().zip(types).collect();
            Table { name, columns, view: row.get(1), references }
        })
        .collect()
}

/// The lineage of what scripts and views read and write.
pub fn lineage(schema: &Schema) -> Database {
    let Schema { tables, functions } = schema;
    let mut database = Database::default();
    for table in tables {
        database.add(&table.name, table.columns.iter().map(|(name, _)| name.clone()));
    }
    for (name, query) in functions {
        database.function(name, query);
    }
    for script in scripts() {
        database.script(&script);
    }
    for table in tables {
        let reported = table.name.starts_with("warehouse.");
        if let Some(view) = table.view.as_ref().filter(|_| reported) {
            database.view(&table.name, view.trim_end().trim_end_matches(';'));
        }
    }
    database
}
