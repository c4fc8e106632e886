//! What the full profile has besides: orders, prices, discounts, returns and guests, and the money
//! around them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use common::{events, full, number, rows, spec};
use serde_json::Value;
use shopflow_core::Dataset;

type Row = HashMap<String, String>;

fn sales() -> Vec<Row> {
    rows(&full(2.0, 0.0), Dataset::Transactions)
}

fn units(row: &Row) -> i64 {
    row["quantity"].parse().unwrap()
}

/// The share of rows of which something is true.
fn share(rows: &[Row], is: impl Fn(&Row) -> bool) -> f64 {
    rows.iter().filter(|row| is(row)).count() as f64 / rows.len() as f64
}

#[test]
fn an_order_has_one_to_six_lines_of_one_customer_at_one_moment() {
    let mut orders: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in sales() {
        orders.entry(row["order_id"].clone()).or_default().push(row);
    }
    let mut sizes = [0usize; 7];
    for (order, lines) in &orders {
        sizes[lines.len()] += 1;
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(number(&line["line"]), index as u64 + 1, "{line:?}");
            for column in ["customer_id", "timestamp", "payment_method", "discount", "currency"] {
                assert_eq!(line[column], lines[0][column], "{order}");
            }
        }
        let ids: Vec<u64> = lines.iter().map(|line| number(&line["id"])).collect();
        assert!(ids.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{order}: {ids:?}");
    }
    assert!(sizes[1..].iter().all(|&orders| orders > 50), "{sizes:?}");
    assert!(orders.len() * 3 < 10_000 * 2, "many orders have several lines: {sizes:?}");
    let guests = orders.values().filter(|lines| lines[0]["customer_id"].is_empty()).count();
    let guests = guests as f64 / orders.len() as f64;
    assert!((0.10..0.15).contains(&guests), "{guests}");
}

#[test]
fn a_few_per_cent_come_back_for_the_price_that_was_charged() {
    let sales = sales();
    let prices: HashMap<String, String> = rows(&full(2.0, 0.0), Dataset::Products)
        .into_iter()
        .map(|row| (row["id"].clone(), row["price"].clone()))
        .collect();
    let mut returns = 0;
    for (at, row) in sales.iter().enumerate().filter(|(_, row)| units(row) < 0) {
        returns += 1;
        assert_eq!((row["line"].as_str(), row["status"].as_str()), ("1", "returned"), "{row:?}");
        assert!(row["order_id"].starts_with("R-"), "{row:?}");
        let is_original = |sale: &&Row| {
            let charged = match sale["unit_price"].as_str() {
                "" => &prices[&sale["product_id"]],
                _ => &sale["unit_price"],
            };
            let same = ["customer_id", "product_id", "payment_method", "discount", "currency"];
            same.iter().all(|column| sale[*column] == row[*column])
                && *charged == row["unit_price"]
                && units(sale) + units(row) >= 0
                && ["", "completed"].contains(&sale["status"].as_str())
        };
        let original = sales[..at].iter().find(is_original);
        assert!(original.is_some_and(|sale| sale["timestamp"] <= row["timestamp"]), "{row:?}");
    }
    let returns = f64::from(returns) / sales.len() as f64;
    assert!((0.02..0.05).contains(&returns), "{returns}");
}

#[test]
fn most_is_charged_as_listed_and_some_in_promotions() {
    let sales = sales();
    let prices: HashMap<String, f64> = rows(&full(2.0, 0.0), Dataset::Products)
        .into_iter()
        .map(|row| (row["id"].clone(), row["price"].parse().unwrap()))
        .collect();
    let charged = |row: &Row| row["unit_price"].parse::<f64>().ok();
    let list = |row: &Row| prices[&row["product_id"]];
    let listed = share(&sales, |row| charged(row) == Some(list(row)));
    let lower = share(&sales, |row| charged(row).is_some_and(|price| price < list(row)));
    let left = share(&sales, |row| row["unit_price"].is_empty());
    assert!((0.7..0.9).contains(&listed) && (0.08..0.2).contains(&lower), "{listed} {lower}");
    assert!((0.03..0.1).contains(&left), "{left}");
    assert!((listed + lower + left - 1.0).abs() < 1e-9, "nothing costs more than its list price");
    let decimals = |row: &Row| row["unit_price"].split_once('.').map_or(0, |(_, it)| it.len());
    assert!(sales.iter().all(|row| [0, 2, 4].contains(&decimals(row))));
    let fine = share(&sales, |row| decimals(row) == 4);
    assert!((0.001..0.02).contains(&fine), "{fine}");
}

#[test]
fn discounts_are_shares_and_some_sales_did_not_last() {
    let sales = sales();
    let discount = |row: &Row| row["discount"].parse::<f64>().unwrap_or(0.0);
    assert!(sales.iter().all(|row| (0.0..=1.0).contains(&discount(row))));
    let discounted = share(&sales, |row| discount(row) > 0.0);
    assert!((0.15..0.4).contains(&discounted), "{discounted}");
    for status in ["cancelled", "returned", "refunded"] {
        let found = share(&sales, |row| row["status"] == status && units(row) > 0);
        assert!((0.005..0.03).contains(&found), "{status}: {found}");
    }
    let silent = share(&sales, |row| row["status"].is_empty());
    assert!((0.05..0.2).contains(&silent), "no status is a status, too: {silent}");
}

#[test]
fn sales_are_those_of_the_sound_in_order_of_time() {
    let spec = full(1.0, 0.2);
    let truths = common::truths(&spec);
    let bad: HashSet<(Dataset, String)> =
        truths.iter().map(|truth| (truth.dataset, truth.id.to_string())).collect();
    let file = common::file(&spec, Dataset::Transactions);
    let mut last = String::new();
    let mut returns = 0;
    for (index, line) in common::lines(&file).into_iter().skip(1).enumerate() {
        if bad.contains(&(Dataset::Transactions, (index + 1).to_string())) {
            continue;
        }
        let fields: Vec<&str> = std::str::from_utf8(line).unwrap().split(',').collect();
        for (dataset, id) in [(Dataset::Customers, fields[1]), (Dataset::Products, fields[2])] {
            assert!(!bad.contains(&(dataset, id.to_owned())), "{fields:?}");
        }
        assert!(fields[4] >= last.as_str(), "{fields:?} comes after {last}");
        last = fields[4].to_owned();
        returns += usize::from(fields[3].starts_with('-'));
    }
    assert!(returns > 30, "{returns}");
}

#[test]
fn a_session_leads_to_an_order_as_a_whole() {
    let sales = sales();
    let first: HashMap<&str, &Row> = sales
        .iter()
        .filter(|row| row["line"] == "1" && units(row) > 0)
        .map(|row| (row["order_id"].as_str(), row))
        .collect();
    let events = events(&full(2.0, 0.0));
    let purchases = events.iter().filter(|event| event["event_type"] == "purchase");
    let mut seen = HashSet::new();
    for event in purchases {
        let url = event["url"].as_str().unwrap();
        let order = url.strip_prefix("https://shop.example/orders/").unwrap();
        let sale = first[order];
        let text = |field: &str| match &event[field] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        for column in ["customer_id", "product_id", "timestamp"] {
            assert_eq!(text(column), sale[column], "{url}");
        }
        assert!(seen.insert(order), "{url} was bought once");
    }
    let usual = common::events(&spec(2.0, 0.0));
    let usual = usual.iter().filter(|event| event["event_type"] == "purchase").count();
    assert!(seen.len() * 10 > usual * 9 && seen.len() * 9 < usual * 10, "{} {usual}", seen.len());
}

/// In cents; nothing is 0.
fn cents(text: &str) -> i64 {
    ten_thousandths(text) / 100
}

fn ten_thousandths(text: &str) -> i64 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{decimals:0<4}").parse().unwrap()
}

/// What a line comes to in its own currency, in cents: price, tax and shipping.
fn due(row: &Row, prices: &HashMap<String, String>) -> [i64; 3] {
    let rounded = |value: i64, unit: i64| (value + unit / 2) / unit;
    let price = match row["unit_price"].as_str() {
        "" => &prices[&row["product_id"]],
        own => own,
    };
    let gross = units(row).abs() * ten_thousandths(price);
    let net = rounded(gross, 100) - rounded(gross * ten_thousandths(&row["discount"]), 1_000_000);
    let sign = units(row).signum();
    [net, cents(&row["tax"]).abs(), cents(&row["shipping"]).abs()].map(|part| sign * part)
}

fn list_prices() -> HashMap<String, String> {
    let products = rows(&full(2.0, 0.0), Dataset::Products);
    products.into_iter().map(|row| (row["id"].clone(), row["price"].clone())).collect()
}

#[test]
fn dollars_are_paid_by_the_united_states_and_never_for_a_list_price() {
    let countries: HashMap<String, String> = rows(&full(2.0, 0.0), Dataset::Customers)
        .into_iter()
        .map(|row| (row["id"].clone(), row["country"].clone()))
        .collect();
    let sales = sales();
    for row in sales.iter().filter(|row| !row["customer_id"].is_empty()) {
        let country = countries[&row["customer_id"]].as_str();
        assert_eq!(row["currency"] == "USD", country == "US", "{row:?}");
    }
    assert!(sales.iter().all(|row| row["currency"] != "USD" || !row["unit_price"].is_empty()));
    for (currency, least, most) in [("USD", 0.2, 0.36), ("EUR", 0.12, 0.25), ("", 0.45, 0.65)] {
        let found = share(&sales, |row| row["currency"] == currency);
        assert!((least..most).contains(&found), "{currency}: {found}");
    }
}

#[test]
fn tax_is_on_lines_and_shipping_on_orders() {
    let (sales, prices) = (sales(), list_prices());
    for row in sales.iter().filter(|row| units(row) > 0) {
        assert!(cents(&row["tax"]) >= 0 && cents(&row["shipping"]) >= 0, "{row:?}");
        let [net, tax, _] = due(row, &prices);
        assert!(tax * 3 <= net, "{row:?}");
        assert!(row["line"] == "1" || row["shipping"].is_empty(), "{row:?}");
    }
    let taxed = share(&sales, |row| cents(&row["tax"]) > 0);
    let silent = share(&sales, |row| row["tax"].is_empty());
    assert!((0.6..0.85).contains(&taxed) && (0.08..0.25).contains(&silent), "{taxed} {silent}");
    let shipped = share(&sales, |row| cents(&row["shipping"]) > 0);
    assert!((0.15..0.4).contains(&shipped), "{shipped}");
    // What goes back is written with a sign and without one.
    let back = |is: fn(i64) -> bool| {
        sales.iter().filter(|row| units(row) < 0 && is(cents(&row["tax"]))).count()
    };
    let (with_sign, without) = (back(|tax| tax < 0), back(|tax| tax > 0));
    assert!(with_sign > 50 && without > 50, "{with_sign} {without}");
}

#[test]
fn most_products_have_a_cost_below_their_price() {
    let products = rows(&full(2.0, 0.0), Dataset::Products);
    let known = share(&products, |row| !row["cost"].is_empty());
    assert!((0.88..0.98).contains(&known), "{known}");
    for row in products.iter().filter(|row| !row["cost"].is_empty()) {
        let (cost, price) = (ten_thousandths(&row["cost"]), ten_thousandths(&row["price"]));
        assert!(cost * 3 >= price && cost * 4 <= price * 3, "{row:?}");
    }
}

#[test]
fn payments_come_to_what_their_order_does() {
    let prices = list_prices();
    let mut dues: BTreeMap<String, i64> = BTreeMap::new();
    let mut opening: HashMap<String, Row> = HashMap::new();
    for row in sales() {
        let is_back = ["cancelled", "refunded", "returned"].contains(&row["status"].as_str());
        let lasts = units(&row) < 0 || !is_back;
        let due: i64 = if lasts { due(&row, &prices).iter().sum() } else { 0 };
        *dues.entry(row["order_id"].clone()).or_default() += due;
        opening.entry(row["order_id"].clone()).or_insert(row);
    }
    let payments = rows(&full(2.0, 0.0), Dataset::Payments);
    let mut paid: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for (index, payment) in payments.iter().enumerate() {
        assert_eq!(number(&payment["id"]), index as u64 + 1);
        let order = &opening[&payment["order_id"]];
        assert_eq!(payment["currency"], order["currency"], "{payment:?}");
        let (day, sold) = (&payment["payment_date"], &order["timestamp"][..10]);
        assert!(day.as_str() >= sold && day.as_str() <= "2026-01-14", "{payment:?}");
        let of_order = paid.entry(payment["order_id"].clone()).or_default();
        assert_eq!(number(&payment["sequence"]), of_order.len() as u64 + 1, "{payment:?}");
        of_order.push(payment);
    }
    let mut kinds = [0usize; 4];
    for (order, due) in &dues {
        let of_order = paid.get(order).map_or(&[][..], Vec::as_slice);
        let sum: i64 = of_order.iter().map(|payment| cents(&payment["amount"])).sum();
        assert_eq!(sum, *due, "{order}: {of_order:?}");
        kinds[of_order.len()] += 1;
    }
    assert!(kinds[1] > 3 * kinds[2] && kinds[2] > 100 && kinds[0] > 20, "{kinds:?}");
    let back = share(&payments, |payment| payment["amount"].starts_with('-'));
    assert!((0.03..0.2).contains(&back), "{back}");
    let silent = share(&payments, |payment| payment["payment_method"].is_empty());
    assert!((0.005..0.03).contains(&silent), "{silent}");
    let cards = share(&payments, |payment| payment["payment_method"] == "gift_card");
    assert!((0.04..0.2).contains(&cards), "{cards}");
}

#[test]
fn rates_are_those_of_the_days_of_sales_and_of_a_week_before() {
    let rates = rows(&full(1.0, 0.0), Dataset::ExchangeRates);
    let days: Vec<NaiveDate> = rates.iter().map(|row| row["Date"].parse().unwrap()).collect();
    assert!(days.windows(2).all(|pair| pair[0] > pair[1]), "the latest first");
    assert_eq!(days[0].to_string(), "2026-01-14");
    assert_eq!(days[days.len() - 1].to_string(), "2025-01-08");
    assert!((255..265).contains(&days.len()), "{}", days.len());
    assert!(rates.iter().all(|row| row["HRK"] == "N/A" && row[""].is_empty()));
    let dollars: HashSet<&String> = rates.iter().map(|row| &row["USD"]).collect();
    assert!(dollars.len() > 100 && dollars.iter().all(|rate| rate.len() == 6), "{dollars:?}");
}
