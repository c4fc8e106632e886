//! How many states a run goes through, which is what Step Functions bills.
//!
//! Every call of a function is a state of its own and known from the run's usage. The states in
//! between (choices, maps, messages) are those on the way from start to success in the definition of
//! the state machine, which is compiled in, so that they are counted and not guessed. A run that
//! fails leaves this way early, and one without clicks skips a few states; the count is then a
//! little too high.

use std::sync::LazyLock;

use serde_json::Value;
use shopflow_core::contract::Usage;

const DEFINITION: &str = include_str!("../../../statemachines/pipeline.asl.json");
const CALL: &str = "arn:aws:states:::lambda:invoke";
const MESSAGE: &str = "arn:aws:states:::sns:publish";

/// What a successful run goes through besides states that call a function and wait for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    states: u64,
    loops: Vec<Loop>,
    /// Calls that nobody waits for, so that their usage is not known.
    pub unwatched_calls: u64,
    /// Messages to topics.
    pub messages: u64,
}

/// A part of the way that is repeated as long as a function has more to do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Loop {
    function: String,
    states: u64,
    /// Calls of the function earlier on the way.
    before: u64,
}

/// One state of the way.
struct Step<'a> {
    name: &'a str,
    /// The function that is called and waited for.
    function: Option<String>,
}

impl Way {
    /// Of the pipeline.
    pub fn of_pipeline() -> &'static Way {
        static WAY: LazyLock<Way> = LazyLock::new(|| {
            serde_json::from_str(DEFINITION)
                .map(|definition| Way::of(&definition))
                .unwrap_or_default()
        });
        &WAY
    }

    /// States that a run with these calls has entered.
    pub fn transitions(&self, usage: &[Usage]) -> u64 {
        let again = |part: &Loop| {
            let calls = usage.iter().filter(|call| call.function == part.function).count() as u64;
            calls.saturating_sub(1 + part.before) * part.states
        };
        // Where a function has two such parts, nobody knows which one was repeated: the last one has
        // most of the work.
        let last = |at: usize| {
            self.loops[at + 1..].iter().all(|it| it.function != self.loops[at].function)
        };
        let loops = self.loops.iter().enumerate().filter(|(at, _)| last(*at));
        usage.len() as u64 + self.states + loops.map(|(_, part)| again(part)).sum::<u64>()
    }

    fn of(definition: &Value) -> Way {
        let mut way = Way::default();
        way.walk(definition, &mut Vec::new());
        way
    }

    /// Goes through a machine, or a branch of a Parallel, after some steps.
    fn walk<'a>(&mut self, machine: &'a Value, steps: &mut Vec<Step<'a>>) {
        let states = &machine["States"];
        let mut next = machine["StartAt"].as_str();
        while let Some(name) = next {
            let state = &states[name];
            self.loops.extend(loops(state, steps));
            let called = called(state);
            let watched = state["Arguments"]["InvocationType"] != "Event";
            self.unwatched_calls += u64::from(called.is_some() && !watched);
            self.messages += u64::from(state["Resource"] == MESSAGE);
            let function = called.filter(|_| watched);
            self.states += u64::from(function.is_none());
            steps.push(Step { name, function });
            for branch in state["Branches"].as_array().into_iter().flatten() {
                self.walk(branch, steps);
            }
            // The regular way of a choice is its default.
            next = state["Default"].as_str().or(state["Next"].as_str());
        }
    }
}

/// The function a state calls: `load` of `${LoadFunctionArn}`.
fn called(state: &Value) -> Option<String> {
    let arn = state["Arguments"]["FunctionName"].as_str().filter(|_| state["Resource"] == CALL)?;
    let name = arn.trim_start_matches("${").trim_end_matches('}').trim_end_matches("FunctionArn");
    Some(name.to_lowercase())
}

/// The parts of the way so far that a choice leads back into, the choice included.
fn loops(choice: &Value, steps: &[Step<'_>]) -> Vec<Loop> {
    let branches = choice["Choices"].as_array().map_or(&[][..], Vec::as_slice);
    let back = branches.iter().filter_map(|branch| {
        let target = branch["Next"].as_str()?;
        let (way, part) = steps.split_at(steps.iter().position(|step| step.name == target)?);
        let function = part.iter().find_map(|step| step.function.clone())?;
        let between = part.iter().filter(|step| step.function.is_none()).count() as u64;
        let before = way.iter().filter(|step| step.function.as_ref() == Some(&function)).count();
        Some(Loop { function, states: between + 1, before: before as u64 })
    });
    back.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shopflow_core::contract::Billed;

    use super::*;

    fn call(function: &str) -> Usage {
        Usage {
            function: function.to_owned(),
            duration_ms: 1,
            memory_mb: 128,
            started_at: None,
            init_ms: 0,
            billed: Billed::default(),
        }
    }

    #[test]
    fn states_without_a_call_are_on_the_way_and_those_with_one_in_the_usage() {
        let task = |function: &str, next: &str| json!({"Type": "Task", "Resource": CALL, "Arguments": {"FunctionName": function}, "Next": next});
        let later = json!({"Type": "Task", "Resource": CALL, "End": true,
            "Arguments": {"FunctionName": "${CatalogFunctionArn}", "InvocationType": "Event"}});
        let ahead = json!({"Type": "Task", "Resource": CALL, "End": true,
            "Arguments": {"FunctionName": "${TransformFunctionArn}"}});
        let definition = json!({"StartAt": "Open", "States": {
            "Open": task("${RecordFunctionArn}", "Ahead"),
            "Ahead": {"Type": "Parallel", "Next": "Each", "Branches": [
                {"StartAt": "First", "States": {"First": ahead}},
            ]},
            "Each": {"Type": "Map", "Next": "Work"},
            "Work": task("${TransformFunctionArn}", "More"),
            "More": {"Type": "Choice", "Choices": [{"Next": "Work"}, {"Next": "Rare"}], "Default": "Later"},
            "Rare": {"Type": "Pass", "Next": "Later"},
            "Later": {"Type": "Parallel", "Next": "Tell", "Branches": [
                {"StartAt": "Check", "States": {"Check": json!({"Type": "Task", "Resource": CALL, "End": true, "Arguments": {"FunctionName": "${QualityFunctionArn}"}})}},
                {"StartAt": "Later", "States": {"Later": later}},
            ]},
            "Tell": {"Type": "Task", "Resource": MESSAGE, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        }});
        let way = Way::of(&definition);
        assert_eq!((way.unwatched_calls, way.messages), (1, 1));
        // Ahead, Each, More, the Parallel and its Later, Tell, Done.
        let transform = || call("transform");
        let once = [call("record"), transform(), transform(), call("quality")];
        assert_eq!(way.transitions(&once), 4 + 7);
        let thrice = [&once[..], &[transform(), transform()]].concat();
        assert_eq!(way.transitions(&thrice), 6 + 7 + 2);
    }

    #[test]
    fn the_states_within_a_map_all_wait_for_a_function() {
        let definition: Value = serde_json::from_str(DEFINITION).unwrap();
        fn states(machine: &Value) -> serde_json::map::Values<'_> {
            machine["States"].as_object().unwrap().values()
        }
        let branches = states(&definition).filter_map(|state| state["Branches"].as_array());
        let within: Vec<&Value> = states(&definition)
            .chain(branches.flatten().flat_map(states))
            .filter_map(|state| state["ItemProcessor"]["States"].as_object())
            .flat_map(serde_json::Map::values)
            .collect();
        assert!(!within.is_empty());
        for state in within {
            assert_eq!(state["Resource"], CALL, "{state:#}");
        }
    }

    #[test]
    fn the_way_of_the_pipeline_ends_in_success() {
        let way = Way::of_pipeline();
        assert!(way.states >= 10, "{way:?}");
        assert_eq!((way.unwatched_calls, way.messages), (1, 1));
    }
}
