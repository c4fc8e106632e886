//! The report names products by the shop's own keys.

// The exceptions for tests do not reach their helper functions.
#![allow(clippy::unwrap_used)]

mod shop;

use shopflow::report::Report;

/// The product with the lowest number has a key that is a text, and sold best of all.
const KEYED: &str = "
INSERT INTO core.products (id, is_inferred, natural_key, effective_at, source_modified_at,
                           source_version_id, source_run_id)
VALUES (5000000000000000000, true, 'MUG-1', '-infinity', '-infinity', '', '');
UPDATE warehouse.dim_product SET product_id = 5000000000000000000
WHERE product_id = (SELECT min(product_id) FROM warehouse.product_sales);
UPDATE warehouse.product_sales SET product_id = 5000000000000000000, units = 1000000
WHERE product_id = (SELECT min(product_id) FROM warehouse.product_sales);";

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_named_by_its_key_and_the_file_has_the_number_too() {
    let client = shop::filled(0.02).await;
    client.batch_execute(KEYED).await.unwrap();
    // The second answer is the one that was kept.
    for _ in 0..2 {
        let report = Report::gather(&client, &shop::questions(), false).await.unwrap();
        let page = report.page("local");
        assert!(page.contains("<td>MUG-1</td>"), "{page}");
        assert!(!page.contains("5000000000000000000"), "{page}");
        let named =
            |answer: &&shopflow::analytics::Answer| answer.question.name == "best_selling_products";
        let csv = report.answers.iter().find(named).unwrap().table.to_csv().unwrap();
        assert!(csv.starts_with("category,rank,product_id,product_key,product,"), "{csv}");
        assert!(csv.contains(",5000000000000000000,MUG-1,"), "{csv}");
    }
}
