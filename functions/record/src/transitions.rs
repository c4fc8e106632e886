//! How many states a run goes through, which is what Step Functions bills.
//!
//! Every call of a function is a state of its own and known from the run's usage. The states in
//! between (choices, maps, messages) are those on the way from start to success in the definition of
//! the state machine, which is compiled in, so that they are counted and not guessed. A run that
//! fails leaves this way early; its count is then a little too high.

use std::sync::LazyLock;

use serde_json::Value;

const DEFINITION: &str = include_str!("../../../statemachines/pipeline.asl.json");

/// States of a successful run that do not wait for a function.
static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    serde_json::from_str(DEFINITION).map(|definition| Fixed::of(&definition)).unwrap_or_default()
});

/// What a run goes through whatever it works on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fixed {
    /// States besides those that call a function and wait for it.
    pub states: u64,
    /// Calls that nobody waits for, so that their usage is not known.
    pub unwatched_calls: u64,
    /// Messages to topics.
    pub notifications: u64,
}

impl Fixed {
    /// Of the pipeline.
    pub fn of_pipeline() -> Fixed {
        *FIXED
    }

    fn of(definition: &Value) -> Fixed {
        let mut fixed = Fixed::default();
        let states = &definition["States"];
        let mut name = definition["StartAt"].as_str();
        while let Some(state) = name.and_then(|name| states.get(name)) {
            let resource = state["Resource"].as_str().unwrap_or_default();
            let calls = resource.ends_with(":lambda:invoke");
            let watched = state["Arguments"]["InvocationType"] != "Event";
            fixed.states += u64::from(!(calls && watched));
            fixed.unwatched_calls += u64::from(calls && !watched);
            fixed.notifications += u64::from(resource.ends_with(":sns:publish"));
            // The regular way of a choice is its default.
            name = state["Default"].as_str().or(state["Next"].as_str());
        }
        fixed
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_states_that_wait_for_a_function_are_left_to_its_usage() {
        let call = "arn:aws:states:::lambda:invoke";
        let definition = json!({"StartAt": "Open", "States": {
            "Open": {"Type": "Task", "Resource": call, "Next": "Each"},
            "Each": {"Type": "Map", "Next": "Choose"},
            "Choose": {"Type": "Choice", "Choices": [{"Next": "Rare"}], "Default": "Later"},
            "Rare": {"Type": "Pass", "Next": "Later"},
            "Later": {"Type": "Task", "Resource": call, "Arguments": {"InvocationType": "Event"}, "Next": "Tell"},
            "Tell": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Next": "Done"},
            "Done": {"Type": "Succeed"},
        }});
        let expected = Fixed { states: 5, unwatched_calls: 1, notifications: 1 };
        assert_eq!(Fixed::of(&definition), expected);
    }

    #[test]
    fn the_states_within_a_map_all_wait_for_a_function() {
        let definition: Value = serde_json::from_str(DEFINITION).unwrap();
        let states = definition["States"].as_object().unwrap();
        let within: Vec<&Value> = states
            .values()
            .filter_map(|state| state["ItemProcessor"]["States"].as_object())
            .flat_map(serde_json::Map::values)
            .collect();
        assert!(!within.is_empty());
        for state in within {
            assert_eq!(state["Resource"], "arn:aws:states:::lambda:invoke", "{state:#}");
        }
    }

    #[test]
    fn the_way_of_the_pipeline_ends_in_success() {
        let fixed = Fixed::of_pipeline();
        assert!(fixed.states >= 10, "{fixed:?}");
        assert_eq!((fixed.unwatched_calls, fixed.notifications), (1, 1));
    }
}
