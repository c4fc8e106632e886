//! Tax, shipping, payments and currencies: exports come to what they say of themselves, in their own
//! currency and converted.

use shopflow_core::{Dataset, Stage};

use super::cases::{
    self, OLIST_ITEMS, OLIST_ORDERS, OLIST_PAYMENTS, RATES, RATES_OF_A_DAY, SHOPIFY_TAXES,
};
use super::charges::{olist, shopify_charges};
use super::checks::{CONVERTED, DAYS, ORDER_PAYMENTS, PAID, PAYMENT_METHODS_EVOLVE, shop};
use super::files::{cents, money, records};

/// A payment is identified by its order and its number within it.
const PAYMENTS_KEYED: &[(&str, &str)] =
    &[("SHOPFLOW__NATURAL_KEYS__PAYMENTS", "order_id, sequence")];
/// Everything has a key of its own.
const KEYED: &[(&str, &str)] = &[
    ("SHOPFLOW__NATURAL_KEYS__CUSTOMERS", "text"),
    ("SHOPFLOW__NATURAL_KEYS__PRODUCTS", "text"),
    ("SHOPFLOW__NATURAL_KEYS__TRANSACTIONS", "order_id, line"),
];

/// In dollars, euros, pounds and yen, and one at the list price; for the last day there is no rate that
/// is recent enough.
const SALES: &str = "\
id,customer_id,product_id,quantity,timestamp,payment_method,unit_price,currency
28001,1,1,2,2025-06-06T10:00:00Z,paypal,10.00,USD
28002,2,2,1,2025-06-08T10:00:00Z,paypal,10.00,usd
28003,3,3,1,2025-06-09T10:00:00Z,paypal,,
28004,4,4,3,2025-06-09T10:00:00Z,paypal,4.00,EUR
28005,5,5,1,2025-06-24T10:00:00Z,paypal,20.00,USD
28006,6,6,-1,2025-06-09T12:00:00Z,paypal,10.00,GBP
28007,7,7,1,2025-06-06T12:00:00Z,paypal,1500,JPY
";

/// The sum of a column of an export, in ten-thousandths; most of its cells may be empty.
fn sum(export: &str, column: &str) -> i64 {
    let values = records(export).into_iter().map(|mut record| record.remove(column).unwrap());
    values.filter(|value| !value.is_empty()).map(|value| money(&value)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_of_shopify_are_charged_what_they_say_and_converted_at_the_rate_of_their_day() {
    let world = shop(&[PAYMENT_METHODS_EVOLVE, PAYMENTS_KEYED].concat()).await;
    let converted = shopify_charges(SHOPIFY_TAXES);
    let rates = [RATES, RATES_OF_A_DAY].map(|file| (Dataset::ExchangeRates, file));
    let files = [converted.files(), rates.to_vec()].concat();
    let ran = world.passed("2026-01-02", &files).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (6, 6, 0));
    assert_eq!(ran.of(Stage::Load, Dataset::Payments), (6, 6, 0));
    assert_eq!(ran.of(Stage::Load, Dataset::ExchangeRates), (120, 120, 0));
    // The first order is of a Saturday in Greenwich: its rate is that of the Friday before.
    assert_eq!(
        world.query(CONVERTED).await,
        [
            "1 8.75 4.37 4.38 1.19 4.34 USD 0.876347384103 4.99",
            "2 14.01 14.01 - - - USD 0.876347384103 15.99",
            "3 15.99 31.98 0.00 6.08 0.00 EUR 1.000000000000 31.98",
            "4 8.75 0.00 0.00 0.00 0.00 USD 0.875886835421 0.00",
            "5 13.99 41.97 0.00 2.73 0.00 USD 0.874967188730 47.97",
            "6 13.99 -13.99 - - - USD 0.874967188730 -15.99",
        ]
    );
    assert_eq!(
        world.totals().await,
        "6 lines, 7 units: gross 105.46, discounts 4.38, returns 22.74, net 78.34 \
         (2 to guests 27.98, to customers 50.36)"
    );
    let days = ["2025-06-07 2 1 2 18.38", "2025-06-09 2 2 3 31.98", "2025-06-10 2 0 2 27.98"];
    assert_eq!(world.query(DAYS).await, days);
    let charges = "SELECT sum(tax) AS tax, sum(shipping) AS shipping FROM warehouse.daily_sales";
    assert_eq!(world.query(charges).await, ["10.00 4.34"]);
    // Each order in its own currency: what it comes to is what was paid and not paid back.
    assert_eq!(
        world.query(ORDER_PAYMENTS).await,
        [
            "#2001 USD 20.98 1.36 4.95 1 27.29",
            "#2002 EUR 31.98 6.08 0.00 1 38.06",
            "#2003 USD 0.00 0.00 0.00 2 0.00",
            "#2004 USD 31.98 3.12 0.00 2 35.10",
        ]
    );
    let due = "SELECT sum(charged + tax + shipping) AS due, round(sum(paid), 2) AS paid \
         FROM warehouse.order_payments";
    let kept = cents((sum(SHOPIFY_TAXES, "Total") - sum(SHOPIFY_TAXES, "Refunded Amount")) / 100);
    assert_eq!(world.query(due).await, [format!("{kept} {kept}")]);
    assert_eq!(world.query(PAID).await, ["Shopify Payments 5 62.39", "gift_card 1 38.06"]);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_payments_of_an_order_of_olist_come_to_its_items_and_their_freight() {
    let world = shop(&[PAYMENT_METHODS_EVOLVE, PAYMENTS_KEYED, KEYED].concat()).await;
    let converted = olist(OLIST_ORDERS, OLIST_ITEMS, OLIST_PAYMENTS);
    let ran = world.passed("2026-01-02", &converted.files()).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (5, 5, 0));
    assert_eq!(ran.of(Stage::Load, Dataset::Payments), (7, 7, 0));
    assert_eq!(
        world.totals().await,
        "5 lines, 5 units: gross 477.70, discounts 0.00, returns 0.00, net 477.70 \
         (0 to guests 0.00, to customers 477.70)"
    );
    let order = |number, rest| format!("eeeeeeeebbbbbbbbccccccccdddddd0{number} EUR {rest}");
    assert_eq!(
        world.query(ORDER_PAYMENTS).await,
        [
            order(1, "117.80 - 26.58 2 144.38"),
            order(2, "239.90 - 19.93 1 259.83"),
            // Cancelled, and paid for all the same: what was paid back is in no export.
            order(3, "0.00 - 0.00 3 38.71"),
            order(4, "120.00 - 15.10 1 135.10"),
        ]
    );
    let methods = ["boleto 1 259.83", "credit_card 2 235.10", "voucher 4 83.09"];
    assert_eq!(world.query(PAID).await, methods);
    let paid = "SELECT round(sum(amount), 2) AS paid FROM warehouse.payments";
    assert_eq!(world.query(paid).await, [cents(sum(OLIST_PAYMENTS, "payment_value") / 100)]);
    let freight = "SELECT round(sum(shipping), 2) AS shipping FROM core.transactions";
    assert_eq!(world.query(freight).await, [cents(sum(OLIST_ITEMS, "freight_value") / 100)]);
    world.agrees().await;

    // The same payments once more are known by their orders and numbers.
    let again = world.run("2026-01-03", &converted.files()).await;
    assert_eq!(again.of(Stage::Load, Dataset::Payments), (7, 0, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_waits_for_the_rate_of_its_day_and_follows_what_becomes_of_it() {
    let world = shop(&[]).await;
    let files = [
        (Dataset::Customers, cases::CUSTOMERS),
        (Dataset::Products, cases::PRODUCTS),
        (Dataset::Transactions, SALES),
        (Dataset::ExchangeRates, RATES),
    ];
    let ran = world.passed("2026-01-12", &files).await;
    assert_eq!(ran.of(Stage::Load, Dataset::ExchangeRates), (90, 90, 0));
    let mut facts = [
        "28001 8.76 17.53 - - - USD 0.876347384103 20.00",
        // Of a Sunday: the rate is that of the Friday before.
        "28002 8.76 8.76 - - - USD 0.876347384103 10.00",
        "28003 3.50 3.50 - - - - - -",
        "28004 4.00 12.00 - - - EUR 1.000000000000 12.00",
        "28005 - - - - - USD - 20.00",
        "28006 11.86 -11.86 - - - GBP 1.185733257446 -10.00",
        "28007 9.12 9.12 - - - JPY 0.006079766537 1500.00",
    ];
    assert_eq!(world.query(CONVERTED).await, facts);
    let waiting = "SELECT event_date, unpriced_transactions, revenue FROM warehouse.daily_sales \
         WHERE unpriced_transactions > 0";
    assert_eq!(world.query(waiting).await, ["2025-06-24 1 0.00"]);
    world.agrees().await;

    // The latest rate that there is now is too old for it still.
    world.run("2026-01-13", &[(Dataset::ExchangeRates, RATES_OF_A_DAY)]).await;
    assert_eq!(world.query(CONVERTED).await, facts);

    let late = "Date, USD, JPY, \n23 June 2025, 1.1500, 168.16, \n";
    world.run("2026-01-14", &[(Dataset::ExchangeRates, late)]).await;
    facts[4] = "28005 17.39 17.39 - - - USD 0.869565217391 20.00";
    assert_eq!(world.query(CONVERTED).await, facts);
    assert_eq!(world.query(waiting).await, [""; 0]);
    world.agrees().await;

    // A rate that is corrected converts the sales of its day and of those after it anew.
    let corrected = "rate_date,currency,rate\n2025-06-06,USD,1.25\n";
    world.run("2026-01-15", &[(Dataset::ExchangeRates, corrected)]).await;
    let first = [facts[0], facts[1]];
    facts[0] = "28001 8.00 16.00 - - - USD 0.800000000000 20.00";
    facts[1] = "28002 8.00 8.00 - - - USD 0.800000000000 10.00";
    assert_eq!(world.query(CONVERTED).await, facts);
    world.agrees().await;

    // The bank's file says once more what it said.
    let again = world.run("2026-01-16", &[(Dataset::ExchangeRates, RATES)]).await;
    assert_eq!(again.of(Stage::Load, Dataset::ExchangeRates), (90, 1, 89));
    [facts[0], facts[1]] = first;
    assert_eq!(world.query(CONVERTED).await, facts);
    assert_eq!(
        world.totals().await,
        "7 lines, 8 units: gross 68.30, discounts 0.00, returns 11.86, net 56.44 \
         (0 to guests 0.00, to customers 56.44)"
    );
    world.agrees().await;
}
