//! `stream`: simulated clicks, live.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shopflow_aws::kinesis::{self, Record};
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_generate::live::{Clicks, Scenario};
use shopflow_page::number::thousands;

use super::inputs;
use crate::args::Stream;
use crate::console::{Console, seconds};
use crate::local::home::Home;
use crate::stream::{
    Answers, Counts, Labels, Pace, Sent, Ticker, Verdict, counts, send, settle, watched,
};
use crate::target::{DATABASE_URL, Target};

/// The file with the labels, in the folder of the local cloud.
const LABELS: &str = "stream-labels.jsonl";
/// What is of the future in a burst is further ahead than the whole of it by this.
const AHEAD: Duration = Duration::from_secs(600);

/// Sends the events, and says what became of them. Exit code 1 when something is lost or counts twice.
pub async fn stream(arguments: &Stream) -> Result<ExitCode> {
    let environment = &arguments.environment.name;
    scenario(arguments, Utc::now()).check()?;
    inputs::check_generated(environment)?;
    let console = Console::stderr();
    let target = Target::open_or_up(environment, console).await?;
    let name = target.stack.output("ClickStreamName")?;
    let sets = target.settings("stream").await?.vocabulary;
    let database = match &target.database_url {
        Some(_) => Some(target.database().await?),
        None => None,
    };
    let before = match &database {
        Some(client) => counts(client, name).await?,
        None => Counts::default(),
    };
    let path = labels_path(arguments)?;
    let mut labels = Labels::create(&path)?;
    let clicks = Clicks::new(&sets, scenario(arguments, Utc::now()))?;

    let (planned, pace) = (clicks.len() as u64, pace(arguments));
    console.note(&format!(
        "• {name}: sending {} events {}",
        thousands(planned),
        match pace {
            Pace::RealTime => format!("in {}", seconds(arguments.duration())),
            Pace::Burst => "as fast as possible".to_owned(),
        }
    ));
    let (sent, began) = (Sent::default(), Instant::now());
    let call = async |records: &[Record]| put(&target, name, records).await;
    let sending = send(clicks, pace, |event| labels.note(event), call, &sent);
    watched(sending, Ticker::new(console, &sent, planned)).await?;
    let took = began.elapsed();
    console.note(&format!(
        "  sent {} events as {} records in {}, {}/s{}",
        thousands(sent.lines()),
        thousands(sent.records()),
        seconds(took),
        thousands((sent.lines() as f64 / took.as_secs_f64().max(f64::EPSILON)).round() as u64),
        match sent.throttled() {
            0 => String::new(),
            throttled => format!(", {} throttled and sent again", thousands(throttled)),
        }
    ));
    let tally = labels.finish()?;

    let counts = match &database {
        Some(client) => {
            console.note("• waiting until the stream has read them");
            Some(settle(client, name, &before, planned).await?)
        }
        None => {
            console.note(&format!(
                "{DATABASE_URL} is not set: what the stream makes of them is not asked"
            ));
            None
        }
    };
    let verdict = Verdict::new(&tally, counts, sent.uncertain());
    print!("{}", verdict.render());
    println!("labels: {}", path.display());
    Ok(if verdict.problems().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pace(arguments: &Stream) -> Pace {
    if arguments.burst { Pace::Burst } else { Pace::RealTime }
}

/// What happens from `now` on, or, in a burst, until now.
fn scenario(arguments: &Stream, now: DateTime<Utc>) -> Scenario {
    let duration = arguments.duration();
    let mut scenario = Scenario {
        seed: arguments.seed,
        scale: arguments.scale,
        rate: arguments.rate,
        duration,
        peak: arguments.peak,
        ..Scenario::starting(now)
    };
    if arguments.burst {
        scenario.start = now - duration;
        let future = &mut scenario.delays.future;
        future.least = future.least.max(duration + AHEAD);
        future.most = future.most.max(future.least);
    }
    scenario
}

fn labels_path(arguments: &Stream) -> Result<PathBuf> {
    match &arguments.labels {
        Some(path) => Ok(path.clone()),
        None => Ok(Home::locate()?.folder().join(LABELS)),
    }
}

async fn put(target: &Target, stream: &str, records: &[Record]) -> Result<Answers> {
    kinesis::put_records(&target.aws, stream, records).await.map_err(|error| {
        Error::aws(ErrorKind::TransientService, "put records", error)
            .with("stream", stream)
            .hint("the login needs kinesis:PutRecords, and the key of the stream")
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Arguments, Command};

    fn arguments(rest: &[&str]) -> Stream {
        let parsed = Arguments::parse_from(["shopflow", "stream"].iter().chain(rest));
        let Command::Stream(stream) = parsed.command else { panic!("stream was asked for") };
        stream
    }

    fn now() -> DateTime<Utc> {
        "2026-01-15T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn in_real_time_events_begin_now() {
        let usual = scenario(&arguments(&[]), now());
        assert_eq!(usual, Scenario::starting(now()));
        assert_eq!(pace(&arguments(&[])), Pace::RealTime);
    }

    #[test]
    fn a_burst_ends_now_and_what_is_of_the_future_still_is() {
        let arguments = arguments(&["--burst", "--minutes", "1440", "--rate", "10"]);
        let burst = scenario(&arguments, now());
        burst.check().unwrap();
        assert_eq!(burst.start + burst.duration, now());
        assert!(burst.start + burst.delays.future.least > now());
        assert_eq!(pace(&arguments), Pace::Burst);
    }

    #[test]
    fn the_file_with_the_labels_can_be_named() {
        let named = labels_path(&arguments(&["--labels", "a.jsonl"])).unwrap();
        assert_eq!(named, PathBuf::from("a.jsonl"));
        let usual = labels_path(&arguments(&[])).unwrap();
        assert!(usual.ends_with(LABELS) && usual.is_absolute(), "{}", usual.display());
    }
}
