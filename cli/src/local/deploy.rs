//! Deploys `template.yaml` to the emulator with SAM, exactly as it is deployed to AWS, when
//! anything about it changed.

use std::path::Path;

use aws_config::SdkConfig;
use sha2::{Digest, Sha256};
use shopflow_aws::lambda;
use shopflow_core::overlay::Overlay;
use shopflow_core::runtime::PING;
use shopflow_core::{Error, ErrorKind, Result};

use super::emulator::{self, CREDENTIAL, REGION};
use super::function::{Function, architecture};
use super::home::Home;
use super::process;
use super::python::Python;
use super::state::{Deployment, State};
use crate::console::Console;
use crate::stack::Stack;

/// Name of the environment in `samconfig.toml` and in `config/`.
pub const ENVIRONMENT: &str = "local";

/// Deploys the stack unless the same one is deployed already.
///
/// # Errors
/// When SAM fails, with the end of its log.
pub async fn ensure(
    home: &Home,
    python: &Python,
    functions: &[Function],
    state: &mut State,
    console: Console,
) -> Result<Stack> {
    let emulator = state.emulator.ok_or_else(|| Error::internal("the emulator is not running"))?;
    let parameters = parameters(home, state)?;
    let fingerprint = fingerprint(home, functions, &parameters)?;
    if let Some(deployment) = &state.deployment
        && deployment.fingerprint == fingerprint
    {
        return Ok(Stack::new(ENVIRONMENT, deployment.outputs.clone()));
    }
    let step = console.step("deploy: template.yaml to the emulator with SAM");
    step.check(sam(home, python, &emulator::endpoint(emulator), &parameters))?;
    let stack = step.check(Stack::read(&emulator::aws(emulator).await, ENVIRONMENT).await)?;
    state.deployment = Some(Deployment { fingerprint, outputs: stack.outputs().clone() });
    state.write(&home.state_file())?;
    step.done(&format!("deployed as stack {}", stack.name()));
    let step = console.step("functions: starting each one");
    step.check(start(&emulator::aws(emulator).await, functions).await)?;
    step.done("started");
    Ok(stack)
}

/// Has each function start and answer, so that one that cannot is told of now, and the first run
/// need not wait for any.
async fn start(aws: &SdkConfig, functions: &[Function]) -> Result<()> {
    let starts = functions.iter().map(|function| async move {
        let name = format!("shopflow-{ENVIRONMENT}-{}", function.name);
        let answer = lambda::invoke(aws, &name, PING).await.map_err(|error| {
            Error::aws(ErrorKind::TransientService, "start function", error).with("function", &name)
        })?;
        if answer.function_error.is_none() {
            return Ok(());
        }
        let problem = String::from_utf8_lossy(&answer.payload).into_owned();
        Err(Error::internal("function does not start")
            .with("function", &name)
            .with("problem", problem))
    });
    futures::future::try_join_all(starts).await.map(drop)
}

fn sam(home: &Home, python: &Python, endpoint: &str, parameters: &[String]) -> Result<()> {
    let mut command = python.module("samcli");
    command
        .current_dir(home.repository())
        .args(["deploy", "--config-env", ENVIRONMENT, "--template-file", "template.yaml"])
        .args(["--no-progressbar", "--parameter-overrides"])
        .args(parameters);
    // Nothing of the user's own AWS account may reach this deployment.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("SAM_") {
            command.env_remove(&name);
        }
    }
    command
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", CREDENTIAL)
        .env("AWS_SECRET_ACCESS_KEY", CREDENTIAL)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("SAM_CLI_TELEMETRY", "0")
        // Seconds between two looks at the deployment; the default of five is for AWS.
        .env("SAM_CLI_POLL_DELAY", "0.5");
    process::run_logged(&mut command, &home.log("deploy"), "sam deploy")
}

fn parameters(home: &Home, state: &State) -> Result<Vec<String>> {
    let (Some(emulator), Some(postgres), Some(database)) =
        (state.emulator, state.postgres, &state.database)
    else {
        return Err(Error::internal("the stack needs both servers and the database"));
    };
    let pairs = [
        ("Environment", ENVIRONMENT.to_owned()),
        ("Architecture", architecture().to_owned()),
        ("LocalEndpoint", emulator::endpoint(emulator)),
        ("LogDir", home.logs().display().to_string()),
        ("DatabaseHost", "127.0.0.1".to_owned()),
        ("DatabasePort", postgres.port.to_string()),
        ("DatabaseName", database.name.clone()),
        ("DatabaseSecretArn", database.secret_arn.clone()),
        ("ConfigUri", Overlay::uri_of_environment().unwrap_or_default()),
    ];
    Ok(pairs.into_iter().map(|(name, value)| parameter(name, &value)).collect())
}

/// SAM takes `Name=value`, and the value in quotes when it is empty or has spaces.
fn parameter(name: &str, value: &str) -> String {
    if value.is_empty() || value.contains(char::is_whitespace) {
        return format!("{name}=\"{value}\"");
    }
    format!("{name}={value}")
}

/// Over everything a deployment is made of.
fn fingerprint(home: &Home, functions: &[Function], parameters: &[String]) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut files =
        vec![home.repository().join("template.yaml"), home.repository().join("samconfig.toml")];
    let folder = home.repository().join("statemachines");
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| unreadable(&folder, error))?
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| unreadable(&folder, error))?;
    files.extend(entries.into_iter().map(|entry| entry.path()));
    files.sort();
    for file in files {
        add(&mut hasher, file.display().to_string().as_bytes());
        add(&mut hasher, &std::fs::read(&file).map_err(|error| unreadable(&file, error))?);
    }
    for function in functions {
        add(&mut hasher, function.name.as_bytes());
        add(&mut hasher, function.stamp.as_bytes());
    }
    for parameter in parameters {
        add(&mut hasher, parameter.as_bytes());
    }
    Ok(hex::encode(hasher.finalize()))
}

fn add(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update(bytes.len().to_be_bytes());
    hasher.update(bytes);
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::internal("read deployment file failed").with("path", path.display()).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(folder: &Path) -> Home {
        std::fs::create_dir_all(folder.join("statemachines")).unwrap();
        for name in ["template.yaml", "samconfig.toml", "statemachines/pipeline.asl.json"] {
            std::fs::write(folder.join(name), name).unwrap();
        }
        Home::at(folder.to_path_buf(), folder.join("cloud"))
    }

    fn function(stamp: &str) -> Vec<Function> {
        vec![Function {
            name: "load".to_owned(),
            bootstrap: "target/lambda/load/bootstrap".into(),
            stamp: stamp.to_owned(),
        }]
    }

    #[test]
    fn a_deployment_is_repeated_when_any_part_of_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let home = sources(folder.path());
        let functions = function("one");
        let parameters = vec!["DatabasePort=5432".to_owned()];
        let first = fingerprint(&home, &functions, &parameters).unwrap();
        assert_eq!(fingerprint(&home, &functions, &parameters).unwrap(), first);

        let other = vec!["DatabasePort=5433".to_owned()];
        assert_ne!(fingerprint(&home, &functions, &other).unwrap(), first);
        assert_ne!(fingerprint(&home, &function("another"), &parameters).unwrap(), first);
        for name in ["template.yaml", "samconfig.toml", "statemachines/pipeline.asl.json"] {
            std::fs::write(folder.path().join(name), "changed").unwrap();
            assert_ne!(fingerprint(&home, &functions, &parameters).unwrap(), first, "{name}");
            sources(folder.path());
        }
    }

    #[test]
    fn a_path_with_spaces_stays_one_parameter() {
        assert_eq!(
            parameter("LogDir", "/home/ana/my shop/logs"),
            "LogDir=\"/home/ana/my shop/logs\""
        );
        assert_eq!(parameter("DatabasePort", "5432"), "DatabasePort=5432");
        assert_eq!(parameter("ConfigUri", ""), "ConfigUri=\"\"");
    }
}
