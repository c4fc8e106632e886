//! What a shop is made of.

use chrono::{Days, NaiveDate};
use shopflow_core::contract::{GenerateSpec, Profile};
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, Error, Result};

use super::calendar::Calendar;
use super::customers::Customers;
use super::defects::Defects;
use super::orders::Orders;
use super::popularity::Popularity;
use super::products::Products;
use super::rates::Rates;
use super::rng::{Draws, Stream, mix};
use super::terms::Terms;
use super::words::Words;

/// How unequal products sell: a fifth of them makes 72 % of the sales.
const PRODUCT_FLATNESS: f64 = 0.02;
/// How unequal customers buy: a fifth of them makes 53 % of the sales.
const CUSTOMER_FLATNESS: f64 = 0.1;
/// How many neighbours are tried when a customer or product is in no file because of a defect.
const NEIGHBOURS: u32 = 256;

/// A shop with its customers, products, sales and visits: a pure function of run date and spec.
///
/// It is small whatever the scale, and can be shared between threads that write one dataset each.
#[derive(Debug)]
pub struct Shop {
    pub(super) profile: Profile,
    pub(crate) sales: u64,
    pub(super) words: Words,
    pub(super) terms: Terms,
    pub(super) customers: Customers,
    pub(crate) products: Products,
    pub(super) calendar: Calendar,
    pub(super) buyers: Popularity,
    pub(super) sellers: Popularity,
    pub(super) defects: Defects,
    /// Of the full profile, as the next three.
    pub(super) orders: Orders,
    pub(super) rates: Rates,
    pub(super) line_stream: Stream,
    pub(super) payment_stream: Stream,
    pub(super) sales_stream: Stream,
    pub(super) session_stream: Stream,
    pub(super) event_stream: Stream,
    pub(super) session_key: u64,
}

impl Shop {
    /// The shop whose sales history ends the day before `run_date`, in the built-in words.
    ///
    /// # Errors
    /// `InvalidInput` that names every field of the spec that is out of range.
    pub fn new(run_date: NaiveDate, spec: &GenerateSpec) -> Result<Shop> {
        Shop::speaking(&Vocabularies::default(), run_date, spec)
    }

    /// [`Shop::new`] in the words of `sets`, and in no others. What it shows of event types are
    /// those that every shop has.
    ///
    /// # Errors
    /// As [`Shop::new`].
    pub fn speaking(sets: &Vocabularies, run_date: NaiveDate, spec: &GenerateSpec) -> Result<Shop> {
        crate::spec::check(run_date, spec)?;
        let first = run_date
            .checked_sub_days(Days::new(u64::from(spec.days)))
            .ok_or_else(|| Error::internal("the first day of the history does not exist"))?;
        let seed = spec.seed;
        let count = |base: f64| ((base * spec.scale).round() as u64).max(1);
        let (customers, products, sales) = (count(1_000.0), count(500.0), count(5_000.0));
        let event_stream = Stream::new(seed, "click events");
        Ok(Shop {
            profile: spec.profile,
            sales,
            words: Words::new(seed),
            terms: Terms::new(sets),
            customers: Customers::new(seed, customers, first),
            products: Products::new(seed, products, sets, spec.profile),
            calendar: Calendar::new(first, spec.days, sales, Stream::new(seed, "days")),
            buyers: Popularity::new(customers, CUSTOMER_FLATNESS, Stream::new(seed, "buyers")),
            sellers: Popularity::new(products, PRODUCT_FLATNESS, Stream::new(seed, "sellers")),
            defects: Defects::new(spec, event_stream, sets),
            orders: Orders::new(seed, sales, spec.days),
            rates: Rates::new(seed, first, spec.days),
            line_stream: Stream::new(seed, "lines"),
            payment_stream: Stream::new(seed, "payments"),
            sales_stream: Stream::new(seed, "sales"),
            session_stream: Stream::new(seed, "sessions"),
            event_stream,
            session_key: mix(Stream::new(seed, "session ids").one(0)),
        })
    }

    /// Somebody who buys; never a customer whose row is spoiled, so that only planted orphans
    /// refer to nobody (a defect rate near 1 leaves no choice).
    #[inline]
    pub(crate) fn buyer(&self, draws: &mut Draws) -> u64 {
        self.sound(Dataset::Customers, self.buyers.pick(draws.unit()), self.customers.count())
    }

    /// Something that sells, with a sound row.
    #[inline]
    pub(crate) fn bought(&self, draws: &mut Draws) -> u64 {
        self.sound(Dataset::Products, self.sellers.pick(draws.unit()), self.products.count())
    }

    #[inline]
    fn sound(&self, dataset: Dataset, id: u64, count: u64) -> u64 {
        if !self.defects.any() {
            return id;
        }
        let mut candidate = id;
        for _ in 0..NEIGHBOURS {
            if !self.defects.hits(dataset, candidate - 1) {
                return candidate;
            }
            candidate = candidate % count + 1;
        }
        id
    }
}
