//! An archive of a release, unpacked where there is neither the repository nor cargo, brings up a
//! local cloud, runs the pipeline and answers questions.

// The exception for tests does not reach their helper functions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use shopflow::local::build;
use shopflow::local::home::Home;
use shopflow::release::{Contents, EXTENSION};

/// Programs that the command itself starts; nothing else is on its search path.
const PROGRAMS: [&str; 2] = ["python3", "sh"];

/// An unpacked release in a folder of its own. Its local cloud ends with it.
struct Release {
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl Release {
    /// Packs what was built for the tests, and unpacks it.
    fn unpacked(home: &Home) -> Release {
        let folder = tempfile::tempdir().unwrap();
        let contents = Contents {
            sources: home.repository(),
            command: Path::new(env!("CARGO_BIN_EXE_shopflow")),
            lambda: &home.lambda_folder(),
            functions: &build::function_names(home).unwrap(),
        };
        let archive = contents.write(folder.path()).unwrap();
        let file = flate2::read::GzDecoder::new(File::open(&archive.path).unwrap());
        tar::Archive::new(file).unpack(folder.path()).unwrap();
        let name = archive.path.file_name().unwrap().to_str().unwrap();
        let root = folder.path().join(name.strip_suffix(EXTENSION).unwrap());

        // The Python environment of the tests, which would take minutes to install again.
        std::fs::create_dir(root.join(".shopflow")).unwrap();
        symlink(home.venv(), root.join(".shopflow/venv")).unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        for program in PROGRAMS {
            symlink(found(program), folder.path().join("bin").join(program)).unwrap();
        }
        Release { folder, root }
    }

    /// The command of the release with `arguments`, started from somewhere else.
    fn shopflow(&self, arguments: &[&str]) -> Output {
        Command::new(self.root.join("shopflow"))
            .args(arguments)
            .env_clear()
            .env("PATH", self.folder.path().join("bin"))
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        self.shopflow(&["down", "--purge"]);
    }
}

/// Where the search path has a program.
fn found(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|p| p.exists()).unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_release_runs_the_pipeline_without_cargo_and_refuses_the_functions_of_another() {
    let home = Home::of_tests().unwrap();
    let release = Release::unpacked(&home);

    let ran = release.shopflow(&["run", "--scale", "0.1", "--run-date", "2026-01-15", "--json"]);
    assert!(ran.status.success(), "{}", complaint(&ran));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["status"], "succeeded", "{report:#}");
    assert_eq!(report["business"]["transactions"], "500", "{report:#}");

    let listed = release.shopflow(&["status"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains(report["run_id"].as_str().unwrap()), "{text}{}", complaint(&listed));
    let answers = release.shopflow(&["report", "--out", "answers"]);
    assert!(answers.status.success(), "{}", complaint(&answers));
    assert!(release.folder.path().join("answers/report.html").exists());
    let suggested = release.shopflow(&["suggest", "products"]);
    assert!(suggested.status.success(), "{}", complaint(&suggested));
    let tests = release.shopflow(&["test"]);
    assert!(complaint(&tests).contains("a release has none"), "{}", complaint(&tests));

    let load = release.root.join("target/lambda/load/bootstrap");
    std::fs::copy(release.root.join("target/lambda/upload/bootstrap"), &load).unwrap();
    let refused = release.shopflow(&["up"]);
    assert!(!refused.status.success());
    let said = complaint(&refused);
    assert!(said.contains("not the one this release was made with"), "{said}");
    assert!(said.contains("load/bootstrap") && said.contains("unpack the archive anew"), "{said}");

    let down = release.shopflow(&["down", "--purge"]);
    assert!(down.status.success(), "{}", complaint(&down));
    let absent = release.shopflow(&["status"]);
    assert!(complaint(&absent).contains("run `shopflow up`"), "{}", complaint(&absent));
}
