//! The sample events under `events/` work with `cargo lambda invoke`, as the READMEs say.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use shopflow::local::home::Home;
use shopflow::local::relay;
use shopflow::local::state::State;
use shopflow_core::runtime::PING;
use shopflow_tests::Cloud;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of the functions, sorted.
fn functions() -> Vec<String> {
    let mut functions: Vec<String> = std::fs::read_dir(repository().join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    functions.sort();
    functions
}

/// The functions that the README of one has its readers invoke, in this order, each with its sample
/// event; the last is the function itself.
fn invoked(function: &str) -> Vec<String> {
    let readme = repository().join("functions").join(function).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let lines = readme.lines().filter_map(|line| line.strip_prefix("cargo lambda invoke "));
    let invoked: Vec<String> = lines
        .map(|line| {
            let mut words = line.split_whitespace();
            let invoked = words.next().unwrap();
            let event = format!("events/{invoked}.json");
            assert_eq!(words.next(), Some("--data-file"), "{function}: {line}");
            assert_eq!(words.next(), Some(event.as_str()), "{function}: {line}");
            assert!(words.next().is_none_or(|word| word == "#"), "{function}: {line}");
            invoked.to_owned()
        })
        .collect();
    assert_eq!(invoked.last().map(String::as_str), Some(function), "{invoked:?}");
    invoked
}

/// The status with which a function behind an address of its own answers its sample: `dashboard` has no
/// link in it. `None` for the others.
fn status(function: &str) -> Option<u64> {
    match function {
        "collect" => Some(202),
        "dashboard" => Some(401),
        _ => None,
    }
}

#[tokio::test]
async fn each_sample_event_works_on_a_fresh_cloud_with_the_lines_of_its_readme() {
    let home = Home::of_tests().unwrap();
    let program = home.venv().join("bin/cargo-lambda");
    for function in functions() {
        let cloud = Cloud::fresh().await;
        let state = State::read(&home.state_file()).unwrap();
        let (address, port) = relay::endpoint(state.relay.unwrap());
        for called in invoked(&function) {
            let event = home.repository().join(format!("events/{called}.json"));
            let output = Command::new(&program)
                // The usual port belongs to the user's own local cloud.
                .args(["lambda", "invoke", "--invoke-address", &address])
                .args(["--invoke-port", &port.to_string(), &called])
                .arg("--data-file")
                .arg(&event)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let complaint = String::from_utf8_lossy(&output.stderr);
            let place = format!("{called} for {function}: {said}{complaint}");
            assert!(output.status.success(), "{place}");
            let answer: Value = serde_json::from_str(said.trim())
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            if let Some(status) = status(&called) {
                assert_eq!(answer["statusCode"], status, "{place}");
                if called == "collect" {
                    // Otherwise it would come on the next one's cloud.
                    cloud.has_read(1).await;
                }
                continue;
            }
            assert_eq!(answer["usage"]["function"], *called, "{place}");
            // Trouble that is not the failure of the call.
            assert!([&json!([]), &Value::Null].contains(&&answer["batchItemFailures"]), "{place}");
            assert_ne!(answer["accepted"], false, "{place}");
            assert_ne!(answer["incomplete"], true, "{place}");
        }
        if function == "record" {
            let sample =
                "SELECT count(*) FROM ops.runs WHERE run_id = 'sample' AND status = 'succeeded'";
            assert_eq!(cloud.count(sample).await, 1);
        }
    }
}

#[tokio::test]
async fn every_function_answers_a_ping_without_doing_anything() {
    let cloud = Cloud::fresh().await;
    let ping: Value = serde_json::from_str(PING).unwrap();
    for function in functions() {
        assert_eq!(cloud.invoke(&function, &ping).await.as_ref(), Ok(&ping), "{function}");
    }
}

#[test]
fn every_function_has_a_sample_event_and_a_readme_that_shows_how_to_send_it() {
    for function in functions() {
        assert!(!invoked(&function).is_empty());
        let event = repository().join(format!("events/{function}.json"));
        let event = std::fs::read(&event).unwrap_or_else(|error| panic!("{function}: {error}"));
        serde_json::from_slice::<Value>(&event).unwrap();
    }
}
