//! `streams/sessions.yaml`: how visits are told from each other.

use shopflow_core::definitions::{Fields, Problems};
use yaml_rust2::Yaml;

use super::source::check_source;
use super::version_of;
use crate::session::{Bots, Sessions};

const FIELDS: [&str; 6] = ["description", "source", "gap", "lateness", "retention", "bots"];
/// Events that a visit may be made of before it is a bot's, at most.
const MOST_EVENTS: usize = 1_000_000;

/// Reads the file; `None` when something is missing.
pub(super) fn read(yaml: &Yaml, problems: &mut Problems) -> Option<Sessions> {
    let fields = Fields::read(yaml, "", &FIELDS, problems)?;
    fields.text("description", problems);
    check_source(&fields, problems);
    let gap = fields.duration("gap", ("1s", "1d"), problems);
    let lateness = fields.duration("lateness", ("0s", "1d"), problems);
    let retention = fields.duration("retention", ("1h", "3660d"), problems);
    let bots = fields.need("bots", problems).and_then(|yaml| bots(yaml, problems));
    let (gap, bots) = (gap?, bots?);
    let Bots { events_per_minute, single_type_events } = bots;
    let version = version_of(&format!(
        "gap {}\nevents_per_minute {events_per_minute}\nsingle_type_events {single_type_events}\n",
        gap.as_secs()
    ));
    Some(Sessions { gap, lateness: lateness?, retention: retention?, bots, version })
}

fn bots(yaml: &Yaml, problems: &mut Problems) -> Option<Bots> {
    const FIELDS: [&str; 2] = ["events_per_minute", "single_type_events"];
    let fields = Fields::read(yaml, "bots", &FIELDS, problems)?;
    let [per_minute, single_type] =
        FIELDS.map(|name| fields.number(name, (2, MOST_EVENTS), None, problems));
    Some(Bots {
        events_per_minute: u32::try_from(per_minute?).ok()?,
        single_type_events: u32::try_from(single_type?).ok()?,
    })
}
