//! The execution an uploaded object asks for, and how it is started once.

use aws_sdk_sfn::Client;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, ResultExt, keys};

use crate::notification::Landed;

/// Longest name that Step Functions takes, in characters.
const NAME_LIMIT: usize = 80;
/// An event that is older may have started its execution under the name of an earlier release.
const FRESH: TimeDelta = TimeDelta::minutes(1);

/// Name and input of an execution. Both follow from the object version, so that a repeated event
/// asks for the very same execution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Execution {
    /// `s3-<dataset>-<name of the file>-<16 hexadecimal digits>`.
    pub name: String,
    /// The name that earlier releases gave it: `s3-<dataset>-<16 hexadecimal digits>`.
    pub former_name: String,
    /// JSON, the input of the pipeline's state machine.
    pub input: String,
}

#[derive(Serialize)]
struct Input<'a> {
    source: Source<'a>,
    run_date: String,
}

#[derive(Serialize)]
struct Source<'a> {
    kind: &'static str,
    objects: [&'a ObjectRef; 1],
}

impl Execution {
    /// The execution for an object that has landed; its run date is the UTC date of the upload.
    ///
    /// # Errors
    /// `InvalidInput` when the key names no dataset.
    pub fn of(landed: &Landed) -> Result<Execution> {
        let object = &landed.object;
        let dataset = Dataset::of_landing_key(&object.key)?;
        let source_id = keys::source_id(&object.bucket, &object.key, &landed.identity);
        let input = Input {
            source: Source { kind: "objects", objects: [object] },
            run_date: landed.event_time.date_naive().to_string(),
        };
        let input = serde_json::to_string(&input)
            .or_error(ErrorKind::Internal, "encode execution input failed")?;
        let former_name = format!("s3-{dataset}-{source_id}");
        let file = keys::readable(&object.key, NAME_LIMIT.saturating_sub(former_name.len() + 1));
        let name = match file.as_str() {
            "" => former_name.clone(),
            file => format!("s3-{dataset}-{file}-{source_id}"),
        };
        Ok(Execution { name, former_name, input })
    }
}

/// Whether an execution is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    New,
    /// Step Functions has one of that name, running or ended.
    Known,
}

/// Starts executions of one state machine.
#[derive(Debug, Clone)]
pub struct Starter {
    client: Client,
    state_machine_arn: String,
}

impl Starter {
    /// A starter for the state machine with this ARN.
    pub fn new(aws: &aws_config::SdkConfig, state_machine_arn: &str) -> Self {
        Starter { client: Client::new(aws), state_machine_arn: state_machine_arn.to_owned() }
    }

    /// Starts the execution unless there is one of its name. While that one is still running,
    /// Step Functions answers the same call with success, which counts as new here.
    ///
    /// For an event that is not fresh the former name counts as well: it may be the repetition of
    /// one that an earlier release has handled.
    ///
    /// # Errors
    /// `Transient.Service`, or `Internal` when Step Functions refuses the request.
    pub async fn start(&self, execution: &Execution, event_time: DateTime<Utc>) -> Result<Started> {
        let is_old = Utc::now() - event_time > FRESH && execution.former_name != execution.name;
        if is_old && self.is_known(&execution.former_name).await {
            return Ok(Started::Known);
        }
        let answer = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(&execution.name)
            .input(&execution.input)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Started::New),
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_execution_already_exists()) =>
            {
                Ok(Started::Known)
            }
            Err(error) => Err(Error::aws(ErrorKind::TransientService, "start execution", error)
                .with("execution", &execution.name)),
        }
    }

    /// True when Step Functions knows an execution of this name. When it does not say, the answer is
    /// no: another execution finds that all its rows are there, and changes nothing.
    async fn is_known(&self, name: &str) -> bool {
        let machine = self.state_machine_arn.replace(":stateMachine:", ":execution:");
        let arn = format!("{machine}:{name}");
        match self.client.describe_execution().execution_arn(arn).send().await {
            Ok(_) => true,
            Err(error)
                if error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist()) =>
            {
                false
            }
            Err(error) => {
                let error = Error::aws(ErrorKind::TransientService, "describe execution", error);
                tracing::warn!(execution = name, error = %error, "an earlier start is not known");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn landed(key: &str, version: &str, time: &str) -> Landed {
        Landed {
            object: ObjectRef {
                bucket: "landing".to_owned(),
                key: key.to_owned(),
                version_id: Some(version.to_owned()),
            },
            identity: version.to_owned(),
            event_time: time.parse::<DateTime<Utc>>().unwrap(),
        }
    }

    #[test]
    fn name_and_input_are_what_the_state_machine_expects() {
        let landed = landed("incoming/transactions/a b.csv", "v1", "2026-01-15T23:30:00Z");
        let execution = Execution::of(&landed).unwrap();
        let source_id = keys::source_id("landing", "incoming/transactions/a b.csv", "v1");
        assert_eq!(execution.name, format!("s3-transactions-a-b-{source_id}"));
        assert_eq!(execution.former_name, format!("s3-transactions-{source_id}"));
        assert_eq!(
            execution.input,
            "{\"source\":{\"kind\":\"objects\",\"objects\":[{\"bucket\":\"landing\",\
             \"key\":\"incoming/transactions/a b.csv\",\"version_id\":\"v1\"}]},\
             \"run_date\":\"2026-01-15\"}"
        );
    }

    #[test]
    fn names_are_those_that_step_functions_takes() {
        for file in ["a b+c%20d.csv", "売上.csv", ".csv", "x", &"long-name.".repeat(90)] {
            let key = format!("incoming/clickstream/2026/{file}");
            let landed = landed(&key, "v1", "2026-01-15T23:30:00Z");
            let name = Execution::of(&landed).unwrap().name;
            assert!(name.len() <= NAME_LIMIT, "{name}");
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
            assert!(name.chars().all(plain), "{name}");
        }
    }

    #[test]
    fn a_new_version_of_a_key_is_a_new_execution() {
        let first = landed("incoming/products/p.csv", "v1", "2026-01-15T10:00:00Z");
        let second = landed("incoming/products/p.csv", "v2", "2026-01-15T10:00:00Z");
        assert_ne!(Execution::of(&first).unwrap().name, Execution::of(&second).unwrap().name);
    }

    #[test]
    fn a_key_outside_the_datasets_is_refused_by_name() {
        let stray = landed("incoming/orders/o.csv", "v1", "2026-01-15T10:00:00Z");
        let error = Execution::of(&stray).unwrap_err();
        assert!(error.to_string().contains("unknown dataset 'orders'"), "{error}");
    }

    /// Starts executions as Step Functions does: the first of a name wins.
    fn start_all(events: &[Landed]) -> BTreeMap<String, String> {
        let mut started = BTreeMap::new();
        for event in events {
            let execution = Execution::of(event).unwrap();
            started.entry(execution.name).or_insert(execution.input);
        }
        started
    }

    fn uploads() -> impl Strategy<Value = Vec<Landed>> {
        let dataset = prop::sample::select(Dataset::all().collect::<Vec<_>>());
        let upload = (dataset, 0..4_u8, 0..3_u8).prop_map(|(dataset, file, version)| {
            let key = format!("incoming/{dataset}/file {file}.csv");
            let time = format!("2026-01-1{version}T12:00:00Z");
            landed(&key, &format!("v{version}"), &time)
        });
        prop::collection::vec(upload, 1..12)
    }

    proptest! {
        #[test]
        fn any_order_and_duplication_of_events_starts_the_same_executions(
            (once, delivered) in uploads().prop_flat_map(|uploads| {
                let mut delivered = uploads.clone();
                delivered.extend(uploads.iter().cloned());
                delivered.extend(uploads.iter().take(3).cloned());
                (Just(uploads), Just(delivered).prop_shuffle())
            })
        ) {
            let distinct: std::collections::BTreeSet<_> =
                once.iter().map(|event| event.object.clone()).collect();
            let started = start_all(&delivered);
            prop_assert_eq!(&started, &start_all(&once));
            prop_assert_eq!(started.len(), distinct.len());
        }
    }
}
