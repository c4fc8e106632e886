//! The lineage that runs tell, on the deployed stack.

use std::path::Path;

use serde_json::{Value, json};
use shopflow::home_python;
use shopflow_tests::{Cloud, products};
