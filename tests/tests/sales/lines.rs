//! Files with the columns of the pipeline and the lines of real shops.

use shopflow_core::{Dataset, Stage};

use super::cases::{OLIST_LINES, RETAIL_GUESTS, RETAIL_LINES, RETAIL_PRICES, SHOPIFY_LINES};
use super::checks::{
    BASKETS, COUNTRIES, CUSTOMERS, DAYS, FREQUENCY, PAYMENT_METHODS, PAYMENT_METHODS_EVOLVE,
    PRODUCTS, shop, sold,
};

const FACTS: &str = "SELECT transaction_id, unit_price, discount, amount \
     FROM warehouse.fact_sales ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_line_counts_at_its_own_price_less_its_discount() {
    let world = shop(&[]).await;
    let ran = sold(&world, "2026-01-02", &[RETAIL_PRICES]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (2, 2, 0));
    assert_eq!(
        world.totals().await,
        "2 lines, 20 units: gross 25.00, discounts 3.00, returns 0.00, net 22.00 \
         (0 to guests 0.00, to customers 22.00)"
    );
    // The list price is 1.50.
    assert_eq!(world.query(FACTS).await, ["3201 1.00 0.00 10.00", "3202 1.50 3.00 12.00"]);
    assert_eq!(world.query(DAYS).await, ["2025-12-03 2 2 20 22.00"]);
    assert_eq!(world.query(PRODUCTS).await, ["1 2 20 22.00"]);
    assert_eq!(world.query(CUSTOMERS).await, ["1 1 10.00 10.00", "2 1 12.00 12.00"]);
    assert_eq!(world.query(BASKETS).await, ["1 2 20 22.00"]);
    assert_eq!(world.query(FREQUENCY).await, ["1 2 22.00"]);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn returns_are_taken_off_and_guests_are_counted() {
    let world = shop(&[]).await;
    let ran = sold(&world, "2026-01-02", &[RETAIL_LINES]).await;
    assert_eq!(ran.of(Stage::Validate, Dataset::Transactions), (23, 23, 0));
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (23, 23, 0));
    let totals = "23 lines, 37 units: gross 236.00, discounts 0.00, returns 5.50, net 230.50 \
         (1 to guests 3.50, to customers 227.00)";
    assert_eq!(world.totals().await, totals);
    assert_eq!(world.query(DAYS).await, ["2025-12-01 23 10 37 230.50"]);
    assert_eq!(
        world.query(CUSTOMERS).await,
        [
            "1 3 1.50 0.75",
            "2 3 10.00 5.00",
            "3 2 14.00 7.00",
            "4 2 13.50 6.75",
            "5 2 27.50 13.75",
            "6 2 26.00 13.00",
            "7 2 22.50 11.25",
            "8 2 42.50 21.25",
            "9 2 38.00 19.00",
            "10 2 31.50 15.75",
        ]
    );
    assert_eq!(
        world.query(PRODUCTS).await,
        [
            "1 3 1 1.50",
            "2 3 4 10.00",
            "3 3 5 17.50",
            "4 2 3 13.50",
            "5 2 5 27.50",
            "6 2 4 26.00",
            "7 2 3 22.50",
            "8 2 5 42.50",
            "9 2 4 38.00",
            "10 2 3 31.50",
        ]
    );
    // The guest's line is a basket of its own; what came back is in none.
    assert_eq!(world.query(BASKETS).await, ["1 1 1 3.50", "2 10 39 232.50"]);
    assert_eq!(world.query(FREQUENCY).await, ["1 10 227.00"]);
    assert_eq!(world.query(COUNTRIES).await, ["GB 22 227.00", "unknown 1 3.50"]);
    world.agrees().await;

    // The same lines once more are known, those without a customer as well.
    let again = sold(&world, "2026-01-03", &[RETAIL_LINES]).await;
    assert_eq!(again.of(Stage::Load, Dataset::Transactions), (23, 0, 23));
    assert_eq!(world.totals().await, totals);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lines_without_a_customer_reject_no_file() {
    let world = shop(&[]).await;
    let ran = sold(&world, "2026-01-02", &[RETAIL_GUESTS]).await;
    assert_eq!(ran.of(Stage::Validate, Dataset::Transactions), (19, 19, 0));
    assert_eq!(
        world.totals().await,
        "19 lines, 31 units: gross 157.50, discounts 0.00, returns 0.00, net 157.50 \
         (7 to guests 31.50, to customers 126.00)"
    );
    assert_eq!(world.query(DAYS).await, ["2025-12-02 19 10 31 157.50"]);
    assert_eq!(
        world.query(CUSTOMERS).await,
        [
            "1 2 4.50 2.25",
            "2 2 12.50 6.25",
            "3 1 10.50 10.50",
            "4 1 4.50 4.50",
            "5 1 11.00 11.00",
            "6 1 19.50 19.50",
            "7 1 7.50 7.50",
            "8 1 17.00 17.00",
            "9 1 28.50 28.50",
            "10 1 10.50 10.50",
        ]
    );
    assert_eq!(
        world.query(PRODUCTS).await,
        [
            "1 3 4 6.00",
            "2 3 6 15.00",
            "3 2 4 14.00",
            "4 2 2 9.00",
            "5 2 3 16.50",
            "6 2 4 26.00",
            "7 2 2 15.00",
            "8 1 2 17.00",
            "9 1 3 28.50",
            "10 1 1 10.50",
        ]
    );
    assert_eq!(world.query(BASKETS).await, ["1 15 23 140.50", "2 2 8 17.00"]);
    assert_eq!(world.query(FREQUENCY).await, ["1 10 126.00"]);
    assert_eq!(world.query(COUNTRIES).await, ["GB 12 126.00", "unknown 7 31.50"]);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_files_come_to_the_same_in_one_run_and_one_by_one() {
    let one_by_one: [(&str, &[&str]); 3] = [
        ("2026-01-02", &[RETAIL_LINES]),
        ("2026-01-03", &[RETAIL_GUESTS]),
        ("2026-01-04", &[RETAIL_PRICES]),
    ];
    let in_one: [(&str, &[&str]); 1] =
        [("2026-01-02", &[RETAIL_LINES, RETAIL_GUESTS, RETAIL_PRICES])];
    for runs in [&one_by_one[..], &in_one[..]] {
        let world = shop(&[]).await;
        let mut loaded = 0;
        for (date, files) in runs {
            let ran = sold(&world, date, files).await;
            loaded += ran.of(Stage::Load, Dataset::Transactions).1;
        }
        assert_eq!(loaded, 44);
        assert_eq!(
            world.totals().await,
            "44 lines, 88 units: gross 418.50, discounts 3.00, returns 5.50, net 410.00 \
             (8 to guests 35.00, to customers 375.00)"
        );
        assert_eq!(
            world.query(DAYS).await,
            ["2025-12-01 23 10 37 230.50", "2025-12-02 19 10 31 157.50", "2025-12-03 2 2 20 22.00",]
        );
        assert_eq!(
            world.query(CUSTOMERS).await,
            [
                "1 6 16.00 3.20",
                "2 6 34.50 6.90",
                "3 3 24.50 8.17",
                "4 3 18.00 6.00",
                "5 3 38.50 12.83",
                "6 3 45.50 15.17",
                "7 3 30.00 10.00",
                "8 3 59.50 19.83",
                "9 3 66.50 22.17",
                "10 3 42.00 14.00",
            ]
        );
        assert_eq!(
            world.query(PRODUCTS).await,
            [
                "1 8 25 29.50",
                "2 6 10 25.00",
                "3 5 9 31.50",
                "4 4 5 22.50",
                "5 4 8 44.00",
                "6 4 8 52.00",
                "7 4 5 37.50",
                "8 3 7 59.50",
                "9 3 7 66.50",
                "10 3 4 42.00",
            ]
        );
        assert_eq!(world.query(BASKETS).await, ["1 18 44 166.00", "2 12 47 249.50"]);
        assert_eq!(world.query(FREQUENCY).await, ["2 8 324.50", "3 2 50.50"]);
        assert_eq!(world.query(COUNTRIES).await, ["GB 36 375.00", "unknown 8 35.00"]);
        world.agrees().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ways_to_pay_of_another_country_come_in_where_the_set_evolves() {
    let world = shop(PAYMENT_METHODS_EVOLVE).await;
    let ran = sold(&world, "2026-01-10", &[OLIST_LINES]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (10, 10, 0));
    assert_eq!(
        world.totals().await,
        "10 lines, 17 units: gross 79.50, discounts 0.00, returns 0.00, net 79.50 \
         (0 to guests 0.00, to customers 79.50)"
    );
    assert_eq!(world.query(PAYMENT_METHODS).await, ["boleto 1", "voucher 1", "credit_card 8"]);
    assert_eq!(world.query(DAYS).await[0], "2017-10-02 2 1 2 3.00");
    assert_eq!(world.query(BASKETS).await, ["1 8 15 76.50", "2 1 2 3.00"]);
    assert_eq!(world.query(FREQUENCY).await, ["1 7 75.00", "2 1 4.50"]);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_with_the_offsets_and_the_way_to_pay_of_a_platform_come_in() {
    let world = shop(PAYMENT_METHODS_EVOLVE).await;
    let ran = sold(&world, "2026-01-10", &[SHOPIFY_LINES]).await;
    assert_eq!(ran.of(Stage::Load, Dataset::Transactions), (12, 12, 0));
    assert_eq!(
        world.totals().await,
        "12 lines, 21 units: gross 109.50, discounts 0.00, returns 0.00, net 109.50 \
         (0 to guests 0.00, to customers 109.50)"
    );
    assert_eq!(world.query(PAYMENT_METHODS).await, ["Shopify Payments 1", "credit_card 11"]);
    assert_eq!(world.query(DAYS).await[0], "2025-06-06 3 1 3 4.50");
    assert_eq!(world.query(BASKETS).await, ["1 9 18 105.00", "3 1 3 4.50"]);
    assert_eq!(world.query(FREQUENCY).await, ["1 8 103.50", "2 1 6.00"]);
    world.agrees().await;
}
