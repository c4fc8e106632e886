//! What a guest bought under one order number was bought together: product pairs and similar products
//! against counting by brute force.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};

use crate::common::{Customer, Own, Product, Sale, Shop, at, sale, source};
use crate::dice::Dice;

const PRODUCTS: i64 = 8;
const ORDERS: [Option<&str>; 6] =
    [None, Some("o-1"), Some("o-2"), Some("7"), Some("o 2024-03-02"), Some("-3")];
const PAIRS: &str = "SELECT product_id, other_product_id, baskets FROM warehouse.product_pairs
    ORDER BY 1, 2";

async fn shop(zone: &str) -> Shop {
    let shop = Shop::in_zone(zone).await;
    let ada = [Customer(1, "Ada Lovelace", "ada@example.com", "2020-01-01", "GB")];
    shop.customers(&source("r1", 0, "2024-01-01"), &ada).await;
    let products: Vec<Product> =
        (1..=PRODUCTS).map(|id| Product(id, "Mug", "home", 500, "Acme")).collect();
    shop.products(&source("r1", 1, "2024-01-01"), &products).await;
    shop
}

fn to_guest(id: i64, product: i64, moment: &str, order: Option<&'static str>) -> (Sale, Own) {
    (sale(id, 1, product, 1, moment), Own { is_guest: true, order, ..Own::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_a_guest_is_a_basket() {
    let shop = shop("UTC").await;
    let first = "2024-03-01T10:00:00Z";
    let second = "2024-03-02T10:00:00Z";
    let sales = [
        // 1 and 2 together, twice.
        to_guest(1, 1, first, Some("o-1")),
        to_guest(2, 2, first, Some("o-1")),
        to_guest(3, 2, first, Some("o-2")),
        to_guest(4, 1, first, Some("o-2")),
        // 3 and 4 on one day without a number, twice: nobody knows that it was one guest.
        to_guest(5, 3, first, None),
        to_guest(6, 4, first, None),
        to_guest(7, 3, second, None),
        to_guest(8, 4, second, None),
        // 5 and 6 under one number, twice, but on two days.
        to_guest(9, 5, first, Some("7")),
        to_guest(10, 6, second, Some("7")),
        to_guest(15, 5, first, Some("8")),
        to_guest(16, 6, second, Some("8")),
        // 7 and 8 of a customer under two numbers, twice: a day is one basket.
        (sale(11, 1, 7, 1, first), Own { order: Some("o-1"), ..Own::default() }),
        (sale(12, 1, 8, 1, first), Own { order: Some("o-2"), ..Own::default() }),
        (sale(13, 1, 7, 1, second), Own { order: Some("o-1"), ..Own::default() }),
        (sale(14, 1, 8, 1, second), Own::default()),
    ];
    shop.sales_with(&source("r2", 0, "2024-03-03"), &sales).await;
    shop.transform("t1").await.unwrap();
    assert_eq!(
        shop.query(PAIRS).await,
        [
            r#"{"product_id":1,"other_product_id":2,"baskets":2}"#,
            r#"{"product_id":7,"other_product_id":8,"baskets":2}"#,
        ]
    );
    // Two orders, four single lines, two orders on each of two days, and two days of the customer.
    let all = "SELECT DISTINCT round(baskets / support) FROM warehouse.product_pairs";
    assert_eq!(shop.number(all).await, "12");
}

/// Day, customer, order of a guest, and line of a guest without one.
type Basket<'a> = (NaiveDate, Option<i64>, Option<&'a str>, Option<i64>);

/// The products of each basket, by the words above `product_pairs.sql`, in a shop whose clocks are
/// eight hours ahead.
fn baskets(sales: &[(Sale, Own)]) -> Vec<BTreeSet<i64>> {
    let mut baskets: BTreeMap<Basket<'_>, BTreeSet<i64>> = BTreeMap::new();
    for (Sale(id, customer, product, quantity, moment), own) in sales {
        if *quantity < 1 || own.status == Some("cancelled") || own.is_postage {
            continue;
        }
        let day = (*moment + TimeDelta::hours(8)).date_naive();
        let customer = (!own.is_guest).then_some(*customer);
        let order = own.order.filter(|_| own.is_guest);
        let line = (customer.is_none() && order.is_none()).then_some(*id);
        baskets.entry((day, customer, order, line)).or_default().insert(*product);
    }
    baskets.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_and_similar_products_are_those_of_brute_force() {
    // Singapore is always eight hours ahead, so a day of the shop has sales of two UTC dates.
    let shop = shop("Asia/Singapore").await;
    let mut dice = Dice(24);
    let sales: Vec<(Sale, Own)> = (1..=900)
        .map(|id| {
            let moment = at("2024-03-01T00:00:00Z") + TimeDelta::minutes(dice.roll(12 * 1440));
            let quantity = if dice.roll(9) == 0 { -1 } else { 1 };
            let is_postage = dice.roll(9) == 0;
            let own = Own {
                is_guest: dice.roll(3) != 0,
                is_postage,
                unit_price: is_postage.then_some(49_500),
                status: (dice.roll(7) == 0).then_some("cancelled"),
                order: dice.pick(&ORDERS),
                ..Own::default()
            };
            (Sale(id, 1 + dice.roll(4), 1 + dice.roll(PRODUCTS), quantity, moment), own)
        })
        .collect();
    shop.sales_with(&source("r2", 0, "2024-03-14"), &sales).await;
    shop.transform("t1").await.unwrap();

    let baskets = baskets(&sales);
    let with = |products: &[i64]| {
        let holds = |basket: &&BTreeSet<i64>| products.iter().all(|one| basket.contains(one));
        baskets.iter().filter(holds).count()
    };
    let (mut pairs, mut similar) = (Vec::new(), Vec::new());
    for one in 1..=PRODUCTS {
        for other in (1..=PRODUCTS).filter(|other| *other != one) {
            let together = with(&[one, other]);
            if together < 2 {
                continue;
            }
            similar.push(format!(
                r#"{{"product_id":{one},"similar_product_id":{other},"together":{together}}}"#
            ));
            if one < other {
                pairs.push(format!(
                    r#"{{"product_id":{one},"other_product_id":{other},"baskets":{together},"product_baskets":{},"other_baskets":{},"total":{}}}"#,
                    with(&[one]),
                    with(&[other]),
                    baskets.len()
                ));
            }
        }
    }
    assert!(pairs.len() > 20, "{pairs:?}");
    let counted = "SELECT product_id, other_product_id, baskets, product_baskets, other_baskets,
            round(product_baskets * other_baskets * lift / baskets) AS total
        FROM warehouse.product_pairs ORDER BY 1, 2";
    assert_eq!(shop.query(counted).await, pairs);
    let found = "SELECT product_id, similar_product_id, together FROM warehouse.product_similarity
        WHERE source = 'basket' ORDER BY 1, 2";
    assert_eq!(shop.query(found).await, similar);
}
