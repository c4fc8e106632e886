//! Where the events of definitions come from.

use shopflow_core::definitions::{Fields, Problems};

/// The dataset that definitions are about.
pub(super) fn check_source(fields: &Fields<'_>, problems: &mut Problems) {
    const SOURCE: &str = "clickstream";
    if let Some(source) = fields.text("source", problems)
        && source != SOURCE
    {
        problems.unknown(&fields.place("source"), "stream", source, &[SOURCE]);
    }
}
