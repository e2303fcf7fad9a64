//! A producer that speaks to nats-server byte by byte, to send messages that no client library
//! would.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A message, byte for byte.
#[derive(Debug, Clone)]
pub struct Bytes {
    /// Its subject.
    pub subject: Vec<u8>,
    /// Its block of headers; none if it is empty.
    pub block: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Sends messages and waits until the server has read them.
pub async fn send(nats_url: &str, messages: &[Bytes]) {
    let address = nats_url.strip_prefix("nats://").expect("an address without TLS");
    let mut line = TcpStream::connect(address).await.expect("nats-server");
    let mut bytes = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n".to_vec();
    for Bytes { subject, block, body } in messages {
        bytes.extend_from_slice(if block.is_empty() { b"PUB " } else { b"HPUB " });
        bytes.extend_from_slice(subject);
        if !block.is_empty() {
            bytes.extend_from_slice(format!(" {}", block.len()).as_bytes());
        }
        bytes.extend_from_slice(format!(" {}\r\n", block.len() + body.len()).as_bytes());
        bytes.extend_from_slice(block);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"PING\r\n");
    line.write_all(&bytes).await.expect("sent");
    let mut said = String::new();
    let mut piece = [0; 4096];
    while !said.contains("PONG") {
        let length = line.read(&mut piece).await.expect("an answer");
        said.push_str(&String::from_utf8_lossy(&piece[..length]));
        assert!(length > 0 && !said.contains("-ERR"), "nats-server refuses it: {said}");
    }
}
