//! Arguments of the commands about the stream.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Environment;

/// Minutes that are sent unless something else is asked for.
const USUAL_MINUTES: u64 = 2;

#[derive(Debug, Args)]
pub struct Stream {
    #[command(flatten)]
    pub environment: Environment,
    /// Events per second, but for the peak
    #[arg(long, value_name = "EVENTS", default_value_t = 500.0)]
    pub rate: f64,
    /// For how long [default: 2]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    pub minutes: Option<u64>,
    /// For how long, in seconds
    #[arg(
        long,
        conflicts_with = "minutes",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    pub seconds: Option<u64>,
    /// How many times the rate the middle fifth has, the peak of a campaign; 1 for none
    #[arg(long, value_name = "TIMES", default_value_t = 2.5)]
    pub peak: f64,
    /// The visitors are customers of the shop that the same seed generates
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Size of that shop
    #[arg(long, default_value_t = 1.0)]
    pub scale: f64,
    /// Send as fast as possible what should have come until now, instead of what comes from now on
    #[arg(long)]
    pub burst: bool,
    /// File for the label of every event, as JSON lines [default: stream-labels.jsonl in the folder
    /// of the local cloud]
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
}

impl Stream {
    /// For how long events are simulated.
    pub fn duration(&self) -> Duration {
        let minutes = self.minutes.unwrap_or(USUAL_MINUTES);
        Duration::from_secs(self.seconds.unwrap_or(60 * minutes))
    }
}

#[derive(Debug, Args)]
pub struct Dashboard {
    #[command(flatten)]
    pub environment: Environment,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    fn stream(rest: &[&str]) -> Result<Stream, clap::Error> {
        let parsed = Arguments::try_parse_from(["shopflow", "stream"].iter().chain(rest))?;
        let Command::Stream(stream) = parsed.command else { panic!("stream was asked for") };
        Ok(stream)
    }

    #[test]
    fn minutes_or_seconds_say_for_how_long() {
        let seconds = |rest: &[&str]| stream(rest).unwrap().duration().as_secs();
        assert_eq!(seconds(&[]), 120);
        assert_eq!(seconds(&["--minutes", "5"]), 300);
        assert_eq!(seconds(&["--seconds", "30"]), 30);
        assert!(stream(&["--minutes", "1", "--seconds", "30"]).is_err());
        assert!(stream(&["--seconds", "0"]).is_err());
    }

    #[test]
    fn the_usual_stream_is_that_of_the_usual_shop() {
        let usual = stream(&[]).unwrap();
        assert_eq!((usual.rate, usual.peak, usual.seed, usual.scale), (500.0, 2.5, 42, 1.0));
        assert!(!usual.burst && usual.labels.is_none());
        assert_eq!(usual.environment.name, "local");
        let other = stream(&["--env", "dev", "--burst", "--rate", "0.5"]).unwrap();
        assert!(other.burst && other.environment.name == "dev" && other.rate == 0.5);
    }

    #[test]
    fn the_dashboard_is_opened_when_asked_to() {
        let parsed = Arguments::parse_from(["shopflow", "dashboard", "--open", "--env", "prod"]);
        let Command::Dashboard(dashboard) = parsed.command else {
            panic!("the dashboard was asked for")
        };
        assert!(dashboard.open && dashboard.environment.name == "prod");
    }
}
