//! A column of products that only the definitions and a migration name.

use shopflow_core::{Dataset, Stage};

use super::world::{CUSTOMERS, World, products, sales, weighed};

const CURRENT: &str =
    "SELECT id, price, weight_grams, extra, row_version FROM core.products ORDER BY 1";
const HISTORY: &str = "SELECT id, effective_at::date AS day, price, weight_grams FROM core.product_history ORDER BY 1, 2";
const VERSIONS: &str = "SELECT product_id, valid_from::date AS day, price, weight_grams, is_current \
     FROM warehouse.dim_product ORDER BY 1, valid_from";

#[tokio::test(flavor = "multi_thread")]
async fn a_column_reaches_every_layer() {
    let world = World::new().await;
    let file = weighed(&[(1, "5.00", "250"), (2, "7.50", "")]);
    let ran = world.run("2026-01-02", &[(Dataset::Products, &file)]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Products), (2, 2, 0));
    assert_eq!(world.query(CURRENT).await, ["1 5.00 250 - 1", "2 7.50 - - 1"]);
    for table in ["silver/products", "gold/dim_product"] {
        let id = if table.starts_with("gold") { "product_id" } else { "id" };
        assert_eq!(
            world.lake_rows(table, &[id, "weight_grams"]).await,
            ["1 250", "2 -"],
            "{table}"
        );
    }
    let bronze = world.query("SELECT entry -> 'bronze' ->> 'key' FROM ops.lake_queue").await;
    let content = world.storage.read_all(&world.object(&bronze[0])).await.unwrap();
    let batch = &shopflow_lake::parquet::decode(content).unwrap()[0];
    assert_eq!(batch.column_by_name("weight_grams").unwrap().null_count(), 1);

    // Another weight is another version, of the product and of its dimension; the price stays.
    let file = weighed(&[(1, "5.00", "300"), (2, "7.50", "")]);
    let ran = world.run("2026-01-09", &[(Dataset::Products, &file)]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Products), (2, 1, 1));
    let versions = world.query(VERSIONS).await;
    assert_eq!(versions.len(), 3, "{versions:?}");
    assert!(versions[1].contains("300") && versions[1].contains("2026-01-09"), "{versions:?}");
    let history = world.query(HISTORY).await;
    assert_eq!(history.len(), 4, "{history:?}");
    world.gold_is_a_rebuild_s().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_files_end_the_same_in_any_order() {
    let old = products(&[(1, "5.00"), (2, "7.50")]);
    let new = weighed(&[(1, "5.00", "250"), (2, "8.00", "")]);
    let old_again = products(&[(1, "5.00"), (2, "8.00"), (3, "1.00")]);
    let sold = sales(&[(1, 1, 1, 3), (2, 2, 2, 6), (3, 1, 3, 9)]);
    let files: [(&str, &str); 3] =
        [("2026-01-02", &old), ("2026-01-05", &new), ("2026-01-08", &old_again)];
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let world = World::new().await;
        let first = [(Dataset::Customers, CUSTOMERS), (Dataset::Transactions, sold.as_str())];
        world.run("2026-01-01", &first).await;
        for at in order {
            let (date, file) = files[at];
            world.run(date, &[(Dataset::Products, file)]).await;
        }
        world.gold_is_a_rebuild_s().await;
        let silver = ["id", "price", "weight_grams", "_effective_at"];
        let facts =
            "SELECT transaction_id, unit_price, amount FROM warehouse.fact_sales ORDER BY 1";
        let current = "SELECT id, price, weight_grams FROM core.products ORDER BY 1";
        outcomes.push((
            world.query(current).await,
            world.query(HISTORY).await,
            world.query(VERSIONS).await,
            world.query(facts).await,
            world.lake_rows("silver/products", &silver).await,
        ));
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
    assert_eq!(outcomes[0].4.len(), 7, "every version is in silver: {:?}", outcomes[0].4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_column_that_nothing_fills_marks_no_row_as_changed() {
    let world = World::new().await;
    let old = products(&[(1, "5.00"), (2, "7.50")]);
    world.run("2026-01-02", &[(Dataset::Products, &old)]).await;
    let (versions, gold) = (world.query(VERSIONS).await, world.gold().await);
    let empty = weighed(&[(1, "5.00", ""), (2, "7.50", "")]);
    let ran = world.run("2026-01-09", &[(Dataset::Products, &empty)]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Products), (2, 0, 2));
    assert_eq!(world.query(VERSIONS).await, versions);
    assert!(world.gold().await == gold, "files of gold were written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_core_lacks_is_refused_by_name() {
    let world = World::without_tables().await;
    let file = weighed(&[(1, "5.00", "250")]);
    let error = world.try_run("2026-01-02", &[(Dataset::Products, &file)]).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("core.products.weight_grams"), "{text}");
    assert!(text.contains("core.product_history.weight_grams"), "{text}");
    assert!(text.contains("migration"), "{text}");
}
