//! What both state machines promise.

use std::collections::BTreeSet;

use serde_json::Value;
use shopflow_core::ErrorKind;

use crate::asl::{Machine, fields, placeholders, strings, texts, variables};
use crate::template;

const MACHINES: [&str; 2] = ["pipeline", "backfill"];
const LAMBDA: &str = "arn:aws:states:::lambda:invoke";

/// What Lambda itself calls trouble that can pass: its service, a crash, a time-out. Every
/// function repeats its work safely, so these are retried too.
const LAMBDA_TROUBLE: [&str; 8] = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
];

fn catches_everything(state: &Value) -> bool {
    state["Catch"]
        .as_array()
        .and_then(|catchers| catchers.last())
        .is_some_and(|last| strings(&last["ErrorEquals"]) == ["States.ALL"])
}

#[test]
fn a_function_call_is_retried_on_exactly_the_errors_that_can_pass() {
    let ours = ErrorKind::ALL.into_iter().filter(|kind| kind.is_transient()).map(ErrorKind::name);
    let expected: BTreeSet<&str> = ours.chain(LAMBDA_TROUBLE).collect();
    let machine = Machine::load("pipeline");
    for (_, name, state) in machine.tasks().filter(|(_, _, state)| state["Resource"] == LAMBDA) {
        let retriers = state["Retry"].as_array().unwrap_or_else(|| panic!("{name} has no Retry"));
        let retried: Vec<&str> =
            retriers.iter().flat_map(|retrier| strings(&retrier["ErrorEquals"])).collect();
        assert_eq!(retried.len(), expected.len(), "{name} names an error twice: {retried:?}");
        assert_eq!(retried.into_iter().collect::<BTreeSet<_>>(), expected, "{name}");
    }
}

#[test]
fn every_retry_backs_off_with_jitter_and_ends() {
    for machine in MACHINES.map(Machine::load) {
        for (_, name, state) in machine.tasks() {
            let retriers = state["Retry"].as_array().unwrap_or_else(|| panic!("{name}: no Retry"));
            for retrier in retriers {
                assert_eq!(retrier["JitterStrategy"], "FULL", "{name}");
                assert!(retrier["BackoffRate"].as_f64() >= Some(2.0), "{name}");
                assert!(retrier["MaxDelaySeconds"].as_u64().is_some(), "{name}");
                assert!((1..=6).contains(&retrier["MaxAttempts"].as_u64().unwrap()), "{name}");
            }
        }
    }
}

#[test]
fn every_failure_is_caught() {
    for machine in MACHINES.map(Machine::load) {
        for (map, name, state) in machine.states() {
            if state["Type"] != "Task" && state["Type"] != "Map" {
                continue;
            }
            let around = machine.top().states.get(map).is_some_and(catches_everything);
            assert!(catches_everything(state) || around, "{name} lets a failure through");
        }
    }
}

#[test]
fn no_failure_is_tolerated() {
    for machine in MACHINES.map(Machine::load) {
        let mut names = Vec::new();
        fields(&machine.root, &mut names);
        let tolerant: Vec<_> = names.iter().filter(|name| name.starts_with("Tolerated")).collect();
        assert!(tolerant.is_empty(), "{tolerant:?}");
    }
}

#[test]
fn everything_has_a_time_limit() {
    for machine in MACHINES.map(Machine::load) {
        let whole = machine.root["TimeoutSeconds"].as_u64().unwrap();
        for (_, name, state) in machine.tasks() {
            let limit = state["TimeoutSeconds"].as_u64();
            assert!(limit.is_some_and(|limit| limit < whole), "{name}: {limit:?}");
        }
    }
}

#[test]
fn a_function_s_own_time_limit_comes_before_the_task_s() {
    let machine = Machine::load("pipeline");
    for (_, name, state) in machine.tasks().filter(|(_, _, state)| state["Resource"] == LAMBDA) {
        let function = state["Arguments"]["FunctionName"].as_str().unwrap();
        let function = function.trim_start_matches("${").trim_end_matches("FunctionArn}");
        let own = template::timeout(function);
        let task = state["TimeoutSeconds"].as_u64().unwrap();
        assert!(own < task, "{name}: the task gives up after {task} s, {function} after {own} s");
    }
}

#[test]
fn every_state_exists_and_is_reached() {
    for machine in MACHINES.map(Machine::load) {
        for scope in &machine.scopes {
            let reached = scope.reachable(&scope.start);
            let all: BTreeSet<String> = scope.states.keys().cloned().collect();
            assert_eq!(reached, all, "in '{}'", scope.map);
        }
    }
}

#[test]
fn a_described_failure_can_only_end_as_a_failure() {
    for machine in MACHINES.map(Machine::load) {
        let after = machine.top().reachable("DescribeFailure");
        let ends: Vec<&Value> = after
            .iter()
            .map(|name| &machine.top().states[name])
            .filter(|state| state["Next"].is_null() && state["Default"].is_null())
            .collect();
        assert_eq!(ends.len(), 1);
        assert_eq!(ends[0]["Type"], "Fail");
        let told = after.iter().any(|name| name == "NotifyFailure");
        assert!(told, "nobody hears of the failure");
    }
}

#[test]
fn files_that_were_uploaded_never_lead_to_generated_ones() {
    let machine = Machine::load("pipeline");
    let choice = &machine.top().states["ChooseSource"]["Choices"][0];
    assert_eq!(choice["Condition"], "{% $source.kind = 'objects' %}");
    let after = machine.top().reachable(choice["Next"].as_str().unwrap());
    assert!(!after.contains("Generate"), "{after:?}");
}

#[test]
fn the_template_fills_in_every_placeholder_and_no_other() {
    for (name, machine) in MACHINES.map(|name| (name, Machine::load(name))) {
        assert_eq!(placeholders(&machine.text), template::substitutions(name), "{name}");
    }
}

#[test]
fn an_expression_is_the_whole_text() {
    for machine in MACHINES.map(Machine::load) {
        assert_eq!(machine.root["QueryLanguage"], "JSONata");
        let mut all = Vec::new();
        texts(&machine.root, &mut all);
        for text in all.into_iter().filter(|text| text.contains("{%") || text.contains("%}")) {
            let whole = text.starts_with("{%") && text.ends_with("%}");
            assert!(whole, "Step Functions would take this as plain text: {text}");
        }
    }
}

/// Inside a Map, AWS refuses to assign what the machine has assigned.
#[test]
fn variables_are_assigned_outside_of_maps_only() {
    for machine in MACHINES.map(Machine::load) {
        for (map, name, state) in machine.states().filter(|(map, _, _)| !map.is_empty()) {
            assert!(state["Assign"].is_null(), "{name} in {map}");
        }
    }
}

/// On AWS the expressions of one `Assign` see the values from before it; not every emulator does.
#[test]
fn an_assign_does_not_depend_on_the_order_of_its_lines() {
    for machine in MACHINES.map(Machine::load) {
        for (_, name, state) in machine.states() {
            let Some(assign) = state["Assign"].as_object() else { continue };
            for (variable, value) in assign {
                let mut expressions = Vec::new();
                texts(value, &mut expressions);
                for read in expressions.iter().flat_map(|expression| variables(expression)) {
                    let other = assign.contains_key(&read) && read != *variable;
                    assert!(!other, "{name}: {variable} reads {read}");
                }
            }
        }
    }
}

#[test]
fn every_function_follows_the_configuration_that_the_run_started_with() {
    let machine = Machine::load("pipeline");
    let start = &machine.top().states["RecordStart"];
    assert!(start["Assign"]["config_version"].is_string());
    for (_, name, state) in machine.tasks().filter(|(_, _, state)| state["Resource"] == LAMBDA) {
        let version = &state["Arguments"]["Payload"]["config_version"];
        if name == "RecordStart" {
            assert!(version.is_null(), "it says which version it is");
        } else {
            assert_eq!(version, "{% $config_version %}", "{name}");
        }
    }
}
