//! Which column of a file may be meant by one that it lacks.

use shopflow_core::dataset::Column;
use shopflow_core::{Dataset, header};

use crate::money;
use crate::personal;

/// Names that other programs give to a column of a dataset, the surest first. What could be
/// something else is not here: an `order_id` is no number of a line, and an `amount` is money or
/// pieces.
const SYNONYMS: &[(&str, &str, &[&str])] = &[
    ("customers", "id", &["customer_id", "customer_number", "customer_no", "client_id", "user_id"]),
    ("customers", "name", &["full_name", "customer_name", "display_name", "contact_name"]),
    ("customers", "email", &["email_address", "mail", "customer_email", "mail_address"]),
    (
        "customers",
        "registration_date",
        &["registered_at", "registered", "signup_date", "customer_since", "joined", "created_at"],
    ),
    ("customers", "country", &["country_code", "country_iso", "nation", "land"]),
    ("products", "id", &["product_id", "product_number", "product_no", "article_number"]),
    ("products", "name", &["product_name", "title", "product_title"]),
    ("products", "category", &["product_category", "category_name", "product_type"]),
    ("products", "price", &["unit_price", "list_price", "retail_price"]),
    ("products", "supplier", &["supplier_name", "vendor", "manufacturer"]),
    ("transactions", "id", &["transaction_id", "order_item_id", "order_line_id", "line_id"]),
    (
        "transactions",
        "customer_id",
        &["customer_number", "customer_no", "client_id", "user_id", "buyer_id"],
    ),
    ("transactions", "product_id", &["product_number", "product_no", "article_number", "item_id"]),
    ("transactions", "quantity", &["qty", "units", "pieces", "lineitem_quantity", "item_count"]),
    (
        "transactions",
        "timestamp",
        &[
            "order_date",
            "order_time",
            "ordered_at",
            "order_purchase_timestamp",
            "sold_at",
            "sale_date",
            "invoice_date",
            "transaction_date",
            "created_at",
            "datetime",
            "date",
        ],
    ),
    ("transactions", "payment_method", &["payment_type", "paid_by", "payment_method_type"]),
    ("transactions", "unit_price", &["price", "item_price", "lineitem_price", "sale_price"]),
    ("transactions", "tax", &["taxes", "sales_tax", "tax_amount", "vat", "vat_amount"]),
    (
        "transactions",
        "shipping",
        &["shipping_cost", "shipping_amount", "shipping_price", "shipping_fee", "freight_value"],
    ),
    ("transactions", "currency", &["currency_code", "order_currency", "currency_iso"]),
    ("products", "cost", &["unit_cost", "cost_price", "cost_per_item", "purchase_price"]),
    ("exchange_rates", "rate_date", &["date", "day", "quote_date", "valid_on", "time_period"]),
    (
        "exchange_rates",
        "currency",
        &["code", "currency_code", "currency_iso", "iso_code", "quote_currency"],
    ),
    ("exchange_rates", "rate", &["value", "exchange_rate", "fx_rate", "obs_value"]),
    ("payments", "id", &["payment_id", "payment_number", "payment_no"]),
    ("payments", "order_id", &["order_number", "order_no"]),
    ("payments", "sequence", &["payment_sequential", "payment_sequence"]),
    ("payments", "amount", &["payment_value", "payment_amount", "paid_amount", "amount_paid"]),
    ("payments", "currency", &["currency_code", "payment_currency", "currency_iso"]),
];

/// Names that look like a column and are none of it.
const OTHERS: &[(&str, &str)] =
    &[("country", "county"), ("country", "count"), ("price", "prize"), ("quantity", "quality")];

/// Most letters by which a name may differ.
const MOST_EDITS: usize = 3;

/// For each of the missing columns the name in the file that may be meant, where there is one. No
/// name is meant twice.
pub(super) fn suggestions<'a>(
    dataset: Dataset,
    missing: &[&'static Column],
    names: &'a [String],
) -> Vec<(&'static Column, &'a str)> {
    let mut free: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| may_be_meant(dataset, name)).collect();
    let mut found: Vec<(&'static Column, &str)> = Vec::new();
    for find in [synonym, misspelt] {
        for &column in missing {
            if found.iter().any(|(known, _)| known.name == column.name) {
                continue;
            }
            if let Some(at) = find(dataset, column, &free) {
                found.push((column, free.swap_remove(at)));
            }
        }
    }
    found.sort_by_key(|(column, _)| missing.iter().position(|it| it.name == column.name));
    found
}

/// What the report says about columns with money that the file lacks and may have under other names,
/// where nothing counts them.
pub(super) fn of_money(
    dataset: Dataset,
    lacking: &[&'static Column],
    names: &[String],
) -> Vec<String> {
    let lacking: Vec<&'static Column> =
        lacking.iter().copied().filter(|column| money::is_money(column)).collect();
    let names: Vec<String> =
        names.iter().filter(|name| money::is_called_money(name)).cloned().collect();
    let found = suggestions(dataset, &lacking, &names).into_iter();
    found
        .map(|(column, name)| {
            format!("column '{name}' looks like '{}': under that name it counts", column.name)
        })
        .collect()
}

fn may_be_meant(dataset: Dataset, name: &str) -> bool {
    let is_known = header::column(dataset.columns(), name).is_some();
    !is_known && !header::is_own(name) && is_name(name) && personal::value_in(name).is_none()
}

/// Only a text that looks like the name of a column is repeated: a file without a header has
/// people's data on its first line.
pub(super) fn is_name(text: &str) -> bool {
    let trimmed = text.trim();
    trimmed.len() <= 40
        && trimmed.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && trimmed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_- ".contains(&byte))
}

/// Place of a name that other programs give to the column.
fn synonym(dataset: Dataset, column: &Column, names: &[&str]) -> Option<usize> {
    let is_meant =
        |(of, name, _): &&(&str, &str, &[&str])| *of == dataset.name() && *name == column.name;
    let (.., synonyms) = SYNONYMS.iter().find(is_meant)?;
    let place = |synonym: &&str| names.iter().position(|name| header::is_same(synonym, name));
    synonyms.iter().find_map(place)
}

/// Place of the name that is nearest to that of the column, if it is near.
fn misspelt(_: Dataset, column: &Column, names: &[&str]) -> Option<usize> {
    let is_other = |name: &str| {
        OTHERS.iter().any(|(known, other)| *known == column.name && header::is_same(other, name))
    };
    let candidates = names.iter().enumerate().filter(|(_, name)| !is_other(name));
    let (distance, at) = candidates.map(|(at, name)| (edits(column.name, name), at)).min()?;
    (distance <= (column.name.len() / 4).min(MOST_EDITS)).then_some(at)
}

/// Letters by which two names differ, whatever is written in capitals.
fn edits(name: &str, other: &str) -> usize {
    strsim::levenshtein(name, &other.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(dataset: Dataset, missing: &[&str], names: &[&str]) -> Vec<(String, String)> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let columns = dataset.columns().iter();
        let missing: Vec<_> = columns.filter(|column| missing.contains(&column.name)).collect();
        let found = suggestions(dataset, &missing, &names);
        found.into_iter().map(|(column, name)| (column.name.to_owned(), name.to_owned())).collect()
    }

    #[test]
    fn every_missing_column_has_its_own_suggestion() {
        let found = suggested(
            Dataset::Transactions,
            &["id", "quantity", "timestamp", "payment_method"],
            &["Order ID", "customer_id", "product_id", "Qty", "Order Date", "paymentmetod", "Note"],
        );
        let expected =
            [("quantity", "Qty"), ("timestamp", "Order Date"), ("payment_method", "paymentmetod")];
        assert_eq!(found, expected.map(|(column, name)| (column.to_owned(), name.to_owned())));
        let found = suggested(Dataset::Customers, &["email", "name"], &["id", "mail", "names"]);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn money_under_another_name_is_told() {
        let told = |dataset: Dataset, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let columns = dataset.columns().iter();
            let lacking: Vec<_> =
                columns.filter(|column| !names.iter().any(|name| name == column.name)).collect();
            of_money(dataset, &lacking, &names)
        };
        let found = told(Dataset::Transactions, &["tax", "vat", "Shipping Cost", "Currency Code"]);
        assert_eq!(
            found,
            [
                "column 'Shipping Cost' looks like 'shipping': under that name it counts",
                "column 'Currency Code' looks like 'currency': under that name it counts",
            ]
        );
        assert_eq!(told(Dataset::Products, &["Unit Cost", "post"]).len(), 1);
        assert!(told(Dataset::Transactions, &["Total", "note", "Subtotal"]).is_empty());
    }

    #[test]
    fn rates_and_payments_of_other_programs_are_known() {
        let found = suggested(
            Dataset::ExchangeRates,
            &["rate_date", "currency", "rate"],
            &["day", "code", "value"],
        );
        let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["day", "code", "value"]);
        let found = suggested(
            Dataset::Payments,
            &["sequence", "amount"],
            &["order_id", "payment_sequential", "payment_type", "payment_value"],
        );
        let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["payment_sequential", "payment_value"]);
    }

    #[test]
    fn what_is_something_else_is_never_suggested() {
        for (dataset, missing, name) in [
            (Dataset::Transactions, "id", "order_number"),
            (Dataset::Transactions, "quantity", "quality"),
            (Dataset::Transactions, "quantity", "amount"),
            (Dataset::Transactions, "payment_method", "payment_date"),
            (Dataset::Customers, "country", "county"),
            (Dataset::Customers, "registration_date", "expiration_date"),
            (Dataset::Customers, "registration_date", "registration_id"),
            (Dataset::Products, "price", "cost"),
            (Dataset::Products, "supplier", "_supplier"),
            (Dataset::Products, "name", "ann@example.com"),
        ] {
            assert!(suggested(dataset, &[missing], &[name]).is_empty(), "{name} for {missing}");
        }
        // Not even where a line of an order export has no number of its own.
        assert!(suggested(Dataset::Transactions, &["id"], &["order_id", "line"]).is_empty());
    }

    #[test]
    fn synonyms_are_of_columns_that_exist_and_are_no_columns_themselves() {
        for (dataset, column, synonyms) in SYNONYMS {
            let dataset: Dataset = dataset.parse().unwrap();
            assert!(dataset.definition().column(column).is_some(), "{dataset}.{column}");
            for synonym in *synonyms {
                let known = header::column(dataset.columns(), synonym);
                assert!(known.is_none(), "{dataset}.{column}: {synonym}");
            }
        }
    }
}
