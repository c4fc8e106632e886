//! Cargo: which one, what it knows about the workspace, and which crates a build will compile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use shopflow_core::{Error, ErrorKind, Result, ResultExt};

use crate::local::home::Home;

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub packages: Vec<Package>,
    pub target_directory: PathBuf,
    #[serde(default)]
    workspace_members: Vec<String>,
    resolve: Option<Resolve>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    #[serde(default)]
    dependencies: Vec<Declared>,
}

/// A line of a manifest's dependencies.
#[derive(Debug, Deserialize)]
struct Declared {
    name: String,
    /// Absent for what the binary itself needs.
    kind: Option<String>,
}

/// A function of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCrate {
    /// Name of its binary.
    pub name: String,
    /// The crates its manifest names, without those for tests and build scripts.
    pub dependencies: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// `dev`, `build`, or nothing.
    kind: Option<String>,
}

impl Package {
    fn has_binary(&self) -> bool {
        self.targets.iter().any(Target::is_binary)
    }
}

impl Target {
    fn is_binary(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }
}

impl Metadata {
    /// Binaries of the packages under `functions/`, sorted.
    pub fn functions(&self, repository: &Path) -> Vec<FunctionCrate> {
        let folder = repository.join("functions");
        let mut functions = Vec::new();
        for package in &self.packages {
            if !package.manifest_path.starts_with(&folder) {
                continue;
            }
            let needed = package.dependencies.iter().filter(|declared| declared.kind.is_none());
            let dependencies: BTreeSet<String> =
                needed.map(|declared| declared.name.clone()).collect();
            let binaries = package.targets.iter().filter(|target| target.is_binary());
            functions.extend(binaries.map(|target| FunctionCrate {
                name: target.name.clone(),
                dependencies: dependencies.clone(),
            }));
        }
        functions.sort_by(|one, other| one.name.cmp(&other.name));
        functions
    }

    /// The crates that the workspace's binaries may need, by package id, without what only tests
    /// need. Empty when nothing was resolved.
    fn crates_of_binaries(&self) -> BTreeMap<String, String> {
        let Some(resolve) = &self.resolve else { return BTreeMap::new() };
        let nodes: BTreeMap<&str, &Node> =
            resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let packages: BTreeMap<&str, &Package> =
            self.packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let members = self.workspace_members.iter().map(String::as_str);
        let mut open: Vec<&str> = members
            .filter(|id| packages.get(id).is_some_and(|package| package.has_binary()))
            .collect();
        let mut found: BTreeSet<&str> = open.iter().copied().collect();
        while let Some(id) = open.pop() {
            let dependencies = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
            for dependency in dependencies {
                let built = |kind: &DependencyKind| kind.kind.as_deref() != Some("dev");
                if dependency.dep_kinds.iter().any(built) && found.insert(&dependency.pkg) {
                    open.push(&dependency.pkg);
                }
            }
        }
        let name =
            |id: &str| packages.get(id).map_or(id, |package| package.name.as_str()).to_owned();
        found.into_iter().map(|id| (id.to_owned(), name(id))).collect()
    }
}

/// The cargo that started this command, or the one on the path.
pub fn cargo(home: &Home) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(home.repository());
    // Variables of the outer cargo describe this package and would leak into the inner build.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Says which cargo is used.
///
/// # Errors
/// When there is none.
pub fn check(home: &Home) -> Result<String> {
    let output = cargo(home).arg("--version").output().map_err(missing)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The crates that `cargo build --bins` compiles, by package id: those that the binaries may need,
/// as far as the features that are switched on ask for them, which only `cargo tree` knows.
pub(super) fn crates_of_build(home: &Home) -> Result<BTreeMap<String, String>> {
    let metadata = resolved(home)?;
    let mut tree = cargo(home);
    tree.args(["tree", "--workspace", "--edges", "normal,build", "--prefix", "none"]);
    let output = tree.output().map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let compiled: BTreeSet<(&str, &str)> = text.lines().filter_map(named).collect();
    let is_compiled = |id: &str| {
        metadata.packages.iter().any(|package| {
            package.id == id
                && compiled.contains(&(package.name.as_str(), package.version.as_str()))
        })
    };
    let mut crates = metadata.crates_of_binaries();
    crates.retain(|id, _| is_compiled(id));
    Ok(crates)
}

/// Name and version of a line such as `serde v1.0.228 (proc-macro)`.
fn named(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

/// The workspace alone.
pub(super) fn workspace(home: &Home) -> Result<Metadata> {
    metadata(cargo(home).arg("metadata").arg("--no-deps"))
}

/// The workspace with everything it depends on on this machine.
fn resolved(home: &Home) -> Result<Metadata> {
    let output = cargo(home).arg("-vV").output().map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut command = cargo(home);
    command.arg("metadata");
    if let Some(host) = text.lines().find_map(|line| line.strip_prefix("host: ")) {
        command.args(["--filter-platform", host]);
    }
    metadata(&mut command)
}

fn metadata(command: &mut Command) -> Result<Metadata> {
    command.args(["--format-version", "1"]);
    // Cargo's own complaint (a broken manifest) is more useful than ours.
    let output = command.output().map_err(missing)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::internal("cargo metadata failed").because(text));
    }
    serde_json::from_slice(&output.stdout)
        .or_error(ErrorKind::Internal, "read cargo metadata failed")
}

pub(super) fn missing(error: std::io::Error) -> Error {
    Error::invalid("cargo is needed to build the functions")
        .because(error)
        .hint("install Rust with rustup and try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binaries_of_function_packages_are_functions() {
        let text = r#"{"target_directory": "/t", "packages": [
            {"manifest_path": "/r/functions/load/Cargo.toml", "dependencies": [
                {"name": "csv", "kind": null}, {"name": "proptest", "kind": "dev"}],
             "targets": [{"name": "load", "kind": ["bin"]}, {"name": "shopflow_load", "kind": ["lib"]}]},
            {"manifest_path": "/r/functions/compact/Cargo.toml",
             "targets": [{"name": "compact", "kind": ["bin"]}]},
            {"manifest_path": "/r/cli/Cargo.toml", "targets": [{"name": "shopflow", "kind": ["bin"]}]}
        ]}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        let functions = metadata.functions(Path::new("/r"));
        assert_eq!(functions.len(), 2);
        assert_eq!((functions[0].name.as_str(), functions[1].name.as_str()), ("compact", "load"));
        assert_eq!(functions[1].dependencies, BTreeSet::from(["csv".to_owned()]));
    }

    #[test]
    fn the_crates_of_a_build_are_what_binaries_need_and_not_what_tests_need() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let home = Home::at(repository.clone(), repository.join(".shopflow"));
        let crates = crates_of_build(&home).unwrap();
        let names: BTreeSet<&str> = crates.values().map(String::as_str).collect();
        for needed in ["shopflow", "shopflow-load", "datafusion", "tokio-macros", "cc"] {
            assert!(names.contains(needed), "{needed} is compiled");
        }
        // `ring` is what rustls would use without the feature that picks another library.
        for idle in ["proptest", "shopflow-testkit", "shopflow-tests", "windows-sys", "ring"] {
            assert!(!names.contains(idle), "{idle} is not compiled");
        }
        assert!(workspace(&home).unwrap().crates_of_binaries().is_empty(), "nothing was resolved");
    }
}
