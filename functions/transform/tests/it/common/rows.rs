//! Rows of the shop go to bronze, `core` and `ops` the way upload and load put them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use chrono::{DateTime, Utc};
use shopflow_core::contract::{ManifestEntry, SourceObject, StoredObject};
use shopflow_core::{Dataset, keys};
use shopflow_lake::{parquet, schema};

use super::{
    Customer, Event, Own, Product, Sale, Shop, Source, bought, buyer, date, days, known, paid, run,
};

impl Shop {
    pub async fn customers(&self, from: &Source, rows: &[Customer]) {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))),
            Arc::new(rows.iter().map(|r| known(r.2)).collect::<StringArray>()),
            Arc::new(
                rows.iter().map(|r| known(r.3).map(|day| days(date(day)))).collect::<Date32Array>(),
            ),
            Arc::new(rows.iter().map(|r| known(r.4)).collect::<StringArray>()),
        ];
        let entry = self.bronze(Dataset::Customers, from, columns).await;
        for Customer(id, name, email, registered, country) in rows {
            let hash = format!("{name}|{email}|{registered}|{country}").into_bytes();
            let (email, country) = (known(email), known(country));
            let registered = known(registered).map(date);
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
                id,
                name,
                &email,
                &registered,
                &country,
                &hash,
                &from.effective_at,
                &from.effective_at,
                &from.version,
                &from.run_id,
            ];
            self.client
                .execute(
                    "INSERT INTO core.customers (id, name, email, registration_date, country,
                         row_hash, effective_at, source_modified_at, source_version_id, source_run_id)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                     ON CONFLICT (id) DO UPDATE SET name = $2, is_inferred = false, email = $3,
                         registration_date = $4, country = $5, row_hash = $6, effective_at = $7
                     WHERE customers.is_inferred OR customers.effective_at <= $7",
                    &values,
                )
                .await
                .unwrap();
            self.client
                .execute(
                    "INSERT INTO core.customer_history (id, name, email, registration_date, country,
                         row_hash, effective_at, source_modified_at, source_version_id, source_run_id)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                     ON CONFLICT (id, effective_at) DO UPDATE SET name = $2, email = $3,
                         registration_date = $4, country = $5, row_hash = $6",
                    &values,
                )
                .await
                .unwrap();
        }
        self.mark_entities("customers", from, rows.iter().map(|r| r.0).collect()).await;
        self.queue(&entry, from).await;
    }

    pub async fn products(&self, from: &Source, rows: &[Product]) {
        let unknown: Vec<(Product, Option<i64>)> =
            rows.iter().map(|product| (product.clone(), None)).collect();
        self.products_with(from, &unknown).await;
    }

    /// Products with what they cost the shop, in ten-thousandths.
    pub async fn products_with(&self, from: &Source, products: &[(Product, Option<i64>)]) {
        let rows: Vec<&Product> = products.iter().map(|(product, _)| product).collect();
        let prices = Decimal128Array::from_iter_values(rows.iter().map(|r| i128::from(r.3)));
        let costs: Decimal128Array =
            products.iter().map(|(_, cost)| cost.map(i128::from)).collect();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.0))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.2))),
            Arc::new(prices.with_precision_and_scale(10, 2).unwrap()),
            Arc::new(rows.iter().map(|r| known(r.4)).collect::<StringArray>()),
            no_keys(rows.len()),
            Arc::new(costs.with_precision_and_scale(12, 4).unwrap()),
        ];
        let entry = self.bronze(Dataset::Products, from, columns).await;
        for (Product(id, name, category, cents, supplier), cost) in products {
            let hash = format!("{name}|{category}|{cents}|{supplier}|{cost:?}").into_bytes();
            let supplier = known(supplier);
            self.client
                .execute(
                    "WITH c AS (INSERT INTO core.categories (name) VALUES ($1) ON CONFLICT DO NOTHING)
                     INSERT INTO core.suppliers (name)
                     SELECT $2::text WHERE $2::text IS NOT NULL ON CONFLICT DO NOTHING",
                    &[category, &supplier],
                )
                .await
                .unwrap();
            let values: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
                id,
                name,
                category,
                cents,
                &supplier,
                &hash,
                &from.effective_at,
                &from.version,
                &from.run_id,
                cost,
            ];
            self.client
                .execute(
                    "INSERT INTO core.products (id, name, category_id, price, supplier_id,
                         row_hash, effective_at, source_modified_at, source_version_id, source_run_id,
                         cost)
                     SELECT $1, $2, c.category_id, $4::bigint / 100.0, s.supplier_id, $6, $7, $7, $8, $9,
                            $10::bigint / 10000.0
                     FROM core.categories AS c LEFT JOIN core.suppliers AS s ON s.name = $5
                     WHERE c.name = $3
                     ON CONFLICT (id) DO UPDATE SET name = $2, is_inferred = false,
                         category_id = excluded.category_id, price = excluded.price,
                         supplier_id = excluded.supplier_id, row_hash = $6, effective_at = $7,
                         cost = excluded.cost
                     WHERE products.is_inferred OR products.effective_at <= $7",
                    &values,
                )
                .await
                .unwrap();
            self.client
                .execute(
                    "INSERT INTO core.product_history (id, name, category, price, supplier,
                         row_hash, effective_at, source_modified_at, source_version_id, source_run_id,
                         cost)
                     VALUES ($1, $2, $3, $4::bigint / 100.0, $5, $6, $7, $7, $8, $9,
                             $10::bigint / 10000.0)
                     ON CONFLICT (id, effective_at) DO UPDATE SET name = $2, category = $3,
                         price = excluded.price, supplier = $5, row_hash = $6, cost = excluded.cost",
                    &values,
                )
                .await
                .unwrap();
        }
        self.mark_entities("products", from, rows.iter().map(|r| r.0).collect()).await;
        self.queue(&entry, from).await;
    }

    pub async fn sales(&self, from: &Source, rows: &[Sale]) {
        let plain: Vec<(Sale, Own)> =
            rows.iter().map(|sale| (sale.clone(), Own::default())).collect();
        self.sales_with(from, &plain).await;
    }

    /// Sales with what they say themselves.
    pub async fn sales_with(&self, from: &Source, rows: &[(Sale, Own)]) {
        let amounts = |of: fn(&Own) -> Option<i64>| -> ArrayRef {
            let amounts = rows.iter().map(|(_, own)| of(own).map(i128::from));
            let amounts: Decimal128Array = amounts.collect();
            Arc::new(amounts.with_precision_and_scale(12, 4).unwrap())
        };
        let (sales, owns): (Vec<&Sale>, Vec<&Own>) =
            rows.iter().map(|(sale, own)| (sale, own)).unzip();
        let customers: Vec<Option<i64>> = rows.iter().map(buyer).collect();
        let products: Vec<Option<i64>> = rows.iter().map(bought).collect();
        let methods: Vec<Option<&str>> = owns.iter().map(|own| paid(own)).collect();
        let moments = TimestampMicrosecondArray::from_iter_values(
            sales.iter().map(|r| r.4.timestamp_micros()),
        );
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(sales.iter().map(|r| r.0))),
            Arc::new(Int64Array::from(customers.clone())),
            Arc::new(Int64Array::from(products.clone())),
            Arc::new(Int32Array::from_iter_values(sales.iter().map(|r| r.3))),
            Arc::new(moments.with_timezone("UTC")),
            Arc::new(StringArray::from(methods.clone())),
            Arc::new(owns.iter().map(|own| own.order).collect::<StringArray>()),
            Arc::new(owns.iter().map(|_| None::<i32>).collect::<Int32Array>()),
            amounts(|own| own.unit_price),
            amounts(|own| own.discount),
            Arc::new(owns.iter().map(|own| own.status).collect::<StringArray>()),
            no_keys(rows.len()),
            amounts(|own| own.tax),
            amounts(|own| own.shipping),
            Arc::new(owns.iter().map(|own| own.currency).collect::<StringArray>()),
        ];
        let entry = self.bronze(Dataset::Transactions, from, columns).await;
        let sql = include_str!("load_sales.sql");
        let ids: Vec<i64> = sales.iter().map(|r| r.0).collect();
        let quantities: Vec<i32> = sales.iter().map(|r| r.3).collect();
        let moments: Vec<DateTime<Utc>> = sales.iter().map(|r| r.4).collect();
        let orders: Vec<Option<&str>> = owns.iter().map(|own| own.order).collect();
        let prices: Vec<Option<i64>> = owns.iter().map(|own| own.unit_price).collect();
        let discounts: Vec<Option<i64>> = owns.iter().map(|own| own.discount).collect();
        let statuses: Vec<Option<&str>> = owns.iter().map(|own| own.status).collect();
        let taxes: Vec<Option<i64>> = owns.iter().map(|own| own.tax).collect();
        let shipping: Vec<Option<i64>> = owns.iter().map(|own| own.shipping).collect();
        let currencies: Vec<Option<&str>> = owns.iter().map(|own| own.currency).collect();
        let incoming = "CREATE TEMP TABLE incoming AS
            SELECT i.id, i.customer_id, i.product_id, i.quantity, i.sold_at, i.order_id,
                   i.price / 10000.0 AS unit_price, i.reduction / 10000.0 AS discount, i.status,
                   i.method, i.taxed / 10000.0 AS tax, i.shipped / 10000.0 AS shipping, i.currency, s.*
            FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::timestamptz[],
                        $6::text[], $7::bigint[], $8::bigint[], $9::text[], $13::text[],
                        $14::bigint[], $15::bigint[], $16::text[])
                AS i (id, customer_id, product_id, quantity, sold_at, order_id, price, reduction, status,
                      method, taxed, shipped, currency),
                (SELECT $10::timestamptz AS effective_at, $11::text AS version, $12::text AS run_id) AS s";
        self.client
            .execute(
                incoming,
                &[
                    &ids,
                    &customers,
                    &products,
                    &quantities,
                    &moments,
                    &orders,
                    &prices,
                    &discounts,
                    &statuses,
                    &from.effective_at,
                    &from.version,
                    &from.run_id,
                    &methods,
                    &taxes,
                    &shipping,
                    &currencies,
                ],
            )
            .await
            .unwrap();
        self.client.batch_execute(sql).await.unwrap();
        self.queue(&entry, from).await;
    }

    pub async fn clicks(&self, from: &Source, rows: &[(uuid::Uuid, DateTime<Utc>)]) {
        let event = |(id, at): &(uuid::Uuid, DateTime<Utc>)| Event {
            id: *id,
            session: "session".to_owned(),
            customer: None,
            kind: "page_view",
            url: "/".to_owned(),
            at: *at,
        };
        self.events(from, &rows.iter().map(event).collect::<Vec<_>>()).await;
    }

    pub async fn events(&self, from: &Source, rows: &[Event]) {
        let text = |of: fn(&Event) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
        };
        let customers: Int64Array = rows.iter().map(|event| event.customer).collect();
        let moments = rows.iter().map(|event| event.at.timestamp_micros());
        let columns: Vec<ArrayRef> = vec![
            text(|event| event.id.to_string()),
            text(|event| event.session.clone()),
            Arc::new(customers),
            text(|event| event.kind.to_owned()),
            Arc::new(rows.iter().map(|_| None::<i64>).collect::<Int64Array>()),
            text(|event| event.url.clone()),
            Arc::new(rows.iter().map(|_| None::<&str>).collect::<StringArray>()),
            text(|_| "mobile".to_owned()),
            text(|_| "FR".to_owned()),
            Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC")),
        ];
        let entry = self.bronze(Dataset::Clickstream, from, columns).await;
        self.queue(&entry, from).await;
    }

    /// Views of products: session, product, moment.
    pub async fn product_views(&self, from: &Source, rows: &[(&str, i64, DateTime<Utc>)]) {
        let text = |value: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(|_| value)))
        };
        let id = |row: &(&str, i64, DateTime<Utc>)| {
            let name = format!("{} {} {}", row.0, row.1, row.2.timestamp_micros());
            uuid::Uuid::from_u128(name.bytes().fold(7, |sum: u128, byte| {
                sum.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B) ^ u128::from(byte)
            }))
            .to_string()
        };
        let moments = rows.iter().map(|row| row.2.timestamp_micros());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(id))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(rows.iter().map(|_| None::<i64>).collect::<Int64Array>()),
            text("product_view"),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
            text("/"),
            Arc::new(rows.iter().map(|_| None::<&str>).collect::<StringArray>()),
            text("mobile"),
            text("FR"),
            Arc::new(TimestampMicrosecondArray::from_iter_values(moments).with_timezone("UTC")),
        ];
        let entry = self.bronze(Dataset::Clickstream, from, columns).await;
        self.queue(&entry, from).await;
    }

    pub(super) async fn bronze(
        &self,
        dataset: Dataset,
        from: &Source,
        mut columns: Vec<ArrayRef>,
    ) -> ManifestEntry {
        let rows = columns[0].len();
        let text = |value: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..rows).map(|_| value)))
        };
        let moment = TimestampMicrosecondArray::from_iter_values(
            (0..rows).map(|_| from.effective_at.timestamp_micros()),
        );
        let moment: ArrayRef = Arc::new(moment.with_timezone("UTC"));
        let key = format!("incoming/{dataset}/{}.csv", from.version);
        // Nothing in the columns that a shop adds.
        for column in dataset.columns().iter().skip(columns.len()) {
            columns.push(new_null_array(&schema::data_type(column.kind), rows));
        }
        columns.extend([
            Arc::new((0..rows).map(|_| None::<&str>).collect::<StringArray>()) as ArrayRef,
            Arc::new(Int64Array::from_iter_values(1..=rows as i64)),
            text(&from.run_id),
            text("landing"),
            text(&key),
            text(&from.version),
            Arc::clone(&moment),
            moment,
        ]);
        let batch = RecordBatch::try_new(schema::bronze(dataset), columns).unwrap();
        let content = parquet::encode(batch.schema(), &[batch]).unwrap();
        let bronze_key = keys::bronze(&run(&from.run_id), dataset, from.part);
        let bronze = self
            .context
            .storage
            .write_all(&self.context.lake, &bronze_key, parquet::CONTENT_TYPE, content)
            .await
            .unwrap();
        ManifestEntry {
            dataset,
            part: from.part,
            source: SourceObject {
                bucket: "landing".to_owned(),
                key,
                version_id: from.version.clone(),
                bytes: 1,
                modified_at: from.effective_at,
                effective_at: from.effective_at,
            },
            raw: StoredObject { key: "raw".to_owned(), ..bronze.clone() },
            bronze,
            rows: rows as u64,
            time_range: None,
        }
    }

    async fn mark_entities(&self, dataset: &str, from: &Source, ids: Vec<i64>) {
        let history = if dataset == "products" { "product_history" } else { "customer_history" };
        // As load marks: from the moment on only where the history has an older row.
        let mark = format!(
            "INSERT INTO ops.dirty_entities (dataset, id, since)
             SELECT $1, id, CASE WHEN EXISTS (
                 SELECT FROM core.{history} AS h WHERE h.id = marked.id AND h.effective_at < $3
             ) THEN $3 ELSE '-infinity' END
             FROM unnest($2::bigint[]) AS marked (id)
             ON CONFLICT (dataset, id) DO UPDATE SET marked_at = clock_timestamp(),
                 since = least(dirty_entities.since, excluded.since)"
        );
        self.client.execute(&mark, &[&dataset, &ids, &from.effective_at]).await.unwrap();
    }

    pub(super) async fn queue(&self, entry: &ManifestEntry, from: &Source) {
        self.client
            .execute(
                "INSERT INTO ops.lake_queue (run_id, dataset, part, entry) VALUES ($1, $2, $3, $4)",
                &[
                    &from.run_id,
                    &entry.dataset.name(),
                    &(from.part as i32),
                    &serde_json::to_value(entry).unwrap(),
                ],
            )
            .await
            .unwrap();
    }
}

/// Keys that are texts: none, since rows have numbers.
fn no_keys(rows: usize) -> ArrayRef {
    Arc::new((0..rows).map(|_| None::<&str>).collect::<StringArray>())
}
