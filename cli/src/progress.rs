//! What an execution is doing, from its history: one row per stage, with its parallel tasks,
//! retries and time.
//!
//! The top level of a state machine runs one state at a time. So everything that happens while a
//! `Map` or `Parallel` state is open is part of it, and counts towards its row. AWS records the
//! states within a `Map`, the emulator only their tasks; both are understood.

use std::time::Duration;

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use chrono::{DateTime, Utc};
use shopflow_core::ErrorKind;

use crate::console::seconds;

/// How an execution stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    pub stages: Vec<Stage>,
    /// True once the history has its last event.
    pub ended: bool,
}

/// One state of the top level that does work.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Name of the state.
    pub name: String,
    pub entered: DateTime<Utc>,
    pub exited: Option<DateTime<Utc>>,
    /// `Task` states entered and exited, as far as the history records them.
    pub entered_tasks: u32,
    pub exited_tasks: u32,
    /// Attempts, the first ones included, and how they ended.
    pub attempts: u32,
    pub successes: u32,
    pub failures: u32,
    /// True when the latest of them to end has failed.
    pub last_failed: bool,
    /// Name of the last error.
    pub last_error: Option<String>,
}

impl Stage {
    /// A stage that begins.
    pub fn new(name: &str, entered: DateTime<Utc>) -> Stage {
        Stage {
            name: name.to_owned(),
            entered,
            exited: None,
            entered_tasks: 0,
            exited_tasks: 0,
            attempts: 0,
            successes: 0,
            failures: 0,
            last_failed: false,
            last_error: None,
        }
    }

    /// Parallel tasks begun; a plain task is one.
    pub fn tasks(&self) -> u32 {
        if self.entered_tasks > 0 {
            return self.entered_tasks;
        }
        self.attempts.saturating_sub(self.retries())
    }

    /// Parallel tasks ended.
    pub fn tasks_ended(&self) -> u32 {
        if self.entered_tasks > 0 { self.exited_tasks } else { self.successes }
    }

    /// Attempts that followed a failed one.
    pub fn retries(&self) -> u32 {
        if self.entered_tasks > 0 {
            return self.attempts.saturating_sub(self.entered_tasks);
        }
        if self.failed() { 0 } else { self.failures }
    }

    /// True when a task has failed for good.
    pub fn failed(&self) -> bool {
        if self.exited.is_none() || self.failures == 0 {
            return false;
        }
        if self.entered_tasks > 0 {
            return self.failures > self.retries();
        }
        self.last_failed || self.last_error.as_deref().is_some_and(is_final)
    }

    /// One line: mark, name, tasks, time, retries. `now` is used while the stage runs.
    pub fn line(&self, now: DateTime<Utc>) -> String {
        let mark = match (self.exited, self.failed()) {
            (None, _) => "…",
            (Some(_), true) => "✗",
            (Some(_), false) => "✓",
        };
        let took = (self.exited.unwrap_or(now) - self.entered).to_std().unwrap_or_default();
        let tasks = match (self.tasks(), self.exited) {
            (0 | 1, _) => String::new(),
            (tasks, Some(_)) => format!("{tasks} tasks"),
            (tasks, None) => format!("{} of {tasks} tasks", self.tasks_ended()),
        };
        let name = words(&self.name);
        let mut line = format!("{mark} {name:<18} {tasks:<14} {:>9}", seconds(took));
        let error = self.last_error.as_deref().unwrap_or("unknown error");
        if self.failed() {
            line.push_str(&format!("  failed: {error}"));
            return line;
        }
        match self.retries() {
            0 => {}
            1 => line.push_str(&format!("  retried once after {error}")),
            times => line.push_str(&format!("  retried {times} times after {error}")),
        }
        line
    }
}

impl Progress {
    /// Reads a whole history, oldest event first.
    pub fn of(history: &[HistoryEvent]) -> Progress {
        let mut reader = Reader::default();
        for event in history {
            reader.read(event);
        }
        reader.progress
    }

    /// Time from the start of the first stage to the end of the last.
    pub fn span(&self) -> Option<Duration> {
        let first = self.stages.first()?.entered;
        let last = self.stages.iter().filter_map(|stage| stage.exited).max()?;
        (last - first).to_std().ok()
    }
}

#[derive(Default)]
struct Reader {
    progress: Progress,
    /// Names of the open `Map` and `Parallel` states, outermost first.
    containers: Vec<String>,
    /// True while the current top-level state is one that does work.
    in_stage: bool,
}

impl Reader {
    fn read(&mut self, event: &HistoryEvent) {
        let kind = event.r#type().as_str();
        let at = time(event);
        if let Some(details) = event.state_entered_event_details()
            && let Some(state) = kind.strip_suffix("StateEntered")
        {
            self.entered(state, details.name(), at);
        } else if let Some(details) = event.state_exited_event_details()
            && let Some(state) = kind.strip_suffix("StateExited")
        {
            self.exited(state, details.name(), at);
        } else {
            self.other(event, at);
        }
    }

    fn entered(&mut self, state: &str, name: &str, at: DateTime<Utc>) {
        let is_container = matches!(state, "Map" | "Parallel");
        if self.containers.is_empty() {
            self.in_stage = is_container || matches!(state, "Task" | "Wait");
            if self.in_stage {
                self.progress.stages.push(Stage::new(name, at));
            }
        }
        if is_container {
            self.containers.push(name.to_owned());
        }
        if state == "Task"
            && let Some(stage) = self.current()
        {
            stage.entered_tasks += 1;
        }
    }

    fn exited(&mut self, state: &str, name: &str, at: DateTime<Utc>) {
        if state == "Task"
            && let Some(stage) = self.current()
        {
            stage.exited_tasks += 1;
        }
        if let Some(depth) = self.containers.iter().position(|open| open == name) {
            self.containers.truncate(depth);
        }
        if self.containers.is_empty()
            && let Some(stage) = self.current()
        {
            stage.exited = Some(at);
            self.in_stage = false;
        }
    }

    fn other(&mut self, event: &HistoryEvent, at: DateTime<Utc>) {
        match event.r#type() {
            HistoryEventType::TaskScheduled | HistoryEventType::LambdaFunctionScheduled => {
                if let Some(stage) = self.current() {
                    stage.attempts += 1;
                }
            }
            HistoryEventType::TaskSucceeded | HistoryEventType::LambdaFunctionSucceeded => {
                if let Some(stage) = self.current() {
                    stage.successes += 1;
                    stage.last_failed = false;
                }
            }
            HistoryEventType::ExecutionSucceeded
            | HistoryEventType::ExecutionFailed
            | HistoryEventType::ExecutionAborted
            | HistoryEventType::ExecutionTimedOut => {
                self.progress.ended = true;
                if let Some(stage) = self.current() {
                    stage.exited = Some(at);
                }
            }
            _ => {
                if let Some(error) = task_error(event)
                    && let Some(stage) = self.current()
                {
                    stage.failures += 1;
                    stage.last_failed = true;
                    stage.last_error = Some(error);
                }
            }
        }
    }

    fn current(&mut self) -> Option<&mut Stage> {
        if self.in_stage { self.progress.stages.last_mut() } else { None }
    }
}

/// The name of the error when a task failed or ran out of time.
fn task_error(event: &HistoryEvent) -> Option<String> {
    let failed = event.task_failed_event_details().map(|details| details.error());
    let timed_out = event.task_timed_out_event_details().map(|details| details.error());
    let function = event.lambda_function_failed_event_details().map(|details| details.error());
    let error = failed.or(timed_out).or(function)?;
    Some(error.unwrap_or("unknown error").to_owned())
}

/// True for the errors of our functions that no retry can mend.
fn is_final(error: &str) -> bool {
    ErrorKind::ALL.iter().any(|kind| kind.name() == error && !kind.is_transient())
}

fn time(event: &HistoryEvent) -> DateTime<Utc> {
    let timestamp = event.timestamp();
    DateTime::from_timestamp(timestamp.secs(), timestamp.subsec_nanos()).unwrap_or_default()
}

/// `LoadDimensions` becomes `load dimensions`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
