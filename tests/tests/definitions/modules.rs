//! Within a crate, modules depend on each other in one direction only.
//!
//! Dependencies are read from the text of the sources: `use` declarations and paths that begin
//! with `crate` or `super`. What a module re-exports (`pub use`) is no dependency of its own, and
//! whoever uses it depends on the module it comes from. Tests within a module do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path below the crate; the root is empty.
type Module = Vec<String>;

/// The modules of a crate with their sources, free of comments, texts and tests.
struct Crate {
    sources: BTreeMap<Module, String>,
    /// Per module, what it re-exports: name and path.
    exports: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The source without comments, texts and the tests at its end.
fn bare(source: &str) -> String {
    let end = source.find("#[cfg(test)]\nmod tests {").unwrap_or(source.len());
    let mut out = String::new();
    let mut rest = source[..end].chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '/' if rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                while let Some(inner) = rest.next() {
                    match inner {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            // A quote in quotes would begin a text.
            '\'' if rest.peek() == Some(&'"') => {
                rest.next();
                rest.next();
            }
            other => out.push(other),
        }
    }
    out
}

/// The paths of a `use` tree: `a::{b, c::d as e}` has `a::b` and `a::c::d`.
fn paths(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let Some(inner) = inner.trim_end().strip_suffix('}') else { return Vec::new() };
    let mut branches = vec![String::new()];
    let mut depth = 0;
    for character in inner.chars() {
        depth += i32::from(character == '{') - i32::from(character == '}');
        match (character, depth, branches.last_mut()) {
            (',', 0, _) => branches.push(String::new()),
            (_, _, Some(branch)) => branch.push(character),
            _ => {}
        }
    }
    let branches = branches.iter().filter(|branch| !branch.trim().is_empty());
    branches.flat_map(|branch| paths(&format!("{before}{}", branch.trim()))).collect()
}

/// The `use` declarations of a source: whether it is public, and its tree.
fn uses(source: &str) -> Vec<(bool, &str)> {
    let declaration = |statement| -> Option<(bool, &str)> {
        let statement: &str = statement;
        let at = statement.rfind("use ")?;
        let before = statement[..at].rsplit('\n').next().unwrap_or_default();
        let is_public = before.trim_start().starts_with("pub");
        (is_public || before.trim().is_empty()).then_some((is_public, &statement[at + 4..]))
    };
    source.split(';').filter_map(declaration).collect()
}

impl Crate {
    fn read(folder: &Path) -> Crate {
        let mut found = Vec::new();
        files(folder, &mut found);
        let mut sources = BTreeMap::new();
        for file in found {
            let inside = file.strip_prefix(folder).unwrap().with_extension("");
            let mut module: Module =
                inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let last = module.last().cloned().unwrap_or_default();
            if last.ends_with("tests") || module == ["main"] && folder.join("lib.rs").exists() {
                continue;
            }
            if last == "mod" || module == ["lib"] || module == ["main"] {
                module.pop();
            }
            sources.insert(module, bare(&fs::read_to_string(&file).unwrap()));
        }
        let mut all = Crate { sources, exports: BTreeMap::new() };
        for (module, source) in &all.sources {
            let public = uses(source).into_iter().filter(|(is_public, _)| *is_public);
            let named = public.flat_map(|(_, tree)| paths(tree));
            let named = named.map(|path| (path.last().cloned().unwrap_or_default(), path));
            all.exports.insert(module.clone(), named.collect());
        }
        all
    }

    /// The path from the root of the crate; `None` when it leads out of the crate.
    fn absolute(&self, path: &[String], from: &Module) -> Option<Vec<String>> {
        let mut base = from.clone();
        let mut path = path;
        match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => path = &path[1..],
            "super" => {
                while path.first().is_some_and(|part| part == "super") {
                    base.pop();
                    path = &path[1..];
                }
            }
            first => {
                let child = [base.clone(), vec![first.to_owned()]].concat();
                self.sources.contains_key(&child).then_some(())?;
            }
        }
        Some([base, path.to_vec()].concat())
    }

    /// The module that a path names something of, behind re-exports.
    fn module_of(&self, path: &[String], depth: usize) -> Option<Module> {
        for length in (0..=path.len()).rev() {
            let module = path[..length].to_vec();
            let Some(exports) = self.exports.get(&module) else { continue };
            let export = path.get(length).and_then(|name| exports.get(name));
            if let Some(export) = export.filter(|_| depth < 6) {
                let behind = self.absolute(export, &module);
                if let Some(behind) = behind {
                    return self
                        .module_of(&[behind, path[length + 1..].to_vec()].concat(), depth + 1);
                }
            }
            return Some(module);
        }
        None
    }

    /// Which modules each module depends on.
    fn dependencies(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut all = BTreeMap::new();
        for (module, source) in &self.sources {
            let private = uses(source).into_iter().filter(|(is_public, _)| !is_public);
            let mut named: Vec<Vec<String>> = private.flat_map(|(_, tree)| paths(tree)).collect();
            let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let inline = source.split(|c| !word(c)).filter(|text| text.contains("::"));
            named.extend(inline.map(|text| text.split("::").map(str::to_owned).collect()));
            let found = named.iter().filter(|path| path.last().is_some_and(|name| name != "*"));
            let found = found.filter_map(|path| self.absolute(path, module));
            let found = found.filter_map(|path| self.module_of(&path, 0));
            all.insert(module.clone(), found.filter(|other| other != module).collect());
        }
        all
    }

    /// Modules that depend on themselves, by way of others.
    fn circular(&self) -> Vec<String> {
        let dependencies = self.dependencies();
        let reaches_itself = |module: &Module| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&Module> = dependencies[module].iter().collect();
            while let Some(other) = next.pop() {
                if other == module {
                    return true;
                }
                if seen.insert(other) {
                    next.extend(&dependencies[other]);
                }
            }
            false
        };
        let modules = dependencies.keys().filter(|module| reaches_itself(module));
        modules.map(|module| format!("crate::{}", module.join("::"))).collect()
    }
}

#[test]
fn no_module_depends_on_one_that_depends_on_it() {
    let mut found = Vec::new();
    let mut crates = 0;
    for parent in ["functions", "shared", "."] {
        for entry in fs::read_dir(repository().join(parent)).unwrap() {
            let folder = entry.unwrap().path().join("src");
            if !folder.is_dir() {
                continue;
            }
            crates += 1;
            let circular = Crate::read(&folder).circular();
            if !circular.is_empty() {
                found.push(format!("{}: {}", folder.display(), circular.join(", ")));
            }
        }
    }
    assert!(crates > 20, "{crates} crates were read");
    assert!(found.is_empty(), "modules in circles:\n{}", found.join("\n"));
}

#[test]
fn a_circle_is_found_behind_a_re_export() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("lib.rs", "mod a;\nmod b;\nmod c;\npub use c::C;\n");
    write("a.rs", "use crate::{C, b::B};\n");
    write("b.rs", "pub struct B;\nfn f() { \"crate::a\"; } // crate::a\n");
    write("c.rs", "use super::b::B;\n");
    assert!(Crate::read(folder.path()).circular().is_empty());
    write("c.rs", "fn f() { crate::a::g(); }\n");
    assert_eq!(Crate::read(folder.path()).circular(), ["crate::a", "crate::c"]);
}
