//! What a line of a sale says itself: its own price, a discount, what became of it, and who and what it
//! does without.

use crate::common::answers::answers_agree;
use crate::common::small_shop::{same_after_a_full_run, small_shop, totals_agree};
use crate::common::{Customer, Own, Product, Sale, sale, source};

/// What a sale to customer 1 of two mugs at a list price of 12.50 says besides.
fn two_mugs(id: i64, own: Own) -> (Sale, Own) {
    (sale(id, 1, 7, 2, "2026-01-11T08:00:00Z"), own)
}

const AMOUNTS: &str = "SELECT transaction_id AS id, unit_price, discount, amount
    FROM warehouse.fact_sales WHERE transaction_id > 3 ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_has_its_own_price() {
    let shop = small_shop().await;
    let price = |unit_price, discount| Own { unit_price, discount, ..Own::default() };
    let order = Some("A-1");
    let sales = [
        two_mugs(4, Own { order, ..price(Some(99_900), None) }),
        // A fifth off, and three off; of the own price and of the list price.
        two_mugs(5, price(Some(99_900), Some(2_000))),
        two_mugs(6, price(Some(99_900), Some(30_000))),
        two_mugs(7, price(None, Some(2_000))),
        // 2 x 957.5775 is 1915.155, and 45 % of that 861.81975.
        two_mugs(8, price(Some(9_575_775), Some(4_500))),
        // Given away.
        two_mugs(9, price(Some(0), None)),
        two_mugs(10, price(None, Some(10_000))),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(
        shop.query(AMOUNTS).await,
        [
            r#"{"id":4,"unit_price":9.99,"discount":null,"amount":19.98}"#,
            r#"{"id":5,"unit_price":9.99,"discount":4.00,"amount":15.98}"#,
            r#"{"id":6,"unit_price":9.99,"discount":3.00,"amount":16.98}"#,
            r#"{"id":7,"unit_price":12.50,"discount":5.00,"amount":20.00}"#,
            r#"{"id":8,"unit_price":957.58,"discount":861.82,"amount":1053.34}"#,
            r#"{"id":9,"unit_price":0.00,"discount":null,"amount":0.00}"#,
            r#"{"id":10,"unit_price":12.50,"discount":25.00,"amount":0.00}"#,
        ]
    );
    let day = "SELECT transactions, units, revenue, unpriced_transactions AS unpriced
        FROM warehouse.daily_sales WHERE event_date = '2026-01-11'";
    assert_eq!(
        shop.query(day).await,
        [r#"{"transactions":7,"units":14,"revenue":1126.28,"unpriced":0}"#]
    );
    let orders = "SELECT order_id FROM warehouse.sales WHERE transaction_id IN (3, 4) ORDER BY 1";
    assert_eq!(shop.query(orders).await, [r#"{"order_id":"A-1"}"#, r#"{"order_id":null}"#]);
    totals_agree(&shop).await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_list_price_leaves_a_sale_with_its_own_price_alone() {
    let shop = small_shop().await;
    let discount = Some(1_000);
    let sales = [
        two_mugs(4, Own { unit_price: Some(99_900), ..Own::default() }),
        two_mugs(5, Own::default()),
        two_mugs(6, Own { discount, ..Own::default() }),
        two_mugs(7, Own { discount, is_guest: true, ..Own::default() }),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    // Between the price of 10 January and these sales.
    let mug = [Product(7, "Mug", "home", 2000, "Acme")];
    shop.products(&source("r3", 0, "2026-01-10T12:00:00Z"), &mug).await;
    shop.transform("t2").await.unwrap();
    assert_eq!(
        shop.query(AMOUNTS).await,
        [
            r#"{"id":4,"unit_price":9.99,"discount":null,"amount":19.98}"#,
            r#"{"id":5,"unit_price":20.00,"discount":null,"amount":40.00}"#,
            r#"{"id":6,"unit_price":20.00,"discount":4.00,"amount":36.00}"#,
            r#"{"id":7,"unit_price":20.00,"discount":4.00,"amount":36.00}"#,
        ]
    );
    totals_agree(&shop).await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_was_given_back_brings_nothing() {
    let shop = small_shop().await;
    let own = |status| Own {
        unit_price: Some(99_900),
        discount: Some(2_000),
        status: Some(status),
        ..Own::default()
    };
    let sales: Vec<(Sale, Own)> = (4..)
        .zip(["cancelled", "completed", "refunded", "returned"])
        .map(|(id, status)| two_mugs(id, own(status)))
        .collect();
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    let amounts = "SELECT status, amount FROM warehouse.sales WHERE transaction_id > 3 ORDER BY 1";
    assert_eq!(
        shop.query(amounts).await,
        [
            r#"{"status":"cancelled","amount":0.00}"#,
            r#"{"status":"completed","amount":15.98}"#,
            r#"{"status":"refunded","amount":0.00}"#,
            r#"{"status":"returned","amount":0.00}"#,
        ]
    );
    totals_agree(&shop).await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_nobody() {
    let shop = small_shop().await;
    let guest = || Own { is_guest: true, ..Own::default() };
    let sales =
        [two_mugs(4, guest()), two_mugs(5, guest()), (sale(6, 1, 7, 1, "2026-01-11"), guest())];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    let facts = "SELECT customer_id, count(*) AS sales, sum(amount) AS revenue
        FROM warehouse.sales GROUP BY 1 ORDER BY 1";
    assert_eq!(
        shop.query(facts).await,
        [
            r#"{"customer_id":1,"sales":2,"revenue":45.00}"#,
            r#"{"customer_id":2,"sales":1,"revenue":12.50}"#,
            r#"{"customer_id":null,"sales":3,"revenue":62.50}"#,
        ]
    );
    let day = "SELECT transactions, customers, revenue FROM warehouse.daily_sales
        WHERE event_date = '2026-01-11'";
    assert_eq!(shop.query(day).await, [r#"{"transactions":3,"customers":0,"revenue":62.50}"#]);
    let values = "SELECT customer_id, revenue FROM warehouse.customer_lifetime_value ORDER BY 1";
    assert_eq!(
        shop.query(values).await,
        [r#"{"customer_id":1,"revenue":45.00}"#, r#"{"customer_id":2,"revenue":12.50}"#]
    );
    for table in ["customer_rfm", "customer_lifetime_prediction"] {
        let rows = format!("SELECT count(*) FROM warehouse.{table}");
        assert_eq!(shop.number(&rows).await, "2", "{table}");
    }
    // Three of customers, and one for each sale to a guest.
    assert_eq!(
        shop.query("SELECT * FROM warehouse.basket_sizes").await,
        [r#"{"lines":1,"baskets":6,"units":10,"revenue":120.00}"#]
    );
    let unknown = "SELECT transactions, revenue FROM warehouse.country_sales
        WHERE country = 'unknown'";
    assert_eq!(shop.query(unknown).await, [r#"{"transactions":3,"revenue":62.50}"#]);
    totals_agree(&shop).await;
    answers_agree(&shop, "guests").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_product_counts_everywhere_but_for_products() {
    let shop = small_shop().await;
    shop.customers(&source("t1", 4, "2026-01-01"), &[Customer(3, "Cem", "", "", "")]).await;
    shop.products(&source("t1", 5, "2026-01-01"), &[Product(8, "Pen", "toys", 300, "")]).await;
    let price = |cents: i64| Own { unit_price: Some(cents * 100), ..Own::default() };
    let postage = |cents| Own { is_postage: true, order: Some("A-1"), ..price(cents) };
    let sales = [
        two_mugs(4, Own { order: Some("A-1"), ..Own::default() }),
        (sale(5, 1, 7, 1, "2026-01-11T08:00:00Z"), postage(495)),
        // A voucher of a guest, of whom nobody knows how it was paid.
        (
            sale(6, 1, 7, -1, "2026-01-11T08:00:00Z"),
            Own { is_guest: true, is_paid_somehow: true, ..postage(1000) },
        ),
        (sale(7, 3, 8, 1, "2026-01-11T09:00:00Z"), Own::default()),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    let facts = "SELECT transaction_id AS id, product_id AS product, supplier, amount,
            m.payment_method AS paid
        FROM warehouse.sales AS s JOIN warehouse.fact_sales AS f USING (transaction_id, amount)
        LEFT JOIN warehouse.dim_payment_method AS m USING (payment_method_key)
        WHERE transaction_id > 3 ORDER BY 1";
    assert_eq!(
        shop.query(facts).await,
        [
            r#"{"id":4,"product":7,"supplier":"Acme","amount":25.00,"paid":"paypal"}"#,
            r#"{"id":5,"product":null,"supplier":null,"amount":4.95,"paid":"paypal"}"#,
            r#"{"id":6,"product":null,"supplier":null,"amount":-10.00,"paid":null}"#,
            r#"{"id":7,"product":8,"supplier":null,"amount":3.00,"paid":"paypal"}"#,
        ]
    );
    let day = "SELECT transactions, customers, units, revenue FROM warehouse.daily_sales
        WHERE event_date = '2026-01-11'";
    assert_eq!(
        shop.query(day).await,
        [r#"{"transactions":4,"customers":2,"units":3,"revenue":22.95}"#]
    );
    let products = "SELECT product_id AS product, transactions, revenue
        FROM warehouse.product_sales ORDER BY 1";
    assert_eq!(
        shop.query(products).await,
        [
            r#"{"product":7,"transactions":4,"revenue":82.50}"#,
            r#"{"product":8,"transactions":1,"revenue":3.00}"#,
        ]
    );
    for (table, of, rows) in [
        // What products leave out.
        ("category_sales", "category", "2 -5.05"),
        // And a pen of a supplier whom nobody knows.
        ("supplier_sales", "supplier", "3 -2.05"),
        // The voucher.
        ("payment_sales", "payment_method", "1 -10.00"),
        // The guest's, and those of a customer whose country nobody knows.
        ("country_sales", "country", "2 -7.00"),
    ] {
        let unknown = format!(
            "SELECT sum(transactions) || ' ' || sum(revenue) FROM warehouse.{table}
             WHERE {of} = 'unknown'"
        );
        assert_eq!(shop.number(&unknown).await, rows, "{table}");
    }
    totals_agree(&shop).await;
    answers_agree(&shop, "postage").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_later_is_a_change_like_any_other() {
    let shop = small_shop().await;
    shop.customers(&source("t1", 4, "2026-02-01"), &[Customer(1, "Ada Lovelace", "", "", "")])
        .await;
    shop.products(&source("t1", 5, "2026-02-01"), &[Product(7, "Mug", "home", 1250, "")]).await;
    shop.transform("t1").await.unwrap();
    let versions =
        "SELECT valid_from::date::text AS since, email_domain, registration_date, country
        FROM warehouse.dim_customer WHERE customer_id = 1 ORDER BY valid_from";
    assert_eq!(
        shop.query(versions).await,
        [
            r#"{"since":"-infinity","email_domain":"example.com","registration_date":null,"country":"GB"}"#,
            r#"{"since":"2026-02-01","email_domain":null,"registration_date":null,"country":null}"#,
        ]
    );
    let suppliers = "SELECT supplier FROM warehouse.dim_product ORDER BY valid_from";
    assert_eq!(
        shop.query(suppliers).await,
        [r#"{"supplier":"Acme"}"#, r#"{"supplier":"Acme"}"#, r#"{"supplier":null}"#]
    );
    let of_february = "SELECT supplier, revenue FROM warehouse.supplier_sales ORDER BY month_start";
    assert_eq!(
        shop.query(of_february).await,
        [r#"{"supplier":"Acme","revenue":45.00}"#, r#"{"supplier":"unknown","revenue":12.50}"#,]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "gone").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_takes_back_what_it_brought() {
    let shop = small_shop().await;
    let returned =
        |status| Own { unit_price: Some(99_900), discount: Some(2_000), status, ..Own::default() };
    let sales = [
        two_mugs(4, returned(None)),
        // The same at the end of the month, whatever its status; money off comes back as well.
        (sale(5, 1, 7, -2, "2026-01-31T08:00:00Z"), returned(Some("returned"))),
        (sale(6, 1, 7, -1, "2026-03-01T08:00:00Z"), Own::default()),
        (
            sale(7, 2, 7, -1, "2026-03-01T09:00:00Z"),
            Own { discount: Some(25_000), ..Own::default() },
        ),
        // Somebody who never bought.
        (sale(8, 3, 7, -1, "2026-03-02T09:00:00Z"), Own::default()),
    ];
    shop.sales_with(&source("r2", 0, "2026-03-03"), &sales).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(
        shop.query(AMOUNTS).await,
        [
            r#"{"id":4,"unit_price":9.99,"discount":4.00,"amount":15.98}"#,
            r#"{"id":5,"unit_price":9.99,"discount":-4.00,"amount":-15.98}"#,
            r#"{"id":6,"unit_price":12.50,"discount":null,"amount":-12.50}"#,
            r#"{"id":7,"unit_price":12.50,"discount":-2.50,"amount":-10.00}"#,
            r#"{"id":8,"unit_price":12.50,"discount":null,"amount":-12.50}"#,
        ]
    );
    let values = "SELECT customer_id AS id, first_purchase AS first, last_purchase AS last,
            transactions, revenue, average_order_value AS average
        FROM warehouse.customer_lifetime_value ORDER BY 1";
    assert_eq!(
        shop.query(values).await,
        [
            r#"{"id":1,"first":"2026-01-09","last":"2026-01-11","transactions":5,"revenue":32.50,"average":10.83}"#,
            r#"{"id":2,"first":"2026-02-02","last":"2026-02-02","transactions":2,"revenue":2.50,"average":2.50}"#,
            r#"{"id":3,"first":"2026-03-02","last":"2026-03-02","transactions":1,"revenue":-12.50,"average":-12.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.purchase_frequency ORDER BY 1").await,
        [
            r#"{"baskets":0,"customers":1,"revenue":-12.50}"#,
            r#"{"baskets":1,"customers":1,"revenue":2.50}"#,
            r#"{"baskets":3,"customers":1,"revenue":32.50}"#,
        ]
    );
    assert_eq!(
        shop.query("SELECT * FROM warehouse.basket_sizes").await,
        [r#"{"lines":1,"baskets":4,"units":7,"revenue":73.48}"#]
    );
    assert_eq!(
        shop.query("SELECT units, revenue FROM warehouse.product_sales").await,
        [r#"{"units":2,"revenue":22.50}"#]
    );
    let frequency = "SELECT customer_id AS id, frequency FROM warehouse.customer_rfm ORDER BY 1";
    assert_eq!(
        shop.query(frequency).await,
        [r#"{"id":1,"frequency":3}"#, r#"{"id":2,"frequency":1}"#]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "returns").await;
    same_after_a_full_run(&shop).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_says_no_more_has_its_revenue_as_gross_and_an_order_for_each_sale() {
    let shop = small_shop().await;
    shop.transform("t1").await.unwrap();
    for table in ["daily_sales", "weekly_sales", "monthly_sales"] {
        let other = format!(
            "SELECT count(*) FROM warehouse.{table} WHERE gross <> revenue
                 OR orders <> transactions OR discounts <> 0 OR returns <> 0"
        );
        assert_eq!(shop.number(&other).await, "0", "{table}");
    }
    let orders = "SELECT (SELECT sum(orders) FROM warehouse.customer_lifetime_value)
        || ' ' || (SELECT sum(orders) FROM warehouse.country_sales)";
    assert_eq!(shop.number(orders).await, "3 3");
    answers_agree(&shop, "six columns").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_between_gross_and_net_is_told() {
    let shop = small_shop().await;
    let own = |status| Own {
        unit_price: Some(100_000),
        discount: Some(30_000),
        status,
        order: Some("A-1"),
        ..Own::default()
    };
    let sales = [
        // One order: 20.00 less 3.00 each, of which one came back, one was paid back, and one never
        // was.
        two_mugs(4, own(Some("completed"))),
        two_mugs(5, own(Some("returned"))),
        two_mugs(6, own(Some("refunded"))),
        two_mugs(7, own(Some("cancelled"))),
        // Two guests, one with two lines.
        two_mugs(8, Own { is_guest: true, order: Some("A-2"), ..Own::default() }),
        two_mugs(9, Own { is_guest: true, order: Some("A-2"), ..Own::default() }),
        two_mugs(10, Own { is_guest: true, ..Own::default() }),
        // Brought back by a line of its own, whose price is that of the list.
        (sale(11, 1, 7, -1, "2026-01-11T09:00:00Z"), Own::default()),
        // Cancelled as a whole.
        two_mugs(12, Own { status: Some("cancelled"), order: Some("A-3"), ..Own::default() }),
    ];
    shop.sales_with(&source("r2", 0, "2026-01-12"), &sales).await;
    shop.transform("t1").await.unwrap();
    let day = "SELECT transactions, units, revenue, orders, gross, discounts, returns
        FROM warehouse.daily_sales WHERE event_date = '2026-01-11'";
    // Gross is 3 x 20.00 and 3 x 25.00; 2 x 17.00 and 12.50 came back.
    assert_eq!(
        shop.query(day).await,
        [
            r#"{"transactions":9,"units":9,"revenue":79.50,"orders":3,"gross":135.00,"discounts":9.00,"returns":46.50}"#
        ]
    );
    let values = "SELECT transactions, orders, revenue, average_order_value AS average
        FROM warehouse.customer_lifetime_value WHERE customer_id = 1";
    // Two sales without a number, and A-1.
    assert_eq!(
        shop.query(values).await,
        [r#"{"transactions":8,"orders":3,"revenue":49.50,"average":16.50}"#]
    );
    let countries = "SELECT country, orders, revenue FROM warehouse.country_sales
        WHERE month_start = '2026-01-01' ORDER BY 1";
    assert_eq!(
        shop.query(countries).await,
        [
            r#"{"country":"GB","orders":3,"revenue":49.50}"#,
            r#"{"country":"unknown","orders":2,"revenue":75.00}"#,
        ]
    );
    // With two of the small shop; a return is not sold, nor is what was cancelled.
    let paid = "SELECT payment_method AS by, transactions, priced_transactions AS priced,
            lines_sold AS sold, revenue
        FROM warehouse.payment_sales WHERE month_start = '2026-01-01'";
    assert_eq!(
        shop.query(paid).await,
        [r#"{"by":"paypal","transactions":11,"priced":11,"sold":8,"revenue":124.50}"#]
    );
    // Three of the small shop, those of A-1 that were not cancelled, A-2, and a guest's.
    assert_eq!(
        shop.query("SELECT lines, baskets, units FROM warehouse.basket_sizes ORDER BY 1").await,
        [
            r#"{"lines":1,"baskets":4,"units":7}"#,
            r#"{"lines":2,"baskets":1,"units":4}"#,
            r#"{"lines":3,"baskets":1,"units":4}"#,
        ]
    );
    totals_agree(&shop).await;
    answers_agree(&shop, "gross and net").await;
    same_after_a_full_run(&shop).await;
}
