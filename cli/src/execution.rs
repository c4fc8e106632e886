//! Starting an execution and following it to its end.

use std::time::Duration;

use aws_sdk_sfn::Client;
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::progress::Progress;

/// Executions that are described at the same time.
const CONCURRENT: usize = 8;

/// An execution of a state machine.
#[derive(Debug, Clone)]
pub struct Execution {
    client: Client,
    arn: String,
    name: String,
    is_started_here: bool,
}

/// How often an execution is asked how it stands.
#[derive(Debug, Clone, Copy)]
pub struct Poll(Duration);

impl Poll {
    /// Often: the local cloud does not mind.
    pub fn local() -> Poll {
        Poll(Duration::from_millis(150))
    }

    /// Within the request rate Step Functions grants on AWS.
    pub fn remote() -> Poll {
        Poll(Duration::from_secs(2))
    }

    /// The rhythm for an environment.
    pub fn for_environment(environment: &str) -> Poll {
        if environment == crate::local::deploy::ENVIRONMENT {
            Poll::local()
        } else {
            Poll::remote()
        }
    }
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    pub output: Option<Value>,
    pub error: Option<String>,
    pub cause: Option<String>,
    pub started_at: DateTime<Utc>,
    pub stopped_at: Option<DateTime<Utc>>,
}

impl Outcome {
    /// True when the execution reached its end without an error.
    pub fn succeeded(&self) -> bool {
        self.status == ExecutionStatus::Succeeded.as_str()
    }

    /// True when the execution has not ended yet.
    pub fn is_running(&self) -> bool {
        self.status == ExecutionStatus::Running.as_str()
    }

    /// From start to end.
    pub fn duration(&self) -> Option<Duration> {
        (self.stopped_at? - self.started_at).to_std().ok()
    }
}

impl Execution {
    /// Starts `machine` with a JSON `input`. The name becomes the run id; starting the same name
    /// twice with the same input is one execution.
    ///
    /// # Errors
    /// `InvalidInput` when the name is taken by an execution with another input or one that has ended;
    /// `Transient.Service` or `Internal` as Step Functions refuses.
    pub async fn start(
        client: &Client,
        machine: &str,
        name: &str,
        input: &str,
    ) -> Result<Execution> {
        start_if_free(client, machine, name, input).await?.ok_or_else(|| {
            Error::invalid("there is an execution of this name already").with("name", name)
        })
    }

    /// [`Execution::start`] for a name that stands for one decision: where another call was faster, it
    /// is that one's execution, whatever its input ([`Execution::is_started_here`]).
    ///
    /// # Errors
    /// `Transient.Service` or `Internal` as Step Functions refuses.
    pub async fn start_or_join(
        client: &Client,
        machine: &str,
        name: &str,
        input: &str,
    ) -> Result<Execution> {
        let started = start_if_free(client, machine, name, input).await?;
        Ok(started.unwrap_or_else(|| Execution::named(client, machine, name)))
    }

    /// An execution of `machine` that was started elsewhere.
    pub fn named(client: &Client, machine: &str, name: &str) -> Execution {
        let arn = format!("{}:{name}", machine.replace(":stateMachine:", ":execution:"));
        Execution { client: client.clone(), arn, name: name.to_owned(), is_started_here: false }
    }

    /// False for an execution that another call has started, or an earlier one.
    pub fn is_started_here(&self) -> bool {
        self.is_started_here
    }

    /// Name of the execution: the run id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Waits for the end and reports progress on the way.
    ///
    /// # Errors
    /// When Step Functions cannot be asked; a failed execution is an [`Outcome`], not an error.
    pub async fn wait(&self, poll: Poll, mut report: impl FnMut(&Progress)) -> Result<Outcome> {
        loop {
            let progress = self.progress().await?;
            report(&progress);
            if progress.ended {
                let outcome = self.describe().await?;
                if !outcome.is_running() {
                    return Ok(outcome);
                }
            }
            tokio::time::sleep(poll.0).await;
        }
    }

    /// How it stands, stage by stage.
    ///
    /// # Errors
    /// When Step Functions cannot be asked.
    pub async fn progress(&self) -> Result<Progress> {
        Ok(Progress::of(&self.history().await?))
    }

    /// How it stands as a whole.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such execution.
    pub async fn describe(&self) -> Result<Outcome> {
        self.find().await?.ok_or_else(|| {
            Error::invalid("there is no such run")
                .with("run_id", &self.name)
                .hint("`cargo shopflow status` lists the recent ones")
        })
    }

    /// How it stands as a whole; `None` when there is no such execution.
    ///
    /// # Errors
    /// When Step Functions cannot be asked.
    pub async fn find(&self) -> Result<Option<Outcome>> {
        let Some(answer) = self.describe_if_any().await? else { return Ok(None) };
        let output = answer
            .output()
            .map(serde_json::from_str)
            .transpose()
            .or_error(ErrorKind::Internal, "the output of the execution is not JSON")?;
        Ok(Some(Outcome {
            status: answer.status().as_str().to_owned(),
            output,
            error: answer.error().map(str::to_owned),
            cause: answer.cause().map(str::to_owned),
            started_at: time(Some(answer.start_date())).unwrap_or_default(),
            stopped_at: time(answer.stop_date()),
        }))
    }

    /// What it was started with; `None` when there is no such execution.
    ///
    /// # Errors
    /// When Step Functions cannot be asked.
    pub async fn input(&self) -> Result<Option<Value>> {
        let answer = self.describe_if_any().await?;
        let input = answer.as_ref().and_then(|answer| answer.input());
        input
            .map(serde_json::from_str)
            .transpose()
            .or_error(ErrorKind::Internal, "the input of the execution is not JSON")
    }

    async fn describe_if_any(&self) -> Result<Option<DescribeExecutionOutput>> {
        match self.client.describe_execution().execution_arn(&self.arn).send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist()) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::aws(ErrorKind::TransientService, "describe execution", error)
                .with("run_id", &self.name)),
        }
    }

    async fn history(&self) -> Result<Vec<HistoryEvent>> {
        let mut pages = self
            .client
            .get_execution_history()
            .execution_arn(&self.arn)
            .include_execution_data(false)
            .max_results(1000)
            .into_paginator()
            .send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                Error::aws(ErrorKind::TransientService, "read execution history", error)
                    .with("run_id", &self.name)
            })?;
            events.extend(page.events);
        }
        Ok(events)
    }
}

/// Starts an execution, unless there is another one of this name.
async fn start_if_free(
    client: &Client,
    machine: &str,
    name: &str,
    input: &str,
) -> Result<Option<Execution>> {
    let request = client.start_execution().state_machine_arn(machine).name(name).input(input);
    match request.send().await {
        Ok(started) => Ok(Some(Execution {
            client: client.clone(),
            arn: started.execution_arn,
            name: name.to_owned(),
            is_started_here: true,
        })),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_execution_already_exists()) => {
            Ok(None)
        }
        Err(error) => {
            Err(Error::aws(ErrorKind::TransientService, "start execution", error)
                .with("name", name))
        }
    }
}

/// One line of the list of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub status: String,
    pub started_at: DateTime<Utc>,
    pub stopped_at: Option<DateTime<Utc>>,
    /// What it was started with; absent until it is asked for ([`with_inputs`]).
    pub input: Option<Value>,
}

/// Asks what each of the executions of `machine` was started with.
///
/// # Errors
/// When Step Functions cannot be asked.
pub async fn with_inputs(
    client: &Client,
    machine: &str,
    listed: Vec<Listed>,
) -> Result<Vec<Listed>> {
    futures::stream::iter(listed)
        .map(|listed| async move {
            let input = Execution::named(client, machine, &listed.name).input().await?;
            Ok::<_, Error>(Listed { input, ..listed })
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await
}

/// The latest executions of `machine`, newest first.
///
/// # Errors
/// When Step Functions cannot be asked.
pub async fn recent(client: &Client, machine: &str, limit: i32) -> Result<Vec<Listed>> {
    let answer = client
        .list_executions()
        .state_machine_arn(machine)
        .max_results(limit)
        .send()
        .await
        .map_err(|error| Error::aws(ErrorKind::TransientService, "list executions", error))?;
    let mut listed: Vec<Listed> = answer
        .executions()
        .iter()
        .map(|execution| Listed {
            name: execution.name().to_owned(),
            status: execution.status().as_str().to_lowercase(),
            started_at: time(Some(execution.start_date())).unwrap_or_default(),
            stopped_at: time(execution.stop_date()),
            input: None,
        })
        .collect();
    listed.sort_by_key(|execution| std::cmp::Reverse(execution.started_at));
    Ok(listed)
}

/// A name for an execution that no other has: `<prefix>-20260115t093000-1f3a5c`.
pub fn unique_name(prefix: &str, now: DateTime<Utc>) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}-{}-{}", now.format("%Y%m%dt%H%M%S"), &random[..6])
}

fn time(timestamp: Option<&aws_sdk_sfn::primitives::DateTime>) -> Option<DateTime<Utc>> {
    let timestamp = timestamp?;
    DateTime::from_timestamp(timestamp.secs(), timestamp.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_time_and_differ() {
        let now = DateTime::from_timestamp(1_768_469_400, 0).unwrap();
        let first = unique_name("run", now);
        assert!(first.starts_with("run-20260115t093000-"), "{first}");
        assert_ne!(first, unique_name("run", now));
    }
}
