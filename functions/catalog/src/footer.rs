//! The columns of a Parquet file, from its footer alone.

use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use shopflow_core::{Error, ErrorKind, Result, ResultExt, Storage};

/// Bytes at the end of a file that are fetched at first; few footers are larger.
const TAIL: u64 = 64 * 1024;

/// The Arrow schema of a file of `bytes` bytes.
///
/// # Errors
/// `InvalidInput` when there is no such object, `Internal` when it is no Parquet file.
pub(crate) async fn schema(
    storage: &Storage,
    bucket: &str,
    key: &str,
    bytes: u64,
) -> Result<Schema> {
    let mut wanted = TAIL.min(bytes);
    loop {
        let tail = tail(storage, bucket, key, bytes, wanted).await?;
        let mut reader = ParquetMetaDataReader::new();
        let damaged = "decode parquet footer failed";
        match reader.try_parse_sized(&tail, bytes) {
            Ok(()) => {
                let metadata = reader.finish().or_error(ErrorKind::Internal, damaged)?;
                let file = metadata.file_metadata();
                return parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
                    .or_error(ErrorKind::Internal, damaged)
                    .map_err(|error| error.with("key", key));
            }
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > wanted => {
                wanted = (needed as u64).min(bytes);
            }
            Err(error) => return Err(Error::internal(damaged).because(error).with("key", key)),
        }
    }
}

async fn tail(
    storage: &Storage,
    bucket: &str,
    key: &str,
    bytes: u64,
    wanted: u64,
) -> Result<Bytes> {
    let answer = storage
        .client()
        .get_object()
        .bucket(bucket)
        .key(key)
        .range(format!("bytes={}-", bytes - wanted))
        .send()
        .await
        .map_err(|error| {
            let missing = error.as_service_error().is_some_and(|error| error.is_no_such_key());
            let failure = if missing {
                Error::invalid("file of a table does not exist")
                    .hint("restore it from the bucket's versions")
            } else {
                Error::aws(ErrorKind::TransientStorage, "get parquet footer", error)
            };
            failure.with("bucket", bucket).with("key", key)
        })?;
    let content = answer
        .body
        .collect()
        .await
        .or_error(ErrorKind::TransientStorage, "read parquet footer failed")?
        .into_bytes();
    if (content.len() as u64) < wanted {
        return Err(Error::internal("file is smaller than its manifest says").with("key", key));
    }
    Ok(content.slice(content.len() - wanted as usize..))
}
