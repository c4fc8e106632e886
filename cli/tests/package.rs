//! `package` on a small workspace: it really compiles, needs no network, and puts the certificate
//! authorities where Postgres is talked to.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use shopflow::console::Console;
use shopflow::local::home::Home;
use shopflow::package::{self, Architecture, authorities};
use shopflow_core::ErrorKind;

/// A workspace like this one: one function that talks to Postgres, one whose tests do, one that
/// does not. Their names are nobody else's, since they are built into the same target folder.
fn workspace(folder: &Path) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
    let postgres = "shopflow-postgres = { path = \"../../shared/postgres\" }\n";
    write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\", \"shared/*\"]\n",
    );
    write("shared/postgres/Cargo.toml", &package("shopflow-postgres"));
    write("shared/postgres/src/lib.rs", "");
    for (name, dependencies) in [
        ("packaged-till", format!("[dependencies]\n{postgres}")),
        ("packaged-shelf", format!("[dev-dependencies]\n{postgres}")),
        ("packaged-door", String::new()),
    ] {
        let manifest = package(name) + &dependencies;
        write(&format!("functions/{name}/Cargo.toml"), &manifest);
        write(&format!("functions/{name}/src/main.rs"), "fn main() {}");
    }
}

/// A certificate authority in PEM.
fn certificate(folder: &Path) -> Vec<u8> {
    let path = folder.join("ca.pem");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=An authority"])
        .arg("-keyout")
        .arg(folder.join("ca.key"))
        .arg("-out")
        .arg(&path)
        .output()
        .expect("run openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::read(path).unwrap()
}

/// The Python environment of the tests, with these sources.
fn home(folder: &Path) -> Home {
    Home::of_tests().unwrap().with_repository(folder.canonicalize().unwrap())
}

#[test]
fn a_package_has_every_function_and_the_authorities_where_postgres_is_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path());
    let home = home(folder.path());
    let certificate = certificate(folder.path());
    let lambda = home.lambda_folder();
    // A link to a binary of this machine, as `up` leaves it, and what is packaged no longer.
    let built = folder.path().join("built");
    fs::write(&built, "for this machine").unwrap();
    for function in ["packaged-till", "packaged-door"] {
        fs::create_dir_all(lambda.join(function)).unwrap();
        fs::hard_link(&built, lambda.join(function).join("bootstrap")).unwrap();
    }
    let name = authorities::file_name().unwrap();
    fs::write(lambda.join("packaged-door").join(&name), "of an earlier time").unwrap();

    let architecture = Architecture::of_this_machine();
    let packaged = package::package(&home, architecture, &certificate, Console::quiet()).unwrap();
    let names: Vec<&str> = packaged.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["packaged-door", "packaged-shelf", "packaged-till"]);
    for function in &packaged {
        let own = lambda.join(&function.name);
        let binary = fs::read(own.join("bootstrap")).unwrap();
        assert!(binary.starts_with(b"\x7fELF"), "{}", function.name);
        let talks_to_postgres = function.name == "packaged-till";
        assert_eq!(function.authorities.is_some(), talks_to_postgres, "{function:?}");
        let beside = fs::read(own.join(&name)).ok();
        assert_eq!(beside, talks_to_postgres.then(|| certificate.clone()), "{function:?}");
    }
    assert_eq!(fs::read_to_string(&built).unwrap(), "for this machine");
}

#[test]
fn a_file_that_is_no_pem_is_refused_before_anything_is_built() {
    let folder = tempfile::tempdir().unwrap();
    workspace(folder.path());
    let home = home(folder.path());
    let certificate = certificate(folder.path());
    let key = fs::read(folder.path().join("ca.key")).unwrap();
    let half = certificate[..certificate.len() / 2].to_vec();
    for wrong in [b"<html>not found</html>".to_vec(), Vec::new(), key, half] {
        let architecture = Architecture::of_this_machine();
        let refused = package::package(&home, architecture, &wrong, Console::quiet());
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("--ca-file"), "{error}");
    }
    assert!(!home.lambda_folder().exists());
}

#[tokio::test]
async fn a_file_that_is_given_is_read_and_nothing_is_downloaded() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certificate(folder.path());
    let file = folder.path().join("ca.pem");
    assert_eq!(authorities::get(Some(&file)).await.unwrap(), certificate);
    assert_eq!(authorities::check(&certificate).unwrap(), 1);
    let missing = authorities::get(Some(Path::new("/nowhere/ca.pem"))).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::InvalidInput);
    assert!(missing.to_string().contains("/nowhere/ca.pem"), "{missing}");
}
