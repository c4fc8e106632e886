//! A dataset of entities that only the definitions and a migration name.

use shopflow_core::{Dataset, Stage};

use super::shop::returns;
use super::world::{CUSTOMERS, World, products};

const RETURNS: &str = "id,customer_id,product_id,returned_on,reason,refund\n\
    1,1,1,2026-01-05,broken,5.00\n2,2,9,2026-01-06,late,\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_goes_through_every_stage() {
    let world = World::new().await;
    let catalogue = products(&[(1, "5.00")]);
    let files = [
        (returns(), RETURNS),
        (Dataset::Customers, CUSTOMERS),
        (Dataset::Products, catalogue.as_str()),
    ];
    let ran = world.run("2026-01-07", &files).await;
    for stage in [Stage::Validate, Stage::Upload, Stage::Load, Stage::Transform] {
        assert_eq!(ran.of(stage, returns()), (2, 2, 0), "{}", stage.name());
    }
    // Product 9 is in no file so far.
    assert_eq!(ran.inferred, 1);
    assert_eq!(world.lake_rows("silver/returns", &["id", "reason"]).await, ["1 broken", "2 late"]);
    assert!(ran.silver.is_empty(), "nothing to compact: {:?}", ran.silver);
    let stored = "SELECT r.id, l.name FROM core.returns r JOIN core.return_reasons l USING (reason_id) ORDER BY 1";
    assert_eq!(world.query(stored).await, ["1 broken", "2 late"]);
    let columns = ["return_id", "reason", "refund"];
    let gold = world.lake_rows("gold/dim_return", &columns).await;
    assert_eq!(gold, ["1 broken 5.00", "2 late -"]);

    // A refund is another version, the same rows again are none.
    let refunded =
        "id,customer_id,product_id,returned_on,reason,refund\n2,2,9,2026-01-06,late,3.50\n";
    let ran = world.run("2026-01-09", &[(returns(), refunded)]).await;
    assert_eq!(ran.of(Stage::Load, returns()), (1, 1, 0));
    let ran = world.run("2026-01-10", &[(returns(), refunded)]).await;
    assert_eq!(ran.of(Stage::Load, returns()), (1, 0, 1));
    let gold = world.lake_rows("gold/dim_return", &columns).await;
    assert_eq!(gold, ["1 broken 5.00", "2 late -", "2 late 3.50"]);
    world.gold_is_a_rebuild_s().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_an_optional_column_is_accepted_and_a_missing_required_one_is_named() {
    let world = World::new().await;
    let bare = "reason,id,customer_id,product_id,returned_on\nlate,3,1,1,2026-01-05\n";
    let ran = world.run("2026-01-07", &[(returns(), bare)]).await;
    assert_eq!(ran.of(Stage::Load, returns()), (1, 1, 0));
    let columns = ["id", "refund"];
    assert_eq!(world.lake_rows("silver/returns", &columns).await, ["3 -"]);
    let rejected =
        world.rejection("2026-01-08", returns(), "id,customer_id,product_id,reason\n").await;
    assert!(rejected.contains("returned_on"), "{rejected}");
}
