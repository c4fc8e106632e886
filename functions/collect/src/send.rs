//! Records onto the stream; those it does not take at once are sent again within the call.

use std::time::Duration;

use aws_config::SdkConfig;
use shopflow_aws::kinesis::{self, Record};
use shopflow_core::runtime::Invocation;
use shopflow_core::{Error, ErrorKind, Result};
use tokio::time::timeout;
use uuid::Uuid;

use crate::records::{calls, left};

/// How often a record is sent at most.
const ROUNDS: u32 = 6;
/// The longest wait before the first repeat; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// What is left of the call's time for its answer.
const RESERVE: Duration = Duration::from_secs(2);

/// Puts records on one stream.
#[derive(Debug, Clone)]
pub struct Sender {
    aws: SdkConfig,
    stream: String,
}

impl Sender {
    /// Sends to the stream of this name.
    pub fn new(aws: SdkConfig, stream: &str) -> Sender {
        Sender { aws, stream: stream.to_owned() }
    }

    /// Puts all records on the stream; how many had to be sent again.
    ///
    /// # Errors
    /// `Transient.Service` when the stream does not take some of them in time, `Internal` when it
    /// does not exist or may not be written. Others are on it then: their repeats are known by the
    /// ids of their events.
    pub async fn send(&self, records: Vec<Record>, invocation: &Invocation) -> Result<u64> {
        let mut waiting = records;
        let mut again = 0;
        let mut round = 1;
        loop {
            let mut failed = Vec::new();
            let mut code = None;
            for call in calls(waiting) {
                let codes = self.put(&call, invocation).await?;
                code = codes.iter().flatten().next().cloned().or(code);
                failed.extend(left(call, &codes));
            }
            if failed.is_empty() {
                return Ok(again);
            }
            let Some(pause) = pause(round, invocation.remaining()) else {
                return Err(Error::new(ErrorKind::TransientService, "the stream takes no more")
                    .with("records", failed.len())
                    .with("code", code.unwrap_or_default()));
            };
            tracing::warn!(round, records = failed.len(), code, "records are sent again");
            tokio::time::sleep(pause).await;
            again += failed.len() as u64;
            waiting = failed;
            round += 1;
        }
    }

    /// One call. A stream that does not answer is given up while there is time to say so: Lambda's
    /// own answer to a function that it stops is none that a page could read.
    async fn put(&self, call: &[Record], invocation: &Invocation) -> Result<Vec<Option<String>>> {
        let limit = invocation.remaining().saturating_sub(RESERVE);
        let answer = timeout(limit, kinesis::put_records(&self.aws, &self.stream, call)).await;
        let Ok(codes) = answer else {
            return Err(Error::new(ErrorKind::TransientService, "the stream does not answer"));
        };
        codes.map_err(|error| {
            Error::aws(ErrorKind::TransientService, "put records on the stream", error)
        })
    }
}

/// How long to wait after a round; nothing when it was the last, or there is no time for another.
///
/// A share of the longest wait, by chance, so that instances which were refused together do not come
/// back together.
fn pause(round: u32, remaining: Duration) -> Option<Duration> {
    let longest = FIRST_PAUSE * 2_u32.pow(round - 1);
    if round >= ROUNDS || remaining < longest + RESERVE {
        return None;
    }
    let chance = Uuid::new_v4().as_u128() % 1024;
    Some(longest * (512 + chance as u32 / 2) / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let hour = Duration::from_secs(3600);
        for round in 1..ROUNDS {
            let longest = FIRST_PAUSE * 2_u32.pow(round - 1);
            let wait = pause(round, hour).unwrap();
            assert!(longest / 2 <= wait && wait <= longest, "{round}: {wait:?}");
        }
        assert_eq!(pause(ROUNDS, hour), None);
    }

    #[test]
    fn nothing_is_tried_again_when_the_call_has_no_time_left() {
        assert_eq!(pause(1, RESERVE), None);
        assert!(pause(1, RESERVE + FIRST_PAUSE).is_some());
    }
}
