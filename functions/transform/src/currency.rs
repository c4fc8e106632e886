//! The currency that facts are in.
//!
//! `core` and silver keep amounts in the currency that each sale names; facts have them in the shop's.
//! What that is, and how old a rate may be, stands in `ops.shop_currency`, where the SQL of the
//! warehouse reads it. When the settings say something else, the sales that name a currency are
//! converted anew; all others are in the shop's currency, whichever that is.

use shopflow_core::{Result, Settings};
use shopflow_postgres::{Client, PgResultExt};
use tokio_postgres::types::ToSql;

/// What sales are converted to, and by which rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopCurrency {
    /// ISO 4217 code of the currency that every sum is in.
    pub code: String,
    /// ISO 4217 code of the currency whose unit the rates are for.
    pub base: String,
    /// How many days a rate may be older than the sale.
    pub max_age_days: u16,
}

impl ShopCurrency {
    /// What the settings say.
    pub fn of(settings: &Settings) -> ShopCurrency {
        let (business, rates) = (&settings.business, &settings.exchange_rates);
        ShopCurrency {
            code: business.currency.clone(),
            base: rates.base.clone(),
            max_age_days: rates.max_age_days,
        }
    }

    /// Brings `ops.shop_currency` in line. Where that changes it, the dates of all sales that name a
    /// currency become dirty: as many of them are computed anew as a call takes, the others by the
    /// next ones.
    ///
    /// It waits for loads of rates that mark dates by what was there before, so whoever reads rates
    /// after it sees those.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn renew(&self, client: &Client) -> Result<()> {
        let days = i32::from(self.max_age_days);
        let settings: [&(dyn ToSql + Sync); 3] = [&self.code, &self.base, &days];
        // An update counts as a change of what payments are worth even where it finds no row.
        let other =
            client.query_one(IS_OTHER, &settings).await.or_db("read the shop's currency")?;
        if !other.get::<_, bool>(0) {
            return Ok(());
        }
        let renewed =
            client.query_one(RENEW, &settings).await.or_db("renew the shop's currency")?;
        let (is_new, dates): (bool, i64) = (renewed.get(0), renewed.get(1));
        if is_new {
            let ShopCurrency { code, base, max_age_days } = self;
            let (code, base) = (code.as_str(), base.as_str());
            tracing::info!(code, base, max_age_days, dates, "sales are converted anew");
        }
        Ok(())
    }
}

const IS_OTHER: &str = "
SELECT EXISTS (
    SELECT FROM ops.shop_currency WHERE (currency, base, max_age_days) IS DISTINCT FROM ($1, $2, $3)
)";

const RENEW: &str = "
WITH changed AS (
    UPDATE ops.shop_currency
    SET currency = $1, base = $2, max_age_days = $3, since = clock_timestamp()
    WHERE (currency, base, max_age_days) IS DISTINCT FROM ($1, $2, $3)
    RETURNING only_row
), marked AS (
    INSERT INTO ops.dirty_dates (event_date)
    SELECT DISTINCT (t.\"timestamp\" AT TIME ZONE 'UTC')::date
    FROM core.transactions AS t
    WHERE t.currency IS NOT NULL AND EXISTS (SELECT FROM changed)
    ORDER BY 1
    ON CONFLICT (event_date) DO UPDATE SET marked_at = excluded.marked_at
    RETURNING event_date
)
SELECT EXISTS (SELECT FROM changed), (SELECT count(*) FROM marked)";
