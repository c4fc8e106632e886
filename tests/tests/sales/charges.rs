//! Exports with what stands beside a price, converted by hand: tax, shipping, currencies and payments.

use std::collections::{BTreeMap, HashMap};

use super::files::{CUSTOMERS, Converted, Members, PRODUCTS, Record, cents, file, money, records};

/// Shopify, with what stands beside the price: taxes, shipping and the discount of an order are those of
/// its first line, and its total was paid. What was refunded in part is a return of no product, since the
/// export does not say what came back.
pub fn shopify_charges(export: &str) -> Converted {
    let (mut customers, mut products) = (Members::default(), Members::default());
    let (mut sales, mut payments): (Vec<Vec<String>>, Vec<Vec<String>>) = Default::default();
    let mut order = Record::new();
    let mut line = 0;
    for record in records(export) {
        let is_first = !record["Id"].is_empty();
        if is_first {
            order.clone_from(&record);
            line = 0;
        }
        let of_order = |column: &str| order[column].as_str();
        let country = of_order("Billing Country");
        let customer = match of_order("Email") {
            "" => String::new(),
            email => {
                let values = [of_order("Billing Name"), email, "", country];
                customers.number(email, values).to_string()
            }
        };
        let values = [record["Lineitem name"].as_str(), "home", &record["Lineitem price"], ""];
        let product = products.number(&record["Lineitem sku"], values).to_string();
        let is_refunded = of_order("Financial Status") == "refunded";
        let status = if is_refunded { "refunded" } else { "" };
        let first = |column: &str| if is_first { record[column].as_str() } else { "" };
        let (quantity, price) = (&record["Lineitem quantity"], &record["Lineitem price"]);
        let mut sell = |values: [&str; 8]| {
            let [product, quantity, price, discount, status, tax, shipping, currency] = values;
            line += 1;
            let id = (sales.len() + 1).to_string();
            let (moment, number) = (of_order("Created at"), line.to_string());
            let row: [&str; 13] = [
                &id,
                &customer,
                product,
                quantity,
                moment,
                of_order("Name"),
                &number,
                price,
                discount,
                status,
                tax,
                shipping,
                currency,
            ];
            sales.push(row.map(str::to_owned).to_vec());
        };
        let currency = of_order("Currency");
        let (discount, tax) = (first("Discount Amount"), first("Taxes"));
        let shipping = first("Shipping");
        sell([&product, quantity, price, discount, status, tax, shipping, currency]);
        if !is_first {
            continue;
        }
        let refund = money(of_order("Refunded Amount"));
        if refund > 0 && !is_refunded {
            let price = of_order("Refunded Amount");
            sell(["", "-1", price, "", "returned", "", "", currency]);
        }
        let paid = [money(of_order("Total")), -refund];
        for (sequence, paid) in (1..).zip(paid).filter(|(_, paid)| *paid != 0) {
            let (number, amount) = (sequence.to_string(), cents(paid / 100));
            let day = if paid > 0 { &of_order("Paid at")[..10] } else { "" };
            let row =
                [of_order("Name"), &number, of_order("Payment Method"), &amount, currency, day];
            payments.push(row.map(str::to_owned).to_vec());
        }
    }
    let header = "id,customer_id,product_id,quantity,timestamp,order_id,line,unit_price,discount,\
        status,tax,shipping,currency";
    let of_payments = "order_id,sequence,payment_method,amount,currency,payment_date";
    Converted {
        customers: customers.file(CUSTOMERS),
        products: Some(products.file(PRODUCTS)),
        sales: file(header, &sales),
        payments: Some(file(of_payments, &payments)),
    }
}

/// Olist, with its own keys: an item is a line, its freight is shipping, and an order has several
/// payments. Of customers and products it knows the keys alone.
pub fn olist(orders: &str, items: &str, payments: &str) -> Converted {
    let (mut customers, mut products) = (BTreeMap::new(), BTreeMap::new());
    let orders: HashMap<String, Record> =
        records(orders).into_iter().map(|order| (order["order_id"].clone(), order)).collect();
    let mut sales = Vec::new();
    for item in records(items) {
        let order = &orders[&item["order_id"]];
        let (customer, product) = (&order["customer_id"], &item["product_id"]);
        customers.insert(
            customer.clone(),
            [customer.as_str(), customer, "BR"].map(str::to_owned).to_vec(),
        );
        let row = [product.as_str(), product, "home", "1.00", &item["seller_id"]];
        products.insert(product.clone(), row.map(str::to_owned).to_vec());
        let status = if order["order_status"] == "canceled" { "cancelled" } else { "completed" };
        let row = [
            item["order_id"].as_str(),
            &item["order_item_id"],
            customer,
            product,
            "1",
            &order["order_purchase_timestamp"],
            &item["price"],
            status,
            &item["freight_value"],
        ];
        sales.push(row.map(str::to_owned).to_vec());
    }
    let paid = |payment: Record| {
        let columns = ["order_id", "payment_sequential", "payment_type", "payment_value"];
        columns.map(|column| payment[column].clone()).to_vec()
    };
    let payments: Vec<Vec<String>> = records(payments).into_iter().map(paid).collect();
    let members = |header: &str, rows: BTreeMap<String, Vec<String>>| {
        file(header, &rows.into_values().collect::<Vec<_>>())
    };
    let header =
        "order_id,line,customer_id,product_id,quantity,timestamp,unit_price,status,shipping";
    Converted {
        customers: members("id,name,country", customers),
        products: Some(members(PRODUCTS, products)),
        sales: file(header, &sales),
        payments: Some(file("order_id,sequence,payment_method,amount", &payments)),
    }
}
