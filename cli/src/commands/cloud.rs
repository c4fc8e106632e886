//! `up`, `down` and `doctor`.

use std::process::ExitCode;
use std::time::Instant;

use shopflow_core::Result;

use crate::args::{Down, Relay, Up};
use crate::console::{Console, seconds};
use crate::local::{self, Cloud, build, home::Home, python, relay as calls, state::State};
use crate::release::worded;

/// Starts the local cloud and prints its addresses.
pub async fn up(arguments: &Up) -> Result<ExitCode> {
    let home = Home::locate()?;
    let started = Instant::now();
    let cloud = local::up(&home, arguments.port_base, Console::stderr()).await?;
    print!("{}", addresses(&home, &cloud)?);
    eprintln!("ready after {}", seconds(started.elapsed()));
    Ok(ExitCode::SUCCESS)
}

fn addresses(home: &Home, cloud: &Cloud) -> Result<String> {
    let stack = &cloud.stack;
    // The password is in the output of `env`, where it is asked for.
    let database = cloud.database_url.rsplit('@').next().unwrap_or_default();
    let lines = [
        "The local cloud is up.".to_owned(),
        format!("  AWS endpoint     {}", cloud.endpoint),
        format!("  Postgres         {database}"),
        format!("  landing bucket   s3://{}", stack.landing()?),
        format!("  lake bucket      s3://{}", stack.lake()?),
        format!("  reports bucket   s3://{}", stack.reports()?),
        format!("  pipeline         {}", stack.pipeline()?),
        format!("  click stream     {}", stack.output("ClickStreamName")?),
        format!("  collect          {}", stack.function_url("CollectUrl", Some(&cloud.endpoint))?),
        format!("  logs             {}", home.logs().display()),
        "Next: `cargo shopflow run` runs the pipeline; `eval \"$(cargo shopflow env)\"` points"
            .to_owned(),
        "aws, psql and any SDK at it; `cargo shopflow down` stops it.".to_owned(),
    ];
    Ok(worded(&(lines.join("\n") + "\n")))
}

/// Stops the local cloud.
pub fn down(arguments: &Down) -> Result<ExitCode> {
    let home = Home::locate()?;
    let stopped = local::down(&home, arguments.purge)?;
    let servers =
        if stopped { "The local cloud is stopped." } else { "The local cloud was not up." };
    let data = if arguments.purge {
        "Its data and logs are deleted."
    } else {
        "The emulator keeps its data in memory: the next `up` starts empty."
    };
    println!("{servers} {data}");
    Ok(ExitCode::SUCCESS)
}

/// Hands the calls of `cargo lambda invoke` to the emulator.
pub fn relay(arguments: &Relay) -> Result<ExitCode> {
    calls::serve(arguments.port, arguments.target)?;
    Ok(ExitCode::SUCCESS)
}

/// Checks the prerequisites without changing anything.
pub fn doctor() -> Result<ExitCode> {
    let home = Home::locate()?;
    let state = State::read(&home.state_file())?;
    let servers = if local::is_up(&home, &state) { "up" } else { "not up" };
    // A release brings its functions, and cargo is not needed.
    let functions = if home.is_release() {
        (
            "release",
            build::laid_out(&home).map(|functions| format!("{} functions", functions.len())),
        )
    } else {
        ("cargo", build::check(&home))
    };
    let checks = [("python", python::check()), functions, ("local cloud", Ok(servers.to_owned()))];
    let mut code = ExitCode::SUCCESS;
    for (name, outcome) in checks {
        match outcome {
            Ok(found) => println!("✓ {name:<12} {found}"),
            Err(error) => {
                println!("✗ {name:<12} {}", worded(&error.to_string()));
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
