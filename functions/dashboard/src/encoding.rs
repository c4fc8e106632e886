//! Answers are compressed where the browser takes it: a function's URL does not do that.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use shopflow_core::http::Request;
use shopflow_core::{ErrorKind, Result, ResultExt};

/// True when the caller takes gzip.
pub fn takes_gzip(request: &Request) -> bool {
    let accepted = request.header("accept-encoding").unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|part| part == "q=0")
    })
}

/// Compressed bytes.
///
/// # Errors
/// `Internal`, which writing to memory never is.
pub fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).or_error(ErrorKind::Internal, "compress answer failed")?;
    encoder.finish().or_error(ErrorKind::Internal, "compress answer failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_when_it_is_among_what_is_accepted() {
        let takes = |accepted: &str| {
            let mut request = Request::default();
            request.headers.insert("accept-encoding".to_owned(), accepted.to_owned());
            takes_gzip(&request)
        };
        assert!(takes("gzip") && takes("br, gzip;q=0.8") && takes("deflate,GZIP"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("x-gzipped"));
        assert!(!takes_gzip(&Request::default()));
    }
}
