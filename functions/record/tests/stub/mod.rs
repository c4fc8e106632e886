//! An HTTP server on loopback that keeps what it is sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request: request line and headers (names in lower case), and the body.
#[derive(Debug, Clone)]
pub struct Request {
    pub head: String,
    pub body: String,
}

pub struct Stub {
    port: u16,
    received: Arc<Mutex<Vec<Request>>>,
}

impl Stub {
    /// A server that answers every request with this status.
    pub async fn answering(status: u16) -> Stub {
        Stub::serve(Some(status)).await
    }

    /// A server that reads requests and never answers.
    pub async fn silent() -> Stub {
        Stub::serve(None).await
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub fn received(&self) -> Vec<Request> {
        self.received.lock().unwrap().clone()
    }

    async fn serve(status: Option<u16>) -> Stub {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, status, Arc::clone(&kept)));
            }
        });
        Stub { port, received }
    }
}

async fn answer(mut connection: TcpStream, status: Option<u16>, kept: Arc<Mutex<Vec<Request>>>) {
    let (reading, mut writing) = connection.split();
    let mut reading = BufReader::new(reading);
    loop {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reading.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let line = match line.split_once(": ") {
                Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
                None => line.to_owned(),
            };
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            head.push_str(&line);
            head.push('\n');
        }
        let mut body = vec![0; length];
        reading.read_exact(&mut body).await.unwrap();
        kept.lock().unwrap().push(Request { head, body: String::from_utf8(body).unwrap() });
        let Some(status) = status else { return std::future::pending().await };
        let answer = format!("HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\n\r\n");
        writing.write_all(answer.as_bytes()).await.unwrap();
    }
}
