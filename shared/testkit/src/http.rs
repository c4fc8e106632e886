//! Requests over plain HTTP: a client of its own would be one more to compile.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of a name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        let body = serde_json::from_slice(&self.body);
        body.unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Asks for `url`, which begins with `http://`.
///
/// # Panics
/// When nobody answers.
pub async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    send("GET", url, headers, "").await
}

/// Sends `body` to `url`, which begins with `http://`.
///
/// # Panics
/// When nobody answers.
pub async fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send("POST", url, headers, body).await
}

async fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url} is not plain HTTP"));
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    let mut stream = TcpStream::connect(address).await.expect("connect");
    stream.write_all(request.as_bytes()).await.expect("send request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("read answer");
    parsed(&answer)
}

/// The parts of an answer whose length its server has told.
fn parsed(answer: &[u8]) -> Answer {
    let end =
        answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer with a head");
    let head = String::from_utf8_lossy(&answer[..end]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
    let headers = lines.filter_map(|line| line.split_once(':'));
    Answer {
        status: status.parse().expect("a status"),
        headers: headers
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer =
            parsed(b"HTTP/1.1 202 Accepted\r\nETag: W/\"1\"\r\nX-A: b: c\r\n\r\n{\"a\":1}");
        assert_eq!((answer.status, answer.header("etag")), (202, Some("W/\"1\"")));
        assert_eq!((answer.header("x-a"), answer.header("x-b")), (Some("b: c"), None));
        assert_eq!(answer.json()["a"], 1);
        let empty = parsed(b"HTTP/1.1 304 \r\n\r\n");
        assert_eq!((empty.status, empty.text().as_str()), (304, ""));
    }
}
