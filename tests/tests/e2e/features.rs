//! A training set out of the warehouse that a run has filled.

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use serde_json::json;
use shopflow::console::Console;
use shopflow::features::training_set::{self, Request};
use shopflow_features::Definitions;
use shopflow_tests::Cloud;

/// Noon of a day, long before the last sale.
const MOMENT: &str = "SELECT to_char(date_trunc('day', max(sold_at) - interval '40 days', 'UTC')
        AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T12:00:00Z\"')
    FROM warehouse.sales";

/// Customers with sales before the moment, and what they had brought. Of the first load the shop knew
/// a sale one day after it; a day counts once it is over.
fn expected(moment: &str) -> String {
    format!(
        "WITH asked AS (
             SELECT timestamptz '{moment}' AS at, timestamptz '{moment}' - interval '12 hours' AS day
         )
         SELECT
             customer_id,
             (coalesce(sum(amount) FILTER (WHERE sold_at >= day - interval '720 hours'), 0)
                 * 100)::bigint,
             count(DISTINCT coalesce(order_id, (sold_at AT TIME ZONE 'UTC')::date::text)),
             (extract(epoch FROM max(sold_at)) * 1000000)::bigint
         FROM warehouse.sales
         CROSS JOIN asked
         WHERE sold_at < day AND sold_at + interval '24 hours' <= at AND customer_id <= 200
         GROUP BY customer_id
         ORDER BY customer_id"
    )
}

#[tokio::test]
async fn a_training_set_has_what_the_warehouse_knew_at_the_moment() {
    let cloud = Cloud::fresh().await;
    cloud.run(json!({})).await.expect_success();
    let moment: String = cloud.database.query_one(MOMENT, &[]).await.unwrap().get(0);
    let expected = cloud.database.query(&expected(&moment), &[]).await.unwrap();
    let expected: Vec<(i64, i64, i64, i64)> =
        expected.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    assert!(expected.len() > 50, "{}", expected.len());

    let folder = tempfile::tempdir().unwrap();
    let request = Request {
        service: "churn".to_owned(),
        spine: folder.path().join("labels.csv"),
        output: folder.path().join("train.parquet"),
        split: None,
        as_of: None,
        full_names: false,
    };
    let rows = expected.iter().map(|(customer, ..)| format!("{customer},{moment}\n"));
    let spine: String =
        std::iter::once("customer_id,event_timestamp\n".to_owned()).chain(rows).collect();
    std::fs::write(&request.spine, spine).unwrap();
    let definitions = Definitions::built_in().unwrap();
    let mut client = cloud.target.database().await.unwrap();
    let made = training_set::make(&mut client, &definitions, &request, Console::quiet()).await;
    assert_eq!(made.unwrap().rows, expected.len() as u64);

    let content = std::fs::read(&request.output).unwrap();
    let batches = shopflow_lake::parquet::decode(content.into()).unwrap();
    let mut found = Vec::new();
    for batch in &batches {
        let ints = |name: &str| batch[name].as_primitive::<Int64Type>().values().to_vec();
        let (customers, orders) = (ints("customer_id"), ints("orders_ever"));
        let revenue = batch["revenue_30d"].as_primitive::<Float64Type>();
        let last = batch["last_purchase_at"].as_primitive::<TimestampMicrosecondType>();
        found.extend((0..batch.num_rows()).map(|row| {
            let cents = (revenue.value(row) * 100.0).round() as i64;
            (customers[row], cents, orders[row], last.value(row))
        }));
    }
    assert_eq!(found, expected);
    // They are customers of the default run, who told the shop where they live.
    let countries = batches[0]["country"].as_string::<i32>();
    assert!(countries.iter().flatten().count() > 0);
}
