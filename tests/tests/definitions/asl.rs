//! Reading a state machine definition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::read;

/// One `States` object: the machine itself, the inside of a Map, or a branch of a Parallel.
pub struct Scope {
    /// Name of the Map or Parallel it is inside of; empty for the machine.
    pub map: String,
    pub start: String,
    pub states: BTreeMap<String, Value>,
}

/// A parsed definition.
pub struct Machine {
    pub text: String,
    pub root: Value,
    /// The machine first, then the inside of each Map and Parallel.
    pub scopes: Vec<Scope>,
}

impl Machine {
    pub fn load(name: &str) -> Machine {
        let text = read(&format!("statemachines/{name}.asl.json"));
        let root: Value = serde_json::from_str(&text).unwrap();
        let mut scopes = Vec::new();
        collect("", &root, &mut scopes);
        Machine { text, root, scopes }
    }

    /// The states of the machine itself.
    pub fn top(&self) -> &Scope {
        &self.scopes[0]
    }

    /// Every state with its name, and the Map or Parallel it is inside of.
    pub fn states(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.scopes.iter().flat_map(|scope| {
            scope.states.iter().map(|(name, state)| (scope.map.as_str(), name.as_str(), state))
        })
    }

    /// Every state of type Task.
    pub fn tasks(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.states().filter(|(_, _, state)| state["Type"] == "Task")
    }
}

fn collect(map: &str, machine: &Value, scopes: &mut Vec<Scope>) {
    let states: BTreeMap<String, Value> = machine["States"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, state)| (name.clone(), state.clone()))
        .collect();
    let start = machine["StartAt"].as_str().unwrap().to_owned();
    scopes.push(Scope { map: map.to_owned(), start, states: states.clone() });
    for (name, state) in &states {
        if state["Type"] == "Map" {
            collect(name, &state["ItemProcessor"], scopes);
        }
        for branch in state["Branches"].as_array().into_iter().flatten() {
            collect(name, branch, scopes);
        }
    }
}

impl Scope {
    /// Everything that can run after `from`, itself included.
    pub fn reachable(&self, from: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                let state = self.states.get(&name).unwrap_or_else(|| panic!("no state '{name}'"));
                open.extend(successors(state));
            }
        }
        seen
    }
}

/// The states that a state names as its next.
pub fn successors(state: &Value) -> Vec<String> {
    let branches = ["Choices", "Catch"]
        .into_iter()
        .filter_map(|field| state[field].as_array())
        .flatten()
        .map(|branch| &branch["Next"]);
    [&state["Next"], &state["Default"]]
        .into_iter()
        .chain(branches)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The strings of an array.
pub fn strings(array: &Value) -> Vec<&str> {
    array.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every text in a definition, however deep.
pub fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}

/// Every field name in a definition, however deep.
pub fn fields<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        Value::Object(object) => {
            for (name, field) in object {
                found.push(name);
                fields(field, found);
            }
        }
        _ => {}
    }
}

/// The names after `${` in a definition: what the template has to fill in.
pub fn placeholders(text: &str) -> BTreeSet<String> {
    text.split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The variables (`$name`, not `$states` or a function) an expression reads.
pub fn variables(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for part in expression.split('$').skip(1) {
        let name: String =
            part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let called = part[name.len()..].starts_with('(');
        if !name.is_empty() && !called && name != "states" {
            found.insert(name);
        }
    }
    found
}
