//! Small, valid files to start from.

use std::fmt::Write;
use std::ops::Range;

/// `customers.csv` with the given ids.
pub fn customers(ids: Range<u64>) -> String {
    let mut file = String::from("id,name,email,registration_date,country\n");
    for id in ids {
        let country = ["DE", "FR", "US"][(id % 3) as usize];
        let _ = writeln!(file, "{id},Person {id},person{id}@example.com,2023-05-06,{country}");
    }
    file
}

/// `products.csv` with the given ids; product `n` costs `n`.50.
pub fn products(ids: Range<u64>) -> String {
    let mut file = String::from("id,name,category,price,supplier\n");
    for id in ids {
        let _ = writeln!(file, "{id},Thing {id},books,{id}.50,Supplier {}", id % 2);
    }
    file
}

/// `transactions.csv` with the given ids, spread over ten customers, five products and the days
/// from 2024-03-01; quantities are 1 to 3.
pub fn transactions(ids: Range<u64>) -> String {
    let mut file = String::from("id,customer_id,product_id,quantity,timestamp,payment_method\n");
    for id in ids {
        let (customer, product, quantity) = (1 + id % 10, 1 + id % 5, 1 + id % 3);
        let day = 1 + id % 20;
        let _ = writeln!(
            file,
            "{id},{customer},{product},{quantity},2024-03-{day:02}T10:00:00Z,credit_card"
        );
    }
    file
}
