//! Tables and partitions follow the lake, and Athena finds the rows.

use std::time::{Duration, SystemTime};

use shopflow_core::Dataset;
use shopflow_core::contract::CatalogChange;
use shopflow_lake::schema;

use crate::world::{World, entry, gold};
use shopflow_testkit::athena::{ask, ask_number};

#[tokio::test]
async fn athena_finds_the_rows_of_every_layer() {
    let world = World::new().await;
    world.bronze(Dataset::Customers, "2026-01-15", 3).await;
    world.bronze(Dataset::Customers, "2026-01-16", 4).await;
    let silver = schema::silver(Dataset::Transactions);
    world.put("silver/transactions", "month=2026-01", &silver, 5).await;
    world.put("silver/transactions", "month=2026-02", &silver, 6).await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 7).await;
    world.put("gold/product_sales", "", &gold(&[]), 2).await;
    let result = world.catalog().await;
    assert_eq!((result.drift_count, result.incomplete), (0, false), "{result:#?}");
    assert_eq!(result.databases.created, 3);

    let bucket = &world.bucket;
    let count = async |layer: &str, rest: &str| {
        let sql = format!("SELECT count(*) FROM {rest}");
        ask_number(bucket, &world.database(layer), &sql).await
    };
    assert_eq!(count("bronze", "customers").await, 7);
    let day = "customers WHERE ingest_date = DATE '2026-01-16'";
    assert_eq!(count("bronze", day).await, 4);
    assert_eq!(count("silver", "transactions").await, 11);
    assert_eq!(count("silver", "transactions WHERE month = '2026-01'").await, 5);
    assert_eq!(count("gold", "fact_sales WHERE month = '2026-01'").await, 7);
    assert_eq!(count("gold", "product_sales").await, 2);
    // No file yet, but the table can be asked.
    assert_eq!(count("silver", "clickstream").await, 0);
    let sql = "SELECT min(customer_id), max(customer_id) FROM fact_sales";
    assert_eq!(ask(bucket, &world.database("gold"), sql).await, [["1", "7"]]);
}

#[tokio::test]
async fn a_second_call_writes_nothing() {
    let world = World::new().await;
    world.bronze(Dataset::Products, "2026-01-15", 1).await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 1).await;
    world.put("gold/model_fits", "", &gold(&[]), 1).await;
    let first = world.catalog().await;
    assert!(first.writes > 10, "{first:#?}");
    let version = world.table("gold", "fact_sales").await.version_id;
    let second = world.catalog().await;
    assert_eq!((second.writes, second.drift_count), (0, 0), "{second:#?}");
    assert_eq!(world.table("gold", "fact_sales").await.version_id, version);
    assert_eq!(second.tables.len(), first.tables.len());
    let table = entry(&world, &second, "gold.fact_sales");
    assert_eq!(table.change, CatalogChange::Unchanged);
    assert_eq!((table.columns.unchanged, table.partitions.unchanged), (2, 1));
}

#[tokio::test]
async fn a_new_column_evolves_the_table_and_its_partitions() {
    let world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 3).await;
    world.catalog().await;
    // The newer file has to be newer.
    shopflow_testkit::wait::next_second().await;
    world.put("gold/fact_sales", "month=2026-02", &gold(&["payment_method"]), 2).await;
    let result = world.catalog().await;
    let table = entry(&world, &result, "gold.fact_sales");
    assert_eq!(table.change, CatalogChange::Updated);
    assert_eq!((table.columns.created, table.columns.unchanged, table.columns.dropped), (1, 2, 0));
    assert_eq!((table.partitions.created, table.partitions.updated), (1, 1));
    // Nobody but the definitions changed anything.
    assert_eq!(result.drift_count, 0, "{result:#?}");
    for partition in world.partitions("gold", "fact_sales").await {
        assert_eq!(partition.storage_descriptor().unwrap().columns().len(), 3);
    }
    let sql = "SELECT count(payment_method), count(*) FROM fact_sales";
    assert_eq!(ask(&world.bucket, &world.database("gold"), sql).await, [["2", "5"]]);
    assert_eq!(world.catalog().await.writes, 0);
}

#[tokio::test]
async fn partitions_come_and_go_with_the_manifest() {
    let world = World::new().await;
    let silver = schema::silver(Dataset::Customers);
    let month = |number: u32| format!("month={:04}-{:02}", 2014 + number / 12, 1 + number % 12);
    for number in 0..150 {
        world.put("silver/customers", &month(number), &silver, 1).await;
    }
    let table = entry(&world, &world.catalog().await, "silver.customers");
    assert_eq!((table.partitions.created, table.partitions.unchanged), (150, 0));

    world.put("silver/customers", "month=2014-01", &silver, 0).await;
    world.put("silver/customers", "month=2027-01", &silver, 1).await;
    let result = world.catalog().await;
    let partitions = entry(&world, &result, "silver.customers").partitions;
    assert_eq!((partitions.created, partitions.dropped, partitions.unchanged), (1, 1, 149));
    assert_eq!((partitions.updated, result.writes), (0, 2));
    let found = world.partitions("silver", "customers").await;
    assert_eq!(found.first().unwrap().values(), ["2014-02"]);
    assert_eq!(found.last().unwrap().values(), ["2027-01"]);
    let location = found[0].storage_descriptor().unwrap().location().unwrap();
    assert_eq!(location, format!("s3://{}/silver/customers/month=2014-02/", world.bucket));
}

#[tokio::test]
async fn silver_by_day_of_an_earlier_release_is_replaced_by_silver_by_month() {
    let world = World::new().await;
    let silver = schema::silver(Dataset::Transactions);
    for day in ["event_date=2026-01-14", "event_date=2026-01-15", "event_date=2026-02-01"] {
        world.put("silver/transactions", day, &silver, 2).await;
    }
    let key = async || {
        let table = world.table("silver", "transactions").await;
        let key = &table.partition_keys()[0];
        (key.name().to_owned(), key.r#type().unwrap_or_default().to_owned())
    };
    let count = async |rest: &str| {
        let sql = format!("SELECT count(*) FROM transactions {rest}");
        ask_number(&world.bucket, &world.database("silver"), &sql).await
    };
    // As the earlier release left it: the tables of days go on until the lake is by month.
    world.catalog().await;
    assert_eq!(key().await, ("event_date".to_owned(), "date".to_owned()));
    assert_eq!(count("WHERE event_date = DATE '2026-01-14'").await, 2);

    // Half-way, then all of it.
    world.put("silver/transactions", "month=2026-01", &silver, 4).await;
    for day in ["event_date=2026-01-14", "event_date=2026-01-15"] {
        world.put("silver/transactions", day, &silver, 0).await;
    }
    let result = world.catalog().await;
    let table = entry(&world, &result, "silver.transactions");
    assert_eq!(table.change, CatalogChange::Replaced);
    assert_eq!((table.partitions.dropped, table.partitions.created), (3, 1));
    assert_eq!(result.drift_count, 0, "{result:#?}");
    assert_eq!(key().await, ("month".to_owned(), "string".to_owned()));
    world.put("silver/transactions", "month=2026-02", &silver, 2).await;
    world.put("silver/transactions", "event_date=2026-02-01", &silver, 0).await;
    world.catalog().await;
    assert_eq!(count("").await, 6);
    assert_eq!(count("WHERE month = '2026-01'").await, 4);
    assert_eq!(world.catalog().await.writes, 0);
}

#[tokio::test]
async fn columns_carry_comments_types_and_tags() {
    let world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 1).await;
    world.catalog().await;
    let customers = world.table("bronze", "customers").await;
    let columns = customers.storage_descriptor().unwrap().columns();
    let email = columns.iter().find(|column| column.name() == "email").unwrap();
    assert_eq!(
        (email.r#type(), email.comment()),
        (Some("string"), Some("e-mail address; absent if unknown"))
    );
    let tag = |name: &str| email.parameters().unwrap().get(name).map(String::as_str);
    assert_eq!(tag("data_classification"), Some("restricted"));
    assert_eq!(tag("personal_data"), Some("email"));
    let of_table = customers.parameters().unwrap();
    assert_eq!(of_table["data_classification"], "restricted");
    assert_eq!(of_table["personal_data"], "customer_id,email,person_name");
    // Glue's own meaning of the word.
    assert_eq!(of_table["classification"], "parquet");
    let key = &customers.partition_keys()[0];
    assert_eq!((key.name(), key.r#type()), ("ingest_date", Some("date")));

    let sales = world.table("gold", "fact_sales").await;
    assert!(sales.description().unwrap().starts_with("Sales: one row per transaction line"));
    let columns = sales.storage_descriptor().unwrap().columns();
    assert_eq!(columns[1].r#type(), Some("decimal(18,2)"));
    assert_eq!(columns[0].comment(), Some("number of the customer; absent for a guest"));
    assert_eq!(sales.parameters().unwrap()["data_classification"], "confidential");
}

#[tokio::test]
async fn the_change_log_is_a_table_per_table() {
    let world = World::new().await;
    let log = gold(&["op", "after"]);
    for day in ["2026-01-15", "2026-01-16"] {
        let table = format!("bronze/_changes/customers/ingest_date={day}");
        world.put(&table, "", &log, 2).await;
    }
    let result = world.catalog().await;
    let table = entry(&world, &result, "bronze.changes_customers");
    assert_eq!((table.columns.created, table.partitions.created), (4, 2));
    let sql = "SELECT count(*) FROM changes_customers WHERE ingest_date = DATE '2026-01-16'";
    assert_eq!(ask_number(&world.bucket, &world.database("bronze"), sql).await, 2);
    let table = world.table("bronze", "changes_customers").await;
    assert_eq!(table.parameters().unwrap()["data_classification"], "restricted");
}

#[tokio::test]
async fn a_table_that_lost_its_files_keeps_its_columns_and_loses_its_partitions() {
    let world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 1).await;
    world.put("gold/fact_sessions", "month=2026-01", &gold(&[]), 1).await;
    world.catalog().await;
    // One with an empty manifest, one without even that.
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 0).await;
    world.remove("gold/fact_sessions/").await;
    let result = world.catalog().await;
    assert_eq!((result.writes, result.drift_count), (2, 0), "{result:#?}");
    for name in ["gold.fact_sales", "gold.fact_sessions"] {
        let table = entry(&world, &result, name);
        assert_eq!((table.change, table.partitions.dropped), (CatalogChange::Unchanged, 1));
        assert_eq!(table.columns.unchanged, 2);
    }
    assert_eq!(world.catalog().await.writes, 0);
}

#[tokio::test]
async fn without_time_nothing_is_begun_and_the_next_call_goes_on() {
    let mut world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 1).await;
    world.invocation.deadline = SystemTime::now() + Duration::from_secs(5);
    let result = world.catalog().await;
    assert!(result.incomplete && result.tables.is_empty(), "{result:#?}");
    world.invocation.deadline = SystemTime::now() + Duration::from_secs(3600);
    let result = world.catalog().await;
    assert!(!result.incomplete, "{result:#?}");
    assert_eq!(entry(&world, &result, "gold.fact_sales").change, CatalogChange::Created);
}
