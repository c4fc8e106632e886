//! The body of a request, within its limits, and the events in it.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use shopflow_core::http::{Request, Response};
use shopflow_windows::record;

/// What may be sent. `navigator.sendBeacon` and old scripts send text. Gzip under its own type
/// passes every proxy as it is; under another one it needs `Content-Encoding`.
const MEDIA_TYPES: [&str; 4] =
    ["application/gzip", "application/json", "application/x-ndjson", "text/plain"];
/// How gzip begins.
const GZIP: &[u8] = b"\x1F\x8B";

/// The body as it was before its compression, of at most so many bytes.
///
/// # Errors
/// The response that says what is wrong: 400, 413 or 415.
pub fn plain(request: &Request, max_bytes: usize) -> Result<Vec<u8>, Response> {
    let media_type = request.media_type().unwrap_or_default();
    if !MEDIA_TYPES.contains(&media_type.as_str()) {
        let known = MEDIA_TYPES.join(", ");
        return Err(Response::refusal(415, &format!("the content type must be one of {known}")));
    }
    let encoding = request.header("content-encoding").map(str::trim);
    let says_gzip = encoding.is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
    let says_plain = encoding
        .is_none_or(|encoding| encoding.is_empty() || encoding.eq_ignore_ascii_case("identity"));
    if !says_gzip && !says_plain {
        return Err(Response::refusal(415, "the content encoding must be gzip or none"));
    }
    let body = &request.body;
    if body.len() > max_bytes {
        return Err(too_large(max_bytes));
    }
    if body.starts_with(GZIP) {
        return unpacked(body, max_bytes);
    }
    if says_gzip {
        let message = "the body is not gzip any more, or never was; as application/gzip it is not \
            changed on its way";
        return Err(Response::refusal(400, message));
    }
    Ok(body.clone())
}

fn unpacked(body: &[u8], max_bytes: usize) -> Result<Vec<u8>, Response> {
    let mut plain = Vec::new();
    let bound = max_bytes as u64 + 1;
    if MultiGzDecoder::new(body).take(bound).read_to_end(&mut plain).is_err() {
        return Err(Response::refusal(400, "the body cannot be unpacked"));
    }
    if plain.len() > max_bytes {
        return Err(too_large(max_bytes));
    }
    if plain.starts_with(GZIP) {
        return Err(Response::refusal(400, "the body is compressed twice"));
    }
    Ok(plain)
}

fn too_large(max_bytes: usize) -> Response {
    let message = format!("a request has at most {max_bytes} bytes, unpacked as well");
    Response::refusal(413, &message)
}

/// The events of a body: one JSON object, several on lines of their own, or an array of them. There
/// is at least one, and there are at most so many.
///
/// # Errors
/// The response that says what is wrong: 400 or 413.
pub fn events<'a>(
    plain: &'a [u8],
    buffer: &'a mut Vec<u8>,
    max_events: usize,
) -> Result<Vec<&'a [u8]>, Response> {
    let body = plain.trim_ascii();
    // One object may be laid out over several lines.
    if body.starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        return Ok(vec![body]);
    }
    let events =
        record::events(plain, buffer).map_err(|refusal| Response::refusal(400, &refusal.reason))?;
    // One more than there may be shows that there are too many.
    let events: Vec<&[u8]> = events.take(max_events + 1).collect();
    if events.len() > max_events {
        let message = format!("a request has at most {max_events} events");
        return Err(Response::refusal(413, &message));
    }
    if events.is_empty() {
        return Err(Response::refusal(400, "there is no event in the body"));
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn request(headers: &[(&str, &str)], body: &[u8]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Request { headers: headers.collect(), body: body.to_vec(), ..Request::default() }
    }

    fn status(request: &Request) -> u16 {
        plain(request, 100).map_or_else(|response| response.status, |_| 200)
    }

    #[test]
    fn what_is_packed_is_unpacked_however_it_is_announced() {
        let packed = gzip(b"{}");
        for headers in [
            &[("content-type", "application/json"), ("content-encoding", "gzip")][..],
            &[("content-type", "text/plain;charset=UTF-8"), ("content-encoding", "GZIP")],
            &[("content-type", "application/gzip")],
        ] {
            assert_eq!(plain(&request(headers, &packed), 100).unwrap(), b"{}", "{headers:?}");
        }
    }

    #[test]
    fn other_types_and_encodings_are_not_taken() {
        assert_eq!(status(&request(&[], b"{}")), 415);
        for media_type in ["text/html", "multipart/form-data; boundary=x", "application/jsonp"] {
            assert_eq!(status(&request(&[("content-type", media_type)], b"{}")), 415);
        }
        let json = ("content-type", "application/json");
        assert_eq!(status(&request(&[json, ("content-encoding", "br")], b"{}")), 415);
        assert_eq!(status(&request(&[json, ("content-encoding", "identity")], b"{}")), 200);
    }

    #[test]
    fn a_body_is_too_large_packed_or_unpacked() {
        let json = ("content-type", "application/json");
        assert_eq!(status(&request(&[json], &[b' '; 100])), 200);
        assert_eq!(status(&request(&[json], &[b' '; 101])), 413);
        assert_eq!(status(&request(&[json], &gzip(&[b' '; 100]))), 200);
        assert_eq!(status(&request(&[json], &gzip(&[b' '; 10_000]))), 413);
        assert_eq!(status(&request(&[json], &gzip(&gzip(b"{}")))), 400);
    }

    #[test]
    fn gzip_that_was_taken_for_text_is_told() {
        let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let broken = String::from_utf8_lossy(&gzip(b"{}")).into_owned();
        assert_eq!(status(&request(&headers, broken.as_bytes())), 400);
        assert_eq!(status(&request(&headers, &gzip(b"{}")[..15])), 400);
    }

    #[test]
    fn events_come_as_an_object_as_lines_or_as_an_array() {
        let read = |text: &str| {
            let mut buffer = Vec::new();
            let events = events(text.as_bytes(), &mut buffer, 3);
            events.map(|events| events.len()).map_err(|response| response.status)
        };
        assert_eq!(read("{\n  \"a\": 1\n}\n"), Ok(1));
        assert_eq!(read("{\"a\": 1}\n{\"a\": 2}\r\n"), Ok(2));
        assert_eq!(read("[{\"a\": 1}, {\"a\": 2}, {\"a\": 3}]"), Ok(3));
        assert_eq!(read("{}\n{}\n{}\n{}\n"), Err(413));
        for nothing in ["", " \n", "[]"] {
            assert_eq!(read(nothing), Err(400), "{nothing:?}");
        }
    }
}
