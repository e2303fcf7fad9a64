//! A connection's socket: it notes when something comes in, and fails where nothing goes out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// Hangs up on a connection, WebSocket or not; an extension of its requests. It is of no use once
/// the connection has ended.
#[derive(Debug, Clone)]
pub struct HangUp(CancellationToken);

impl HangUp {
    /// For a connection that is about to be.
    #[must_use]
    pub fn new() -> Self {
        HangUp(CancellationToken::new())
    }

    /// Ends the connection.
    pub fn now(&self) {
        self.0.cancel();
    }

    /// Whether the connection has ended, or is about to.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_cancelled()
    }
}

impl Default for HangUp {
    fn default() -> Self {
        HangUp::new()
    }
}

/// The socket. It holds the connection's place among those there may be, and takes it along where
/// the connection becomes a WebSocket.
pub(super) struct Socket<F> {
    stream: TcpStream,
    heard: F,
    write_within: Duration,
    /// Runs while a write does not move on.
    stalled: Option<Pin<Box<Sleep>>>,
    told_to_end: Pin<Box<WaitForCancellationFutureOwned>>,
    _over: DropGuard,
    _place: OwnedSemaphorePermit,
}

impl<F: Fn() + Unpin> Socket<F> {
    /// `heard` is called when bytes come in.
    pub(super) fn new(
        stream: TcpStream,
        heard: F,
        write_within: Duration,
        place: OwnedSemaphorePermit,
        hang_up: &HangUp,
    ) -> Self {
        let HangUp(token) = hang_up.clone();
        let told_to_end = Box::pin(token.clone().cancelled_owned());
        let over = token.drop_guard();
        Socket {
            stream,
            heard,
            write_within,
            stalled: None,
            told_to_end,
            _over: over,
            _place: place,
        }
    }

    /// An outcome of a write, or that it has not moved on for too long.
    fn moved<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let within = self.write_within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<F: Fn() + Unpin> AsyncRead for Socket<F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.told_to_end.as_mut().poll(context).is_ready() {
            // As if the other end had closed it.
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            (self.heard)();
        }
        polled
    }
}

impl<F: Fn() + Unpin> AsyncWrite for Socket<F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.moved(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.moved(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;

    async fn pair(heard: impl Fn() + Unpin) -> (Socket<impl Fn() + Unpin>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let within = Duration::from_millis(50);
        (Socket::new(stream, heard, within, place, &HangUp::new()), client)
    }

    #[tokio::test]
    async fn who_reads_nothing_is_not_written_to_for_ever() {
        let (mut socket, client) = pair(|| ()).await;
        let error = socket.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }

    #[tokio::test]
    async fn who_reads_slowly_gets_it_all() {
        let (mut socket, mut client) = pair(|| ()).await;
        let reading = tokio::spawn(async move {
            let (mut part, mut all) = (vec![0; 1 << 20], 0);
            loop {
                match client.read(&mut part).await.unwrap() {
                    0 => return all,
                    read => all += read,
                }
                sleep(Duration::from_millis(1)).await;
            }
        });
        socket.write_all(&vec![0; 32 << 20]).await.unwrap();
        drop(socket);
        assert_eq!(reading.await.unwrap(), 32 << 20);
    }

    #[tokio::test]
    async fn who_is_hung_up_on_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let hang_up = HangUp::new();
        let mut socket = Socket::new(stream, || (), Duration::from_secs(9), place, &hang_up);
        let reading = tokio::spawn(async move { socket.read(&mut [0]).await.unwrap() });
        assert!(!hang_up.is_over());
        hang_up.now();
        assert_eq!(reading.await.unwrap(), 0);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_over() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let hang_up = HangUp::new();
        drop(Socket::new(stream, || (), Duration::from_secs(9), place, &hang_up));
        assert!(hang_up.is_over());
    }

    #[tokio::test]
    async fn what_comes_in_is_heard() {
        let (heard, mut noted) = tokio::sync::mpsc::unbounded_channel();
        let (mut socket, mut client) = pair(move || heard.send(()).unwrap()).await;
        client.write_all(b"x").await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), b'x');
        assert!(noted.try_recv().is_ok());
    }
}
