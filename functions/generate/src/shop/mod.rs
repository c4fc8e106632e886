//! The generator core: no AWS, no clock, no rows kept.

mod calendar;
mod clickstream;
mod customers;
mod defects;
mod output;
mod plant;
mod popularity;
mod products;
mod rng;
mod terms;
mod text;
mod transactions;
mod truths;
mod words;

use std::io::{self, Write};

use chrono::{Days, NaiveDate};
use shopflow_core::contract::GenerateSpec;
use shopflow_core::vocabulary::Vocabularies;
use shopflow_core::{Dataset, Error, Result};

use calendar::Calendar;
use clickstream::Plan;
use customers::Customers;
use defects::Defects;
use output::Output;
pub use output::Written;
use popularity::Popularity;
use products::Products;
use rng::{Draws, Stream, mix};
use terms::Terms;
use transactions::Sales;
use words::Words;

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
    sales: u64,
    words: Words,
    terms: Terms,
    customers: Customers,
    products: Products,
    calendar: Calendar,
    buyers: Popularity,
    sellers: Popularity,
    defects: Defects,
    sales_stream: Stream,
    session_stream: Stream,
    event_stream: Stream,
    session_key: u64,
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
            sales,
            words: Words::new(seed),
            terms: Terms::new(sets),
            customers: Customers::new(seed, customers, first),
            products: Products::new(seed, products, sets),
            calendar: Calendar::new(first, spec.days, sales, Stream::new(seed, "days")),
            buyers: Popularity::new(customers, CUSTOMER_FLATNESS, Stream::new(seed, "buyers")),
            sellers: Popularity::new(products, PRODUCT_FLATNESS, Stream::new(seed, "sellers")),
            defects: Defects::new(seed, spec.defect_rate, event_stream, sets),
            sales_stream: Stream::new(seed, "sales"),
            session_stream: Stream::new(seed, "sessions"),
            event_stream,
            session_key: mix(Stream::new(seed, "session ids").one(0)),
        })
    }

    /// Data rows of a dataset, without making them. Clickstream takes a pass over its sessions.
    pub fn rows_planned(&self, dataset: Dataset) -> u64 {
        match dataset {
            Dataset::Customers => self.customers.count(),
            Dataset::Products => self.products.count(),
            Dataset::Transactions => self.sales,
            Dataset::Clickstream => (0..self.sales)
                .map(|row| Plan::new(self, &mut self.session_stream.at(row), row).events())
                .sum(),
        }
    }

    /// Writes the file of a dataset to `out`, in chunks of about 256 KiB.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write<W: Write>(&self, dataset: Dataset, out: W) -> io::Result<Written> {
        let mut output = Output::new(dataset, &self.defects, out);
        let mut scratch = Vec::new();
        match dataset {
            Dataset::Customers => {
                for id in 1..=self.customers.count() {
                    output.row(|row| self.customers.push(row, &mut scratch, &self.words, id))?;
                }
            }
            Dataset::Products => {
                for id in 1..=self.products.count() {
                    output.row(|row| self.products.push(row, &mut scratch, &self.words, id))?;
                }
            }
            Dataset::Transactions => {
                let mut sales = Sales::new(self);
                for row in 0..self.sales {
                    output.row(|out| sales.push(out, row))?;
                }
            }
            Dataset::Clickstream => clickstream::write(self, &mut output)?,
        }
        output.finish()
    }

    /// Writes the true list of planted defects as JSON lines: first those of the customers, then
    /// products, transactions and clickstream, each in the order of lines. `file` says under
    /// which name the file of a dataset is known.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write_truths<W: Write>(
        &self,
        file: impl Fn(Dataset) -> String,
        out: W,
    ) -> io::Result<Written> {
        truths::write(self, file, out)
    }

    /// Somebody who buys; never a customer whose row is spoiled, so that only planted orphans
    /// refer to nobody (a defect rate near 1 leaves no choice).
    #[inline]
    fn buyer(&self, draws: &mut Draws) -> u64 {
        self.sound(Dataset::Customers, self.buyers.pick(draws.unit()), self.customers.count())
    }

    /// Something that sells, with a sound row.
    #[inline]
    fn bought(&self, draws: &mut Draws) -> u64 {
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
