//! Waiting for facts, and stopping calls half-way, without a look at the clock: no verdict of a test
//! may depend on how fast the machine is.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// The longest a test waits for a fact. It only ends a test that hangs, and lies far beyond what
/// the slowest machine needs.
pub const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// A wait for a fact that must come:
///
/// ```no_run
/// # async fn example(is_there: impl Fn() -> bool) {
/// let wait = shopflow_testkit::wait::Wait::until("the message is in the queue");
/// while !is_there() {
///     wait.pause(50).await;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Wait {
    fact: &'static str,
    began: Instant,
}

impl Wait {
    /// Begins to wait for `fact`.
    pub fn until(fact: &'static str) -> Wait {
        Wait { fact, began: Instant::now() }
    }

    /// Sleeps before the next look.
    ///
    /// # Panics
    /// When [`PATIENCE`] is over.
    pub async fn pause(&self, milliseconds: u64) {
        assert!(self.began.elapsed() < PATIENCE, "waited in vain until {}", self.fact);
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// Waits until the clock shows another second. S3 tells to the second when an object was written:
/// one that is written after this is newer than every one before.
pub async fn next_second() {
    let second = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let second = || second().expect("a clock after 1970").as_secs();
    let now = second();
    let wait = Wait::until("the clock goes on");
    while second() == now {
        wait.pause(10).await;
    }
}

/// Drives a call through at most so many steps and drops it there, as a crash would; `None` when it
/// was cut off. A step is what a call does until it has to wait for something.
pub async fn cut_off<T>(call: impl Future<Output = T>, steps: u32) -> Option<T> {
    let mut call = pin!(call);
    let mut left = steps;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match call.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Runs a call to its end; what it gave, and how many steps it took.
pub async fn counted<T>(call: impl Future<Output = T>) -> (T, u32) {
    let mut call = pin!(call);
    let mut steps = 0;
    poll_fn(|context| {
        steps += 1;
        call.as_mut().poll(context).map(|done| (done, steps))
    })
    .await
}
