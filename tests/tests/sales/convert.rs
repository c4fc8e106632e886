//! Exports, written by hand as the files of the pipeline: what a shop does whose columns have other
//! names and whose keys are texts.
//!
//! What an export does not know is missing; only a category is made up. Where there is no list price,
//! it is 1.00: sales have their own.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};

use super::files::{
    CUSTOMERS, Converted, Members, PRODUCTS, Record, amount, cents, file, money, records,
};

/// Ten-thousandths in one: amounts are read as such.
const ONE: u64 = 10_000;

/// Jaffle shop: an order has no product, and what was paid for it, by coupon too, is its only line.
/// Payments of orders that no file has are payments. Of customers it knows the names.
pub fn jaffle_classic(customers: &str, orders: &str, payments: &str) -> Converted {
    let named = |record: &Record| {
        vec![record["id"].clone(), format!("{} {}", record["first_name"], record["last_name"])]
    };
    let members: Vec<Vec<String>> = records(customers).iter().map(named).collect();
    let (mut paid, mut rows) = (BTreeMap::new(), Vec::new());
    for payment in records(payments) {
        let amount: i64 = payment["amount"].parse().unwrap();
        *paid.entry(payment["order_id"].clone()).or_insert(0) += amount;
        let columns = ["id", "order_id", "payment_method"].map(|column| payment[column].clone());
        rows.push(columns.into_iter().chain([cents(amount)]).collect::<Vec<String>>());
    }
    let sale = |order: &Record| {
        vec![
            order["id"].clone(),
            order["user_id"].clone(),
            "1".to_owned(),
            format!("{}T12:00:00Z", order["order_date"]),
            order["id"].clone(),
            cents(paid[&order["id"]]),
            order["status"].clone(),
        ]
    };
    let sales: Vec<Vec<String>> = records(orders).iter().map(sale).collect();
    let header = "id,customer_id,quantity,timestamp,order_id,unit_price,status";
    Converted {
        customers: file("id,name", &members),
        products: None,
        sales: file(header, &sales),
        payments: Some(file("id,order_id,payment_method,amount", &rows)),
    }
}

/// UCI Online Retail: one file has customers, products and lines. Numbers of customers and moments
/// go on as they are written; who has no number is a guest.
pub fn online_retail(export: &str) -> Converted {
    let (mut customers, mut products) = (Members::default(), Members::default());
    let mut sales = Vec::new();
    for (at, record) in records(export).iter().enumerate() {
        let customer = &record["CustomerID"];
        if !customer.is_empty() {
            let id = customer.strip_suffix(".0").unwrap_or(customer);
            let name = format!("Customer {id}");
            let country = match record["Country"].as_str() {
                "United Kingdom" => "GB",
                "France" => "FR",
                other => panic!("{other} has no code here"),
            };
            customers.add(id.parse().unwrap(), [&name, "", "", country]);
        }
        let (name, price) = (record["Description"].as_str(), record["UnitPrice"].as_str());
        let values = [name, "home", price, ""];
        let product = products.number(&record["StockCode"], values);
        sales.push(vec![
            (at + 1).to_string(),
            customer.clone(),
            product.to_string(),
            record["Quantity"].clone(),
            record["InvoiceDate"].clone(),
            String::new(),
            record["InvoiceNo"].clone(),
            record["UnitPrice"].clone(),
        ]);
    }
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method,order_id,unit_price";
    Converted {
        customers: customers.file(CUSTOMERS),
        products: Some(products.file(PRODUCTS)),
        sales: file(header, &sales),
        payments: None,
    }
}

/// Shopify: what stands for the whole order stands on its first line. Postage and what a voucher took
/// off are lines of their own without a product, and so is a line without an article number. Who left
/// no address is a guest.
pub fn shopify(export: &str) -> Converted {
    let (mut customers, mut products) = (Members::default(), Members::default());
    let mut sales: Vec<Vec<String>> = Vec::new();
    let mut method = String::new();
    for record in records(export) {
        let is_first = !record["Id"].is_empty();
        if is_first {
            method.clone_from(&record["Payment Method"]);
        }
        let of = |column: &str| record[column].as_str();
        let values = [of("Billing Name"), of("Email"), "", of("Billing Country")];
        let customer = match record["Email"].as_str() {
            "" => String::new(),
            email => customers.number(email, values).to_string(),
        };
        let price = record["Lineitem price"].as_str();
        let product = match record["Lineitem sku"].as_str() {
            "" => String::new(),
            key => products.number(key, [&record["Lineitem name"], "home", price, ""]).to_string(),
        };
        let mut lines = vec![(product, record["Lineitem quantity"].as_str(), price)];
        for (column, quantity) in [("Shipping", "1"), ("Discount Amount", "-1")] {
            let money = record[column].as_str();
            if is_first && amount(money) > 0 {
                lines.push((String::new(), quantity, money));
            }
        }
        for (product, quantity, price) in lines {
            sales.push(vec![
                (sales.len() + 1).to_string(),
                customer.clone(),
                product,
                quantity.to_owned(),
                record["Created at"].clone(),
                method.clone(),
                record["Name"].clone(),
                price.to_owned(),
            ]);
        }
    }
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method,order_id,unit_price";
    Converted {
        customers: customers.file(CUSTOMERS),
        products: Some(products.file(PRODUCTS)),
        sales: file(header, &sales),
        payments: None,
    }
}

/// Superstore: the export has what a line brought after its discount, and the price before it
/// follows from that. What is not profit is cost.
pub fn superstore(export: &str) -> Converted {
    let (mut customers, mut products) = (Members::default(), Members::default());
    let mut sales = Vec::new();
    for record in records(export) {
        let key = &record["Customer ID"];
        let values = [record["Customer Name"].as_str(), "", "", "US"];
        let customer = customers.number(key, values);
        let units: u64 = record["Quantity"].parse().unwrap();
        let cost = (money(&record["Sales"]) - money(&record["Profit"])) as u64 / units;
        let cost = format!("{}.{:04}", cost / ONE, cost % ONE);
        let values = [record["Product Name"].as_str(), "home", "1.00", "", &cost];
        let product = products.number(&record["Product ID"], values);
        let share = amount(&record["Discount"]);
        let price = amount(&record["Sales"]) * ONE / (units * (ONE - share));
        sales.push(vec![
            record["Row ID"].clone(),
            customer.to_string(),
            product.to_string(),
            units.to_string(),
            format!("{}T12:00:00Z", day(&record["Order Date"])),
            String::new(),
            record["Order ID"].clone(),
            format!("{}.{:04}", price / ONE, price % ONE),
            record["Discount"].clone(),
        ]);
    }
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method,order_id,unit_price,\
        discount";
    Converted {
        customers: customers.file(CUSTOMERS),
        products: Some(products.file(&format!("{PRODUCTS},cost"))),
        sales: file(header, &sales),
        payments: None,
    }
}

/// Superstore once more, with its own keys: customers and products have texts, and a line is what an
/// order has of a product.
pub fn superstore_keyed(export: &str) -> Converted {
    let (mut customers, mut products, mut sales) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for record in records(export) {
        let (customer, product) = (record["Customer ID"].clone(), record["Product ID"].clone());
        let email = format!("{}@example.com", customer.to_lowercase());
        let row = [&*customer, &record["Customer Name"], &email, "2025-01-02", "US"];
        customers.insert(customer.clone(), row.map(str::to_owned).to_vec());
        let row = [&*product, &record["Product Name"], "home", "1.00", "Unknown"];
        products.insert(product.clone(), row.map(str::to_owned).to_vec());
        let units: u64 = record["Quantity"].parse().unwrap();
        let share = amount(&record["Discount"]);
        let price = amount(&record["Sales"]) * ONE / (units * (ONE - share));
        sales.push(vec![
            record["Order ID"].clone(),
            customer,
            product,
            units.to_string(),
            format!("{}T12:00:00Z", day(&record["Order Date"])),
            "credit_card".to_owned(),
            format!("{}.{:04}", price / ONE, price % ONE),
            record["Discount"].clone(),
        ]);
    }
    let header = "order_id,customer_id,product_id,quantity,timestamp,payment_method,unit_price,\
        discount";
    let members = |header: &str, rows: BTreeMap<String, Vec<String>>| {
        file(header, &rows.into_values().collect::<Vec<_>>())
    };
    Converted {
        customers: members(CUSTOMERS, customers),
        products: Some(members(PRODUCTS, products)),
        sales: file(header, &sales),
        payments: None,
    }
}

/// A day as `11/8/2025`, or as milliseconds since 1970.
fn day(text: &str) -> NaiveDate {
    match text.parse::<i64>() {
        Ok(millis) => DateTime::from_timestamp_millis(millis).unwrap().date_naive(),
        Err(_) => NaiveDate::parse_from_str(text, "%m/%d/%Y").unwrap(),
    }
}
