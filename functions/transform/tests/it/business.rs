//! Days, weeks and months in the business time zone.

use shopflow_transform::business::BusinessTime;
use uuid::Uuid;

use crate::common::{Event, Product, Shop, at, sale, source};

/// Sales around midnight in Berlin on the night the clocks change, and on the last of the month,
/// when somebody looks at a page too.
async fn sell_around_midnight(shop: &Shop) {
    let product = [Product(1, "Mug", "home", 100, "Acme")];
    shop.products(&source("r1", 0, "2026-01-01"), &product).await;
    let sales = [
        sale(1, 1, 1, 1, "2026-03-28T22:59:59.999999Z"), // 23:59 on Saturday 28
        sale(2, 1, 1, 2, "2026-03-28T23:00:00Z"),        // 00:00 on Sunday 29, still winter
        sale(3, 1, 1, 4, "2026-03-29T21:59:59.999999Z"), // 23:59 on Sunday 29, now summer
        sale(4, 1, 1, 8, "2026-03-29T22:00:00Z"),        // 00:00 on Monday 30
        sale(5, 1, 1, 16, "2026-03-31T22:00:00Z"),       // 00:00 on 1 April
    ];
    shop.sales(&source("r1", 1, "2026-04-02"), &sales).await;
    let look = Event {
        id: Uuid::from_u128(1),
        session: "s1".to_owned(),
        customer: None,
        kind: "page_view",
        url: "/".to_owned(),
        at: at("2026-03-31T22:00:00Z"),
    };
    shop.events(&source("r1", 2, "2026-04-02"), &[look]).await;
    shop.transform("r1").await.unwrap();
}

const UNITS: &str = "
SELECT 'day' AS kind, event_date AS start, units FROM warehouse.daily_sales
UNION ALL SELECT 'week', week_start, units FROM warehouse.weekly_sales
UNION ALL SELECT 'month', month_start, units FROM warehouse.monthly_sales ORDER BY 1, 2";

async fn units(shop: &Shop) -> Vec<String> {
    let rows = shop.client.query(UNITS, &[]).await.unwrap();
    let line = |row: &tokio_postgres::Row| {
        let (kind, start, units): (&str, chrono::NaiveDate, i64) =
            (row.get(0), row.get(1), row.get(2));
        format!("{kind} {start} {units}")
    };
    rows.iter().map(line).collect()
}

const IN_BERLIN: [&str; 8] = [
    "day 2026-03-28 1",
    "day 2026-03-29 6",
    "day 2026-03-30 8",
    "day 2026-04-01 16",
    "month 2026-03-01 15",
    "month 2026-04-01 16",
    "week 2026-03-23 7",
    "week 2026-03-30 24",
];

const IN_UTC: [&str; 6] = [
    "day 2026-03-28 3",
    "day 2026-03-29 12",
    "day 2026-03-31 16",
    "month 2026-03-01 31",
    "week 2026-03-23 15",
    "week 2026-03-30 16",
];

/// Asserts how many sales and how many visits each month has in the tables with answers by month.
async fn assert_months(shop: &Shop, sales: &str, visits: &str) {
    for (table, count, expected) in [
        ("country_sales", "transactions", sales),
        ("category_sales", "transactions", sales),
        ("supplier_sales", "transactions", sales),
        ("payment_sales", "transactions", sales),
        ("session_funnel", "sessions", visits),
    ] {
        let months = format!(
            "SELECT month_start || ' ' || sum({count}) AS line FROM warehouse.{table} GROUP BY month_start"
        );
        let found =
            format!("SELECT string_agg(line, ', ' ORDER BY line) FROM ({months}) AS months");
        assert_eq!(shop.number(&found).await, expected, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_near_midnight_counts_for_the_day_the_shop_had() {
    let shop = Shop::in_zone("Europe/Berlin").await;
    sell_around_midnight(&shop).await;
    assert_eq!(units(&shop).await, IN_BERLIN);
    // Facts and silver keep the UTC date.
    assert_eq!(
        shop.query("SELECT date_key FROM warehouse.fact_sales WHERE transaction_id = 2").await,
        [r#"{"date_key":20260328}"#]
    );
    // A late sale touches the business day before its UTC date and the month before its own.
    shop.sales(&source("r2", 0, "2026-04-03"), &[sale(6, 1, 1, 32, "2026-04-01T21:00:00Z")]).await;
    shop.sales(&source("r2", 1, "2026-04-03"), &[sale(7, 1, 1, 64, "2026-02-28T23:30:00Z")]).await;
    shop.transform("r2").await.unwrap();
    let after = units(&shop).await;
    for line in ["day 2026-04-01 48", "day 2026-03-01 64", "month 2026-03-01 79"] {
        assert!(after.contains(&line.to_owned()), "{line} is not in {after:?}");
    }
    let gold = shop.files("gold/").await;
    shop.run("full", true).await.unwrap();
    assert_eq!(shop.files("gold/").await, gold);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_zone_makes_the_next_call_rebuild_everything() {
    let mut shop = Shop::open().await;
    sell_around_midnight(&shop).await;
    assert_eq!(units(&shop).await, IN_UTC);
    assert_months(&shop, "2026-03-01 5", "2026-03-01 1").await;
    let in_utc = shop.files("gold/").await;

    shop.context.business = BusinessTime::new("Europe/Berlin").unwrap();
    let result = shop.transform("r2").await.unwrap();
    assert_eq!(result.touched_dates, 3, "nothing was loaded, all dates are rebuilt");
    assert_eq!(units(&shop).await, IN_BERLIN);
    assert_months(&shop, "2026-03-01 4, 2026-04-01 1", "2026-04-01 1").await;
    assert_eq!(
        shop.number("SELECT time_zone FROM ops.business_time").await,
        "Europe/Berlin",
        "the zone is remembered"
    );
    assert_eq!(shop.transform("r3").await.unwrap().touched_dates, 0, "once");

    shop.context.business = BusinessTime::new("UTC").unwrap();
    shop.transform("r4").await.unwrap();
    assert_eq!(shop.files("gold/").await, in_utc, "there and back again");
}
