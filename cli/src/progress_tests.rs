//! Histories as Step Functions records them, and what is made of them.

use aws_sdk_sfn::primitives::DateTime as Timestamp;
use aws_sdk_sfn::types::{
    StateEnteredEventDetails, StateExitedEventDetails, TaskFailedEventDetails,
    builders::HistoryEventBuilder,
};

use super::*;

/// A recorded run: kind of event, name of the state or of the error, milliseconds since the start.
const RECORDED: &[(&str, &str, i64)] = &[
    ("ExecutionStarted", "", 0),
    ("PassStateEntered", "Init", 1),
    ("PassStateExited", "Init", 2),
    ("TaskStateEntered", "Generate", 2),
    ("TaskScheduled", "", 3),
    ("TaskSucceeded", "", 402),
    ("TaskStateExited", "Generate", 402),
    ("MapStateEntered", "Validate", 402),
    ("TaskStateEntered", "ValidateObject", 403),
    ("TaskScheduled", "", 403),
    ("TaskStateEntered", "ValidateObject", 404),
    ("TaskScheduled", "", 404),
    ("TaskFailed", "Transient.Storage", 500),
    ("TaskSucceeded", "", 610),
    ("TaskStateExited", "ValidateObject", 610),
    ("TaskScheduled", "", 900),
    ("TaskSucceeded", "", 1402),
    ("TaskStateExited", "ValidateObject", 1402),
    ("MapStateExited", "Validate", 1402),
    ("ChoiceStateEntered", "AllAccepted", 1402),
    ("ChoiceStateExited", "AllAccepted", 1403),
    ("TaskStateEntered", "Transform", 1403),
    ("TaskScheduled", "", 1404),
    ("TaskFailed", "Internal", 1503),
    ("TaskStateExited", "Transform", 1503),
    ("FailStateEntered", "Failed", 1504),
    ("ExecutionFailed", "Internal", 1505),
];

fn event(kind: &str, name: &str, milliseconds: i64) -> HistoryEvent {
    let builder = HistoryEvent::builder()
        .id(1)
        .timestamp(Timestamp::from_millis(1_768_000_000_000 + milliseconds))
        .r#type(HistoryEventType::from(kind));
    details(builder, kind, name).build().unwrap()
}

fn details(builder: HistoryEventBuilder, kind: &str, name: &str) -> HistoryEventBuilder {
    if kind.ends_with("StateEntered") {
        let details = StateEnteredEventDetails::builder().name(name).build().unwrap();
        return builder.state_entered_event_details(details);
    }
    if kind.ends_with("StateExited") {
        let details = StateExitedEventDetails::builder().name(name).build().unwrap();
        return builder.state_exited_event_details(details);
    }
    if kind == "TaskFailed" {
        let details = TaskFailedEventDetails::builder()
            .resource_type("lambda")
            .resource("invoke")
            .error(name)
            .build()
            .unwrap();
        return builder.task_failed_event_details(details);
    }
    builder
}

/// The tasks of a map as the emulator records them: without the states they belong to.
const EMULATED: &[(&str, &str, i64)] = &[
    ("MapStateEntered", "Validate", 0),
    ("TaskScheduled", "", 1),
    ("TaskScheduled", "", 1),
    ("TaskFailed", "Transient.Storage", 100),
    ("TaskSucceeded", "", 200),
    ("TaskScheduled", "", 300),
    ("TaskSucceeded", "", 400),
    ("MapStateExited", "Validate", 400),
    ("MapStateEntered", "Upload", 400),
    ("TaskScheduled", "", 401),
    ("TaskScheduled", "", 401),
    ("TaskFailed", "InvalidInput", 500),
    ("TaskSucceeded", "", 600),
    ("MapStateExited", "Upload", 600),
];

fn progress(events: usize) -> Progress {
    read(&RECORDED[..events])
}

fn read(recorded: &[(&str, &str, i64)]) -> Progress {
    let history: Vec<HistoryEvent> = recorded
        .iter()
        .map(|(kind, name, milliseconds)| event(kind, name, *milliseconds))
        .collect();
    Progress::of(&history)
}

fn lines(progress: &Progress, milliseconds: i64) -> Vec<String> {
    let now = DateTime::from_timestamp_millis(1_768_000_000_000 + milliseconds).unwrap();
    progress.stages.iter().map(|stage| stage.line(now)).collect()
}

#[test]
fn a_finished_run_shows_time_tasks_retries_and_the_failure() {
    let progress = progress(RECORDED.len());
    assert!(progress.ended);
    assert_eq!(
        lines(&progress, 9_000),
        [
            "✓ generate                             0.40 s",
            "✓ validate           2 tasks           1.00 s  retried once after Transient.Storage",
            "✗ transform                            0.10 s  failed: Internal",
        ]
    );
    assert_eq!(progress.span(), Some(Duration::from_millis(1501)));
}

#[test]
fn a_map_whose_states_are_not_recorded_is_understood_by_its_tasks() {
    assert_eq!(
        lines(&read(EMULATED), 9_000),
        [
            "✓ validate           2 tasks           0.40 s  retried once after Transient.Storage",
            "✗ upload             2 tasks           0.20 s  failed: InvalidInput",
        ]
    );
    assert_eq!(
        lines(&read(&EMULATED[..5]), 250),
        ["… validate                             0.25 s  retried once after Transient.Storage"]
    );
}

#[test]
fn a_running_map_counts_its_ended_tasks() {
    let progress = progress(15);
    assert!(!progress.ended);
    assert_eq!(lines(&progress, 902)[1], "… validate           1 of 2 tasks      0.50 s");
}

#[test]
fn a_failure_that_is_about_to_be_retried_is_no_failed_stage() {
    let stage = progress(13).stages.pop().unwrap();
    assert_eq!(stage.failures, 1);
    assert!(!stage.failed());
}

#[test]
fn names_of_states_are_shown_as_words() {
    assert_eq!(words("LoadDimensions"), "load dimensions");
    assert_eq!(words("quality"), "quality");
}
