//! Which defects the rows of each dataset can have.

use shopflow_core::Dataset;
use shopflow_core::contract::Profile;

use super::kinds::Kind;

/// A defect with the columns it can sit in; no column for the whole row.
pub type Choice = (Kind, &'static [&'static str]);
/// The defects of a dataset.
pub type Menu = &'static [Choice];

// What may be missing is no defect where it is.
const CUSTOMERS: Menu = &[
    (Kind::NullValue, &["id", "name"]),
    (Kind::BadEmail, &["email"]),
    (Kind::ImpossibleDate, &["registration_date"]),
    (Kind::BadCountry, &["country"]),
    (Kind::DuplicateId, &["id"]),
    (Kind::WrongFieldCount, &[]),
    (Kind::InvalidUtf8, &["name"]),
];
const PRODUCTS: Menu = &[
    (Kind::NullValue, &["id", "name", "category", "price"]),
    (Kind::NegativePrice, &["price"]),
    (Kind::ZeroPrice, &["price"]),
    (Kind::NotANumber, &["price"]),
    (Kind::UnknownCategory, &["category"]),
    (Kind::DuplicateId, &["id"]),
    (Kind::WrongFieldCount, &[]),
    (Kind::InvalidUtf8, &["name", "supplier"]),
];
const TRANSACTIONS: Menu = &[
    (Kind::NullValue, &["id", "quantity", "timestamp"]),
    (Kind::ZeroQuantity, &["quantity"]),
    (Kind::NotANumber, &["quantity"]),
    (Kind::ImpossibleDate, &["timestamp"]),
    (Kind::BadTimestamp, &["timestamp"]),
    (Kind::UnknownPaymentMethod, &["payment_method"]),
    (Kind::DuplicateId, &["id"]),
    (Kind::WrongFieldCount, &[]),
    (Kind::InvalidUtf8, &["payment_method"]),
    (Kind::OrphanReference, &["customer_id", "product_id"]),
];
/// Those that only the columns of the full profile can have. A discount over 1 is none of them: it
/// is money, and speaks against the file as a whole. Nor is tax below zero: it is given back.
const FULL_TRANSACTIONS: Menu = &[
    (Kind::ZeroLine, &["line"]),
    (Kind::NegativePrice, &["unit_price"]),
    (Kind::NegativeDiscount, &["discount"]),
    (Kind::NotANumber, &["line", "unit_price", "discount", "tax", "shipping"]),
    (Kind::TooPrecise, &["unit_price", "discount", "tax", "shipping"]),
    (Kind::UnknownStatus, &["status"]),
    (Kind::BadCurrency, &["currency"]),
    (Kind::TextTooLong, &["order_id"]),
    (Kind::InvalidUtf8, &["order_id"]),
];
const FULL_PRODUCTS: Menu = &[
    (Kind::NegativePrice, &["cost"]),
    (Kind::NotANumber, &["cost"]),
    (Kind::TooPrecise, &["cost"]),
];
/// Those of one rate leave the others of the day alone.
const RATES: Menu = &[
    (Kind::ZeroRate, &["USD", "JPY", "GBP", "CHF"]),
    (Kind::NotANumber, &["USD", "JPY", "GBP", "CHF"]),
    (Kind::ImpossibleDate, &["Date"]),
];
const PAYMENTS: Menu = &[
    (Kind::NullValue, &["id", "order_id", "amount"]),
    (Kind::NotANumber, &["sequence", "amount"]),
    (Kind::TooPrecise, &["amount"]),
    (Kind::ImpossibleDate, &["payment_date"]),
    (Kind::BadCurrency, &["currency"]),
    (Kind::UnknownPaymentMethod, &["payment_method"]),
    (Kind::DuplicateId, &["id"]),
    (Kind::WrongFieldCount, &[]),
    (Kind::TextTooLong, &["order_id"]),
    (Kind::InvalidUtf8, &["order_id"]),
];
const CLICKSTREAM: Menu = &[
    (
        Kind::NullValue,
        &["event_id", "session_id", "event_type", "url", "device", "country", "timestamp"],
    ),
    (
        Kind::MissingField,
        &["event_id", "session_id", "event_type", "url", "device", "country", "timestamp"],
    ),
    (Kind::NotANumber, &["customer_id", "product_id"]),
    (Kind::UnknownEventType, &["event_type"]),
    (Kind::UnknownDevice, &["device"]),
    (Kind::BadCountry, &["country"]),
    (Kind::ImpossibleDate, &["timestamp"]),
    (Kind::BadTimestamp, &["timestamp"]),
    (Kind::DuplicateId, &["event_id"]),
    (Kind::BadJson, &[]),
    (Kind::InvalidUtf8, &["url"]),
];

/// What can be wrong with the rows of a dataset: what always can, and what only the full profile can
/// have besides.
pub fn menus(dataset: Dataset, profile: Profile) -> [Menu; 2] {
    let menu = match dataset {
        Dataset::Customers => CUSTOMERS,
        Dataset::Products => PRODUCTS,
        Dataset::Transactions => TRANSACTIONS,
        Dataset::Clickstream => CLICKSTREAM,
        Dataset::ExchangeRates => RATES,
        Dataset::Payments => PAYMENTS,
        // The sample shop has no others, so none of their rows is hit.
        _ => &[],
    };
    let more: Menu = match (dataset, profile) {
        (Dataset::Products, Profile::Full) => FULL_PRODUCTS,
        (Dataset::Transactions, Profile::Full) => FULL_TRANSACTIONS,
        _ => &[],
    };
    [menu, more]
}
