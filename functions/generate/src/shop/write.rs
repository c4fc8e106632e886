//! The files of a shop.

use std::io::{self, Write};

use shopflow_core::Dataset;

use super::model::Shop;
use super::output::{Output, Written};
use super::transactions::Sales;
use super::{clickstream, header, payments, plan, truths};

impl Shop {
    /// Data rows of a dataset, without making them. Clickstream takes a pass over its sessions.
    pub fn rows_planned(&self, dataset: Dataset) -> u64 {
        plan::rows(self, dataset)
    }

    /// Writes the file of a dataset to `out`, in chunks of about 256 KiB.
    ///
    /// # Errors
    /// Those of `out`, and `Unsupported` for a dataset that is none of [`crate::datasets`].
    pub fn write<W: Write>(&self, dataset: Dataset, out: W) -> io::Result<Written> {
        let columns = header::columns(dataset, self.profile);
        let mut output = Output::new(dataset, columns, &self.defects, out);
        let mut scratch = Vec::new();
        if !crate::datasets(self.profile).contains(&dataset) {
            let none = format!("the sample shop has no {dataset} in the {} profile", self.profile);
            return Err(io::Error::new(io::ErrorKind::Unsupported, none));
        }
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
            Dataset::ExchangeRates => {
                for row in 0..self.rates.count() {
                    output.row(|out| self.rates.push(out, row))?;
                }
            }
            Dataset::Payments => payments::write(self, &mut output)?,
            _ => {}
        }
        output.finish()
    }

    /// Writes the true list of planted defects as JSON lines: those of the customers
    /// first, in load order, each in the order of lines. `file` says under
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
}
