//! Definitions from their files.

use shopflow_core::Result;
use shopflow_core::definitions::{self, Problems};

use super::{Definition, Definitions, FUTURE, MOST_DEFINITIONS, SESSIONS, sessions, windows};

/// Name and text of every file of `streams/`, by name.
const BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/streams.rs"));

impl Definitions {
    /// The definitions that are compiled in.
    ///
    /// # Errors
    /// As [`Definitions::from_files`]; a test holds that there are none.
    pub fn built_in() -> Result<Definitions> {
        Definitions::from_files(BUILT_IN)
    }

    /// Reads files, given as the name without its extension and the text.
    ///
    /// # Errors
    /// `InvalidInput` with everything that is wrong in all of them, and where.
    pub fn from_files(files: &[(&str, &str)]) -> Result<Definitions> {
        let mut problems = Problems::of_folder("streams");
        let mut found: Vec<Definition> = Vec::new();
        let mut of_sessions = None;
        for (at, (name, text)) in files.iter().enumerate() {
            problems.of(&file_of(name));
            problems.check_name("", name);
            if files[..at].iter().any(|(other, _)| other == name) {
                problems.add("", "there is another one of this name");
            }
            let Some(yaml) = definitions::parse(text, &mut problems) else { continue };
            match *name {
                SESSIONS => of_sessions = sessions::read(&yaml, &mut problems),
                FUTURE => problems.add("", "this name stands for events whose time has not come"),
                name => found.extend(windows::read(name, &yaml, &mut problems)),
            }
        }
        problems.of(&file_of(SESSIONS));
        if files.iter().all(|(name, _)| *name != SESSIONS) {
            problems.add("", "it is missing");
        }
        if files.len() > MOST_DEFINITIONS {
            problems.add("", format!("it is one of more than {MOST_DEFINITIONS} files"));
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        let definitions = of_sessions.map(|sessions| Definitions { windows: found, sessions });
        problems.finish(definitions)
    }
}

fn file_of(name: &str) -> String {
    format!("{name}.yaml")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::definition::{AggregateKind, DistinctColumn, KeyColumn, TopColumn};
    use crate::session::Bots;
    use crate::window::Window;

    const VISITS: &str = "description: visits\nsource: clickstream\ngap: 30m\nlateness: 15m\n\
        retention: 9d\nbots: {events_per_minute: 120, single_type_events: 60}\n";
    const COUNTS: &str = "description: events\nsource: clickstream\n\
        aggregates: {events: {count: events}}\nwindows: [1m]\nlateness: 15m\nretention: 9d\n";

    fn read(counts: &str) -> Result<Definitions> {
        Definitions::from_files(&[(SESSIONS, VISITS), ("counts", counts)])
    }

    #[test]
    fn the_built_in_definitions_are_without_problems() {
        let definitions = Definitions::built_in().unwrap();
        let names: Vec<_> = definitions.windows.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["audience", "product_activity", "traffic"]);
        assert_eq!(definitions.name_of(1), "product_activity");
        assert_eq!(definitions.name_of(3), SESSIONS);
        let products = definitions.find("product_activity").unwrap();
        assert_eq!(products.key, [KeyColumn::ProductId, KeyColumn::EventType]);
        assert_eq!((products.max_keys, products.filter.is_everything()), (20_000, false));
        let sliding = Window { name: "15m/1m".to_owned(), slices: 90, every: 6 };
        assert_eq!(products.windows[1], sliding);
        let traffic = definitions.find("traffic").unwrap();
        let kinds: Vec<_> = traffic.aggregates.iter().map(|it| it.kind).collect();
        assert_eq!(kinds[1], AggregateKind::Distinct(DistinctColumn::SessionId));
        let column = TopColumn::ProductId;
        assert_eq!(kinds[8], AggregateKind::Top { column, keep: 200, show: 20 });
        assert_eq!(traffic.retention, Duration::from_secs(35 * 86_400));
        assert_eq!(definitions.sessions.gap, Duration::from_secs(1800));
        let bots = Bots { events_per_minute: 120, single_type_events: 60 };
        assert_eq!(definitions.sessions.bots, bots);
    }

    /// States that are kept are read by the version of their definition.
    #[test]
    fn the_version_changes_with_what_decides_the_states_and_with_nothing_else() {
        let version = |text: &str| read(text).unwrap().windows[0].version.clone();
        let usual = version(COUNTS);
        assert_eq!(usual.len(), 16);
        for (from, to) in [
            ("description: events", "description: all events"),
            ("[1m]", "[1m, 1h]"),
            ("lateness: 15m", "lateness: 5m"),
            ("9d", "10d"),
        ] {
            assert_eq!(version(&COUNTS.replace(from, to)), usual, "{to}");
        }
        for (from, to) in [
            ("count: events}", "distinct: session_id}"),
            ("count: events}", "count: events, filter: {device: mobile}}"),
            ("windows", "key: country\nwindows"),
            ("windows", "filter: {product_id: absent}\nwindows"),
            ("{events:", "{clicks:"),
        ] {
            assert_ne!(version(&COUNTS.replace(from, to)), usual, "{to}");
        }
        let visits = |text: &str| {
            let read = Definitions::from_files(&[(SESSIONS, text)]).unwrap();
            read.sessions.version
        };
        assert_eq!(visits(VISITS), visits(&VISITS.replace("9d", "10d")));
        assert_ne!(visits(VISITS), visits(&VISITS.replace("30m", "20m")));
        assert_ne!(visits(VISITS), visits(&VISITS.replace("120", "121")));
    }

    #[test]
    fn every_problem_of_every_file_is_told_at_once_with_the_name_that_may_be_meant() {
        let wrong = "\
descripton: x
source: clickstrem
filter: {event_typ: search, amount: some, country: Germany}
key: [product, country, country]
aggregates:
  Events: {count: events}
  buyers: {distinct: session, keep: 3}
  sums: {sum: amount, count: events}
  best: {top: product_id, keep: 5000}
windows: [1m, 1m, 25s, 15m/4m, 2d, soon]
lateness: 15
";
        let files = [("counts", wrong), ("Other", "a: [1"), ("counts", COUNTS)];
        let error = Definitions::from_files(&files).unwrap_err().to_string();
        for part in [
            "streams/counts.yaml: there is no field 'descripton'; did you mean 'description'?",
            "description: it is missing",
            "there is no stream 'clickstrem'; did you mean 'clickstream'?",
            "filter: there is no field 'event_typ'; did you mean 'event_type'?",
            "filter.amount: it must be present or absent",
            "filter.country: 'Germany' is no country",
            "key: there is no column of a key 'product'; there is product_id, event_type",
            "key: it has 'country' twice",
            "aggregates.Events: its name must have small letters",
            "aggregates.buyers.keep: only top has it",
            "there is no column for distinct 'session'; there is session_id, customer_id",
            "aggregates.sums: it needs exactly one of",
            "aggregates.best.keep: it must be a whole number from 1 to 1000",
            "windows: it has '1m' twice",
            "windows: '25s' is not made of slices of 10s",
            "windows: '15m/4m' has a step that does not divide its size",
            "windows: '2d' is longer than 1d",
            "windows: 'soon' is no size",
            "lateness: it must be a time from 0s to 1d",
            "retention: it is missing",
            "streams/Other.yaml: its name must have small letters",
            "streams/Other.yaml: it is not YAML",
            "streams/counts.yaml: there is another one of this name",
            "streams/sessions.yaml: it is missing",
        ] {
            assert!(error.contains(part), "'{part}' is missing in:\n{error}");
        }
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        for text in ["", "[1]", "a: 1\n---\nb: 2", "1: 2", "aggregates: 3"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(COUNTS).is_ok());
    }
}
