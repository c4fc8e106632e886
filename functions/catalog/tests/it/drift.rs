//! What somebody else changed is reported, and made right again.

use aws_sdk_glue::types::{
    BatchUpdatePartitionRequestEntry, Column, PartitionInput, StorageDescriptor, TableInput,
};
use shopflow_core::Dataset;
use shopflow_core::contract::{CatalogChange, CatalogDriftKind, CatalogResult};
use shopflow_lake::schema;

use crate::world::{World, entry, gold};
use shopflow_testkit::athena::ask_number;

fn kinds(result: &CatalogResult) -> Vec<(CatalogDriftKind, &str)> {
    result.drift.iter().map(|drift| (drift.kind, drift.subject.as_str())).collect()
}

fn column(name: &str, hive_type: &str) -> Column {
    Column::builder().name(name).r#type(hive_type).build().unwrap()
}

#[tokio::test]
async fn columns_changed_by_hand_are_reported_and_repaired() {
    let world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 2).await;
    world.catalog().await;
    let before = world.table("gold", "fact_sales").await;
    world
        .tamper("gold", "fact_sales", |table| {
            let storage = table.storage_descriptor.as_mut().unwrap();
            storage.columns = Some(vec![column("customer_id", "string"), column("vip", "int")]);
            // Somebody else's parameters are theirs.
            table.parameters.as_mut().unwrap().insert("team".to_owned(), "sales".to_owned());
        })
        .await;
    let result = world.catalog().await;
    use CatalogDriftKind as Kind;
    assert_eq!(
        kinds(&result),
        [
            (Kind::UnknownColumn, "vip"),
            (Kind::MissingColumn, "revenue"),
            (Kind::ColumnType, "customer_id"),
            (Kind::ColumnComment, "customer_id"),
            (Kind::ColumnTags, "customer_id"),
        ]
    );
    let wrong_type = &result.drift[2];
    assert_eq!((wrong_type.expected.as_str(), wrong_type.found.as_str()), ("bigint", "string"));
    assert_eq!(result.drift_count, 5);
    let table = entry(&world, &result, "gold.fact_sales");
    assert_eq!(table.change, CatalogChange::Updated);
    assert_eq!((table.columns.created, table.columns.updated, table.columns.dropped), (1, 1, 1));
    let after = world.table("gold", "fact_sales").await;
    assert_eq!(after.storage_descriptor, before.storage_descriptor);
    assert_eq!(after.parameters().unwrap()["team"], "sales");
    let again = world.catalog().await;
    assert_eq!((again.writes, again.drift_count), (0, 0), "{again:#?}");
}

#[tokio::test]
async fn a_definition_that_was_made_by_others_is_taken_over() {
    let world = World::new().await;
    let database = world.database("silver");
    world.catalog().await;
    world.glue.delete_table().database_name(&database).name("customers").send().await.unwrap();
    let location = format!("s3://{}/silver/customers/", world.bucket);
    let storage = StorageDescriptor::builder().location(location).columns(column("id", "bigint"));
    let input = TableInput::builder()
        .name("customers")
        .table_type("EXTERNAL_TABLE")
        .storage_descriptor(storage.build())
        .build()
        .unwrap();
    let made = world.glue.create_table().database_name(&database).table_input(input);
    made.send().await.unwrap();
    let result = world.catalog().await;
    assert!(kinds(&result).contains(&(CatalogDriftKind::PartitionKeys, "")), "{result:#?}");
    let table = entry(&world, &result, "silver.customers");
    assert_eq!(table.change, CatalogChange::Replaced);
    assert_eq!(world.table("silver", "customers").await.partition_keys()[0].name(), "month");
    assert_eq!(world.catalog().await.writes, 0);
}

#[tokio::test]
async fn a_partition_that_points_elsewhere_is_reported_and_repaired() {
    let world = World::new().await;
    let silver = schema::silver(Dataset::Products);
    world.put("silver/products", "month=2026-01", &silver, 1).await;
    world.put("silver/products", "month=2026-02", &silver, 1).await;
    world.catalog().await;
    let good = world.partitions("silver", "products").await;
    let mut storage = good[0].storage_descriptor().unwrap().clone();
    storage.location = Some("s3://elsewhere/".to_owned());
    let bad = PartitionInput::builder().values("2026-01").storage_descriptor(storage).build();
    let update = BatchUpdatePartitionRequestEntry::builder()
        .partition_value_list("2026-01")
        .partition_input(bad)
        .build()
        .unwrap();
    let asked = world.glue.batch_update_partition().database_name(world.database("silver"));
    asked.table_name("products").entries(update).send().await.unwrap();

    let result = world.catalog().await;
    assert_eq!(kinds(&result), [(CatalogDriftKind::Partition, "2026-01")]);
    assert!(result.drift[0].found.starts_with("s3://elsewhere/ "), "{result:#?}");
    let partitions = entry(&world, &result, "silver.products").partitions;
    assert_eq!((partitions.updated, partitions.unchanged, result.writes), (1, 1, 1));
    let place = |partition: &aws_sdk_glue::types::Partition| {
        partition.storage_descriptor().unwrap().location().unwrap().to_owned()
    };
    assert_eq!(place(&world.partitions("silver", "products").await[0]), place(&good[0]));
    assert_eq!(world.catalog().await.writes, 0);
}

#[tokio::test]
async fn a_table_that_nobody_defines_is_reported_and_left_alone() {
    let world = World::new().await;
    world.put("gold/fact_sales", "month=2026-01", &gold(&[]), 4).await;
    world.catalog().await;
    let database = world.database("gold");
    let places = [
        ("stray", "EXTERNAL_TABLE", format!("s3://{}/gold/fact_sales/", world.bucket)),
        ("elsewhere", "EXTERNAL_TABLE", "s3://other/".to_owned()),
        ("a_view", "VIRTUAL_VIEW", String::new()),
    ];
    for (name, kind, location) in places {
        let columns = StorageDescriptor::builder().columns(column("customer_id", "bigint"));
        let input = TableInput::builder()
            .name(name)
            .table_type(kind)
            .parameters("classification", "parquet")
            .storage_descriptor(columns.location(location).build())
            .build()
            .unwrap();
        let made = world.glue.create_table().database_name(&database).table_input(input);
        made.send().await.unwrap();
    }
    let result = world.catalog().await;
    assert_eq!(kinds(&result), [(CatalogDriftKind::UnknownTable, "")]);
    assert_eq!(result.drift[0].table, format!("{database}.stray"));
    assert_eq!(result.writes, 0);
    let found = ask_number(&world.bucket, &database, "SELECT count(*) FROM stray").await;
    assert_eq!(found, 4);
}

#[tokio::test]
async fn a_database_described_otherwise_is_reported_and_repaired() {
    let world = World::new().await;
    world.catalog().await;
    let name = world.database("gold");
    let input = aws_sdk_glue::types::DatabaseInput::builder()
        .name(&name)
        .description("mine")
        .location_uri(format!("s3://{}/gold/", world.bucket))
        .parameters("team", "sales");
    let asked = world.glue.update_database().name(&name);
    asked.database_input(input.build().unwrap()).send().await.unwrap();
    let result = world.catalog().await;
    assert_eq!(kinds(&result), [(CatalogDriftKind::Description, "")]);
    assert_eq!((result.drift[0].table.as_str(), result.writes), (name.as_str(), 1));
    let found = world.glue.get_database().name(&name).send().await.unwrap().database.unwrap();
    assert_eq!(found.parameters().unwrap()["team"], "sales");
    assert_eq!(world.catalog().await.writes, 0);
}
