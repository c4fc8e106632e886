//! One line that says how far it is: redrawn on a terminal, else a new one every ten seconds.

use std::time::Duration;

use shopflow_page::number::thousands;
use tokio::time::Instant;

use super::send::Sent;
use crate::console::Console;

/// How often the line is redrawn.
const REDRAWN: Duration = Duration::from_millis(500);
/// How often there is a new one.
const NEW: Duration = Duration::from_secs(10);

/// Shows how much has been sent.
#[derive(Debug)]
pub struct Ticker<'a> {
    console: Console,
    sent: &'a Sent,
    planned: u64,
    /// When it was shown last, and how many lines had been sent.
    last: (Instant, u64),
}

impl<'a> Ticker<'a> {
    /// Nothing is shown yet; `planned` lines will be sent.
    pub fn new(console: Console, sent: &'a Sent, planned: u64) -> Ticker<'a> {
        Ticker { console, sent, planned, last: (Instant::now(), sent.lines()) }
    }

    fn period(&self) -> Duration {
        if self.console.in_place() { REDRAWN } else { NEW }
    }

    fn show(&mut self) {
        let (now, lines) = (Instant::now(), self.sent.lines());
        let took = now.duration_since(self.last.0).as_secs_f64();
        let rate = (lines - self.last.1) as f64 / took.max(f64::EPSILON);
        self.last = (now, lines);
        let text = line(lines, self.planned, rate, self.sent.throttled());
        if self.console.in_place() {
            eprint!("\r\x1b[2K  {text}");
        } else {
            self.console.note(&format!("  {text}"));
        }
    }

    fn end(&self) {
        if self.console.in_place() {
            // What follows has the line for itself.
            eprint!("\r\x1b[2K");
        }
    }
}

/// Waits for `work`, and shows how far it is meanwhile.
pub async fn watched<T>(work: impl Future<Output = T>, mut ticker: Ticker<'_>) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(ticker.period());
    // The first one is at once.
    ticks.tick().await;
    loop {
        tokio::select! {
            output = &mut work => {
                ticker.end();
                return output;
            }
            _ = ticks.tick() => ticker.show(),
        }
    }
}

fn line(lines: u64, planned: u64, rate: f64, throttled: u64) -> String {
    let rate = thousands(rate.round() as u64);
    let mut text = format!("sent {} of {} events, {rate}/s", thousands(lines), thousands(planned));
    if throttled > 0 {
        text.push_str(&format!(", {} records throttled and sent again", thousands(throttled)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_what_is_throttled() {
        assert_eq!(line(1_500, 78_000, 498.6, 0), "sent 1,500 of 78,000 events, 499/s");
        assert_eq!(
            line(0, 10, 0.0, 1_000),
            "sent 0 of 10 events, 0/s, 1,000 records throttled and sent again"
        );
    }
}
