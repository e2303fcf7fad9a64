//! A connection's socket: it notes when something comes in, takes its time where it is a
//! `WebSocket`'s, and fails where nothing goes out.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::places::Place;
use super::trickle::Trickle;

/// The socket. It holds the connection's place among those there may be, and takes it along where
/// the connection becomes a WebSocket.
pub(super) struct Socket<F> {
    stream: TcpStream,
    heard: F,
    write_within: Duration,
    /// Runs while a write does not move on.
    stalled: Option<Pin<Box<Sleep>>>,
    told_to_end: Pin<Box<WaitForCancellationFutureOwned>>,
    trickle: Trickle,
    place: Place,
}

impl<F: Fn() + Unpin> Socket<F> {
    /// `heard` is called when bytes come in.
    pub(super) fn new(stream: TcpStream, heard: F, write_within: Duration, place: Place) -> Self {
        let told_to_end = Box::pin(place.handle().is_hung_up());
        let trickle = Trickle::new();
        Socket { stream, heard, write_within, stalled: None, told_to_end, trickle, place }
    }

    /// The outcome of a write, or an error if it has not moved on for too long.
    fn moved(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = outcome {
            self.stalled = None;
            if let Ok(bytes) = written {
                self.place.handle().took(bytes);
            }
            return Poll::Ready(written);
        }
        if self.told_to_end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
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
        let is_web_socket = self.place.handle().is_web_socket();
        if is_web_socket {
            ready!(self.trickle.poll_ready(context));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        if read > 0 {
            (self.heard)();
        }
        if is_web_socket {
            self.trickle.count(read);
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::places::ConnectionHandle;
    use super::*;

    async fn pair(heard: impl Fn() + Unpin) -> (Socket<impl Fn() + Unpin>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (Socket::new(stream, heard, Duration::from_millis(50), Place::alone()), client)
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
        let (stream, _) = listener.accept().await.unwrap();
        let place = Place::alone();
        let handle: ConnectionHandle = place.handle().clone();
        let mut socket = Socket::new(stream, || (), Duration::from_secs(9), place);
        let reading = tokio::spawn(async move { socket.read(&mut [0]).await.unwrap() });
        assert!(!handle.is_over());
        handle.hang_up();
        assert_eq!(reading.await.unwrap(), 0);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
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
