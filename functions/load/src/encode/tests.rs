//! Rows as `COPY` takes them, and the hashes that databases hold.

use super::*;

fn encode(dataset: Dataset, csv: &str) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(dataset, Names::default());
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    encoder.bind(reader.headers().unwrap())?;
    let mut out = BytesMut::new();
    for record in reader.byte_records() {
        encoder.encode(&record.unwrap(), &mut out)?;
    }
    Ok(out.to_vec())
}

#[test]
fn order_of_columns_extra_columns_and_spelling_do_not_change_the_row() {
    let plain = encode(
        Dataset::Transactions,
        "id,customer_id,product_id,quantity,timestamp,payment_method\n\
         7,1,2,3,2024-01-31T00:30:00Z,paypal\n",
    );
    let other = encode(
        Dataset::Transactions,
        "\u{feff}note,timestamp,payment_method,id,customer_id,product_id,quantity\r\n\
         \"a,b\",2024-01-31T01:30:00.000+01:00,\"paypal\",+7,+1,2,3\r\n",
    );
    assert_eq!(plain.unwrap(), other.unwrap());
}

#[test]
fn text_cannot_move_from_one_column_to_the_next_unnoticed() {
    let hash = |csv: &str| {
        let row = encode(Dataset::Customers, csv).unwrap();
        row[row.len() - 20..row.len() - 4].to_vec()
    };
    let header = "id,name,email,registration_date,country\n";
    assert_ne!(
        hash(&format!("{header}1,ab,c@d.e,2024-01-01,DE\n")),
        hash(&format!("{header}1,a,bc@d.e,2024-01-01,DE\n"))
    );
}

#[test]
fn kept_columns_stand_in_extra_and_in_the_hash_whatever_their_order() {
    let row = |csv: &str| {
        let mut encoder = Encoder::new(Dataset::Products, Names::default()).with_extra(true);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        encoder.bind(reader.headers().unwrap()).unwrap();
        let mut out = BytesMut::new();
        for record in reader.byte_records() {
            encoder.encode(&record.unwrap(), &mut out).unwrap();
        }
        out.to_vec()
    };
    let one = row("id,name,category,price,supplier,b,a\n1,n,books,1.00,s,2,x\n");
    let other = row("a,id,name,category,price,supplier,b\nx,1,n,books,1.00,s,2\n");
    assert_eq!(one, other);
    assert!(one.ends_with(br#"{"a":"x","b":"2"}"#));
    let empty = row("id,name,category,price,supplier,b,a\n1,n,books,1.00,s,,\n");
    assert_eq!(empty, row("id,name,category,price,supplier\n1,n,books,1.00,s\n"));
    assert_ne!(one, row("id,name,category,price,supplier,b,a\n1,n,books,1.00,s,3,x\n"));
}

#[test]
fn a_wrong_value_is_reported_by_place_and_not_by_content() {
    let error = encode(
        Dataset::Customers,
        "id,name,email,registration_date,country\n1,Ann,a@b.c,2024-01-01,DE\n2,Bob,b@b.c,Bobday,DE\n",
    )
    .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("column=registration_date") && text.contains("line=3"), "{text}");
    assert!(!text.contains("Bob"), "{text}");
}

/// The hash of one sale whose row has these further fields.
fn hash(header: &str, row: &str) -> i64 {
    let mut encoder = Encoder::new(Dataset::Transactions, Names::default());
    let csv = format!("{header}\n{row}\n");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    encoder.bind(reader.headers().unwrap()).unwrap();
    let record = reader.byte_records().next().unwrap().unwrap();
    encoder.encode(&record, &mut BytesMut::new()).unwrap().hash
}

#[test]
fn a_sale_of_six_columns_has_the_hash_it_always_had() {
    // Databases hold it: another one would make every stored row count as changed.
    const ALWAYS: i64 = -3_246_902_368_167_414_171;
    let six = "id,customer_id,product_id,quantity,timestamp,payment_method";
    let row = "7,1,2,3,2024-01-31T00:30:00Z,paypal";
    assert_eq!(hash(six, row), ALWAYS);
    let empty = hash(
        &format!("{six},order_id,line,unit_price,discount,status,tax,shipping,currency"),
        &format!("{row},,,,,,,,"),
    );
    assert_eq!(empty, ALWAYS, "columns that nothing fills change no hash");
    for (column, value) in [
        ("order_id", "A-1"),
        ("line", "1"),
        ("unit_price", "1.50"),
        ("discount", "0.00"),
        ("status", "completed"),
        ("tax", "0"),
        ("shipping", "0"),
        ("currency", "EUR"),
    ] {
        let other = hash(&format!("{six},{column}"), &format!("{row},{value}"));
        assert_ne!(other, ALWAYS, "{column}");
    }
}

#[test]
fn a_sale_without_a_customer_is_told_from_every_other() {
    let six = "id,customer_id,product_id,quantity,timestamp,payment_method";
    let guest = hash(six, "7,,2,3,2024-01-31T00:30:00Z,paypal");
    assert_eq!(guest, hash(&six.replace("customer_id,", ""), "7,2,3,2024-01-31T00:30:00Z,paypal"));
    for row in [
        "7,1,2,3,2024-01-31T00:30:00Z,paypal",
        "7,2,2,3,2024-01-31T00:30:00Z,paypal",
        "7,2,3,3,2024-01-31T00:30:00Z,paypal",
        "7,,2,-3,2024-01-31T00:30:00Z,paypal",
    ] {
        assert_ne!(guest, hash(six, row), "{row}");
    }
}

/// The hash of one entity, as hexadecimal digits.
fn entity_hash(dataset: Dataset, csv: &str) -> String {
    let row = encode(dataset, csv).unwrap();
    let hash = &row[row.len() - 20..row.len() - 4];
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_may_be_missing_has_the_place_in_the_hash_it_always_had() {
    // Databases hold these.
    let customer = entity_hash(
        Dataset::Customers,
        "id,name,email,registration_date,country\n1,Ann,a@b.c,2024-01-01,DE\n",
    );
    assert_eq!(customer, "7bb95afe846a0fd9036a03998e80ec1f");
    let product =
        entity_hash(Dataset::Products, "id,name,category,price,supplier\n1,Pen,books,1.50,Lux\n");
    assert_eq!(product, "6304c3ec81f91a7c7aea31c0330e30d9");
    let header = "id,name,category,price,supplier,cost";
    let without_cost =
        entity_hash(Dataset::Products, &format!("{header}\n1,Pen,books,1.50,Lux,\n"));
    assert_eq!(without_cost, product);
    let with_cost =
        entity_hash(Dataset::Products, &format!("{header}\n1,Pen,books,1.50,Lux,0.80\n"));
    assert_ne!(with_cost, product);
}

#[test]
fn rates_and_payments_have_the_hash_they_always_had() {
    let header = "id,rate_date,currency,rate,natural_key";
    let rate = entity_hash(
        Dataset::ExchangeRates,
        &format!("{header}\n1,2026-01-02,usd,1.153,2026-01-02/USD\n"),
    );
    assert_eq!(rate, "874598fd83cbf1e1e2a77cd351aefbdf");
    let payment = entity_hash(Dataset::Payments, "id,order_id,amount\n1,A-1,-12.5\n");
    assert_eq!(payment, "1f810cb52e61ebdf81e02f4e5cf98082");
    let empty = entity_hash(
        Dataset::Payments,
        "id,order_id,sequence,payment_method,amount,currency,payment_date\n1,A-1,,,-12.50,,\n",
    );
    assert_eq!(empty, payment);
}

#[test]
fn a_row_tells_which_of_its_values_is_missing() {
    let mut hashes = std::collections::HashSet::new();
    let rows = [
        "1,Ann,a@b.c,2024-01-01,DE",
        "1,Ann,,2024-01-01,DE",
        "1,Ann,a@b.c,,DE",
        "1,Ann,a@b.c,2024-01-01,",
        "1,Ann,,,DE",
        "1,Ann,,,",
    ];
    for row in rows {
        let csv = format!("id,name,email,registration_date,country\n{row}\n");
        let row = encode(Dataset::Customers, &csv).unwrap();
        assert!(hashes.insert(row[row.len() - 20..].to_vec()), "{csv}");
    }
    let without = encode(Dataset::Customers, "id,name\n1,Ann\n").unwrap();
    assert!(hashes.contains(&without[without.len() - 20..]), "a file without the columns");

    let six = "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price";
    let sales = [
        "7,1,2,3,2024-01-31T00:30:00Z,paypal,5",
        "7,,2,3,2024-01-31T00:30:00Z,paypal,5",
        "7,2,,3,2024-01-31T00:30:00Z,paypal,5",
        "7,1,2,3,2024-01-31T00:30:00Z,,5",
        "7,,,3,2024-01-31T00:30:00Z,,5",
    ];
    let hashes: std::collections::HashSet<i64> = sales.iter().map(|row| hash(six, row)).collect();
    assert_eq!(hashes.len(), sales.len());
}

#[test]
fn other_spellings_of_an_amount_are_the_same_row() {
    let header = "id,customer_id,product_id,quantity,timestamp,payment_method,unit_price";
    let priced =
        |price: &str| hash(header, &format!("7,1,2,-3,2024-01-31T00:30:00Z,paypal,{price}"));
    assert_eq!(priced("1.5"), priced("+1.5000"));
    assert_ne!(priced("1.5"), priced("1.5001"));

    let header = header.replace("unit_price", "tax");
    let taxed = |tax: &str| hash(&header, &format!("7,1,2,-3,2024-01-31T00:30:00Z,paypal,{tax}"));
    assert_eq!(taxed("-1.5"), taxed("-1.5000"));
    assert_ne!(taxed("-1.5"), taxed("1.5"));
}

#[test]
fn a_missing_column_is_named() {
    let error = encode(Dataset::Products, "id,name,category,supplier\n").unwrap_err();
    assert!(error.to_string().contains("column=price"), "{error}");
}
