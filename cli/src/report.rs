//! The report: every question answered in one snapshot, and what the answers are worth.

pub mod chart;
pub mod figures;
pub mod finding;
pub mod keyed;
pub mod page;

use shopflow_core::Result;
use shopflow_core::natural_key::ShownKeys;
use tokio_postgres::Client;

use crate::analytics::cache::{self, Answers};
use crate::analytics::{Answer, Question};
use figures::{AsOf, Figures};

/// Answers with the totals and the run they rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub figures: Figures,
    pub as_of: AsOf,
    pub answers: Vec<Answer>,
    /// How many answers were kept from before, because nothing they depend on has changed.
    pub kept: usize,
}

impl Report {
    /// Asks everything in one snapshot; `afresh` asks again even what has not changed. Products have
    /// their numbers, see [`Report::name_products`].
    ///
    /// # Errors
    /// When Postgres refuses, with a hint when nothing was loaded yet.
    pub async fn gather(client: &Client, questions: &[Question], afresh: bool) -> Result<Report> {
        let extra = [figures::FIGURES, figures::AS_OF];
        let Answers { answers, kept, extra } =
            cache::ask_all(client, questions, &extra, afresh).await?;
        let mut extra = extra.into_iter();
        Ok(Report {
            figures: Figures::of(&extra.next().unwrap_or_default()),
            as_of: AsOf::of(&extra.next().unwrap_or_default()),
            answers,
            kept,
        })
    }

    /// True when a product has a number that was made of its key, which people do not know.
    pub fn names_made_numbers(&self) -> bool {
        keyed::names_made_numbers(&self.answers)
    }

    /// Names products by their keys, where `keys` says that these may be shown.
    ///
    /// # Errors
    /// When Postgres refuses.
    pub async fn name_products(&mut self, client: &Client, keys: &ShownKeys) -> Result<()> {
        keyed::name_products(client, &mut self.answers, keys).await
    }
}
