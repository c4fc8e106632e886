//! Exports whose columns have other names, converted by hand.

use shopflow_core::{Dataset, Stage};

use super::cases::{
    JAFFLE_CUSTOMERS, JAFFLE_ORDERS, JAFFLE_PAYMENTS, RETAIL_EXPORT, SHOPIFY_ORDERS,
    SUPERSTORE_EXPORT,
};
use super::checks::{
    BASKETS, CATEGORIES, COUNTRIES, CUSTOMERS, DAYS, ORDER_PAYMENTS, PAID, PAYMENT_METHODS,
    PAYMENT_METHODS_EVOLVE, PRODUCTS, shop,
};
use super::convert::{jaffle_classic, online_retail, shopify, superstore};
use super::files::{amount, cents, money, records};

#[tokio::test(flavor = "multi_thread")]
async fn superstore_brings_what_its_sales_column_says() {
    let world = shop(&[]).await;
    let converted = superstore(SUPERSTORE_EXPORT);
    let ran = world.passed("2026-01-02", &converted.files()).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (2, 2, 0));
    assert_eq!(
        world.totals().await,
        "2 lines, 7 units: gross 2003.01, discounts 783.47, returns 0.00, net 1219.54 \
         (0 to guests 0.00, to customers 1219.54)"
    );
    // Of ten-thousandths, to the cent.
    let sales: u64 = records(SUPERSTORE_EXPORT).iter().map(|record| amount(&record["Sales"])).sum();
    let cents = (sales + 50) / 100;
    let net = "SELECT sum(amount) AS net FROM warehouse.fact_sales";
    assert_eq!(world.query(net).await, [format!("{}.{:02}", cents / 100, cents % 100)]);
    let facts = "SELECT transaction_id, order_id, unit_price, discount, amount \
         FROM warehouse.fact_sales ORDER BY 1";
    assert_eq!(
        world.query(facts).await,
        ["1 CA-2025-900001 130.98 0.00 261.96", "2 CA-2025-900002 348.21 783.47 957.58"]
    );
    // Its profit is the margin.
    let profit: i64 =
        records(SUPERSTORE_EXPORT).iter().map(|record| money(&record["Profit"])).sum();
    assert_eq!(profit, -3_411_174);
    let margin = "SELECT costed_revenue, margin FROM warehouse.daily_sales";
    assert_eq!(world.query(margin).await, ["1219.54 -341.12"]);
    assert_eq!(world.query(DAYS).await, ["2025-11-08 2 2 7 1219.54"]);
    assert_eq!(world.query(CUSTOMERS).await, ["1 1 261.96 261.96", "2 1 957.58 957.58"]);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returned_order_of_jaffle_shop_brings_nothing() {
    let world = shop(PAYMENT_METHODS_EVOLVE).await;
    let converted = jaffle_classic(JAFFLE_CUSTOMERS, JAFFLE_ORDERS, JAFFLE_PAYMENTS);
    let ran = world.passed("2026-01-02", &converted.files()).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (2, 2, 0));
    assert_eq!(ran.of(Stage::Load, Dataset::Payments), (3, 3, 0));
    // Of the customers, one is in no file.
    assert_eq!(ran.inferred, 1);
    assert_eq!(
        world.totals().await,
        "2 lines, 2 units: gross 30.00, discounts 0.00, returns 10.00, net 20.00 \
         (0 to guests 0.00, to customers 20.00)"
    );
    let facts = "SELECT transaction_id, order_id, unit_price, amount, status \
         FROM warehouse.fact_sales ORDER BY 1";
    assert_eq!(world.query(facts).await, ["1 1 10.00 0.00 returned", "2 2 20.00 20.00 completed"]);
    assert_eq!(world.query(DAYS).await, ["2025-01-01 1 1 0 0.00", "2025-01-02 1 1 1 20.00"]);
    assert_eq!(world.query(CUSTOMERS).await, ["1 1 0.00 0.00", "3 1 20.00 20.00"]);
    assert_eq!(world.query(PRODUCTS).await, [""; 0]);
    assert_eq!(world.query(CATEGORIES).await, ["unknown 2 20.00"]);
    assert_eq!(world.query(COUNTRIES).await, ["unknown 2 20.00"]);
    assert_eq!(world.query(PAYMENT_METHODS).await, ["unknown 2"]);
    // A coupon pays as money does; one payment is of an order that no file has.
    let paid = ["coupon 1 20.00", "credit_card 1 10.00", "gift_card 1 1.00"];
    assert_eq!(world.query(PAID).await, paid);
    // The export has cents.
    let amounts =
        records(JAFFLE_PAYMENTS).into_iter().map(|record| record["amount"].parse::<i64>());
    let all = "SELECT round(sum(amount), 2) AS paid FROM warehouse.payments";
    assert_eq!(world.query(all).await, [cents(amounts.map(Result::unwrap).sum())]);
    assert_eq!(
        world.query(ORDER_PAYMENTS).await,
        ["1 EUR 0.00 - - 1 10.00", "2 EUR 20.00 - - 1 20.00", "3 EUR - - - 1 1.00"]
    );
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postage_and_vouchers_of_shopify_are_in_every_total_but_those_of_products() {
    let world = shop(PAYMENT_METHODS_EVOLVE).await;
    let converted = shopify(SHOPIFY_ORDERS);
    let ran = world.passed("2026-01-02", &converted.files()).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Customers), (2, 2, 0));
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (7, 7, 0));
    assert_eq!(ran.inferred, 0);
    assert_eq!(
        world.totals().await,
        "7 lines, 6 units: gross 92.86, discounts 0.00, returns 5.00, net 87.86 \
         (1 to guests 31.98, to customers 55.88)"
    );
    // What the export says of its orders, in ten-thousandths.
    let orders = records(SHOPIFY_ORDERS);
    let totals = orders.iter().map(|order| &order["Total"]).filter(|total| !total.is_empty());
    assert_eq!(totals.map(|total| amount(total)).sum::<u64>(), 878_600);
    assert_eq!(world.query(DAYS).await, ["2025-06-06 4 1 2 25.93", "2025-06-07 3 1 4 61.93"]);
    assert_eq!(world.query(CUSTOMERS).await, ["1 4 25.93 25.93", "2 2 29.95 29.95"]);
    assert_eq!(world.query(PRODUCTS).await, ["1 1 1 9.99", "2 2 3 47.97"]);
    // What products leave out is told where they are told by category.
    assert_eq!(world.query(CATEGORIES).await, ["home 3 57.96", "unknown 4 29.90"]);
    assert_eq!(world.query(COUNTRIES).await, ["US 4 25.93", "unknown 3 61.93"]);
    let methods = ["unknown 1", "manual 2", "Shopify Payments 4"];
    assert_eq!(world.query(PAYMENT_METHODS).await, methods);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_of_online_retail_gives_customers_products_and_lines() {
    let world = shop(&[]).await;
    let converted = online_retail(RETAIL_EXPORT);
    let ran = world.passed("2026-01-02", &converted.files()).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (4, 4, 0));
    assert_eq!(ran.inferred, 0);
    assert_eq!(
        world.totals().await,
        "4 lines, 10 units: gross 73.50, discounts 0.00, returns 2.55, net 70.95 \
         (1 to guests 4.20, to customers 66.75)"
    );
    let facts = "SELECT transaction_id, order_id, customer_id, quantity, unit_price, amount \
         FROM warehouse.sales ORDER BY 1";
    assert_eq!(
        world.query(facts).await,
        [
            "1 900001 17001 6 2.55 15.30",
            "2 C900002 17001 -1 2.55 -2.55",
            "3 900003 - 2 2.10 4.20",
            "4 900004 17003 3 18.00 54.00",
        ]
    );
    assert_eq!(world.query(DAYS).await, ["2025-12-01 4 2 10 70.95"]);
    assert_eq!(world.query(CUSTOMERS).await, ["17001 2 12.75 12.75", "17003 1 54.00 54.00"]);
    assert_eq!(world.query(PRODUCTS).await, ["1 2 5 12.75", "2 1 2 4.20", "3 1 3 54.00"]);
    assert_eq!(world.query(BASKETS).await, ["1 3 11 73.50"]);
    assert_eq!(world.query(COUNTRIES).await, ["FR 1 54.00", "GB 2 12.75", "unknown 1 4.20"]);
    world.agrees().await;
}
