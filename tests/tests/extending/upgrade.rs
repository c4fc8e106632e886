//! A lake and a database that an earlier version has written, before there were weights and returns:
//! see stored/README.md for how they came about.

use std::path::PathBuf;

use shopflow_core::{Dataset, Stage};

use super::shop;
use super::world::{World, products, sales, weighed};

/// The rows of each table on the day before the upgrade.
const ROWS: &str = include_str!("stored/database.jsonl");
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/extending/stored/lake");
/// What the bucket was called.
const LAKE: &str = "shopflow-local-lake-000000000000";
const DDL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sql/ddl");
/// The last migration of then.
const VERSION: usize = 12;

const SILVER: [&str; 4] = ["id", "price", "weight_grams", "_effective_at"];
const VERSIONS: &str = "SELECT product_id, valid_from::date AS day, price, weight_grams, is_current, \
     encode(row_hash, 'hex') AS hash FROM warehouse.dim_product ORDER BY 1, valid_from";

/// The stored state under the code of today, with the tables of the new definitions.
async fn upgraded() -> World {
    let world = World::without_schema().await;
    restore_database(&world).await;
    restore_lake(&world).await;
    world.migrate().await;
    world.client.batch_execute(shop::WEIGHT).await.unwrap();
    world.client.batch_execute(shop::RETURNS).await.unwrap();
    world
}

async fn restore_database(world: &World) {
    let sql = &world.client;
    sql.batch_execute(
        "CREATE TABLE public.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, \
             checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    )
    .await
    .unwrap();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(DDL).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for (at, file) in files.iter().take(VERSION).enumerate() {
        let text = std::fs::read_to_string(file).unwrap();
        sql.batch_execute(&text).await.unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        sql.execute(
            "INSERT INTO public.schema_migrations (version, name, checksum) \
             VALUES ($1, $2, encode(sha256(convert_to($3, 'UTF8')), 'hex'))",
            &[&(at as i32 + 1), &name, &text],
        )
        .await
        .unwrap();
    }
    // Rows come in no order that keys would allow, and together fit to each other.
    let days = "ARRAY['2026-01-01'::date]";
    sql.batch_execute(&format!(
        "SELECT warehouse.create_month_partitions('fact_sales', {days}); \
         SELECT warehouse.create_month_partitions('fact_sessions', {days}); \
         SET session_replication_role = replica"
    ))
    .await
    .unwrap();
    for line in ROWS.replace(LAKE, &world.lake).lines() {
        let stored: serde_json::Value = serde_json::from_str(line).unwrap();
        let (table, rows) = (stored["table"].as_str().unwrap(), stored["rows"].to_string());
        restore_table(world, table, &rows).await;
    }
    // The copies of the files are other versions of the same objects.
    sql.batch_execute(
        "SET session_replication_role = origin; \
         UPDATE ops.lake_queue SET entry = entry #- '{bronze,version_id}'",
    )
    .await
    .unwrap();
}

async fn restore_table(world: &World, table: &str, rows: &str) {
    let sql = &world.client;
    let names = "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), \
             max(attname) FILTER (WHERE attidentity <> '') \
         FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 \
             AND NOT attisdropped AND attgenerated = ''";
    let found = sql.query_one(names, &[&table]).await.unwrap();
    let (names, identity): (String, Option<String>) = (found.get(0), found.get(1));
    sql.batch_execute(&format!("DELETE FROM {table}")).await.unwrap();
    let insert = format!(
        "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE \
         SELECT {names} FROM json_populate_recordset(NULL::{table}, $1::text::json)"
    );
    sql.execute(&insert, &[&rows]).await.unwrap();
    if let Some(identity) = identity {
        let next = format!(
            "SELECT setval(pg_get_serial_sequence('{table}', '{identity}'), max({identity})) \
             FROM {table}"
        );
        sql.batch_execute(&next).await.unwrap();
    }
}

async fn restore_lake(world: &World) {
    let mut folders = vec![PathBuf::from(FILES)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let key = path.strip_prefix(FILES).unwrap().to_str().unwrap();
            let content = std::fs::read(&path).unwrap();
            world.storage.write_all(&world.lake, key, "", content).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_an_earlier_version_are_unchanged_and_its_files_are_read_with_nulls() {
    let world = upgraded().await;
    let versions = world.query(VERSIONS).await;
    let silver = world.lake_rows("silver/products", &SILVER).await;
    assert_eq!((versions.len(), silver.len()), (4, 5), "{versions:?} {silver:?}");

    // The same content in a later file, without the column and with it.
    let same = [(1, "5.00"), (2, "8.00"), (3, "1.00")];
    let ran = world.run("2026-01-20", &[(Dataset::Products, &products(&same))]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Products), (3, 0, 3));
    let empty = same.map(|(id, price)| (id, price, ""));
    let ran = world.run("2026-01-21", &[(Dataset::Products, &weighed(&empty))]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Products), (3, 0, 3));
    assert_eq!(world.query(VERSIONS).await, versions);

    // Bronze of then, merged once more into silver of then.
    let again = "UPDATE ops.lake_queue SET transformed_at = NULL, attempted_at = NULL \
         WHERE run_id NOT LIKE 'run-____-__-__'";
    world.client.batch_execute(again).await.unwrap();
    world.transform("again", false).await.unwrap();
    let merged = world.lake_rows("silver/products", &SILVER).await;
    assert_eq!(merged.len(), silver.len() + 6);
    assert!(silver.iter().all(|row| merged.contains(row)), "{merged:?}");
    world.gold_is_a_rebuild_s().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_later_files_goes_on_from_an_earlier_version_in_any_order() {
    // Two lose what they had, one is as before, one is new.
    let customers = "id,name,email,registration_date,country\n\
                     1,Ada Lovelace,ada@example.com,2024-02-29,GB\n2,Bob Builder,,,\n3,Cem,,,\n";
    let stock = "id,name,category,price\n1,Product 1,toys,6.00\n";
    // The first was the sale of a product.
    let sold = "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price\n\
                1,1,,1,2026-01-02T10:00:00Z,,4.95\n\
                90,3,,1,2026-01-12T10:00:00Z,paypal,4.95\n\
                91,2,1,2,2026-01-25T10:00:00Z,,\n";
    let files: [(&str, Dataset, &str); 3] = [
        ("2026-01-20", Dataset::Customers, customers),
        ("2026-01-21", Dataset::Products, stock),
        ("2026-01-26", Dataset::Transactions, sold),
    ];
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0]] {
        let world = upgraded().await;
        for at in order {
            let (date, dataset, content) = files[at];
            let ran = world.run(date, &[(dataset, content)]).await;
            if dataset == Dataset::Customers {
                assert_eq!(ran.of(Stage::Load, dataset), (3, 2, 1), "{order:?}");
            }
        }
        world.gold_is_a_rebuild_s().await;
        let current = "SELECT id, email, country FROM core.customers ORDER BY 1";
        let suppliers = "SELECT supplier FROM warehouse.dim_product \
             WHERE product_id = 1 AND is_current";
        let facts = "SELECT transaction_id, product_id, amount, payment_method_key IS NULL AS unknown \
             FROM warehouse.sales JOIN warehouse.fact_sales USING (transaction_id, amount) \
             WHERE transaction_id IN (1, 90, 91) ORDER BY 1";
        outcomes.push((
            world.query(current).await,
            world.query(suppliers).await,
            world.query(facts).await,
            world.lake_rows("silver/customers", &["id", "country", "_effective_at"]).await,
        ));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].0, ["1 ada@example.com GB", "2 - -", "3 - -"]);
    assert_eq!(outcomes[0].1, ["-"]);
    assert_eq!(outcomes[0].2, ["1 - 4.95 true", "90 - 4.95 false", "91 1 12.00 true"]);
    assert!(outcomes[0].3.iter().any(|row| row.starts_with("2 - ")), "{:?}", outcomes[0].3);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_files_go_on_from_an_earlier_version_in_any_order() {
    let old = products(&[(1, "6.00"), (2, "8.00")]);
    // Between the files that the earlier version has loaded, and after them.
    let late = weighed(&[(1, "5.00", "250"), (2, "7.50", "90")]);
    let new = weighed(&[(1, "6.50", "260"), (3, "1.00", "")]);
    let sold = sales(&[(90, 1, 1, 12), (91, 2, 2, 25), (92, 1, 3, 26)]);
    let files: [(&str, Dataset, &str); 4] = [
        ("2026-01-20", Dataset::Products, &old),
        ("2026-01-04", Dataset::Products, &late),
        ("2026-01-22", Dataset::Products, &new),
        ("2026-01-27", Dataset::Transactions, &sold),
    ];
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0]] {
        let world = upgraded().await;
        for at in order {
            let (date, dataset, content) = files[at];
            world.run(date, &[(dataset, content)]).await;
        }
        world.gold_is_a_rebuild_s().await;
        let facts =
            "SELECT transaction_id, unit_price, amount FROM warehouse.fact_sales ORDER BY 1";
        let current = "SELECT id, price, weight_grams FROM core.products ORDER BY 1";
        outcomes.push((
            world.query(current).await,
            world.query(VERSIONS).await,
            world.query(facts).await,
            world.lake_rows("silver/products", &SILVER).await,
        ));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].0, ["1 6.50 260", "2 8.00 -", "3 1.00 -"]);
}
