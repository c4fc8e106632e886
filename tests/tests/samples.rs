//! The sample events under `events/` work with `cargo lambda invoke`, as the READMEs say.

use std::process::Command;

use serde_json::Value;
use shopflow::local::home::Home;
use shopflow::local::relay;
use shopflow::local::state::State;
use shopflow_tests::Cloud;

/// The functions in an order in which each finds what its sample refers to.
const ORDER: [&str; 11] = [
    "generate",
    "ingest",
    "validate",
    "upload",
    "load",
    "transform",
    "quality",
    "compact",
    "cdc",
    "catalog",
    "record",
];

#[tokio::test]
async fn every_sample_event_works_with_cargo_lambda_invoke() {
    let cloud = Cloud::fresh().await;
    let home = Home::of_tests().unwrap();
    let program = home.venv().join("bin/cargo-lambda");
    let state = State::read(&home.state_file()).unwrap();
    let (address, port) = relay::endpoint(state.relay.unwrap());
    for function in ORDER {
        let event = home.repository().join(format!("events/{function}.json"));
        let output = Command::new(&program)
            // The usual port belongs to the user's own local cloud.
            .args(["lambda", "invoke", "--invoke-address", &address])
            .args(["--invoke-port", &port.to_string(), function])
            .arg("--data-file")
            .arg(&event)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{function}: {said}{complaint}");
        let answer: Value = serde_json::from_str(said.trim())
            .unwrap_or_else(|error| panic!("{function}: {error}: {said}{complaint}"));
        assert_eq!(answer["usage"]["function"], function, "{answer:#}");
    }
    let sample = "SELECT count(*) FROM ops.runs WHERE run_id = 'sample' AND status = 'succeeded'";
    assert_eq!(cloud.count(sample).await, 1);
}

#[test]
fn every_function_has_a_sample_event_and_a_readme() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut functions: Vec<String> = std::fs::read_dir(repository.join("functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    functions.sort();
    let mut covered = ORDER.map(str::to_owned).to_vec();
    covered.sort();
    assert_eq!(functions, covered);
    for function in functions {
        let readme = repository.join("functions").join(&function).join("README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let line = format!("cargo lambda invoke {function} --data-file events/{function}.json");
        assert!(readme.contains(&line), "{function}: {line}");
    }
}
