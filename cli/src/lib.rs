//! The `shopflow` command as a library: the local cloud, deployments of the stack, executions of
//! the pipeline and the reports about them.
//!
//! The command line ([`commands`]) is a thin layer over it, and the end-to-end tests use it to
//! deploy the same template to a local cloud of their own:
//!
//! ```no_run
//! # async fn example() -> shopflow_core::Result<()> {
//! use shopflow::console::Console;
//! use shopflow::execution::{Execution, Poll};
//! use shopflow::local::{self, home::Home};
//!
//! let home = Home::of_tests()?;
//! let cloud = local::deploy(&home, Console::quiet()).await?;
//! let execution = Execution::start(&cloud.sfn(), cloud.stack.pipeline()?, "first", "{}").await?;
//! let outcome = execution.wait(Poll::local(), |_| ()).await?;
//! assert!(outcome.succeeded());
//! # Ok(())
//! # }
//! ```

pub mod analytics;
pub mod args;
pub mod brought;
pub mod check;
pub mod commands;
pub mod console;
pub mod data_docs;
pub mod dictionary;
pub mod erase;
pub mod execution;
pub mod features;
pub mod header;
pub mod lineage;
pub mod local;
pub mod package;
pub mod paths;
pub mod plans;
pub mod progress;
pub mod quarantine;
pub mod redrive;
pub mod release;
pub mod report;
pub mod reports;
pub mod sample;
pub mod scratch;
pub mod stack;
pub mod stream;
pub mod suggest;
pub mod summary;
pub mod table;
pub mod target;
pub mod unwatched;
pub mod withdraw;
