//! A shop whose rows change at random: every kind of change, transactions that fail, values that
//! are hard to carry.

use futures::SinkExt;
use tokio_postgres::Client;

/// Reference rows that others point at.
pub const BASE: &str = "
    INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, modified_at)
        VALUES ('transactions', 'r', 'landing', 'incoming/t.csv', 'v', now(), now());
    INSERT INTO core.categories (name) VALUES ('home'), ('toys');
    INSERT INTO core.suppliers (name) VALUES ('Acme');
    INSERT INTO core.payment_methods (name) VALUES ('paypal');
    INSERT INTO core.customers (id, is_inferred, effective_at, source_modified_at,
        source_version_id, source_run_id)
        SELECT id, true, now(), now(), 'v', 'r' FROM generate_series(1, 5) AS id;
    INSERT INTO core.products (id, name, category_id, price, supplier_id, row_hash, effective_at,
        source_modified_at, source_version_id, source_run_id)
        SELECT id, 'product ' || id, 1, 9.90, 1, '\\x00ff', now(), now(), 'v', 'r'
        FROM generate_series(1, 5) AS id;";

/// A small generator of numbers: the same seed gives the same shop.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// A text with what needs escaping, sometimes longer than a page.
    fn text(&mut self) -> String {
        let parts = ["a", "'", "\"", "\\", "\t", "\n", "\\N", "é", "😀", "\u{1}", " ", "x,y"];
        let length = if self.below(5) == 0 { 4000 } else { self.below(12) };
        let mut text = format!("n{}", self.below(1000));
        for _ in 0..length {
            // Letters at random do not compress, so that long texts are stored apart.
            match self.below(12) {
                0 => text.push_str(parts[self.below(parts.len() as u64) as usize]),
                _ => text.push(char::from(b'a' + self.below(26) as u8)),
            }
        }
        text
    }
}

/// Changes the shop in one transaction; `first` is an id that was not used before.
pub async fn change(sql: &Client, random: &mut Random, first: i64) {
    let ends = if random.below(8) == 0 { "ROLLBACK" } else { "COMMIT" };
    sql.batch_execute("BEGIN").await.unwrap();
    for step in 0..1 + random.below(5) {
        let id = first + step as i64 * 100;
        one(sql, random, id).await;
    }
    sql.batch_execute(ends).await.unwrap();
}

async fn one(sql: &Client, random: &mut Random, id: i64) {
    let name = random.text();
    let email = random.text();
    let outcome = match random.below(10) {
        0..3 => {
            let count = 1 + random.below(20) as i64;
            sql.execute(
                "INSERT INTO core.customers (id, name, email, registration_date, country, \
                     row_hash, effective_at, source_modified_at, source_version_id, source_run_id) \
                 SELECT id, $3, $4, '2024-02-29', 'DE', sha256(id::text::bytea), now(), now(), \
                     'v', 'r' FROM generate_series($1::bigint, $1::bigint + $2::bigint) AS id",
                &[&id, &count, &name, &email],
            )
            .await
        }
        3 => {
            // Leaves the long texts alone.
            let some = 2 + random.below(5) as i64;
            sql.execute(
                "UPDATE core.customers SET row_version = row_version + 1, updated_at = now() \
                 WHERE id % $1 = 0",
                &[&some],
            )
            .await
        }
        4 => {
            let some = 3 + random.below(9) as i64;
            sql.execute("UPDATE core.customers SET name = $2 WHERE id % $1 = 1", &[&some, &name])
                .await
        }
        5 => {
            sql.execute(
                "UPDATE core.customers SET id = $1 WHERE id = (SELECT max(id) FROM core.customers \
                     WHERE id > 5 AND id <> $1)",
                &[&(id + 90)],
            )
            .await
        }
        6 => {
            let some = 2 + random.below(9) as i64;
            sql.execute("DELETE FROM core.customers WHERE id > 5 AND id % $1 = 0", &[&some]).await
        }
        7 => copy(sql, id, 1 + random.below(300) as i64).await,
        8 => {
            sql.batch_execute("SAVEPOINT before; DELETE FROM core.transactions").await.unwrap();
            if random.below(2) == 0 {
                sql.batch_execute("ROLLBACK TO before").await.unwrap();
            }
            sql.execute("UPDATE core.products SET price = price + 0.01", &[]).await
        }
        _ => {
            let truncate = "TRUNCATE core.transactions, core.product_history RESTART IDENTITY";
            sql.batch_execute(truncate).await.map(|()| 0)
        }
    };
    outcome.unwrap();
}

/// Many rows with one record of the server's log each.
async fn copy(sql: &Client, first: i64, count: i64) -> Result<u64, tokio_postgres::Error> {
    let statement = "COPY core.transactions (id, customer_id, product_id, quantity, \"timestamp\", \
         payment_method_id, row_hash, source_id) FROM STDIN";
    sql.execute(
        "DELETE FROM core.transactions WHERE id >= $1 AND id < $2",
        &[&first, &(first + count)],
    )
    .await?;
    let sink = sql.copy_in(statement).await?;
    let mut sink = std::pin::pin!(sink);
    for id in first..first + count {
        let row = format!(
            "{id}\t{}\t{}\t2\t2024-01-15 12:00:00.5+00\t1\t10\t1\n",
            1 + id % 5,
            1 + id % 3
        );
        sink.send(bytes::Bytes::from(row)).await?;
    }
    sink.finish().await
}
