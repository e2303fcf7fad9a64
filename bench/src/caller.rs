//! A caller of the service: one connection, kept open, and no library on it, as the callers share the
//! machine with what is measured.

use std::net::SocketAddr;

use adaptive_bi::http::gate::X_API_KEY;
use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A caller of `POST /api/events`.
#[derive(Debug)]
pub struct Caller {
    stream: TcpStream,
    /// The head of a request, up to its length.
    head: String,
    /// The bytes of the last request and of its answer; the next ones take their memory.
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Caller {
    /// Connects.
    ///
    /// # Errors
    /// Fails if nobody listens.
    pub async fn connect(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /api/events HTTP/1.1\r\nhost: {address}\r\n{X_API_KEY}: {key}\r\n\
             content-type: application/x-ndjson\r\ncontent-length: "
        );
        Ok(Caller { stream, head, sent: Vec::new(), received: Vec::new() })
    }

    /// Sends events and waits for the answer.
    ///
    /// # Errors
    /// Fails if they are not all taken.
    pub async fn post(&mut self, events: &str) -> anyhow::Result<()> {
        self.sent.clear();
        self.sent.extend_from_slice(self.head.as_bytes());
        self.sent.extend_from_slice(format!("{}\r\n\r\n", events.len()).as_bytes());
        self.sent.extend_from_slice(events.as_bytes());
        self.stream.write_all(&self.sent).await?;
        self.received.clear();
        let head = loop {
            if let Some(at) = self.received.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            self.receive().await?;
        };
        let end = head + length(&self.received[..head]).context("an answer without its length")?;
        while self.received.len() < end {
            self.receive().await?;
        }
        let is_taken = self.received.starts_with(b"HTTP/1.1 200 ");
        ensure!(is_taken, "not taken: {}", String::from_utf8_lossy(&self.received));
        Ok(())
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.received).await?;
        ensure!(read > 0, "the service closed the connection");
        Ok(())
    }
}

/// The length of the body that a head states.
fn length(head: &[u8]) -> Option<usize> {
    let head = str::from_utf8(head).ok()?;
    let mut fields = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    value.trim().parse().ok()
}
