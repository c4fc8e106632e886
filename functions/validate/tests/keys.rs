//! Keys that are texts, and keys of several columns: what goes on of a row, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{CUSTOMERS, Outcome, TRANSACTIONS, validate_keyed};
use shopflow_core::natural_key::{self, NaturalKeys};
use shopflow_core::{Dataset, Settings};

fn keys(forms: &[(&str, &str)]) -> NaturalKeys {
    let variables = forms.iter().map(|(dataset, form)| {
        let name = format!("SHOPFLOW__NATURAL_KEYS__{}", dataset.to_uppercase());
        (name, (*form).to_owned())
    });
    Settings::from_sources("prod", variables.collect(), &[]).unwrap().natural_keys
}

fn number(dataset: Dataset, key: &str) -> u64 {
    natural_key::number(dataset, key.as_bytes()).unwrap()
}

/// However the file is cut, the outcome is the same.
fn validate(dataset: Dataset, keys: &NaturalKeys, file: &str) -> Outcome {
    let whole = validate_keyed(dataset, keys, file.as_bytes(), &[]);
    for cut in 1..file.len() {
        let cut = validate_keyed(dataset, keys, file.as_bytes(), &[cut]);
        assert_eq!((&cut.good, &cut.bad), (&whole.good, &whole.bad));
        assert_eq!(cut.summary.warnings, whole.summary.warnings);
    }
    whole
}

#[test]
fn a_text_goes_on_as_a_number_with_the_text_beside_it() {
    let keys = keys(&[("customers", "text")]);
    let file = format!(
        "{CUSTOMERS}AB-1,Ann,a@example.com,2024-01-05,DE\n\
         007,\"Bond, James\",j@example.com,2024-01-05,GB\r\n\
         7,Bob,b@example.com,2024-01-05,FR\n\
         \"x,\"\"y\"\"\",Eve,e@example.com,2024-01-05,FR\n\
         AB-1 ,Ann,a2@example.com,2024-01-05,DE\n\
         ,Nil,n@example.com,2024-01-05,DE\n\
         Zoë,Zoë,z@example.com,2024-01-05,NL"
    );
    let outcome = validate(Dataset::Customers, &keys, &file);
    let of = |key| number(Dataset::Customers, key);
    assert_eq!(
        outcome.good_text(),
        format!(
            "id,name,email,registration_date,country,natural_key\n\
             {},Ann,a@example.com,2024-01-05,DE,AB-1\n\
             {},\"Bond, James\",j@example.com,2024-01-05,GB,007\r\n\
             7,Bob,b@example.com,2024-01-05,FR,\n\
             \"{}\",Eve,e@example.com,2024-01-05,FR,\"x,\"\"y\"\"\"\n\
             {},Zoë,z@example.com,2024-01-05,NL,Zoë\n",
            of("AB-1"),
            of("007"),
            of("x,\"y\""),
            of("Zoë"),
        )
    );
    // What is refused stays as it came, so that it can be repaired and sent again.
    assert_eq!(outcome.verdicts(), [(6, "id", "duplicate_id"), (7, "id", "null_value")]);
    assert_eq!(outcome.refused[0].row, b"AB-1 ,Ann,a2@example.com,2024-01-05,DE");
    // What is told of it does not say the key, which may be a name or an address.
    assert_eq!(outcome.refused[0].value, "[redacted]");
    assert_eq!(outcome.summary.findings[0].value, "[redacted]");
}

#[test]
fn references_are_written_as_the_keys_of_what_they_refer_to() {
    let keys = keys(&[("customers", "text")]);
    let file = format!(
        "{TRANSACTIONS}1,AB-1,4,2,2026-01-15 08:30:00,paypal\n\
         2,,4,2,2026-01-15T08:30:00Z,paypal\n\
         3,AB-1,SKU-4,2,2026-01-15T08:30:00Z,paypal\n"
    );
    let outcome = validate(Dataset::Transactions, &keys, &file);
    // Sales have numbers here, so they have no further column.
    let customer = number(Dataset::Customers, "AB-1");
    assert_eq!(
        outcome.good_text(),
        format!(
            "{TRANSACTIONS}1,{customer},4,2,2026-01-15T08:30:00Z,paypal\n\
             2,,4,2,2026-01-15T08:30:00Z,paypal\n"
        )
    );
    assert_eq!(outcome.verdicts(), [(4, "product_id", "not_an_integer")]);
}

#[test]
fn an_order_and_its_line_identify_a_row_together() {
    let keys = keys(&[("transactions", "order_id, line"), ("products", "text")]);
    let header = "order_id,line,customer_id,product_id,quantity,timestamp,payment_method";
    let row = "2026-01-15T08:30:00Z,paypal";
    let file = format!(
        "{header}\nA/1,1,1,SKU-4,2,{row}\nA/1,2,1,SKU-4,2,{row}\nA/1,+2,1,SKU-5,2,{row}\n\
         ,1,1,SKU-4,2,{row}\nA/2,,1,SKU-4,2,{row}\n"
    );
    let outcome = validate(Dataset::Transactions, &keys, &file);
    let product = number(Dataset::Products, "SKU-4");
    let mut lines = outcome.good_text().lines();
    assert_eq!(lines.next(), Some(&*format!("{header},id,natural_key")));
    let ids: Vec<u64> = lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields[3], product.to_string());
            assert_eq!(fields[8], format!("A/1/{}", fields[1]));
            fields[7].parse().unwrap()
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0] != ids[1] && ids.iter().all(|id| *id > natural_key::LARGEST_NUMBER));
    assert_eq!(
        outcome.verdicts(),
        [(4, "", "duplicate_id"), (5, "order_id", "null_value"), (6, "line", "null_value")]
    );
}

#[test]
fn a_file_has_the_columns_of_its_key_and_none_that_are_made_of_it() {
    let keys = keys(&[("transactions", "order_id, line"), ("customers", "text")]);
    let sales = |header: &str| {
        let outcome = validate_keyed(Dataset::Transactions, &keys, header.as_bytes(), &[]);
        outcome.summary.rejection.unwrap()
    };
    let rest = "customer_id,product_id,quantity,timestamp,payment_method\n";
    let lacking = sales(&format!("order_id,{rest}"));
    assert_eq!(lacking.rule.name(), "missing_column");
    assert!(lacking.text.contains("'line'") && !lacking.text.contains("'id'"), "{}", lacking.text);
    let both = sales(&format!("id,order_id,line,{rest}"));
    assert_eq!(both.rule.name(), "duplicate_column");
    assert!(both.text.contains("'id' is made of the key"), "{}", both.text);
    let file = format!("{},natural_key\n", CUSTOMERS.trim_end());
    let customers = validate_keyed(Dataset::Customers, &keys, file.as_bytes(), &[]);
    assert_eq!(customers.rejected_by(), Some("duplicate_column"));
}

#[test]
fn clicks_refer_by_texts_and_by_numbers() {
    let keys = keys(&[("customers", "text"), ("products", "text")]);
    let click = |customer: &str, product: &str| {
        format!(
            "{{\"event_id\":\"67e55044-10b1-426f-9247-bb680e5fe0c8\",\"session_id\":\"s\",\
             \"customer_id\":{customer},\"event_type\":\"search\",\"product_id\":{product},\
             \"url\":\"/\",\"device\":\"mobile\",\"country\":\"DE\",\
             \"timestamp\":\"2026-01-15T08:30:00Z\"}}\n"
        )
    };
    let file = click("\"AB-1\"", "7");
    let outcome = validate_keyed(Dataset::Clickstream, &keys, file.as_bytes(), &[]);
    let customer = number(Dataset::Customers, "AB-1").to_string();
    assert_eq!(outcome.good_text(), click(&customer, "7"));
    // With an escape, the text does not stand in the line as it is.
    let file = click("\"AB\\u002d1\"", "null");
    let outcome = validate_keyed(Dataset::Clickstream, &keys, file.as_bytes(), &[]);
    let good: serde_json::Value = serde_json::from_slice(&outcome.good).unwrap();
    assert_eq!(good["customer_id"].to_string(), customer);
    let file = click("\"\"", "null");
    let outcome = validate_keyed(Dataset::Clickstream, &keys, file.as_bytes(), &[]);
    assert_eq!(outcome.summary.rows_good, 1);
    let good: serde_json::Value = serde_json::from_slice(&outcome.good).unwrap();
    assert!(good["customer_id"].is_null(), "{good}");
    // The numbers behind the limit are made of texts.
    let (over, largest) = (natural_key::LARGEST_NUMBER + 1, natural_key::LARGEST_NUMBER);
    let file = click(&over.to_string(), "7");
    let outcome = validate_keyed(Dataset::Clickstream, &keys, file.as_bytes(), &[]);
    assert_eq!(outcome.verdicts(), [(1, "customer_id", "out_of_range")]);
    let reason = &outcome.refused[0].reason;
    assert!(reason.contains(&format!("over {largest}")) && reason.contains("string"), "{reason}");
    let file = click(&format!("\"{over}\""), &largest.to_string());
    let outcome = validate_keyed(Dataset::Clickstream, &keys, file.as_bytes(), &[]);
    assert_eq!(outcome.summary.rows_good, 1);
}
