//! Upgrades from every earlier version of the schema, with data in it.

use sha2::{Digest, Sha256};
use shopflow_postgres::Database;
use tokio_postgres::Client;

/// The published migrations that an upgrade can start from.
const PUBLISHED: [(&str, &str); 3] = [
    ("0001_core", include_str!("../../../../sql/ddl/0001_core.sql")),
    ("0002_warehouse", include_str!("../../../../sql/ddl/0002_warehouse.sql")),
    ("0003_ops", include_str!("../../../../sql/ddl/0003_ops.sql")),
];

/// Two customers, one product and three sales from two files; sale 3 has been updated.
const DATA: &str = "
    INSERT INTO core.countries VALUES ('DE'), ('XX');
    INSERT INTO core.categories (name) VALUES ('books');
    INSERT INTO core.suppliers (name) VALUES ('Lux');
    INSERT INTO core.payment_methods (name) VALUES ('paypal');
    INSERT INTO core.customers (id, name, email, registration_date, country, row_hash,
        effective_at, source_modified_at, source_version_id, source_run_id)
    VALUES (1, 'Ann', 'a@example.com', '2024-01-01', 'DE', '\\x01', '2026-01-01', '2026-01-01', 'v', 'r1'),
           (2, 'Bob', 'b@example.com', '2024-01-01', 'XX', '\\x02', '2026-01-01', '2026-01-01', 'v', 'r1');
    INSERT INTO core.customer_history
    SELECT id, effective_at, name, email, registration_date, country, row_hash,
           source_modified_at, source_version_id, source_run_id FROM core.customers;
    INSERT INTO core.products (id, name, category_id, price, supplier_id, row_hash,
        effective_at, source_modified_at, source_version_id, source_run_id)
    VALUES (1, 'Lamp', 1, 9.99, 1, '\\x03', '2026-01-01', '2026-01-01', 'v', 'r1');
    INSERT INTO core.transactions (id, customer_id, product_id, quantity, \"timestamp\",
        payment_method_id, row_hash, row_version, effective_at, source_modified_at,
        source_version_id, source_run_id, created_at)
    VALUES (1, 1, 1, 2, '2026-01-01', 1, '\\x8000000000000001ffffffffffffffff', 1, '2026-01-01', '2026-01-01', 'v1', 'r1', '2026-01-01'),
           (2, 2, 1, 1, '2026-01-02', 1, '\\x0000000000000002ffffffffffffffff', 1, '2026-01-01', '2026-01-01', 'v1', 'r1', '2026-01-01'),
           (3, 2, 1, 5, '2026-01-03', 1, '\\x0000000000000003ffffffffffffffff', 2, '2026-01-02', '2026-01-02', 'v2', 'r2', '2026-01-01');";

const AUDIT: &str = "
    INSERT INTO ops.load_audit (run_id, dataset, part, source_bucket, source_key,
        source_version_id, raw_key, rows_in, inserted, updated, unchanged, inferred_members,
        started_at, finished_at)
    VALUES ('r1', 'transactions', 0, 'landing', 'incoming/transactions/a.csv', 'v1', 'raw/a', 3, 3, 0, 0, 0, '2026-01-01T00:00:00Z', '2026-01-01T00:00:02Z');";

async fn at_version(sql: &Client, version: usize) {
    sql.batch_execute(
        "CREATE TABLE public.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, \
             checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
    )
    .await
    .unwrap();
    for (index, (name, text)) in PUBLISHED[..version].iter().enumerate() {
        sql.batch_execute(text).await.unwrap();
        let checksum: String =
            Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        sql.execute(
            "INSERT INTO public.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            &[&(index as i32 + 1), name, &checksum],
        )
        .await
        .unwrap();
    }
}

async fn lines(sql: &Client, query: &str) -> Vec<String> {
    let query = format!("SELECT row_to_json(q)::text FROM ({query}) AS q");
    sql.query(&query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn every_earlier_version_upgrades_to_the_latest_and_keeps_its_data() {
    for version in 0..=PUBLISHED.len() {
        let (settings, sql) = shopflow_testkit::database().await;
        let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
        at_version(&sql, version).await;
        sql.batch_execute("SET timezone = 'UTC'").await.unwrap();
        if version > 0 {
            sql.batch_execute(DATA).await.unwrap();
        }
        if version >= 3 {
            sql.batch_execute(AUDIT).await.unwrap();
        }
        let mut client = database.connect().await.unwrap();
        let applied = database.migrate(&mut client).await.unwrap();
        assert_eq!(applied.first(), Some(&(version as i32 + 1)));
        if version == 0 {
            assert_eq!(lines(&sql, "SELECT id FROM core.transactions").await, [""; 0]);
            continue;
        }
        let key = if version >= 3 { "incoming/transactions/a.csv" } else { "" };
        let sales = lines(
            &sql,
            "SELECT id, customer_id, product_id, quantity, \"timestamp\"::date AS day, row_hash, \
                 row_version, created_at::date AS created, effective_at::date AS effective, \
                 modified_at::date AS modified, version_id, run_id, key \
             FROM core.transactions JOIN core.sources USING (source_id) ORDER BY id",
        )
        .await;
        let expected = [
            (1, 1, 2, "01", -0x7fff_ffff_ffff_ffff_i64, 1, "01", "v1", "r1", key),
            (2, 2, 1, "02", 2, 1, "01", "v1", "r1", key),
            (3, 2, 5, "03", 3, 2, "02", "v2", "r2", ""),
        ]
        .map(|(id, customer, quantity, day, hash, row_version, source, object, run, key)| {
            format!(
                r#"{{"id":{id},"customer_id":{customer},"product_id":1,"quantity":{quantity},"day":"2026-01-{day}","row_hash":{hash},"row_version":{row_version},"created":"2026-01-01","effective":"2026-01-{source}","modified":"2026-01-{source}","version_id":"{object}","run_id":"{run}","key":"{key}"}}"#
            )
        });
        assert_eq!(sales, expected, "from version {version}");
        let people = "SELECT c.id, c.name, n.name AS country, h.email FROM core.customers c \
                      JOIN core.countries n ON n.code = c.country \
                      JOIN core.customer_history h USING (id) ORDER BY 1";
        assert_eq!(
            lines(&sql, people).await,
            [
                r#"{"id":1,"name":"Ann","country":"Germany","email":"a@example.com"}"#,
                r#"{"id":2,"name":"Bob","country":"XX","email":"b@example.com"}"#,
            ]
        );
        assert_eq!(lines(&sql, "SELECT price FROM core.products").await, [r#"{"price":9.99}"#]);
        if version >= 3 {
            let audit = "SELECT rows_in, duration_ms, outcome FROM ops.load_attempts";
            assert_eq!(
                lines(&sql, audit).await,
                [r#"{"rows_in":3,"duration_ms":2000,"outcome":"loaded"}"#]
            );
        }
    }
}
