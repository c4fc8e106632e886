//! Sending: when, how much at once, and again what was throttled.

use std::iter::Peekable;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use shopflow_aws::kinesis::{RECORDS, Record};
use shopflow_core::{Error, ErrorKind, Result};
use shopflow_generate::live::Planned;
use tokio::time::{Instant, sleep, sleep_until};

use super::pack::{lines, pack};

/// Calls that are under way side by side, each with visits of its own.
const LANES: usize = 4;
/// The most lines that are taken at once.
const CHUNK: usize = LANES * RECORDS;
/// In real time, what is due is collected for so long.
const TICK: Duration = Duration::from_millis(100);
/// At once, no chunk spans more of the simulated time than this: what the shards get stays closer together
/// than the stream's bound for events out of order.
const SPAN: Duration = Duration::from_secs(10);
/// So often in a row nothing at all may get through.
const TRIES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The error code of each record that was not taken, in the order of the records.
pub type Answers = Vec<Option<String>>;

/// How fast events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each when it is due.
    RealTime,
    /// As fast as they are taken.
    Burst,
}

/// What has been sent so far.
#[derive(Debug, Default)]
pub struct Sent {
    lines: AtomicU64,
    records: AtomicU64,
    throttled: AtomicU64,
    uncertain: AtomicU64,
}

impl Sent {
    /// Lines that the stream has taken.
    pub fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }

    /// Records that the stream has taken.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Records that it did not take, and that were sent again.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Lines that were sent again, since nobody answered: they may have arrived twice.
    pub fn uncertain(&self) -> u64 {
        self.uncertain.load(Ordering::Relaxed)
    }
}

/// Sends every event with `put`, which makes one call; `note` sees each before it is sent.
///
/// # Errors
/// Those of `note`; those of `put` that are not transient; `Transient.Service` when the stream takes
/// nothing any more.
pub async fn send<P>(
    clicks: impl Iterator<Item = Planned>,
    pace: Pace,
    mut note: impl FnMut(&Planned) -> Result<()>,
    put: P,
    sent: &Sent,
) -> Result<()>
where
    P: AsyncFn(&[Record]) -> Result<Answers>,
{
    let begun = Instant::now();
    let mut clicks = clicks.peekable();
    while let Some(next) = clicks.peek() {
        let until = match pace {
            Pace::RealTime => {
                sleep_until(begun + next.at + TICK).await;
                begun.elapsed()
            }
            Pace::Burst => next.at + SPAN,
        };
        let mut lanes: [Vec<Planned>; LANES] = Default::default();
        for planned in due(&mut clicks, until) {
            note(&planned)?;
            lanes[lane(&planned.session)].push(planned);
        }
        try_join_all(lanes.into_iter().map(|events| deliver_all(events, &put, sent))).await?;
    }
    Ok(())
}

/// What is due until then, as far as it is taken at once.
fn due(clicks: &mut Peekable<impl Iterator<Item = Planned>>, until: Duration) -> Vec<Planned> {
    let mut chunk = Vec::new();
    while chunk.len() < CHUNK
        && let Some(planned) = clicks.next_if(|planned| planned.at <= until)
    {
        chunk.push(planned);
    }
    chunk
}

/// Visits are spread over the lanes; each stays in its own.
fn lane(session: &str) -> usize {
    session.bytes().map(usize::from).sum::<usize>() % LANES
}

async fn deliver_all<P>(events: Vec<Planned>, put: &P, sent: &Sent) -> Result<()>
where
    P: AsyncFn(&[Record]) -> Result<Answers>,
{
    for call in pack(events) {
        deliver(call, put, sent).await?;
    }
    Ok(())
}

/// Sends the records of a call until all of them are taken.
async fn deliver<P>(mut records: Vec<Record>, put: &P, sent: &Sent) -> Result<()>
where
    P: AsyncFn(&[Record]) -> Result<Answers>,
{
    let mut tries = 0;
    loop {
        let before = records.len();
        let answer = put(&records).await;
        let why = match answer {
            Ok(answers) => {
                let code = answers.iter().flatten().next().cloned();
                records = refused(records, answers, sent)?;
                code.map(Error::internal)
            }
            Err(error) if error.kind().is_transient() => {
                let again: u64 = records.iter().map(lines).sum();
                sent.uncertain.fetch_add(again, Ordering::Relaxed);
                Some(error)
            }
            Err(error) => return Err(error),
        };
        let Some(why) = why else { return Ok(()) };
        tries = if records.len() < before { 1 } else { tries + 1 };
        if tries == TRIES {
            return Err(Error::new(
                ErrorKind::TransientService,
                "the stream takes no more records",
            )
            .with("tries", tries)
            .because(why)
            .hint("send fewer events per second, or look at the stream's shards"));
        }
        sleep(pause(tries)).await;
    }
}

/// The records that were not taken, in their order.
fn refused(records: Vec<Record>, answers: Answers, sent: &Sent) -> Result<Vec<Record>> {
    if records.len() != answers.len() {
        return Err(Error::internal("the stream answered about another number of records")
            .with("sent", records.len())
            .with("answered", answers.len()));
    }
    let mut left = Vec::new();
    for (record, refusal) in records.into_iter().zip(answers) {
        if refusal.is_some() {
            left.push(record);
        } else {
            sent.lines.fetch_add(lines(&record), Ordering::Relaxed);
            sent.records.fetch_add(1, Ordering::Relaxed);
        }
    }
    sent.throttled.fetch_add(left.len() as u64, Ordering::Relaxed);
    Ok(left)
}

/// Before the try that follows so many.
fn pause(tries: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.saturating_pow(tries - 1).min(1_000)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use shopflow_core::vocabulary::Vocabularies;
    use shopflow_generate::live::{Clicks, Label, Scenario};

    use super::*;

    const THROTTLED: &str = "ProvisionedThroughputExceededException";

    fn clicks(rate: f64, seconds: u64) -> Vec<Planned> {
        let start = "2026-01-15T10:00:00Z".parse().unwrap();
        let duration = Duration::from_secs(seconds);
        let scenario = Scenario { rate, duration, scale: 0.1, ..Scenario::starting(start) };
        Clicks::new(&Vocabularies::default(), scenario).unwrap().collect()
    }

    fn ignored(_: &Planned) -> Result<()> {
        Ok(())
    }

    /// Lines by visit, in the order in which they were taken.
    fn add(taken: &RefCell<Vec<(String, Vec<u8>)>>, record: &Record) {
        for line in record.data.split(|byte| *byte == b'\n') {
            taken.borrow_mut().push((record.partition_key.clone(), line.to_vec()));
        }
    }

    fn of_visit<'a>(
        lines: impl Iterator<Item = (&'a str, &'a [u8])>,
        visit: &str,
    ) -> Vec<&'a [u8]> {
        lines.filter(|(session, _)| *session == visit).map(|(_, line)| line).collect()
    }

    #[tokio::test]
    async fn every_line_arrives_once_and_visits_stay_in_order_while_records_are_throttled() {
        let planned = clicks(40.0, 30);
        let taken = RefCell::new(Vec::new());
        let asked = Cell::new(0_usize);
        let sent = Sent::default();
        let put = async |records: &[Record]| -> Result<Answers> {
            let answer = |record: &Record| {
                asked.set(asked.get() + 1);
                if asked.get().is_multiple_of(7) {
                    return Some(THROTTLED.to_owned());
                }
                add(&taken, record);
                None
            };
            Ok(records.iter().map(answer).collect())
        };
        send(planned.clone().into_iter(), Pace::Burst, ignored, put, &sent).await.unwrap();
        assert_eq!(sent.lines(), planned.len() as u64);
        assert!(sent.throttled() > 0 && sent.records() > 0 && sent.uncertain() == 0);
        let taken = taken.into_inner();
        assert_eq!(taken.len(), planned.len());
        for visit in planned.iter().map(|planned| planned.session.as_str()) {
            let wanted = planned.iter().map(|line| (line.session.as_str(), &line.payload[..]));
            let found = taken.iter().map(|(session, line)| (session.as_str(), &line[..]));
            assert_eq!(of_visit(found, visit), of_visit(wanted, visit), "{visit}");
        }
    }

    #[tokio::test]
    async fn a_call_that_nobody_answered_is_made_again_and_may_have_arrived() {
        let planned = clicks(5.0, 1);
        let failed = Cell::new(false);
        let sent = Sent::default();
        let put = async |records: &[Record]| -> Result<Answers> {
            if !failed.replace(true) {
                return Err(Error::new(ErrorKind::TransientService, "put records failed"));
            }
            Ok(vec![None; records.len()])
        };
        let count = planned.len() as u64;
        send(planned.into_iter(), Pace::Burst, ignored, put, &sent).await.unwrap();
        assert_eq!(sent.lines(), count);
        assert!((1..=count).contains(&sent.uncertain()), "{}", sent.uncertain());
    }

    #[tokio::test]
    async fn what_is_refused_for_good_is_not_sent_again() {
        let calls = Cell::new(0);
        let put = async |_: &[Record]| -> Result<Answers> {
            calls.set(calls.get() + 1);
            Err(Error::internal("put records failed"))
        };
        let one = clicks(5.0, 1).into_iter().take(1);
        send(one, Pace::Burst, ignored, put, &Sent::default()).await.unwrap_err();
        assert_eq!(calls.get(), 1);
    }

    #[tokio::test]
    async fn in_real_time_nothing_is_sent_before_it_is_due() {
        let planned = clicks(20.0, 1);
        let begun = Instant::now();
        let known: Vec<(Vec<u8>, Duration)> =
            planned.iter().map(|planned| (planned.payload.clone(), planned.at)).collect();
        let put = async |records: &[Record]| -> Result<Answers> {
            let now = begun.elapsed();
            for record in records {
                for line in record.data.split(|byte| *byte == b'\n') {
                    // A line that comes twice is due when it comes first.
                    let (_, at) = known.iter().find(|(payload, _)| payload == line).unwrap();
                    assert!(*at <= now, "{at:?} is sent at {now:?}");
                }
            }
            Ok(vec![None; records.len()])
        };
        let sent = Sent::default();
        send(planned.into_iter(), Pace::RealTime, ignored, put, &sent).await.unwrap();
        assert_eq!(sent.lines(), known.len() as u64);
    }

    #[test]
    fn a_chunk_is_what_is_due_as_far_as_it_is_taken_at_once() {
        let planned = clicks(2_000.0, 2);
        let mut iterator = planned.clone().into_iter().peekable();
        let until = Duration::from_millis(100);
        let chunk = due(&mut iterator, until);
        assert!(chunk.iter().all(|planned| planned.at <= until));
        assert!(iterator.peek().is_some_and(|next| next.at > until), "nothing of it is left");
        let rest = due(&mut iterator, Duration::MAX);
        assert_eq!(rest.len(), CHUNK, "the rest is more than is taken at once");
        let taken = planned.len() - iterator.len();
        assert_eq!([chunk, rest].concat(), &planned[..taken]);
    }

    #[test]
    fn a_duplicate_is_in_the_lane_of_the_first() {
        let planned = clicks(1_000.0, 2);
        let duplicate = planned.iter().find(|planned| planned.label == Label::Duplicate).unwrap();
        let first = planned.iter().find(|planned| planned.payload == duplicate.payload).unwrap();
        assert_eq!(lane(&first.session), lane(&duplicate.session));
        let mut used = [false; LANES];
        planned.iter().for_each(|planned| used[lane(&planned.session)] = true);
        assert_eq!(used, [true; LANES]);
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        assert_eq!([1, 2, 3].map(pause), [100, 200, 400].map(Duration::from_millis));
        assert_eq!(pause(TRIES), LONGEST_PAUSE);
    }
}
