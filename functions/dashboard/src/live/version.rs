//! What the figures are of: when it is the same again, so are they.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use shopflow_core::Result;
use shopflow_postgres::PgResultExt;
use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use super::clock::Clock;

/// Changed with the form or the meaning of the figures.
const FORM: u32 = 1;

const STATE: &str = "
SELECT p.version, p.watermark, p.closed_to,
       (SELECT string_agg(s.shard || ' ' || s.version, ',' ORDER BY s.shard)
        FROM stream.shards AS s WHERE s.stream = $1)
FROM (SELECT 1) AS one LEFT JOIN stream.progress AS p ON p.stream = $1";

/// How far the stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Ticks that changed something.
    pub ticks: i64,
    pub watermark: Option<DateTime<Utc>>,
    /// Windows that end by this moment are closed.
    pub closed_to: Option<DateTime<Utc>>,
    /// Each shard and the number of its batches.
    shards: Option<String>,
}

impl Version {
    /// Asks Postgres.
    ///
    /// # Errors
    /// `Transient.Database`, or `Internal` when the schema is not as expected.
    pub async fn read(transaction: &Transaction<'_>, stream: &str) -> Result<Version> {
        let stream: [(&(dyn ToSql + Sync), Type); 1] = [(&stream, Type::TEXT)];
        let row = transaction
            .query_typed_one(STATE, &stream)
            .await
            .or_db("read how far the stream is")?;
        let ticks: Option<i64> = row.get(0);
        Ok(Version {
            ticks: ticks.unwrap_or_default(),
            watermark: row.get(1),
            closed_to: row.get(2),
            shards: row.get(3),
        })
    }

    /// The tag of the figures of this version at a time, by this version of the definition. It is a
    /// weak one: the moment of the answer is in it, too.
    pub fn etag(&self, clock: Clock, definition_version: &str) -> String {
        let what = (FORM, definition_version, clock.until.timestamp(), self);
        let digest = Sha256::digest(format!("{what:?}").as_bytes());
        format!("W/\"{}\"", hex::encode(&digest[..12]))
    }
}

/// True when a list of tags, as `If-None-Match` has it, has this one.
pub fn has(list: &str, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|tag| strong(tag) == strong(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version {
            ticks: 3,
            watermark: Some("2026-01-15T12:00:00Z".parse().unwrap()),
            closed_to: None,
            shards: Some("a 1,b 2".to_owned()),
        }
    }

    fn clock(text: &str) -> Clock {
        Clock::new(text.parse().unwrap())
    }

    #[test]
    fn the_tag_changes_with_what_the_figures_are_of_and_with_nothing_else() {
        let tag = version().etag(clock("2026-01-15T12:00:03Z"), "abc");
        assert_eq!(version().etag(clock("2026-01-15T12:00:09Z"), "abc"), tag);
        let others = [
            version().etag(clock("2026-01-15T12:00:13Z"), "abc"),
            version().etag(clock("2026-01-15T12:00:03Z"), "abd"),
            Version { ticks: 4, ..version() }.etag(clock("2026-01-15T12:00:03Z"), "abc"),
            Version { watermark: None, ..version() }.etag(clock("2026-01-15T12:00:03Z"), "abc"),
            Version { shards: Some("a 2,b 1".to_owned()), ..version() }
                .etag(clock("2026-01-15T12:00:03Z"), "abc"),
        ];
        for other in others {
            assert_ne!(other, tag);
        }
    }

    #[test]
    fn tags_are_found_in_lists_and_compared_weakly() {
        for list in ["W/\"a\"", "\"a\"", "W/\"b\", W/\"a\"", "*"] {
            assert!(has(list, "W/\"a\""), "{list}");
        }
        for list in ["", "W/\"b\"", "a", "W/\"ab\""] {
            assert!(!has(list, "W/\"a\""), "{list}");
        }
    }
}
