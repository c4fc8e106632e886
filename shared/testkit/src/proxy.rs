//! A TCP proxy that breaks connections, to see how clients take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

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
