//! Months that get so many facts that they are rebuilt, beside months that do not.

use chrono::Duration;

use crate::common::small_shop::{small_shop, totals_agree};
use crate::common::{Product, Sale, Shop, at, sale, source};

const MANY: i64 = 20_500;

/// Sales of January from `first` on, one every hundred seconds.
fn many(first: i64) -> Vec<Sale> {
    let moment = |id: i64| at("2026-01-01") + Duration::seconds((id - first) * 100);
    (first..first + MANY)
        .map(|id| Sale(id, 1 + id % 3, 7, 1 + (id % 4) as i32, moment(id)))
        .collect()
}

/// Facts that are not what core and the history of the dimensions say, and the other way round.
async fn differences(shop: &Shop) -> String {
    let wanted = "SELECT t.id, t.\"timestamp\", c.customer_key, p.product_key, t.quantity, p.price,
                         t.quantity * p.price
                  FROM core.transactions AS t
                  JOIN warehouse.dim_customer AS c ON c.customer_id = t.customer_id
                   AND t.\"timestamp\" >= c.valid_from AND t.\"timestamp\" < c.valid_to
                  JOIN warehouse.dim_product AS p ON p.product_id = t.product_id
                   AND t.\"timestamp\" >= p.valid_from AND t.\"timestamp\" < p.valid_to";
    let facts =
        "SELECT transaction_id, sold_at, customer_key, product_key, quantity, unit_price, amount
                 FROM warehouse.fact_sales";
    shop.number(&format!(
        "SELECT count(*) FROM (({wanted} EXCEPT ALL {facts}) UNION ALL ({facts} EXCEPT ALL {wanted})) AS d"
    ))
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_is_built_anew_keeps_its_other_dates_and_its_indexes() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    let indexes = "SELECT indexname, indexdef FROM pg_indexes
                   WHERE tablename = 'fact_sales_2026_01' ORDER BY 1";
    let before = shop.query(indexes).await;
    assert_eq!(before.len(), 3);
    // Twice, since names must be free again; a sale of 9 January has no part in the second.
    for (run, first) in [("b1", 1_000), ("b2", 100_000)] {
        let version =
            "SELECT version FROM ops.data_versions WHERE table_name = 'warehouse.fact_sales'";
        let seen = shop.number(version).await;
        let mut sales = many(first);
        sales.push(sale(first - 1, 2, 7, 1, "2026-02-02T13:00:00Z"));
        shop.sales(&source(run, 0, "2026-01-12"), &sales).await;
        let result = shop.transform(run).await.unwrap();
        assert!(result.fact_rows > MANY as u64);
        assert_eq!(differences(&shop).await, "0");
        assert_ne!(
            shop.number(version).await,
            seen,
            "who reads the facts is told that they changed"
        );
        assert_eq!(shop.query(indexes).await, before);
        totals_agree(&shop).await;
    }
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'fact\\_sales\\_%next%'";
    assert_eq!(shop.number(left).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_of_a_date_that_is_computed_again_are_written_only_where_they_differ() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    let rows = "SELECT transaction_id, ctid::text FROM warehouse.fact_sales ORDER BY 1";
    let before = shop.query(rows).await;
    shop.sales(&source("t2", 0, "2026-01-12"), &[sale(9, 1, 7, 1, "2026-01-10T10:00:00Z")]).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 2));
    let after = shop.query(rows).await;
    assert_eq!(after[..before.len()], before, "the known sale of that date stays where it is");
    assert_eq!(after.len(), before.len() + 1);
    // A price from before the sale of 10 January changes that fact, and its date is compared.
    shop.products(&source("t3", 0, "2026-01-10"), &[Product(7, "Mug", "home", 1300, "Acme")]).await;
    shop.sales(&source("t3", 1, "2026-01-13"), &[sale(2, 1, 7, 5, "2026-01-10T00:00:00Z")]).await;
    shop.transform("t3").await.unwrap();
    assert_eq!(differences(&shop).await, "0");
    totals_agree(&shop).await;
}

/// A new month locks the default partition while it is attached, and a report may read that for long.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_month_whose_place_is_being_read_is_put_there_by_the_next_call() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    shop.sales(&source("t2", 0, "2026-06-01"), &[sale(50, 1, 7, 2, "2026-05-03T10:00:00Z")]).await;
    let report = "BEGIN; LOCK TABLE warehouse.fact_sales_default IN ACCESS SHARE MODE";
    shop.client.batch_execute(report).await.unwrap();
    shop.transform("t2").await.unwrap();
    let place = "SELECT tableoid::regclass FROM warehouse.fact_sales WHERE transaction_id = 50";
    assert_eq!(shop.number(place).await, "warehouse.fact_sales_default");
    shop.client.batch_execute("COMMIT").await.unwrap();
    let left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'fact\\_sales\\_%next%'";
    assert_eq!(shop.number(left).await, "0");
    shop.sales(&source("t3", 0, "2026-06-02"), &[sale(51, 1, 7, 1, "2026-05-04T10:00:00Z")]).await;
    shop.transform("t3").await.unwrap();
    assert_eq!(shop.number(place).await, "warehouse.fact_sales_2026_05");
    assert_eq!(differences(&shop).await, "0");
    totals_agree(&shop).await;
}
