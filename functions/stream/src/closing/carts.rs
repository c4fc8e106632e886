//! Abandoned carts: a visit that has ended with something in the cart and no purchase is told of once.

use serde_json::json;
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use shopflow_windows::{Bots, Session};
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::moment::moment;
use crate::outbox::{self, Notice};

/// What is told of in EventBridge.
const DETAIL_TYPE: &str = "Cart abandoned";

/// Visits that end with this page.
#[derive(Debug, Default)]
pub struct Carts {
    notices: Vec<Notice>,
    /// By notice: under which names the visit may have been told of already.
    earlier: Vec<Vec<Uuid>>,
}

impl Carts {
    /// Adds a visit that has ended, if its cart was abandoned by a person. Late events may have moved
    /// its start: `before` are the starts under which it was known.
    pub fn add(
        &mut self,
        stream: &str,
        session_id: &str,
        session: &Session,
        bots: &Bots,
        before: impl Iterator<Item = i64>,
    ) {
        if !session.has_abandoned_cart() || session.is_bot(bots) {
            return;
        }
        let id = id(stream, session_id, session.started_at);
        let detail = json!({
            "id": id,
            "stream": stream,
            "session_id": session_id,
            "customer_id": session.customer_id,
            "started_at": moment(session.started_at).to_rfc3339(),
            "ended_at": moment(session.ended_at).to_rfc3339(),
            "carts": session.carts,
            "checkouts": session.checkouts,
            "events": session.events,
        });
        let occurred_at = moment(session.ended_at);
        self.notices.push(Notice { id, detail_type: DETAIL_TYPE, detail, occurred_at });
        self.earlier.push(before.map(|start| self::id(stream, session_id, start)).collect());
    }

    /// Puts them into the outbox, but for those that were told of; how many.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn post(self, transaction: &Transaction<'_>, stream: &str) -> Result<u64> {
        let Carts { notices, earlier } = self;
        let ids: Vec<Uuid> = earlier.iter().flatten().copied().collect();
        let mut told = Vec::new();
        if !ids.is_empty() {
            let sql = "SELECT id FROM stream.outbox WHERE id = ANY ($1)";
            let rows = transaction.query(sql, &[&ids]).await.or_db("read outbox")?;
            told = rows.iter().map(|row| row.get::<_, Uuid>(0)).collect();
        }
        let is_untold = |earlier: &Vec<Uuid>| !earlier.iter().any(|id| told.contains(id));
        let untold = notices.into_iter().zip(&earlier).filter(|(_, earlier)| is_untold(earlier));
        let untold: Vec<Notice> = untold.map(|(notice, _)| notice).collect();
        outbox::post(transaction, stream, &untold).await
    }
}

/// Made of what it is about, so that it is there once.
fn id(stream: &str, session_id: &str, started_at: i64) -> Uuid {
    let parts = [DETAIL_TYPE, stream, session_id, &started_at.to_string()];
    outbox::id(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_always_has_the_same_name_and_no_other_has_it() {
        assert_eq!(id("clicks", "s1", 5), id("clicks", "s1", 5));
        assert_ne!(id("clicks", "s1", 5), id("clicks", "s15", 0));
        assert_ne!(id("clicks", "s1", 5), id("others", "s1", 5));
    }
}
