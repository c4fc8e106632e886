//! The schema.

use futures::future::try_join_all;
use shopflow_core::ErrorKind;
use shopflow_postgres::Database;

#[tokio::test]
async fn eight_callers_at_once_apply_each_migration_once() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    let applied = try_join_all((0..8).map(|_| {
        let database = database.clone();
        async move {
            let mut client = database.connect().await?;
            database.migrate(&mut client).await
        }
    }))
    .await
    .unwrap();
    let mut versions: Vec<i32> = applied.into_iter().flatten().collect();
    versions.sort_unstable();
    let stored: Vec<i32> = sql
        .query("SELECT version FROM public.schema_migrations ORDER BY 1", &[])
        .await
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(versions, stored);
    assert!(stored.len() >= 3);
    let days = sql.query_one("SELECT count(*) FROM warehouse.dim_date", &[]).await.unwrap();
    assert_eq!(days.get::<_, i64>(0), 18_263);

    let mut client = database.connect().await.unwrap();
    assert!(database.migrate(&mut client).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_schema_that_was_migrated_with_other_files_is_refused() {
    let (settings, sql) = shopflow_testkit::database().await;
    let database = Database::new(&shopflow_testkit::aws().await, &settings).await.unwrap();
    let mut client = database.connect().await.unwrap();
    database.migrate(&mut client).await.unwrap();
    sql.batch_execute("UPDATE public.schema_migrations SET checksum = 'x' WHERE version = 2")
        .await
        .unwrap();
    let error = database.migrate(&mut client).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(error.to_string().contains("migration=0002_warehouse"), "{error}");
}
