//! The place of replayed rows in the order of sources (docs/decisions/0004).

use chrono::{DateTime, Duration, SecondsFormat, Timelike, Utc};
use shopflow_core::contract::SourceObject;

/// The moments a replayed file carries in its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub effective_at: DateTime<Utc>,
    pub modified_at: DateTime<Utc>,
}

impl Place {
    /// RFC 3339 with microseconds, as metadata keeps it.
    pub fn text(moment: DateTime<Utc>) -> String {
        moment.to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

/// The place of the replay after `earlier` ones of rows of `source`: the same effective moment, and
/// an upload just before that of the source.
///
/// S3 tells uploads by whole seconds, so the second before one has room for the replays: after
/// every earlier upload, before the file itself, a later replay after an earlier one. A replay of
/// rows that a replay refused goes on from there in smaller steps.
pub fn place(source: &SourceObject, earlier: usize) -> Place {
    let nth = i64::try_from(earlier).unwrap_or(i64::MAX).saturating_add(1).min(998);
    let original = source.modified_at.nanosecond() == 0;
    let modified_at = if original {
        source.modified_at - Duration::seconds(1) + Duration::milliseconds(nth)
    } else {
        source.modified_at + Duration::microseconds(nth)
    };
    Place { effective_at: source.effective_at, modified_at }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(modified_at: &str) -> SourceObject {
        SourceObject {
            bucket: "landing".to_owned(),
            key: "incoming/products/p.csv".to_owned(),
            version_id: "v".to_owned(),
            bytes: 1,
            modified_at: modified_at.parse().unwrap(),
            effective_at: "2026-01-15T00:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn replays_come_after_earlier_uploads_and_before_their_own_file() {
        let file = source("2026-01-15T09:00:05Z");
        let before = source("2026-01-15T09:00:04Z");
        let mut last = before.modified_at;
        for earlier in 0..3 {
            let place = place(&file, earlier);
            assert_eq!(place.effective_at, file.effective_at);
            assert!(last < place.modified_at && place.modified_at < file.modified_at);
            last = place.modified_at;
        }
        assert!(place(&file, 100_000).modified_at < file.modified_at);
    }

    #[test]
    fn a_replay_of_a_replay_comes_after_it_and_before_the_next() {
        let file = source("2026-01-15T09:00:05Z");
        let first = place(&file, 0);
        let replayed = SourceObject { modified_at: first.modified_at, ..file.clone() };
        let again = place(&replayed, 0);
        assert!(first.modified_at < again.modified_at);
        assert!(again.modified_at < place(&file, 1).modified_at);
    }

    #[test]
    fn the_metadata_keeps_every_step() {
        let place = place(&source("2026-01-15T09:00:05Z"), 0);
        assert_eq!(Place::text(place.modified_at), "2026-01-15T09:00:04.001000Z");
    }
}
