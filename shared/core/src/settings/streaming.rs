//! What can be set about clicks as they happen: the stream, how web pages send to it, and the page that
//! shows it.

use serde::{Deserialize, Deserializer};
use shopflow_aws::kinesis::{CALL_BYTES, RECORDS};

use crate::signed_link::LONGEST_SECONDS;

/// A link that lives longer is a password.
const MOST_LINK_MINUTES: u64 = LONGEST_SECONDS.cast_unsigned() / 60;

/// How the `stream` function counts (docs/streaming.md).
#[derive(Debug, Clone, Deserialize)]
pub struct Stream {
    /// Name of the Kinesis stream.
    #[serde(default)]
    pub name: Option<String>,
    /// How far, in seconds, an event may be behind the latest one of its shard and still be in time.
    pub out_of_order_seconds: u64,
    /// A shard that has brought nothing for so many seconds holds nobody up.
    pub idle_seconds: u64,
    /// An event whose time is more than so many seconds after its arrival is a future event.
    pub future_seconds: u64,
    /// Batches of one shard that Lambda sends at the same time, 1 to 10, as in the event source mapping.
    pub parallelization_factor: u32,
    /// Staged events are handed to the pipeline at the latest after so many minutes.
    pub hand_over_minutes: u64,
    /// And as soon as there are so many MiB of them.
    pub hand_over_mib: u64,
    pub volume: Volume,
}

/// When a closed minute has unusually few or many events.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Volume {
    /// Minutes that usually have fewer events are not judged.
    pub minimum: u64,
    /// Below this share of the usual number a minute is unusual, 0 to 1.
    pub low: f64,
    /// Above this multiple of the usual number a minute is unusual, more than 1.
    pub high: f64,
}

impl Stream {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if !(1..=10).contains(&self.parallelization_factor) {
            problems.push("stream.parallelization_factor must be between 1 and 10".to_owned());
        }
        for (name, seconds) in [
            ("out_of_order_seconds", self.out_of_order_seconds),
            ("future_seconds", self.future_seconds),
        ] {
            if seconds > 3600 {
                problems.push(format!("stream.{name} must be at most 3600"));
            }
        }
        if !(1..=3600).contains(&self.idle_seconds) {
            problems.push("stream.idle_seconds must be between 1 and 3600".to_owned());
        }
        if self.hand_over_minutes == 0 || self.hand_over_mib == 0 {
            problems.push("stream.hand_over_* must be at least 1".to_owned());
        }
        let Volume { minimum: _, low, high } = self.volume;
        if !((0.0..1.0).contains(&low) && high > 1.0 && high.is_finite()) {
            problems.push("stream.volume must have 0 <= low < 1 < high".to_owned());
        }
    }
}

/// What the `collect` function takes from web pages.
#[derive(Debug, Clone, Deserialize)]
pub struct Collect {
    /// Origins of pages that may send, as `https://shop.example`; `*` for all, empty for none.
    #[serde(deserialize_with = "listed")]
    pub allowed_origins: Vec<String>,
    /// Events in one request, 1 to 500.
    pub max_events: usize,
    /// Bytes of one request's body.
    pub max_bytes: usize,
    /// Events a second from one address to one instance of the function; ten times that at once.
    pub events_per_second: u32,
}

impl Collect {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if !(1..=RECORDS).contains(&self.max_events) {
            problems.push(format!("collect.max_events must be between 1 and {RECORDS}"));
        }
        if !(1..=CALL_BYTES).contains(&self.max_bytes) {
            problems.push(format!("collect.max_bytes must be between 1 and {CALL_BYTES}"));
        }
        if self.events_per_second == 0 {
            problems.push("collect.events_per_second must be at least 1".to_owned());
        }
        let wrong = self.allowed_origins.iter().filter(|origin| !is_origin(origin));
        problems.extend(wrong.map(|origin| {
            format!(
                "collect.allowed_origins: '{origin}' is not an origin such as https://shop.example"
            )
        }));
    }
}

/// A list, or, from an environment variable, a text with commas.
fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Listed {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Listed::deserialize(deserializer)? {
        Listed::List(values) => values,
        Listed::Text(text) => text.split(',').map(|value| value.trim().to_owned()).collect(),
    })
}

/// Scheme, host and port as browsers send them: in lower case, without a path or a slash at the end.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let of_origin = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.:[]".contains(letter)
    };
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.chars().all(of_origin))
}

/// How the page with the live figures is entered.
#[derive(Debug, Clone, Deserialize)]
pub struct Dashboard {
    /// How long a link opens the page, in minutes.
    pub link_minutes: u64,
    /// Secrets Manager secret whose text, of at least 32 characters, links are signed with.
    #[serde(default)]
    pub secret_arn: Option<String>,
}

impl Dashboard {
    pub(super) fn check(&self, problems: &mut Vec<String>) {
        if !(1..=MOST_LINK_MINUTES).contains(&self.link_minutes) {
            let most = MOST_LINK_MINUTES;
            problems.push(format!("dashboard.link_minutes must be between 1 and {most}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Need, Settings};

    fn settings(environment: &str, pairs: &[(&str, &str)]) -> crate::Result<Settings> {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::from_sources(environment, variables.collect(), &[Need::Stream])
    }

    const NAMED: (&str, &str) = ("SHOPFLOW__STREAM__NAME", "shopflow-prod-clicks");

    #[test]
    fn no_page_may_send_and_links_last_an_hour_unless_somebody_says_so() {
        for environment in ["local", "dev", "staging", "prod"] {
            let set = settings(environment, &[NAMED]).unwrap();
            assert!(set.collect.allowed_origins.is_empty(), "{environment}");
            assert_eq!(set.dashboard.link_minutes, 60, "{environment}");
            assert_eq!(set.stream.name.as_deref(), Some("shopflow-prod-clicks"));
        }
    }

    #[test]
    fn a_laptop_hands_over_sooner() {
        assert_eq!(settings("local", &[NAMED]).unwrap().stream.hand_over_minutes, 1);
        assert_eq!(settings("prod", &[NAMED]).unwrap().stream.hand_over_minutes, 15);
    }

    #[test]
    fn a_variable_changes_one_figure_of_the_volume_and_leaves_the_others() {
        let low = ("SHOPFLOW__STREAM__VOLUME__LOW", "0.5");
        let volume = settings("prod", &[NAMED, low]).unwrap().stream.volume;
        assert_eq!((volume.minimum, volume.low, volume.high), (100, 0.5, 5.0));
    }

    #[test]
    fn an_empty_name_is_no_stream() {
        let text = settings("prod", &[("SHOPFLOW__STREAM__NAME", "")]).unwrap_err().to_string();
        assert!(text.contains("stream.name is not set"), "{text}");
    }

    #[test]
    fn origins_come_as_a_list_or_with_commas_between_them() {
        let variable =
            ("SHOPFLOW__COLLECT__ALLOWED_ORIGINS", "https://shop.example, http://localhost:8080");
        let set = settings("local", &[NAMED, variable]).unwrap();
        assert_eq!(set.collect.allowed_origins, ["https://shop.example", "http://localhost:8080"]);
        let wrong = ("SHOPFLOW__COLLECT__ALLOWED_ORIGINS", "https://shop.example/page");
        let text = settings("local", &[NAMED, wrong]).unwrap_err().to_string();
        assert!(text.contains("'https://shop.example/page' is not an origin"), "{text}");
    }

    #[test]
    fn an_origin_is_what_browsers_send() {
        for right in ["*", "https://shop.example", "http://localhost:8080", "http://[::1]:3000"] {
            assert!(is_origin(right), "{right}");
        }
        for wrong in
            ["", "shop.example", "https://", "https://shop.example/", "https://Shop.example"]
        {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_share_that_is_no_number_is_refused() {
        for (low, high) in [(-0.1, 5.0), (1.0, 5.0), (f64::NAN, 5.0), (0.2, f64::NAN), (0.2, 1.0)] {
            let mut stream = settings("prod", &[NAMED]).unwrap().stream;
            stream.volume = Volume { minimum: 100, low, high };
            let mut problems = Vec::new();
            stream.check(&mut problems);
            assert_eq!(problems.len(), 1, "{low} {high}: {problems:?}");
        }
    }
}
