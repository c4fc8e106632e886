//! What both state machines promise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shopflow_core::{Dataset, ErrorKind};

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

/// The language has no way to say it once, so the copies are held together here.
#[test]
fn calls_of_the_same_kind_are_retried_in_the_same_way() {
    let mut first: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for machine in MACHINES.map(Machine::load) {
        for (_, name, state) in machine.tasks() {
            let resource = state["Resource"].as_str().unwrap();
            let own = (name.to_owned(), state["Retry"].clone());
            let (other, retry) = first.entry(resource.to_owned()).or_insert(own);
            assert_eq!(&state["Retry"], retry, "{name} and {other} retry in different ways");
        }
    }
    assert!(first.contains_key(LAMBDA), "{:?}", first.keys());
}

/// Functions that a state calls, itself, for each of its items or in its branches: `load`. Without
/// those of branches that go on after a failure, unless all do: then those of the first.
fn functions(state: &Value) -> BTreeSet<String> {
    let mut found = Vec::new();
    let branches = || state["Branches"].as_array().into_iter().flatten();
    let ends = |branch: &&Value| branch["States"].as_object().is_some_and(|it| it.len() == 1);
    match state["Type"].as_str() {
        Some("Parallel") if branches().any(|branch| ends(&branch)) => {
            branches().filter(ends).for_each(|branch| texts(branch, &mut found));
        }
        Some("Parallel") => branches().take(1).for_each(|branch| texts(branch, &mut found)),
        _ => texts(state, &mut found),
    }
    let names =
        found.iter().filter_map(|text| text.strip_prefix("${")?.strip_suffix("FunctionArn}"));
    names.map(str::to_lowercase).collect()
}

/// The same is true of what catches failures; only the name of the stage differs.
#[test]
fn every_failure_of_a_stage_is_described_under_its_name() {
    let machine = Machine::load("pipeline");
    let mut stages = 0;
    for (name, state) in &machine.top().states {
        let leads_to_failure = |catcher: &Value| catcher["Next"] == "DescribeFailure";
        let catchers = state["Catch"].as_array();
        if !catchers.is_some_and(|catchers| catchers.iter().any(leads_to_failure)) {
            continue;
        }
        let functions: Vec<String> = functions(state).into_iter().collect();
        let [function] = functions.as_slice() else { panic!("{name} calls {functions:?}") };
        let expected = json!([{
            "ErrorEquals": ["States.ALL"], "Assign": {"stage": function}, "Next": "DescribeFailure"
        }]);
        assert_eq!(state["Catch"], expected, "{name}");
        stages += 1;
    }
    assert!(stages >= 10, "{stages} states were looked at");
}

/// A branch that fails says so at its end, so that what the others do is not lost.
#[test]
fn a_failure_beside_other_work_is_described_under_the_name_of_its_stage() {
    let machine = Machine::load("pipeline");
    let scopes: Vec<_> = machine.scopes.iter().filter(|scope| scope.map == "Store").collect();
    assert_eq!(scopes.len(), 3);
    for scope in scopes {
        for (name, state) in &scope.states {
            let Some(catchers) = state["Catch"].as_array() else { continue };
            assert_eq!(catchers.len(), 1, "{name}");
            let next = &scope.states[catchers[0]["Next"].as_str().unwrap()];
            assert_eq!((&next["Type"], &next["End"]), (&json!("Pass"), &json!(true)), "{name}");
            if name == "CheckRows" {
                // The call that judges the run does it.
                assert_eq!(catchers[0]["Output"], json!({}));
                continue;
            }
            let functions: Vec<String> = functions(state).into_iter().collect();
            let [function] = functions.as_slice() else { panic!("{name} calls {functions:?}") };
            assert_eq!(catchers[0]["Output"]["stage"], *function, "{name}");
            assert_eq!(catchers[0]["Output"]["failure"], "{% $states.errorOutput %}", "{name}");
        }
    }
    let top = &machine.top().states;
    let failed = &top["AllStored"]["Choices"][0];
    assert_eq!(failed["Condition"], "{% $unstored != null %}");
    assert_eq!(failed["Assign"]["stage"], "{% $unstored.first.stage %}");
    let output = failed["Output"].as_str().unwrap();
    assert!(output.contains("$unstored.first.failure"), "{output}");
    assert!(output.contains("$unstored.also"), "{output}");
    assert_eq!(failed["Next"], "DescribeFailure");
    // `Stored` takes the outcomes from the third branch.
    let third = &top["Store"]["Branches"][2];
    assert_eq!(third["States"]["CheckRows"]["Arguments"]["Payload"]["action"], "rows");
}

/// Beside the checks, whose verdict comes first.
#[test]
fn a_catalog_that_cannot_be_called_fails_the_run_after_the_checks() {
    let machine = Machine::load("pipeline");
    let (_, _, catalog) = machine.states().find(|(_, name, _)| *name == "Catalog").unwrap();
    assert_eq!(catalog["Arguments"]["InvocationType"], "Event");
    assert_eq!(catalog["Catch"][0]["Output"], json!({"failure": "{% $states.errorOutput %}"}));
    let top = &machine.top().states;
    let checked = top["Checked"]["Assign"]["uncatalogued"].as_str().unwrap();
    assert!(checked.contains("$states.input[1].failure"), "{checked}");
    let stages: Vec<&Value> = top["Gate"]["Choices"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|choice| assert_eq!(choice["Next"], "DescribeFailure"))
        .map(|choice| &choice["Assign"]["stage"])
        .collect();
    assert_eq!(stages, ["quality", "catalog"]);
    assert_eq!(top["Gate"]["Choices"][1]["Output"], "{% $uncatalogued %}");
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
            let is_around =
                |(_, name, state): (&str, &str, &Value)| name == map && catches_everything(state);
            let around = machine.states().any(is_around);
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
fn no_machine_names_a_dataset() {
    for name in MACHINES {
        let file = format!("{}/../statemachines/{name}.asl.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).unwrap();
        for dataset in Dataset::all() {
            assert!(!text.contains(dataset.name()), "{name} names {dataset}");
        }
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
fn only_a_source_that_is_to_be_generated_leads_to_generated_files() {
    let machine = Machine::load("pipeline");
    let choose = &machine.top().states["ChooseSource"];
    let choices = choose["Choices"].as_array().unwrap();
    let kinds: Vec<&str> = choices.iter().filter_map(|one| one["Condition"].as_str()).collect();
    assert_eq!(kinds, ["{% $source.kind = 'pending' %}", "{% $source.kind = 'objects' %}"]);
    for choice in choices {
        let after = machine.top().reachable(choice["Next"].as_str().unwrap());
        assert!(!after.contains("Generate"), "{after:?}");
    }
    assert_eq!(choose["Default"], "Generate");
}

#[test]
fn a_run_of_what_waits_brings_nothing_new() {
    let machine = Machine::load("pipeline");
    let after = machine.top().reachable("Transform");
    for state in ["Generate", "Validate", "Upload", "Store"] {
        assert!(!after.contains(state), "{state}");
    }
    for state in ["Check", "Compact", "RecordSuccess"] {
        assert!(after.contains(state), "{state}");
    }
}

/// In production that is what waits; elsewhere generated data.
#[test]
fn a_run_without_a_source_has_that_of_its_environment() {
    let filled_in = "$states.context.Execution.Input.source : {'kind': '${DefaultSource}'} %}";
    for (name, state) in [("pipeline", "Init"), ("backfill", "ListDates")] {
        let machine = Machine::load(name);
        let source = machine.top().states[state]["Assign"]["source"].as_str().unwrap();
        assert!(source.ends_with(filled_in), "{name}: {source}");
        assert_eq!(template::default_source(name), ["IsProd", "pending", "generate"], "{name}");
    }
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

/// Inside a Map or a Parallel, AWS refuses to assign what the machine has assigned. A Parallel itself
/// may, but the emulator does not.
#[test]
fn variables_are_assigned_outside_of_maps_only() {
    for machine in MACHINES.map(Machine::load) {
        for (map, name, state) in machine.states().filter(|(map, _, _)| !map.is_empty()) {
            assert!(state["Assign"].is_null(), "{name} in {map}");
        }
        let assigns = |(name, state): (&String, &Value)| {
            (state["Type"] == "Parallel" && !state["Assign"].is_null()).then(|| name.clone())
        };
        assert_eq!(machine.top().states.iter().find_map(assigns), None);
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
