//! What is read as money, and what is not: prices, discounts and costs of files of sales and products.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{CUSTOMERS, PRODUCTS, TRANSACTIONS, validate};
use shopflow_core::Dataset;

const ROW_1: &str = "1,10,20,3,2025-06-01T12:00:00Z,paypal\n";

#[test]
fn unknown_columns_that_look_like_money_are_told_apart() {
    let header = TRANSACTIONS.replace('\n', ",Total,note,sales_tax\n");
    let row = ROW_1.replace('\n', ",9.99,x,1.00\n");
    let outcome = validate(Dataset::Transactions, format!("{header}{row}"));
    assert_eq!(
        outcome.summary.warnings,
        [
            "unknown columns are kept: Total, note, sales_tax",
            "unknown columns that look like money are in no total: Total, sales_tax",
            "column 'sales_tax' looks like 'tax': under that name it counts",
        ]
    );
}

#[test]
fn known_columns_with_money_are_not_told_and_currencies_may_be_mixed() {
    let header = TRANSACTIONS.replace('\n', ",unit_price,Tax,shipping,currency,total\n");
    let row = |id: u64, money: &str| format!("{id},10,20,3,2025-06-01T12:00:00Z,paypal,{money}\n");
    let file = [
        row(1, "9.99,1.90,4.95,EUR,36.82"),
        row(2, "9.99,-1.90,,usd,28.07"),
        row(3, "1200,0,0,JPY,3600"),
        row(4, "9.99,,,,29.97"),
    ]
    .concat();
    let outcome = validate(Dataset::Transactions, format!("{header}{file}"));
    assert_eq!(outcome.good_text(), format!("{}{file}", header.replace("Tax", "tax")));
    assert_eq!(
        outcome.summary.warnings,
        [
            "unknown columns are kept: total",
            "unknown columns that look like money are in no total: total"
        ]
    );
    let wrong = [
        row(1, "9.99,\"1,90\",,EUR,1"),
        row(2, "9.99,,1.23456,EUR,1"),
        row(3, "9.99,1,1,Euro,1"),
        row(4, "9.99,1,1,\u{20ac},1"),
    ];
    let outcome = validate(Dataset::Transactions, format!("{header}{}", wrong.concat()));
    assert_eq!(
        outcome.verdicts(),
        [
            (2, "tax", "ambiguous_number"),
            (3, "shipping", "too_precise"),
            (4, "currency", "invalid_currency"),
            (5, "currency", "invalid_currency"),
        ]
    );
    assert_eq!(outcome.refused[2].reason, "currency must be an ISO 4217 currency code");
    assert_eq!(outcome.refused[3].value, "\u{20ac}");
}

#[test]
fn a_cost_of_a_product_is_known_and_its_other_names_are_told() {
    let file = "id,name,category,price,supplier,cost\n1,Ball,toys,1.50,Acme,0.4375\n\
                2,Kite,toys,2.50,Acme,\n";
    let outcome = validate(Dataset::Products, file);
    assert_eq!((outcome.good_text(), outcome.summary.warnings.len()), (file, 0));
    let told = validate(Dataset::Products, file.replace(",cost", ",unit_cost"));
    assert_eq!(
        told.summary.warnings,
        [
            "unknown columns are kept: unit_cost",
            "unknown columns that look like money are in no total: unit_cost",
            "column 'unit_cost' looks like 'cost': under that name it counts",
        ]
    );
}

#[test]
fn a_file_without_customers_is_told_to_be_one_of_guests() {
    let file = "id,user,product_id,quantity,timestamp,payment_method\n\
                1,10,20,3,2025-06-01T12:00:00Z,paypal\n";
    let outcome = validate(Dataset::Transactions, file);
    assert_eq!(outcome.good_text(), file);
    assert_eq!(
        outcome.summary.warnings,
        [
            "there is no column 'customer_id': all rows count as having none",
            "unknown columns are kept: user"
        ]
    );
}

const OWN: &str = "id,customer_id,product_id,quantity,timestamp,payment_method,order_id,line,\
                   unit_price,discount,status\n";

/// A sale with these fields behind the usual ones.
fn own(id: u64, quantity: i64, fields: &str) -> String {
    format!("{id},10,20,{quantity},2025-06-01T12:00:00Z,paypal,{fields}\n")
}

#[test]
fn a_sale_may_have_its_own_price_come_back_and_have_no_customer() {
    let file = [
        OWN,
        &own(1, 3, "A-007,1,957.5775,0.2,completed"),
        &own(2, -1, "A-007,2,0,,returned"),
        &own(3, 1, ",,,,").replace(",10,", ",,"),
    ]
    .concat();
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(outcome.good_text(), file);
    assert!(outcome.refused.is_empty());
    let warning = "discounts were read as shares of the line; rows: 1";
    assert_eq!(outcome.summary.warnings, [warning]);
}

#[test]
fn what_a_shop_does_not_know_may_be_missing() {
    let customers =
        format!("{CUSTOMERS}1,Ann,,,\n2,Bob,b@x.org,2024-01-05,DE\n3,\"Eve\",\"\",,FR\n");
    let products = format!("{PRODUCTS}1,Pen,books,1.00,\n");
    let sales = format!("{OWN}1,10,20,1,2025-06-01T12:00:00Z,,,,,,\n");
    for (dataset, file) in [
        (Dataset::Customers, &customers),
        (Dataset::Products, &products),
        (Dataset::Transactions, &sales),
    ] {
        let outcome = validate(dataset, file);
        assert_eq!((outcome.good_text(), outcome.refused.len()), (file.as_str(), 0), "{dataset}");
    }
    let outcome = validate(Dataset::Customers, "id,name\n1,Ann\n");
    assert_eq!(outcome.summary.rows_good, 1);
    assert_eq!(
        outcome.summary.warnings,
        ["email", "registration_date", "country"].map(|column| {
            format!("there is no column '{column}': all rows count as having none")
        })
    );
}

#[test]
fn a_line_without_a_product_needs_its_own_price() {
    let line = |id: u64, product: &str, price: &str| {
        format!("{id},10,{product},1,2025-06-01T12:00:00Z,paypal,,,{price},,\n")
    };
    let file = [
        OWN,
        &line(1, "", "4.95"),
        &line(2, "", ""),
        &line(3, "20", ""),
        &line(4, "\"\"", "\"\""),
        // It takes no number with it.
        &line(2, "", "0"),
    ]
    .concat();
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(
        outcome.verdicts(),
        [(3, "product_id", "missing_both"), (5, "product_id", "missing_both")]
    );
    let reason = "product_id and unit_price are both empty, and one of them is needed";
    assert!(outcome.refused.iter().all(|refused| refused.reason == reason));
    assert_eq!(outcome.summary.rows_good, 3);

    // A file of nothing but such lines.
    let file = "id,quantity,timestamp,unit_price\n1,1,2025-06-01T12:00:00Z,4.95\n\
                2,1,2025-06-01T12:00:00Z,\n";
    let outcome = validate(Dataset::Transactions, file);
    assert_eq!(outcome.verdicts(), [(3, "product_id", "missing_both")]);
    assert_eq!(outcome.refused[0].reason, reason);
    // And one in which none has a price.
    let file = format!("{TRANSACTIONS}{}", ROW_1.replace(",20,", ",,"));
    let outcome = validate(Dataset::Transactions, file);
    assert_eq!(outcome.verdicts(), [(2, "product_id", "missing_both")]);
}

#[test]
fn what_is_wrong_with_the_money_of_a_sale_is_named() {
    let file = [
        OWN,
        &own(1, 1, ",,-1,,"),
        &own(2, 1, ",,12.34567,,"),
        &own(3, 1, ",,\"12,50\",,"),
        &own(4, 1, ",,,-0.2,"),
        &own(5, 1, ",,,20%,"),
        &own(6, 1, ",0,,,"),
        &own(7, 1, ",,,,Returned"),
        &own(8, 1, ",,1.00,,"),
    ]
    .concat();
    let outcome = validate(Dataset::Transactions, &file);
    assert_eq!(
        outcome.verdicts(),
        [
            (2, "unit_price", "negative_amount"),
            (3, "unit_price", "too_precise"),
            (4, "unit_price", "ambiguous_number"),
            (5, "discount", "negative_amount"),
            (6, "discount", "invalid_price"),
            (7, "line", "not_positive"),
            (8, "status", "not_in_set"),
        ]
    );
    assert_eq!(outcome.summary.rows_good, 1);
}

#[test]
fn discounts_that_are_shares_in_some_rows_and_money_in_others_reject_the_file() {
    let file = |discounts: &[&str]| {
        let rows = (1..).zip(discounts).map(|(id, it)| own(id, 1, &format!(",,,{it},")));
        format!("{OWN}{}", rows.collect::<String>())
    };
    let outcome = validate(Dataset::Transactions, file(&["0.5", "0", "\"0.20\"", "5.00", "1"]));
    assert_eq!(outcome.rejected_by(), Some("ambiguous_number"));
    let rejection = outcome.summary.rejection.as_ref().unwrap();
    assert_eq!(
        rejection.text,
        "discount has values up to 1, which are shares, and values over 1, which are money (rows: 3 \
         and 1)"
    );
    assert!(rejection.remedy.contains("shares of the line"), "{}", rejection.remedy);
    for good in [&["0.5", "0", "1"][..], &["5.00", "0", "1.01"]] {
        assert_eq!(validate(Dataset::Transactions, file(good)).rejected_by(), None);
    }
}
