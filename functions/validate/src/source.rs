//! Which version of the landed object is validated, and its place in the order of sources.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use shopflow_core::contract::{SourceObject, ValidateEvent, effective_at};
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage, keys};

/// The version that is validated, even if a newer one arrives meanwhile.
///
/// # Errors
/// `InvalidInput` when there is no such object, or its metadata claims an impossible moment.
pub async fn resolve(storage: &Storage, event: &ValidateEvent) -> Result<SourceObject> {
    let info = storage.head(&event.object).await?;
    let moments = Moments::of(event.run.run_date, info.modified_at, &info.metadata)
        .map_err(|error| error.with("key", &event.object.key))?;
    Ok(SourceObject {
        bucket: event.object.bucket.clone(),
        key: event.object.key.clone(),
        version_id: info.version_id,
        bytes: info.bytes,
        modified_at: moments.modified_at,
        effective_at: moments.effective_at,
    })
}

/// What orders a source among the others.
#[derive(Debug, PartialEq, Eq)]
struct Moments {
    modified_at: DateTime<Utc>,
    effective_at: DateTime<Utc>,
}

impl Moments {
    /// From the upload, unless the metadata says of which earlier file these rows are a replay.
    /// No claim reaches past what the upload itself would give: an object could otherwise outrank
    /// every later one.
    fn of(
        run_date: NaiveDate,
        uploaded_at: DateTime<Utc>,
        metadata: &HashMap<String, String>,
    ) -> Result<Moments> {
        let day = run_date.and_time(NaiveTime::MIN).and_utc();
        let modified_at = claimed(metadata, keys::MODIFIED_METADATA, uploaded_at)?;
        let effective_at = claimed(metadata, keys::EFFECTIVE_METADATA, uploaded_at.max(day))?;
        let modified_at = modified_at.unwrap_or(uploaded_at);
        Ok(Moments {
            modified_at,
            effective_at: effective_at.unwrap_or_else(|| self::effective_at(run_date, modified_at)),
        })
    }
}

fn claimed(
    metadata: &HashMap<String, String>,
    name: &'static str,
    latest: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = metadata.get(name) else { return Ok(None) };
    let hint = "upload the file without this metadata, or replay it with `shopflow quarantine`";
    let moment = DateTime::parse_from_rfc3339(text)
        .or_error(ErrorKind::InvalidInput, "metadata of the object is not an RFC 3339 time")
        .map_err(|error| error.with("metadata", name).with("value", text).hint(hint))?
        .with_timezone(&Utc);
    if moment > latest {
        return Err(Error::invalid("metadata of the object claims a time after its upload")
            .with("metadata", name)
            .with("value", text)
            .with("latest", latest.to_rfc3339())
            .hint(hint));
    }
    Ok(Some(moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn moments(run_date: &str, uploaded_at: &str, metadata: &[(&str, &str)]) -> Result<Moments> {
        let metadata =
            metadata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Moments::of(run_date.parse().unwrap(), at(uploaded_at), &metadata.collect())
    }

    #[test]
    fn without_metadata_the_upload_decides() {
        let found = moments("2026-01-15", "2026-01-15T09:00:00Z", &[]).unwrap();
        let upload = at("2026-01-15T09:00:00Z");
        assert_eq!(found, Moments { modified_at: upload, effective_at: upload });
        let found = moments("2026-01-10", "2026-01-15T09:00:00Z", &[]).unwrap();
        assert_eq!(found.effective_at, at("2026-01-10T00:00:00Z"));
    }

    #[test]
    fn replayed_rows_keep_the_moments_of_the_file_they_were_refused_in() {
        let metadata = [
            (keys::EFFECTIVE_METADATA, "2026-01-15T09:00:00+00:00"),
            (keys::MODIFIED_METADATA, "2026-01-15T08:59:59.001Z"),
        ];
        let found = moments("2026-01-15", "2026-01-20T12:00:00Z", &metadata).unwrap();
        assert_eq!(found.effective_at, at("2026-01-15T09:00:00Z"));
        assert_eq!(found.modified_at, at("2026-01-15T08:59:59.001Z"));
    }

    #[test]
    fn no_object_outranks_later_ones_by_its_metadata() {
        for (name, value) in [
            (keys::EFFECTIVE_METADATA, "9999-12-31T00:00:00Z"),
            (keys::MODIFIED_METADATA, "2026-01-15T09:00:01Z"),
            (keys::MODIFIED_METADATA, "yesterday"),
        ] {
            let error = moments("2026-01-15", "2026-01-15T09:00:00Z", &[(name, value)]);
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_run_for_a_day_to_come_may_be_replayed() {
        let metadata = [(keys::EFFECTIVE_METADATA, "2026-01-20T00:00:00Z")];
        let found = moments("2026-01-20", "2026-01-15T09:00:00Z", &metadata).unwrap();
        assert_eq!(found.effective_at, at("2026-01-20T00:00:00Z"));
    }
}
