//! What a run works on: generated data, files of the user, objects that landed already, or what waits.

use std::io::{BufRead, BufReader};
use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use shopflow_core::settings::Settings;
use shopflow_core::{Dataset, Error, ErrorKind, ObjectRef, Result, ResultExt, keys};

use crate::args::Run;
use crate::header;
use crate::paths;
use crate::target::Target;

/// The `source` of the pipeline's input. Files are uploaded first, marked as part of this run so
/// that their arrival starts no other.
///
/// # Errors
/// When a file cannot be read or uploaded, or its dataset is not clear.
pub async fn source(arguments: &Run, target: &Target, run_id: &str) -> Result<Value> {
    if !arguments.file.is_empty() {
        let mut objects = Vec::with_capacity(arguments.file.len());
        for (part, file) in arguments.file.iter().enumerate() {
            objects.push(upload(file, arguments.dataset, target, run_id, part).await?);
        }
        return objects_source(&objects);
    }
    if !arguments.object.is_empty() {
        return of_objects(&arguments.object);
    }
    if arguments.pending {
        return Ok(json!({"kind": "pending"}));
    }
    Ok(arguments.spec.source())
}

/// Checks that data may be generated in an environment, before anything is started there.
///
/// # Errors
/// `InvalidInput` that says what to do instead.
pub fn check_generated(environment: &str) -> Result<()> {
    let variables = std::env::vars().filter(|(name, _)| name.starts_with("SHOPFLOW__"));
    let settings = Settings::from_sources(environment, variables.collect(), &[])?;
    shopflow_generate::check_allowed(settings.generate)
        .map_err(|error| error.with("environment", environment))
}

/// The `source` for objects given as `s3://bucket/key` or `s3://bucket/key?versionId=…`.
///
/// # Errors
/// `InvalidInput` when one is no such address.
pub fn of_objects(addresses: &[String]) -> Result<Value> {
    let objects: Vec<ObjectRef> =
        addresses.iter().map(|address| parse(address)).collect::<Result<_>>()?;
    objects_source(&objects)
}

fn objects_source(objects: &[ObjectRef]) -> Result<Value> {
    let objects =
        serde_json::to_value(objects).or_error(ErrorKind::Internal, "encode input failed")?;
    Ok(json!({"kind": "objects", "objects": objects}))
}

fn parse(address: &str) -> Result<ObjectRef> {
    let wrong = || {
        Error::invalid("this is not an S3 address")
            .with("object", address)
            .hint("write s3://bucket/incoming/<dataset>/<name>")
    };
    let path = address.strip_prefix("s3://").ok_or_else(wrong)?;
    let (path, version) = match path.split_once("?versionId=") {
        Some((path, version)) => (path, Some(version.to_owned())),
        None => (path, None),
    };
    match path.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
            Ok(ObjectRef { bucket: bucket.to_owned(), key: key.to_owned(), version_id: version })
        }
        _ => Err(wrong()),
    }
}

async fn upload(
    file: &Path,
    dataset: Option<Dataset>,
    target: &Target,
    run_id: &str,
    part: usize,
) -> Result<ObjectRef> {
    let dataset = match dataset {
        Some(dataset) => dataset,
        None => dataset_of(file)?,
    };
    let (bucket, key) = (target.stack.landing()?, landing_key(dataset, run_id, part, file));
    let body = ByteStream::from_path(file).await.map_err(|error| {
        Error::invalid("read file failed").with("file", file.display()).because(error)
    })?;
    let stored = target
        .s3()
        .put_object()
        .bucket(bucket)
        .key(&key)
        .metadata(keys::RUN_METADATA, run_id)
        .body(body)
        .send()
        .await
        .map_err(|error| {
            Error::aws(ErrorKind::TransientStorage, "upload file", error)
                .with("file", file.display())
        })?;
    Ok(ObjectRef {
        bucket: bucket.to_owned(),
        key,
        version_id: stored.version_id().map(str::to_owned),
    })
}

/// Beside what a run generates, with the file's own name so that reports speak of it.
fn landing_key(dataset: Dataset, run_id: &str, part: usize, file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(|letter| if plain(letter) { letter } else { '_' })
        .collect();
    format!("incoming/{dataset}/run_id={run_id}/{part:05}-{name}")
}

/// The dataset whose name the file's name begins with, else the one whose columns its header has.
fn dataset_of(file: &Path) -> Result<Dataset> {
    let name = file.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    if let Some(dataset) = Dataset::all().find(|dataset| name.starts_with(dataset.name())) {
        return Ok(dataset);
    }
    let mut header = Vec::new();
    let opened = std::fs::File::open(file).map_err(|error| paths::unreadable(file, error))?;
    BufReader::new(opened)
        .read_until(b'\n', &mut header)
        .map_err(|error| paths::unreadable(file, error))?;
    header::dataset(&String::from_utf8_lossy(&header)).ok_or_else(|| {
        Error::invalid("cannot tell which dataset the file belongs to")
            .with("file", file.display())
            .hint(format!("name it with --dataset and one of {}", Dataset::names()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_name_a_version() {
        let source = of_objects(&["s3://landing/incoming/products/p.csv?versionId=v7".to_owned()]);
        let expected = json!({"kind": "objects", "objects": [
            {"bucket": "landing", "key": "incoming/products/p.csv", "version_id": "v7"}
        ]});
        assert_eq!(source.unwrap(), expected);
        for wrong in ["landing/p.csv", "s3://landing", "s3:///p.csv", "s3://landing/"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn production_is_refused_generated_data_and_told_what_else_there_is() {
        let text = check_generated("prod").unwrap_err().to_string();
        for part in ["generate.allowed", "environment=prod", "--file", "--pending"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        for environment in ["local", "dev", "staging"] {
            check_generated(environment).unwrap();
        }
    }

    #[test]
    fn an_uploaded_file_belongs_to_its_run_and_keeps_its_name() {
        let file = Path::new("/home/ana/my products (1).csv");
        let key = landing_key(Dataset::Products, "run-1", 2, file);
        assert_eq!(key, "incoming/products/run_id=run-1/00002-my_products__1_.csv");
        assert_eq!(keys::run_of_generated(&key), Some("run-1"));
    }

    #[test]
    fn the_dataset_is_told_by_name_or_header() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let named = write("Products-may.csv", "whatever\n");
        assert_eq!(dataset_of(&named).unwrap(), Dataset::Products);
        let headed = write("may.csv", "supplier,id,extra,name,category,\"price\"\r\n1,2\n");
        assert_eq!(dataset_of(&headed).unwrap(), Dataset::Products);
        for (header, dataset) in [
            ("id,name\n", Dataset::Customers),
            ("id,name,category,price\n", Dataset::Products),
            ("id,quantity,timestamp,unit_price\n", Dataset::Transactions),
        ] {
            assert_eq!(dataset_of(&write("few.csv", header)).unwrap(), dataset, "{header}");
        }
        let lines = write("clicks.jsonl", "{\"event_id\": 1}\n");
        assert_eq!(dataset_of(&lines).unwrap(), Dataset::Clickstream);
        let unclear = write("x.csv", "a,b\n");
        assert!(dataset_of(&unclear).unwrap_err().to_string().contains("--dataset"));
    }
}
