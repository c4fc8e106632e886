//! Upgrades from every earlier version of the schema, with data in it.

use sha2::{Digest, Sha256};
use shopflow_postgres::Database;
use tokio_postgres::Client;

macro_rules! published {
    ($($name:literal $checksum:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../sql/ddl/", $name, ".sql")), $checksum)),*]
    };
}

/// The published migrations that an upgrade can start from: name, text and the first half of its
/// SHA-256, which can never be another one.
const PUBLISHED: &[(&str, &str, &str)] = published![
    "0001_core" "633e23afdc7209090e7bb41aa7fdbb63",
    "0002_warehouse" "e6834149ae264f6d2133577b837e4dc5",
    "0003_ops" "1586b60fe5f61ba4a3c1f90b73e68756",
    "0004_sources_and_versions" "875e9fcb6f0965e857c093cd8bc5fff1",
    "0005_star" "71b802fa167779b70cd0624cb44d5f06",
    "0006_cdc" "560a904fe80d836b6eba149dc1a5eb34",
    "0007_customer_analytics" "7f65751823e5610696e5a17e8c8f8db9",
    "0008_analytics" "833f9ef9af43a18bc48e23d54e6d9120",
    "0009_changed_since" "5afa81bcadfe6b3b12302a3664d1e8fe",
    "0010_privacy" "538180019b258a989789f66cac3684d7",
    "0011_marks_with_a_past" "914d19897f1dcd8ac06791bfea887d5a",
    "0012_recoveries" "45714b65bb90bde67dd72731485a6015",
    "0013_facts_in_bulk" "03808e42848583be26341744c3fb22bc",
    "0014_any_dataset" "9a996b05b06aaf71239f717b4cff0277",
    "0015_vocabulary" "8559b350f9b770a0744151affc340a1a",
    "0016_answers_in_gold" "0fae2d6d60237d4d905740e3ab45a872",
    "0017_a_sale_as_it_was" "c74ed4de457fa08be5d07234e0b17bc4",
    "0018_gross_and_orders" "09181469c314095e4d4d4d344e9126e4",
    "0019_what_may_be_missing" "0d4aae9e32df9b14dc9c9a29abbaf0b5",
    "0020_keys_that_are_texts" "1b0d439fdda6cb12eb0400ab406a445b",
    "0021_replaced_rows" "7d0fbbc87f508bfe30c59e3b2becf395",
    "0022_purchases" "943ece6facef14299b39652012c5ee23",
    "0023_currencies_tax_and_payments" "82ab29937dc3040c46d76a51c1502f9f",
    "0024_baskets_and_repeats" "ead50572e4959ecc511f821aa31f8dbd",
    "0025_answers_about_money" "e81883281498a7b3e919fce06da3ed12",
];

/// The last version whose tables look as [`DATA`] and [`AUDIT`] have them.
const WITH_DATA: usize = 3;
/// The first version in which a mark has a moment.
const WITH_MOMENTS: usize = 9;
/// The first version that knows of treatments and erasures.
const WITH_PRIVACY: usize = 10;
/// The first version in which the moment of a mark says that the history has an older row.
const WITH_PASTS: usize = 11;
/// A version whose answers about all sales are materialised views.
const WITH_VIEWS: usize = 12;
/// The last version whose totals do not tell gross from net.
const WITH_TOTALS: usize = 17;
/// The last version that asks for all that a shop may not know.
const WITH_ALL_REQUIRED: usize = 18;

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

/// A run that failed and was followed by one that succeeded, and one that failed after that.
const RUNS: &str = "
    INSERT INTO ops.runs (run_id, run_date, status, input, started_at, finished_at)
    VALUES ('f1', '2026-01-01', 'failed', '{}', '2026-01-01T00:00:00Z', '2026-01-01T00:00:05Z'),
           ('s1', '2026-01-02', 'succeeded', '{}', '2026-01-02T00:00:00Z', '2026-01-02T00:00:05Z'),
           ('f2', '2026-01-03', 'failed', '{}', '2026-01-03T00:00:00Z', '2026-01-03T00:00:05Z');";

/// Personal data: what silver was made with, and a customer who was erased.
const PRIVACY: &str = "
    INSERT INTO ops.silver_treatments (dataset, treatment) VALUES ('customers', 'email=hash');
    INSERT INTO ops.erasures (request_id, customer_id) VALUES ('e1', 2);";

/// A sale and a visit, and the answers about them in views: one of these is read by a view of
/// somebody's own, another may be read by everybody. Somebody's own view reads all sales.
const ANSWERS: &str = "
    INSERT INTO warehouse.dim_customer (customer_id, country, is_inferred, valid_from, valid_to,
                                        is_current, row_hash)
    VALUES (1, 'DE', false, '-infinity', 'infinity', true, '');
    INSERT INTO warehouse.dim_product (product_id, name, category, supplier, price, is_inferred,
                                       valid_from, valid_to, is_current, row_hash)
    VALUES (1, 'Lamp', 'home', 'Lux', 5, false, '-infinity', 'infinity', true, '');
    INSERT INTO warehouse.fact_sales (transaction_id, date_key, customer_key, product_key,
        payment_method_key, sold_at, quantity, unit_price, amount)
    SELECT 1, 20260110, customer_key, product_key, payment_method_key, '2026-01-10', 2, 5, 10
    FROM warehouse.dim_customer, warehouse.dim_product,
         (SELECT min(payment_method_key) AS payment_method_key FROM warehouse.dim_payment_method) AS m;
    INSERT INTO warehouse.fact_sessions (session_id, date_key, end_date_key, started_at, ended_at,
        duration_seconds, device, country, events, page_views, product_views, searches, cart_adds,
        checkouts, purchases, is_purchase)
    VALUES ('s', 20260110, 20260110, '2026-01-10', '2026-01-10', 0, 'mobile', 'DE', 1, 1, 0, 0, 0, 0,
            0, false);
    SELECT ops.refresh_views();
    CREATE VIEW public.own AS SELECT sum(baskets) AS baskets FROM warehouse.basket_sizes;
    CREATE VIEW public.own_sales AS SELECT country, amount FROM warehouse.sales;
    GRANT SELECT ON warehouse.country_sales TO PUBLIC";

/// A change that transform has not seen yet.
const MARK: &str = "INSERT INTO ops.dirty_entities (dataset, id, since)
    VALUES ('customers', 1, '2026-01-01')";

fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Applies the migrations up to `version`, with data that was there before the later ones.
pub async fn at_version(sql: &Client, version: usize) {
    sql.batch_execute(
        "CREATE TABLE public.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, \
             checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()); \
         SET timezone = 'UTC'",
    )
    .await
    .unwrap();
    for (index, (name, text, _)) in PUBLISHED[..version].iter().enumerate() {
        sql.batch_execute(text).await.unwrap();
        let number = index + 1;
        sql.execute(
            "INSERT INTO public.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)",
            &[&(number as i32), name, &checksum(text)],
        )
        .await
        .unwrap();
        if number == version.min(WITH_DATA) {
            sql.batch_execute(DATA).await.unwrap();
        }
        if number == WITH_DATA {
            sql.batch_execute(AUDIT).await.unwrap();
            sql.batch_execute(RUNS).await.unwrap();
        }
        if number == WITH_PRIVACY {
            sql.batch_execute(PRIVACY).await.unwrap();
        }
    }
}

#[test]
fn a_published_migration_never_changes() {
    for (name, text, expected) in PUBLISHED {
        assert!(checksum(text).starts_with(expected), "{name} is published: make a new migration");
    }
}

/// The rows of a query, each as one line of JSON.
pub async fn lines(sql: &Client, query: &str) -> Vec<String> {
    let query = format!("SELECT row_to_json(q)::text FROM ({query}) AS q");
    sql.query(&query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// The answers about all sales and visits, their versions, and what somebody's own view says.
async fn answers(sql: &Client) -> Vec<String> {
    let mut answers = Vec::new();
    for (table, columns) in [
        // Without the columns that came later.
        ("country_sales", "month_start, country, transactions, priced_transactions, revenue"),
        ("category_sales", "month_start, category, transactions, units, revenue"),
        ("supplier_sales", "*"),
        ("basket_sizes", "*"),
        ("purchase_frequency", "*"),
        ("cohort_activity", "*"),
        ("session_funnel", "*"),
    ] {
        let rows = lines(sql, &format!("SELECT {columns} FROM warehouse.{table}")).await;
        assert!(!rows.is_empty(), "{table}");
        answers.extend(rows);
    }
    // Orders and gross are new in five tables, and the margin in one, whose answers are asked for
    // again; payments, and sales by way to pay, are new.
    let versions = "SELECT table_name, version FROM ops.data_versions
         WHERE table_name NOT LIKE '%\\_view' AND table_name NOT IN (
             'warehouse.daily_sales', 'warehouse.weekly_sales', 'warehouse.monthly_sales',
             'warehouse.customer_lifetime_value', 'warehouse.country_sales',
             'warehouse.category_sales', 'warehouse.payments', 'warehouse.payment_sales')
         ORDER BY 1";
    answers.extend(lines(sql, versions).await);
    answers.extend(lines(sql, "SELECT baskets FROM public.own").await);
    answers.extend(lines(sql, "SELECT country, amount FROM public.own_sales").await);
    answers
}

#[tokio::test]
async fn answers_of_an_earlier_version_stay_with_their_versions_and_readers() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    at_version(&sql, WITH_VIEWS).await;
    sql.batch_execute(ANSWERS).await.unwrap();
    let before = answers(&sql).await;
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    assert_eq!(answers(&sql).await, before);
    let orders = "SELECT orders FROM warehouse.country_sales";
    assert_eq!(lines(&sql, orders).await, [r#"{"orders":1}"#]);

    let may_read = "SELECT count(*) AS readers FROM pg_class, aclexplode(relacl)
         WHERE oid = 'warehouse.country_sales'::regclass AND grantee = 0";
    assert_eq!(lines(&sql, may_read).await, [r#"{"readers":1}"#]);
    let left = "SELECT matviewname AS name FROM pg_matviews";
    assert_eq!(lines(&sql, left).await, [r#"{"name":"basket_sizes_view"}"#], "somebody reads it");
    let refreshed = "SELECT ops.refresh_views() AS views";
    assert_eq!(lines(&sql, refreshed).await, [r#"{"views":1}"#]);
    assert_eq!(lines(&sql, refreshed).await, [r#"{"views":0}"#]);
}

/// The version that the schema has.
async fn latest(sql: &Client) -> i32 {
    let version = sql.query_one("SELECT max(version) FROM public.schema_migrations", &[]).await;
    version.unwrap().get(0)
}

#[tokio::test]
async fn totals_of_an_earlier_version_have_their_revenue_as_gross_and_are_computed_again() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    at_version(&sql, WITH_TOTALS).await;
    sql.batch_execute(
        "INSERT INTO warehouse.daily_sales VALUES ('2026-01-10', 3, 2, 7, 40.50, 1);
         INSERT INTO warehouse.weekly_sales VALUES ('2026-01-05', 3, 2, 7, 40.50, 1);
         INSERT INTO warehouse.monthly_sales VALUES ('2026-01-01', 3, 2, 7, 40.50, 1);
         INSERT INTO warehouse.customer_lifetime_value
         VALUES (1, '2026-01-10', '2026-01-10', 3, 40.50, 13.50, 492.75);
         INSERT INTO ops.publications (table_name, content)
         VALUES ('daily_sales', 'd'), ('country_sales', 'c'), ('product_sales', 'p')",
    )
    .await
    .unwrap();
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    for table in ["daily_sales", "weekly_sales", "monthly_sales"] {
        let parts =
            format!("SELECT orders, revenue, gross, discounts, returns FROM warehouse.{table}");
        assert_eq!(
            lines(&sql, &parts).await,
            [r#"{"orders":3,"revenue":40.50,"gross":40.50,"discounts":0.00,"returns":0.00}"#],
            "{table}"
        );
    }
    // Those of the customers, too, are computed with the next call of transform.
    let published = "SELECT table_name FROM ops.publications";
    assert_eq!(lines(&sql, published).await, [r#"{"table_name":"product_sales"}"#]);
}

/// Rows that lack what a shop may not know.
const WITHOUT: [&str; 4] = [
    "INSERT INTO core.customers (id, name, row_hash, effective_at, source_modified_at,
         source_version_id, source_run_id)
     VALUES (7, 'Cem', '\\x07', '2026-01-01', '2026-01-01', 'v', 'r1')",
    "INSERT INTO core.customer_history (id, name, row_hash, effective_at, source_modified_at,
         source_version_id, source_run_id)
     VALUES (1, 'Ann', '\\x07', '2026-02-01', '2026-02-01', 'v', 'r1')",
    "INSERT INTO core.products (id, name, category_id, price, row_hash, effective_at,
         source_modified_at, source_version_id, source_run_id)
     VALUES (7, 'Pen', 1, 1, '\\x07', '2026-01-01', '2026-01-01', 'v', 'r1')",
    "INSERT INTO core.transactions (id, quantity, \"timestamp\", unit_price, row_hash, source_id)
     SELECT 7, 1, '2026-01-05', 4.95, 7, max(source_id) FROM core.sources",
];

#[tokio::test]
async fn what_may_be_missing_is_let_in_after_the_upgrade_and_a_name_is_required_still() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    at_version(&sql, WITH_ALL_REQUIRED).await;
    for row in WITHOUT {
        assert!(sql.batch_execute(row).await.is_err(), "{row}");
    }
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    for row in WITHOUT {
        sql.batch_execute(row).await.unwrap_or_else(|error| panic!("{row}: {error:?}"));
    }
    for row in [WITHOUT[0], WITHOUT[2]] {
        let nameless =
            row.replace("VALUES (7, 'Cem'", "VALUES (8, NULL").replace("(7, 'Pen'", "(8, NULL");
        assert!(sql.batch_execute(&nameless).await.is_err(), "{nameless}");
    }
    let missing =
        "SELECT email, registration_date AS since, country FROM core.customers WHERE id = 7";
    assert_eq!(lines(&sql, missing).await, [r#"{"email":null,"since":null,"country":null}"#]);
}

#[tokio::test]
async fn every_earlier_version_upgrades_to_the_latest_and_keeps_its_data() {
    for version in 0..=PUBLISHED.len() {
        let (settings, sql) = shopflow_testkit::database().await;
        let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
        at_version(&sql, version).await;
        if version >= WITH_MOMENTS {
            sql.batch_execute(MARK).await.unwrap();
        }
        let mut client = database.connect().await.unwrap();
        let applied = database.migrate(&mut client).await.unwrap();
        let missing: Vec<i32> = (version as i32 + 1..=latest(&sql).await).collect();
        assert_eq!(applied, missing);
        if version == 0 {
            assert_eq!(lines(&sql, "SELECT id FROM core.transactions").await, [""; 0]);
            continue;
        }
        let key = if version >= WITH_DATA { "incoming/transactions/a.csv" } else { "" };
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
        if version >= WITH_DATA {
            let audit = "SELECT rows_in, duration_ms, outcome, replaced FROM ops.load_attempts";
            assert_eq!(
                lines(&sql, audit).await,
                [r#"{"rows_in":3,"duration_ms":2000,"outcome":"loaded","replaced":0}"#]
            );
            let failed =
                "SELECT run_id, recovered_by FROM ops.runs WHERE status = 'failed' ORDER BY 1";
            assert_eq!(
                lines(&sql, failed).await,
                [
                    r#"{"run_id":"f1","recovered_by":"s1"}"#,
                    r#"{"run_id":"f2","recovered_by":null}"#,
                ],
                "from version {version}"
            );
        }
        if version >= WITH_MOMENTS {
            // Before, whether its history has an older row was not said: it is compared from the
            // start.
            let is_told = version >= WITH_PASTS;
            let since = if is_told { "2026-01-01T00:00:00+00:00" } else { "-infinity" };
            let marks = "SELECT id, since FROM ops.dirty_entities";
            let expected = format!(r#"{{"id":1,"since":"{since}"}}"#);
            assert_eq!(lines(&sql, marks).await, [expected], "from version {version}");
        }
        if version >= WITH_PRIVACY {
            let kept = "SELECT dataset, treatment, customer_id \
                        FROM ops.silver_treatments, ops.erasures";
            assert_eq!(
                lines(&sql, kept).await,
                [r#"{"dataset":"customers","treatment":"email=hash","customer_id":2}"#]
            );
        }
    }
}
