//! Exchange rates, which are entities that no dimension shows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, StringArray};
use shopflow_core::Dataset;

use super::{Rate, Shop, Source, date, days};

impl Shop {
    /// Loads rates, and marks the dates that they reach.
    pub async fn rates(&self, from: &Source, rows: &[Rate]) {
        let key = |Rate(day, currency, _): &Rate| format!("{day}\u{1f}{currency}");
        let id = |rate: &Rate| {
            let letters = rate.1.bytes().fold(0, |sum: i64, letter| sum * 26 + i64::from(letter));
            i64::from(days(date(rate.0))) * 100_000 + letters
        };
        let rates = Decimal128Array::from_iter_values(rows.iter().map(|r| i128::from(r.2)));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(rows.iter().map(id))),
            Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| days(date(r.0))))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))),
            Arc::new(rates.with_precision_and_scale(18, 8).unwrap()),
            Arc::new(StringArray::from_iter_values(rows.iter().map(key))),
        ];
        let entry = self.bronze(Dataset::ExchangeRates, from, columns).await;
        for rate in rows {
            let Rate(day, currency, number) = rate;
            let (id, day, key) = (id(rate), date(day), key(rate));
            self.client
                .execute(
                    "WITH loaded AS (
                         INSERT INTO core.exchange_rates (id, rate_date, currency, rate, natural_key,
                             effective_at, source_modified_at, source_version_id, source_run_id)
                         VALUES ($1, $2, $3, $4::bigint / 100000000.0, $5, $6, $6, $7, $8)
                         ON CONFLICT (id) DO UPDATE
                         SET rate = excluded.rate, effective_at = excluded.effective_at
                         WHERE exchange_rates.effective_at <= excluded.effective_at
                         RETURNING rate_date
                     )
                     INSERT INTO ops.dirty_dates (event_date)
                     SELECT DISTINCT (t.\"timestamp\" AT TIME ZONE 'UTC')::date
                     FROM core.transactions AS t
                     CROSS JOIN loaded AS r
                     CROSS JOIN ops.shop_currency AS s
                     WHERE t.currency IS NOT NULL
                       AND (t.\"timestamp\" AT TIME ZONE 'UTC')::date
                           BETWEEN r.rate_date AND r.rate_date + s.max_age_days
                     ON CONFLICT (event_date) DO UPDATE SET marked_at = clock_timestamp()",
                    &[
                        &id,
                        &day,
                        currency,
                        number,
                        &key,
                        &from.effective_at,
                        &from.version,
                        &from.run_id,
                    ],
                )
                .await
                .unwrap();
        }
        self.queue(&entry, from).await;
    }
}
