//! The files, as they are.

macro_rules! case {
    ($path:literal) => {
        include_str!(concat!("../../cases/real/", $path))
    };
}

/// Customers and products that the lines below name. Article n costs n.50.
pub const CUSTOMERS: &str = case!("00-base/customers.csv");
pub const PRODUCTS: &str = case!("00-base/products.csv");

pub const JAFFLE_CUSTOMERS: &str = case!("02-jaffle-classic/raw_customers.csv");
pub const JAFFLE_ORDERS: &str = case!("02-jaffle-classic/raw_orders.csv");
pub const JAFFLE_PAYMENTS: &str = case!("02-jaffle-classic/raw_payments.csv");

/// Two returns, and one line without a customer.
pub const RETAIL_LINES: &str = case!("03-online-retail/lines_renamed.csv");
/// More than a third of the lines have no customer.
pub const RETAIL_GUESTS: &str = case!("03-online-retail/lines_37pct_anonymous.csv");
/// Lines with a price and a discount.
pub const RETAIL_PRICES: &str = case!("03-online-retail/lines_with_price.csv");
pub const RETAIL_EXPORT: &str = case!("03-online-retail/export.csv");

pub const OLIST_LINES: &str = case!("04-olist/lines_renamed.csv");
/// Orders, their items with freight, and their payments: several for some.
pub const OLIST_ORDERS: &str = case!("04-olist/orders.csv");
pub const OLIST_ITEMS: &str = case!("04-olist/order_items.csv");
pub const OLIST_PAYMENTS: &str = case!("04-olist/order_payments.csv");
pub const SUPERSTORE_EXPORT: &str = case!("05-superstore/export.csv");
pub const SHOPIFY_LINES: &str = case!("07-shopify/lines_renamed.csv");
/// Orders with postage, a voucher, and a line without an article.
pub const SHOPIFY_ORDERS: &str = case!("07-shopify/orders_with_shipping.csv");
/// Orders in two currencies with taxes, one paid by gift card, one refunded and one in part.
pub const SHOPIFY_TAXES: &str = case!("07-shopify/orders_with_taxes.csv");

/// Two orders with a second line under the same number.
pub const ORDERS_AS_ID: &str = case!("25-order-level/orders_as_id.csv");
/// A third order's second line, in a file of its own.
pub const ORDERS_AS_ID_2: &str = case!("25-order-level/orders_as_id_2.csv");
pub const UNKNOWN_PRODUCT: &str = case!("25-order-level/unknown_product.csv");

/// Rates of three days, and those of the next one in the form of a single day.
pub const RATES: &str = case!("28-exchange-rates/eurofxref-hist.csv");
pub const RATES_OF_A_DAY: &str = case!("28-exchange-rates/eurofxref.csv");
