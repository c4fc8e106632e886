//! Sales in other currencies, and what stands beside their price: tax, shipping, and what they cost.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use shopflow_core::{Dataset, keys};
use shopflow_lake::{FileEntry, Table, parquet};
use shopflow_transform::currency::ShopCurrency;

use crate::common::answers::answers_agree;
use crate::common::small_shop::{ledger, same_after_a_full_run, small_shop, totals_agree};
use crate::common::{Own, Product, Rate, Sale, Shop, sale, source};

/// The sale of two mugs on a Sunday, at a list price of 12.50.
fn two_mugs(id: i64, own: Own) -> (Sale, Own) {
    (sale(id, 1, 7, 2, "2026-01-11T08:00:00Z"), own)
}

/// 9.99 each in a currency.
fn at_999(currency: Option<&'static str>) -> Own {
    Own { unit_price: Some(99_900), currency, ..Own::default() }
}

/// Columns of the facts of later sales than those of the small shop; a dash is null.
async fn facts(shop: &Shop, columns: &[&str]) -> Vec<String> {
    let columns: Vec<String> =
        columns.iter().map(|column| format!("coalesce({column}::text, '-')")).collect();
    let sql = format!(
        "SELECT concat_ws(' ', transaction_id, {}) FROM warehouse.fact_sales
         WHERE transaction_id > 3 ORDER BY transaction_id",
        columns.join(", ")
    );
    let rows = shop.client.query(&sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

const MONEY: [&str; 5] = ["unit_price", "discount", "amount", "exchange_rate", "charged"];

/// A dollar is 0.625 of a euro on the day of the mugs, a pound 1.25.
const RATES: [Rate; 4] = [
    Rate("2026-01-08", "USD", 125_000_000),
    Rate("2026-01-11", "USD", 160_000_000),
    Rate("2026-01-10", "GBP", 80_000_000),
    // Not known yet on that day.
    Rate("2026-01-12", "GBP", 90_000_000),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_converted_at_the_rate_of_its_day() {
    let shop = small_shop().await;
    shop.rates(&source("r1", 0, "2026-01-12"), &RATES).await;
    let off = |discount: i64, own: Own| Own { discount: Some(discount), ..own };
    let list_price = |currency| Own { currency: Some(currency), ..Own::default() };
    let sales = [
        two_mugs(4, at_999(Some("USD"))),
        // A fifth off, and three pounds off.
        two_mugs(5, off(2_000, at_999(Some("GBP")))),
        two_mugs(6, off(30_000, at_999(Some("GBP")))),
        // A list price is in the shop's currency; money off it is in the sale's.
        two_mugs(7, list_price("USD")),
        two_mugs(8, off(40_000, list_price("USD"))),
        // The shop's own currency, named and not.
        two_mugs(9, at_999(Some("EUR"))),
        two_mugs(10, at_999(None)),
        // Nobody knows what a franc is worth.
        two_mugs(11, at_999(Some("CHF"))),
        two_mugs(12, list_price("CHF")),
        two_mugs(13, off(40_000, list_price("CHF"))),
        // Brought back, and cancelled.
        (
            sale(14, 1, 7, -2, "2026-01-11T09:00:00Z"),
            Own { status: Some("returned"), ..off(40_000, at_999(Some("USD"))) },
        ),
        two_mugs(15, Own { status: Some("cancelled"), ..at_999(Some("USD")) }),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    let result = shop.transform("r1").await.unwrap();
    assert_eq!(ledger(&result, Dataset::ExchangeRates), (4, 4, 0));
    assert_eq!(
        facts(&shop, &MONEY).await,
        [
            "4 6.24 - 12.49 0.625000000000 19.98",
            "5 12.49 5.00 19.98 1.250000000000 15.98",
            "6 12.49 3.75 21.23 1.250000000000 16.98",
            "7 12.50 - 25.00 0.625000000000 -",
            "8 12.50 2.50 22.50 0.625000000000 -",
            "9 9.99 - 19.98 1.000000000000 19.98",
            "10 9.99 - 19.98 - -",
            "11 - - - - 19.98",
            "12 12.50 - 25.00 - -",
            "13 12.50 - - - -",
            "14 6.24 -2.50 -9.99 0.625000000000 -15.98",
            "15 6.24 - 0.00 0.625000000000 0.00",
        ]
    );
    let day = "SELECT transactions, revenue, unpriced_transactions AS unpriced
        FROM warehouse.daily_sales WHERE event_date = '2026-01-11'";
    assert_eq!(shop.query(day).await, [r#"{"transactions":12,"revenue":156.17,"unpriced":2}"#]);
    let currencies = "SELECT currency FROM warehouse.sales WHERE transaction_id IN (4, 10)
        ORDER BY transaction_id";
    assert_eq!(shop.query(currencies).await, [r#"{"currency":"USD"}"#, r#"{"currency":null}"#]);
    totals_agree(&shop).await;
    answers_agree(&shop, "currencies").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tax_and_shipping_stand_beside_the_price_and_a_return_gives_them_back() {
    let shop = small_shop().await;
    shop.rates(&source("r1", 0, "2026-01-12"), &RATES).await;
    let charged = |own: Own| Own { tax: Some(19_050), shipping: Some(49_500), ..own };
    let returned = |id| sale(id, 1, 7, -1, "2026-01-11T09:00:00Z");
    let status = |status| Own { status: Some(status), ..charged(at_999(None)) };
    let sales = [
        two_mugs(4, charged(at_999(Some("USD")))),
        two_mugs(5, charged(at_999(None))),
        // Whichever sign its source writes.
        (returned(6), charged(at_999(None))),
        (returned(7), Own { tax: Some(-19_050), shipping: Some(-49_500), ..at_999(Some("USD")) }),
        two_mugs(8, status("cancelled")),
        two_mugs(9, status("refunded")),
        two_mugs(10, status("returned")),
        // Tax that was corrected; nothing is known of the shipping.
        two_mugs(11, Own { tax: Some(-5_000), ..at_999(None) }),
        two_mugs(12, charged(at_999(Some("CHF")))),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("r1").await.unwrap();
    assert_eq!(
        facts(&shop, &["amount", "tax", "shipping"]).await,
        [
            "4 12.49 1.19 3.09",
            "5 19.98 1.91 4.95",
            "6 -9.99 -1.91 -4.95",
            "7 -6.24 -1.19 -3.09",
            "8 0.00 0.00 0.00",
            "9 0.00 0.00 0.00",
            "10 0.00 0.00 0.00",
            "11 19.98 -0.50 -",
            "12 - - -",
        ]
    );
    let month = "SELECT revenue, tax, shipping, costed_revenue, margin
        FROM warehouse.monthly_sales WHERE month_start = '2026-01-01'";
    // 45.00 of the small shop are in the revenue.
    assert_eq!(
        shop.query(month).await,
        [r#"{"revenue":81.22,"tax":-0.50,"shipping":0.00,"costed_revenue":0.00,"margin":0.00}"#]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "tax").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_comes_late_prices_the_sales_that_wait_for_it() {
    let shop = small_shop().await;
    let sales = [two_mugs(4, at_999(Some("USD"))), two_mugs(5, at_999(None))];
    shop.sales_with(&source("r1", 0, "2026-01-12"), &sales).await;
    shop.transform("r1").await.unwrap();
    let unpriced = "SELECT sum(unpriced_transactions) FROM warehouse.daily_sales";
    assert_eq!(facts(&shop, &MONEY).await, ["4 - - - - 19.98", "5 9.99 - 19.98 - -"]);
    assert_eq!(shop.number(unpriced).await, "1");
    answers_agree(&shop, "before the rate").await;

    // A rate may be seven days old, and no older.
    for (run, rate, sold) in [
        ("r2", Rate("2026-01-03", "USD", 200_000_000), "4 - - - - 19.98"),
        ("r3", Rate("2026-01-12", "USD", 200_000_000), "4 - - - - 19.98"),
        ("r4", Rate("2026-01-04", "USD", 125_000_000), "4 7.99 - 15.98 0.800000000000 19.98"),
        ("r5", Rate("2026-01-09", "USD", 160_000_000), "4 6.24 - 12.49 0.625000000000 19.98"),
        // A newer one is there.
        ("r6", Rate("2026-01-05", "USD", 100_000_000), "4 6.24 - 12.49 0.625000000000 19.98"),
        // It was corrected.
        ("r7", Rate("2026-01-09", "USD", 100_000_000), "4 9.99 - 19.98 1.000000000000 19.98"),
        // One that cannot be counts for nothing.
        ("r8", Rate("2026-01-09", "USD", 1), "4 - - - - 19.98"),
        ("r9", Rate("2026-01-09", "USD", 125_000_000), "4 7.99 - 15.98 0.800000000000 19.98"),
    ] {
        shop.rates(&source(run, 0, "2026-01-13"), &[rate]).await;
        shop.transform(run).await.unwrap();
        assert_eq!(facts(&shop, &MONEY).await, [sold, "5 9.99 - 19.98 - -"], "{run}");
        answers_agree(&shop, run).await;
    }
    assert_eq!(shop.number(unpriced).await, "0");
    assert_eq!(shop.silver(Dataset::ExchangeRates).await.len(), 5, "one row for each key");
    totals_agree(&shop).await;
    same_after_a_full_run(&shop).await;
}

/// Sales in pounds, euros and dollars on the day of the mugs, and one in pounds on the next.
async fn international_shop() -> Shop {
    let shop = small_shop().await;
    shop.rates(&source("r1", 0, "2026-01-12"), &RATES[1..3]).await;
    let sales = [
        two_mugs(4, at_999(Some("GBP"))),
        two_mugs(5, at_999(Some("EUR"))),
        two_mugs(6, at_999(Some("USD"))),
        two_mugs(7, at_999(None)),
        (sale(8, 1, 7, 1, "2026-01-12T08:00:00Z"), at_999(Some("GBP"))),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("r1").await.unwrap();
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn another_currency_of_the_shop_converts_its_sales_anew() {
    let mut shop = international_shop().await;
    let amounts = ["unit_price", "amount", "exchange_rate"];
    let in_euros = [
        "4 12.49 24.98 1.250000000000",
        "5 9.99 19.98 1.000000000000",
        "6 6.24 12.49 0.625000000000",
        "7 9.99 19.98 -",
        "8 12.49 12.49 1.250000000000",
    ];
    assert_eq!(facts(&shop, &amounts).await, in_euros);
    let euros = shop.context.currency.clone();
    let gold = shop.files("gold/").await;

    // By the euro, which the rates are for; each date is work for a call of its own.
    shop.context.currency.code = "USD".to_owned();
    shop.context.rows_per_call = 1;
    let first = shop.call("t2", false).await.unwrap();
    assert!(first.more, "one of the two dates is left");
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (2, 5));
    assert_eq!(
        facts(&shop, &amounts).await,
        [
            "4 19.98 39.96 2.000000000000",
            "5 15.98 31.97 1.600000000000",
            "6 9.99 19.98 1.000000000000",
            "7 9.99 19.98 -",
            "8 19.98 19.98 2.000000000000",
        ]
    );
    let known = "SELECT currency || ' ' || base || ' ' || max_age_days FROM ops.shop_currency";
    assert_eq!(shop.number(known).await, "USD EUR 7");
    answers_agree(&shop, "dollars").await;
    assert_eq!(shop.transform("t3").await.unwrap().touched_dates, 0, "once");

    // A pound of 10 January is too old on the 12th, and no rate is for a dollar.
    shop.context.currency = ShopCurrency { max_age_days: 1, ..euros.clone() };
    shop.transform("t4").await.unwrap();
    assert_eq!(facts(&shop, &amounts).await[4], "8 - - -");
    shop.context.currency = ShopCurrency { base: "USD".to_owned(), ..euros.clone() };
    shop.transform("t5").await.unwrap();
    assert_eq!(facts(&shop, &amounts).await[0], "4 - - -");
    answers_agree(&shop, "no rates").await;
    totals_agree(&shop).await;

    shop.context.currency = euros;
    shop.transform("t6").await.unwrap();
    assert_eq!(facts(&shop, &amounts).await, in_euros);
    assert!(shop.files("gold/").await == gold, "there and back again");
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_currency_is_remembered_where_no_sale_has_one() {
    let mut shop = small_shop().await;
    // Answers about payments are kept by it.
    let version = "SELECT version FROM ops.data_versions WHERE table_name = 'warehouse.payments'";
    let before = shop.number(version).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(shop.number(version).await, before, "nothing says that payments have changed");
    shop.context.currency.code = "CHF".to_owned();
    assert_eq!(shop.transform("t2").await.unwrap().touched_dates, 0);
    assert_eq!(shop.number("SELECT currency FROM ops.shop_currency").await, "CHF");
    assert_ne!(shop.number(version).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_costs_what_its_product_cost_at_its_moment() {
    let shop = small_shop().await;
    let mug = |cents, cost| [(Product(7, "Mug", "home", cents, "Acme"), cost)];
    shop.products_with(&source("r1", 0, "2026-01-01"), &mug(1000, Some(60_000))).await;
    shop.products_with(&source("r1", 1, "2026-01-10"), &mug(1250, Some(64_450))).await;
    let pen = [Product(8, "Pen", "toys", 300, "Acme")];
    shop.products(&source("r1", 2, "2026-01-01"), &pen).await;
    let status = |status| Own { status: Some(status), ..Own::default() };
    let sales = [
        (sale(4, 1, 7, 3, "2026-01-09T08:00:00Z"), Own::default()),
        // 3 x 6.445 is 19.335.
        (sale(5, 1, 7, 3, "2026-01-11T08:00:00Z"), Own::default()),
        (sale(6, 1, 7, -1, "2026-01-11T08:00:00Z"), Own::default()),
        (sale(7, 1, 7, 1, "2026-01-11T08:00:00Z"), status("cancelled")),
        (sale(8, 1, 7, 1, "2026-01-11T08:00:00Z"), status("returned")),
        // The customer kept it.
        (sale(9, 1, 7, 1, "2026-01-11T08:00:00Z"), status("refunded")),
        (sale(10, 1, 8, 1, "2026-01-11T08:00:00Z"), Own::default()),
        // The cost is in the shop's currency, and its amount waits for a rate.
        (sale(11, 1, 7, 1, "2026-01-11T08:00:00Z"), at_999(Some("CHF"))),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    let costs = ["amount", "cost"];
    assert_eq!(
        facts(&shop, &costs).await,
        [
            "4 30.00 18.00",
            "5 37.50 19.34",
            "6 -12.50 -6.45",
            "7 0.00 0.00",
            "8 0.00 0.00",
            "9 0.00 6.45",
            "10 3.00 -",
            "11 - 6.45",
        ]
    );
    let day = "SELECT revenue, costed_revenue, margin FROM warehouse.daily_sales
        WHERE event_date = '2026-01-11'";
    // 25.00 less 19.34: neither the pen nor the francs count.
    assert_eq!(
        shop.query(day).await,
        [r#"{"revenue":28.00,"costed_revenue":25.00,"margin":5.66}"#]
    );
    let categories = "SELECT category, costed_transactions AS costed, costed_revenue, margin
        FROM warehouse.category_sales WHERE month_start = '2026-01-01' ORDER BY 1";
    // With two sales of the small shop: 100.00 less 62.23.
    assert_eq!(
        shop.query(categories).await,
        [
            r#"{"category":"home","costed":9,"costed_revenue":100.00,"margin":37.77}"#,
            r#"{"category":"toys","costed":0,"costed_revenue":0.00,"margin":0.00}"#,
        ]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "costs").await;

    // A cost that is told late begins a version, and that of one that is there is corrected; the price
    // stays.
    shop.products_with(&source("r3", 0, "2026-01-10T12:00:00Z"), &mug(1250, Some(70_000))).await;
    let result = shop.transform("t2").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (2, 7), "of 11 January and of February");
    shop.products_with(&source("r4", 0, "2026-01-01"), &mug(1000, Some(50_000))).await;
    let result = shop.transform("t3").await.unwrap();
    assert_eq!((result.touched_dates, result.fact_rows), (1, 2), "of 9 January");
    assert_eq!(
        facts(&shop, &costs).await,
        [
            "4 30.00 15.00",
            "5 37.50 21.00",
            "6 -12.50 -7.00",
            "7 0.00 0.00",
            "8 0.00 0.00",
            "9 0.00 7.00",
            "10 3.00 -",
            "11 - 7.00",
        ]
    );
    assert_eq!(
        shop.query(day).await,
        [r#"{"revenue":28.00,"costed_revenue":25.00,"margin":4.00}"#]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "late costs").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_list_price_reaches_sales_in_other_currencies() {
    let shop = international_shop().await;
    let own =
        |discount: i64, own: Own| Own { discount: Some(discount), currency: Some("GBP"), ..own };
    let sales = [
        two_mugs(9, own(2_000, Own::default())),
        two_mugs(10, own(40_000, Own::default())),
        two_mugs(11, own(2_000, at_999(None))),
    ];
    shop.sales_with(&source("r3", 0, "2026-01-12"), &sales).await;
    shop.transform("t2").await.unwrap();
    let mug = [Product(7, "Mug", "home", 2000, "Acme")];
    shop.products(&source("r4", 0, "2026-01-10T12:00:00Z"), &mug).await;
    shop.transform("t3").await.unwrap();
    assert_eq!(
        facts(&shop, &MONEY).await[5..],
        [
            "9 20.00 8.00 32.00 1.250000000000 -",
            "10 20.00 5.00 35.00 1.250000000000 -",
            "11 12.49 5.00 19.98 1.250000000000 15.98",
        ]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "a late price").await;
    same_after_a_full_run(&shop).await;
}

/// Rewrites the files of a gold table as a release kept them that did not know its last columns.
async fn make_old(shop: &Shop, table: &str, unknown: usize) {
    let (storage, lake) = (&shop.context.storage, &shop.context.lake);
    let mut table = Table::open(storage, lake, &keys::gold_table(table)).await.unwrap();
    let mut changes: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
    for (partition, files) in table.manifest().partitions.clone() {
        let mut written = Vec::new();
        for file in files {
            let batches = parquet::read_file(storage, &file.reference(lake)).await.unwrap();
            let known = |batch: &RecordBatch| {
                let columns: Vec<usize> = (0..batch.num_columns() - unknown).collect();
                batch.project(&columns).unwrap()
            };
            let batches: Vec<RecordBatch> = batches.iter().map(known).collect();
            let file = parquet::write_batches(storage, &table, &partition, &batches).await;
            written.extend(file.unwrap());
        }
        changes.insert(partition, written);
    }
    assert!(table.commit(changes).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn gold_of_a_release_without_the_columns_is_brought_up_to_date() {
    let mut shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    let gold = shop.files("gold/").await;
    make_old(&shop, "fact_sales", 6).await;
    for table in ["daily_sales", "weekly_sales", "monthly_sales"] {
        make_old(&shop, table, 4).await;
    }
    make_old(&shop, "category_sales", 3).await;
    assert!(shop.files("gold/").await != gold);
    // As the migration does.
    let marks = "DELETE FROM ops.publications
        WHERE table_name LIKE '%ly_sales' OR table_name = 'category_sales';
        INSERT INTO ops.dirty_dates (event_date)
        SELECT DISTINCT (sold_at AT TIME ZONE 'UTC')::date FROM warehouse.fact_sales";
    shop.client.batch_execute(marks).await.unwrap();
    // The first call reads what the others have not brought up to date yet.
    shop.context.rows_per_call = 1;
    assert!(shop.call("t2", false).await.unwrap().more);
    answers_agree(&shop, "in part").await;
    shop.transform("t2").await.unwrap();
    assert!(shop.files("gold/").await == gold, "gold");
    totals_agree(&shop).await;
}
