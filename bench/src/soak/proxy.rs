//! A TCP line that can be cut, stalled and slowed without notice to either end.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The state of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Everything goes through.
    Good,
    /// Connections are closed, new ones as soon as they are made.
    Cut,
    /// Nothing goes through and nothing is closed.
    Stalled,
    /// Everything goes through, each piece later by this time.
    Slow(Duration),
    /// A connection is closed where a mark comes by; what is before it has gone through.
    CutAt(Mark),
    /// A connection is stalled where a mark comes by.
    HeldAt(Mark),
}

/// A place in what goes over a line to NATS, as the client and nats-server write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The second message of an atomic batch, on its way to the server.
    SecondOfBatch,
    /// The end of an atomic batch, on its way to the server: all but the last message has gone.
    CommitOfBatch,
    /// The acknowledgement of an atomic batch, on its way back.
    AnswerToBatch,
}

/// The direction of what goes over a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    Back,
}

impl Mark {
    fn way(self) -> Way {
        match self {
            Mark::SecondOfBatch | Mark::CommitOfBatch => Way::ToServer,
            Mark::AnswerToBatch => Way::Back,
        }
    }

    fn text(self) -> &'static [u8] {
        match self {
            Mark::SecondOfBatch => b"Nats-Batch-Sequence: 2\r",
            Mark::CommitOfBatch => b"Nats-Batch-Commit:",
            Mark::AnswerToBatch => b"\"batch\":",
        }
    }

    /// Where it ends in a piece, of which the last bytes before are known.
    fn end(self, before: &[u8], piece: &[u8]) -> Option<usize> {
        let text = self.text();
        let both = [before, piece].concat();
        let at = both.windows(text.len()).position(|it| it == text)?;
        Some((at + text.len()).saturating_sub(before.len()))
    }
}

/// The number of bytes of a piece that a mark of the next one may begin with.
const BEFORE: usize = 32;

/// A line to a server. Dropping it cuts it for good.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: watch::Sender<Line>,
    harmed: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.send_replace(Line::Cut);
        self.task.abort();
    }
}

impl Proxy {
    /// Makes a line to `host:port`.
    ///
    /// # Errors
    /// Fails if no port is free.
    pub async fn to(target: &str) -> std::io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (line, seen) = watch::channel(Line::Good);
        let harmed = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(accept(listener, target.to_owned(), seen, Arc::clone(&harmed)));
        Ok(Proxy { address, line, harmed, task })
    }

    /// The address of its near end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts the line into a state.
    pub fn make(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// The number of pieces that were held up or slowed, and of connections that were cut or
    /// refused.
    #[must_use]
    pub fn harmed(&self) -> u64 {
        self.harmed.load(Ordering::Relaxed)
    }
}

async fn accept(
    listener: TcpListener,
    target: String,
    line: watch::Receiver<Line>,
    harmed: Arc<AtomicU64>,
) {
    while let Ok((near, _)) = listener.accept().await {
        if *line.borrow() == Line::Cut {
            harmed.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        tokio::spawn(carry(near, target.clone(), line.clone(), Arc::clone(&harmed)));
    }
}

async fn carry(
    near: TcpStream,
    target: String,
    mut line: watch::Receiver<Line>,
    harmed: Arc<AtomicU64>,
) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = copy(Way::ToServer, near_in, far_out, line.clone(), &harmed) => {}
        () = copy(Way::Back, far_in, near_out, line.clone(), &harmed) => {}
        _ = line.wait_for(|line| *line == Line::Cut) => {
            harmed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Carries one direction to its end.
async fn copy(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    harmed: &AtomicU64,
) {
    let mut buffer = vec![0; 64 << 10];
    let mut before = Vec::new();
    while let Ok(read) = from.read(&mut buffer).await {
        if read == 0 {
            break;
        }
        let now = *line.borrow_and_update();
        let mut sent = 0;
        match now {
            Line::Stalled => {
                harmed.fetch_add(1, Ordering::Relaxed);
                if line.wait_for(|line| *line != Line::Stalled).await.is_err() {
                    break;
                }
            }
            Line::Slow(by) => {
                harmed.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(by).await;
            }
            Line::CutAt(mark) | Line::HeldAt(mark) if mark.way() == way => {
                if let Some(end) = mark.end(&before, &buffer[..read]) {
                    // The mark's last byte stays here, so nobody reads it as a whole.
                    sent = end.saturating_sub(1);
                    if to.write_all(&buffer[..sent]).await.is_err() {
                        break;
                    }
                    harmed.fetch_add(1, Ordering::Relaxed);
                    if now == Line::CutAt(mark) || line.wait_for(|it| *it != now).await.is_err() {
                        break;
                    }
                }
            }
            Line::Good | Line::Cut | Line::CutAt(_) | Line::HeldAt(_) => {}
        }
        if to.write_all(&buffer[sent..read]).await.is_err() {
            break;
        }
        before = buffer[read.saturating_sub(BEFORE)..read].to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn says(socket: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
        socket.write_all(text).await?;
        let mut heard = vec![0; text.len()];
        socket.read_exact(&mut heard).await?;
        Ok(heard)
    }

    #[tokio::test]
    async fn a_line_carries_stalls_and_is_cut() {
        let proxy = Proxy::to(&echo().await.to_string()).await.unwrap();
        let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(says(&mut socket, b"one").await.unwrap(), b"one");
        assert_eq!(proxy.harmed(), 0);

        proxy.make(Line::Stalled);
        socket.write_all(b"two").await.unwrap();
        while proxy.harmed() == 0 {
            tokio::task::yield_now().await;
        }
        proxy.make(Line::Good);
        let mut heard = [0; 3];
        socket.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"two", "what was held up comes through, and nothing is missing");

        proxy.make(Line::Cut);
        assert!(says(&mut socket, b"three").await.is_err());
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(says(&mut refused, b"four").await.is_err());
        proxy.make(Line::Good);
        let mut again = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(says(&mut again, b"five").await.unwrap(), b"five");
    }

    #[test]
    fn a_mark_is_found_over_two_pieces() {
        let mark = Mark::CommitOfBatch;
        assert_eq!(mark.end(b"", b"x Nats-Batch-Commit:1"), Some(20));
        assert_eq!(mark.end(b"Nats-Batch-", b"Commit:1"), Some(7));
        assert_eq!(mark.end(b"Nats-Batch-", b"Sequence:1"), None);
    }

    #[tokio::test]
    async fn a_line_that_is_cut_or_held_at_a_mark_carries_what_is_before_it() {
        let proxy = Proxy::to(&echo().await.to_string()).await.unwrap();
        let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.make(Line::HeldAt(Mark::CommitOfBatch));
        socket.write_all(b"one Nats-Batch-Commit: 1").await.unwrap();
        let mut heard = [0; 21];
        socket.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"one Nats-Batch-Commit");
        assert_eq!(proxy.harmed(), 1);
        proxy.make(Line::Good);
        let mut rest = [0; 3];
        socket.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b": 1");

        proxy.make(Line::CutAt(Mark::AnswerToBatch));
        socket.write_all(br#"{"batch":"b"}"#).await.unwrap();
        let mut heard = Vec::new();
        let _ = socket.read_to_end(&mut heard).await;
        assert_eq!(heard, br#"{"batch""#);
        assert_eq!(proxy.harmed(), 2);
    }
}
