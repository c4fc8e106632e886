//! Abandoned carts: a visit that has ended with something in the cart and no purchase is told of once.

use serde_json::json;
use shopflow_core::Result;
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
}

impl Carts {
    /// Adds a visit that has ended, if its cart was abandoned by a person. Late events may have moved
    /// its start, and with it its name: `before` are the visits as they were written, and whichever had
    /// abandoned a cart was told of then.
    pub fn add<'s>(
        &mut self,
        stream: &str,
        session_id: &str,
        session: &Session,
        bots: &Bots,
        mut before: impl Iterator<Item = &'s Session>,
    ) {
        let is_abandoned = |it: &Session| it.has_abandoned_cart() && !it.is_bot(bots);
        if !is_abandoned(session) || before.any(is_abandoned) {
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
    }

    /// Puts them into the outbox; how many are new.
    ///
    /// # Errors
    /// `Transient.Database`.
    pub async fn post(self, transaction: &Transaction<'_>, stream: &str) -> Result<u64> {
        outbox::post(transaction, stream, &self.notices).await
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
