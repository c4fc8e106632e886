//! TCP proxies: one breaks connections, to see how clients take it, one notes what clients ask.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts a proxy to `upstream` (`host:port`) on a free loopback port; its address.
///
/// The first `cuts` connections that have carried `after_bytes` of the answer are cut there;
/// every other connection is passed on untouched.
pub async fn cutting(upstream: String, after_bytes: usize, cuts: u32) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind proxy");
    let address = listener.local_addr().expect("proxy address").to_string();
    let left = Arc::new(AtomicU32::new(cuts));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, upstream.clone(), after_bytes, Arc::clone(&left)));
        }
    });
    address
}

async fn pass(client: TcpStream, upstream: String, after_bytes: usize, left: Arc<AtomicU32>) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut carried = 0;
    while let Ok(length) = from_server.read(&mut buffer).await {
        if length == 0 || to_client.write_all(&buffer[..length]).await.is_err() {
            return;
        }
        carried += length;
        let take_one = |left: u32| left.checked_sub(1);
        if carried >= after_bytes
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok()
        {
            return;
        }
    }
}

/// What was asked through [`noting`]: method and path of each request, in the order they came.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    /// What was asked since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("requests"))
    }

    /// A client sends a request when it has the answer to the one before, so each begins a chunk.
    fn note(&self, chunk: &[u8]) {
        let line = chunk.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let mut words = std::str::from_utf8(line).unwrap_or_default().split(' ');
        let (Some(method), Some(path), Some("HTTP/1.1")) =
            (words.next(), words.next(), words.next())
        else {
            return;
        };
        self.0.lock().expect("requests").push(format!("{method} {path}"));
    }
}

/// Starts a proxy to `upstream` (`host:port`) on a free loopback port that notes the requests; its
/// address, and the notes.
pub async fn noting(upstream: String) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind proxy");
    let address = listener.local_addr().expect("proxy address").to_string();
    let requests = Requests::default();
    let notes = requests.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(note(client, upstream.clone(), notes.clone()));
        }
    });
    (address, requests)
}

async fn note(client: TcpStream, upstream: String, notes: Requests) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0_u8; 16 * 1024];
    while let Ok(length) = from_client.read(&mut buffer).await {
        notes.note(&buffer[..length]);
        if length == 0 || to_server.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
