//! The warehouse step alone, many times over: dimensions that are brought up to date from the moment
//! of a change on must be those of the whole history, whatever came between two calls, came while
//! one ran, or was left over by one that died.

use std::collections::HashSet;

use shopflow_core::ErrorKind;
use shopflow_transform::incoming::pending::{self, Pending};
use shopflow_transform::warehouse;
use tokio_postgres::Client;

use crate::common::{Customer, Product, Shop, source};
use crate::scd2::Play;

const CLOSE_MARKS: &str = include_str!("../../../../sql/warehouse/close_marks.sql");

async fn connect(shop: &Shop) -> Client {
    let client = shop.context.database.connect().await.unwrap();
    client.batch_execute("SET timezone = 'UTC'").await.unwrap();
    client
}

/// One rebuild that is not disturbed.
async fn rebuild(shop: &Shop, full: bool) {
    let mut client = connect(shop).await;
    let snapshot = pending::snapshot(&mut client).await.unwrap();
    let pending = Pending::read(&snapshot, &HashSet::new(), full, u64::MAX).await.unwrap();
    warehouse::rebuild(snapshot, &pending).await.unwrap();
    client.batch_execute(CLOSE_MARKS).await.unwrap();
}

impl Play {
    async fn load(&mut self, step: i64, part: u32) {
        let run = format!("s{step}-{part}");
        match self.dice.roll(5) {
            0 | 1 => self.change_products(&run, part).await,
            2 | 3 => self.change_customers(&run, part).await,
            _ => self.sell(&run, step * 10 + i64::from(part)).await,
        }
    }
}

async fn play(seed: u64) {
    let mut play = Play::new(seed).await;
    for step in 0..20 {
        let context = format!("seed {seed}, step {step}");
        for part in 0..play.dice.roll(4) as u32 {
            play.load(step, part).await;
        }
        let mut client = connect(&play.shop).await;
        let snapshot = pending::snapshot(&mut client).await.unwrap();
        let full = play.dice.roll(12) == 0;
        let pending = Pending::read(&snapshot, &HashSet::new(), full, u64::MAX).await.unwrap();
        let seen = play.oracle.clone();
        // What is loaded now is not in the snapshot; the next call must find it, from its moment on.
        let is_disturbed = play.dice.roll(3) == 0;
        if is_disturbed {
            play.load(step, 5).await;
        }
        if let Err(error) = warehouse::rebuild(snapshot, &pending).await {
            // Both mark the same date: the call changes nothing, and the next one makes it good.
            assert!(is_disturbed && error.kind() == ErrorKind::TransientDatabase, "{error:?}");
            continue;
        }
        play.check_star(&seen, &context).await;
        // A call that dies here leaves its marks behind.
        if play.dice.roll(4) > 0 {
            client.batch_execute(CLOSE_MARKS).await.unwrap();
        }
    }
    for full in [false, true] {
        rebuild(&play.shop, full).await;
        let seen = play.oracle.clone();
        play.check_star(&seen, &format!("seed {seed}, full {full}")).await;
    }
    assert_eq!(play.shop.number("SELECT count(*) FROM ops.dirty_entities").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_sequence_of_increments_ends_in_the_dimensions_of_the_whole_history() {
    for seed in 101..=112 {
        play(seed).await;
    }
}

/// Begin, values and writing transaction of each version, in order.
const PRODUCTS: &str = "
    SELECT d.valid_from, name, price, xmin::text FROM warehouse.dim_product AS d
    ORDER BY product_id, d.valid_from";
const CUSTOMERS: &str = "
    SELECT d.valid_from, country, registration_date, xmin::text FROM warehouse.dim_customer AS d
    ORDER BY customer_id, d.valid_from";

async fn history(shop: &Shop) {
    for (part, day) in ["2026-01-01", "2026-01-10", "2026-01-20"].into_iter().enumerate() {
        let part = part as u32;
        let cents = 100 * (1 + i64::from(part));
        shop.products(&source("a", part, day), &[Product(1, "Mug", "home", cents, "Acme")]).await;
        let country = ["DE", "FR", "US"][part as usize];
        let customer = Customer(1, "Ada", "a@b.org", "2020-01-01", country);
        shop.customers(&source("a", 10 + part, day), &[customer]).await;
    }
    rebuild(shop, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_writes_the_version_it_ends_and_the_one_it_begins() {
    let shop = Shop::open().await;
    history(&shop).await;
    let before = [shop.query(PRODUCTS).await, shop.query(CUSTOMERS).await];
    shop.products(&source("b", 0, "2026-02-01"), &[Product(1, "Mug", "home", 900, "Acme")]).await;
    let moved = Customer(1, "Ada", "a@b.org", "2020-01-01", "JP");
    shop.customers(&source("b", 1, "2026-02-01"), &[moved]).await;
    rebuild(&shop, false).await;
    let after = [shop.query(PRODUCTS).await, shop.query(CUSTOMERS).await];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((before.len(), after.len()), (3, 4));
        assert_eq!(before[..2], after[..2]);
        assert_ne!(before[2], after[2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_value_of_type_one_reaches_the_versions_before_the_change() {
    let shop = Shop::open().await;
    history(&shop).await;
    shop.products(&source("b", 0, "2026-02-01"), &[Product(1, "Cup", "home", 300, "Acme")]).await;
    let customer = Customer(1, "Ada", "a@b.org", "2020-02-02", "US");
    shop.customers(&source("b", 1, "2026-02-01"), &[customer]).await;
    rebuild(&shop, false).await;
    let names = "SELECT name, price FROM warehouse.dim_product AS d ORDER BY d.valid_from";
    assert_eq!(
        shop.query(names).await,
        [
            r#"{"name":"Cup","price":1.00}"#,
            r#"{"name":"Cup","price":2.00}"#,
            r#"{"name":"Cup","price":3.00}"#
        ]
    );
    let days = "SELECT country, registration_date AS day FROM warehouse.dim_customer AS d
                ORDER BY d.valid_from";
    assert_eq!(
        shop.query(days).await,
        ["DE", "FR", "US"].map(|c| format!(r#"{{"country":"{c}","day":"2020-02-02"}}"#))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_before_a_change_are_not_compared_unless_everything_is() {
    let shop = Shop::open().await;
    history(&shop).await;
    let sabotage = "UPDATE warehouse.dim_product SET price = 77 WHERE price = 1;
                    UPDATE warehouse.dim_customer SET country = 'XX' WHERE country = 'DE'";
    shop.client.batch_execute(sabotage).await.unwrap();
    let wrong = "SELECT (SELECT count(*) FROM warehouse.dim_product WHERE price = 77)
                      + (SELECT count(*) FROM warehouse.dim_customer WHERE country = 'XX')";
    shop.products(&source("b", 0, "2026-02-01"), &[Product(1, "Mug", "home", 900, "Acme")]).await;
    let moved = Customer(1, "Ada", "a@b.org", "2020-01-01", "JP");
    shop.customers(&source("b", 1, "2026-02-01"), &[moved]).await;
    rebuild(&shop, false).await;
    assert_eq!(shop.number(wrong).await, "2", "the first versions are not read");
    // A full one compares them all, those of marked entities too.
    shop.products(&source("c", 0, "2026-02-02"), &[Product(1, "Mug", "home", 950, "Acme")]).await;
    rebuild(&shop, true).await;
    assert_eq!(shop.number(wrong).await, "0", "everything is compared");
}
