//! Versions as S3 names them.

/// S3 calls the only version of an unversioned object `null`; requests must then name none.
pub(super) fn concrete(version_id: Option<&str>) -> Option<String> {
    version_id.filter(|version| *version != "null").map(str::to_owned)
}
