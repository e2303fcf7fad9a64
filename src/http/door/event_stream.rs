//! Answers that are streams of events, written by the connection itself. hyper keeps 8 KB to read and 8 KB to
//! write for as long as it serves a connection; of an answer that goes on for hours that is most of what the
//! connection takes. So such an answer takes the socket over, and it is the connection's last.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::http::response::Parts;
use axum::response::Response;
use bytes::Buf;
use futures_util::StreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// The bytes that are read from a client while it gets a stream; further ones wait in its socket.
const UNWANTED_BYTES: usize = 64;

/// An extension of an answer whose body is a stream of events.
#[derive(Debug, Clone, Copy)]
pub struct EventStream;

/// A socket that can be taken from those who use it; they find it closed then.
#[derive(Debug)]
pub(super) struct Lent<S>(Arc<Mutex<Option<S>>>);

impl<S> Clone for Lent<S> {
    fn clone(&self) -> Self {
        Lent(self.0.clone())
    }
}

impl<S: Unpin> Lent<S> {
    pub(super) fn new(socket: S) -> Self {
        Lent(Arc::new(Mutex::new(Some(socket))))
    }

    pub(super) fn call_in(&self) -> Option<S> {
        self.lock().take()
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut S>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match self.lock().as_mut() {
            Some(socket) => act(Pin::new(socket)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// A socket is there or not at every step.
    fn lock(&self) -> MutexGuard<'_, Option<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_read(context, buffer))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|socket| socket.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|socket| socket.poll_write_vectored(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.lock().as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}

/// Writes an answer in chunks until its body or the connection ends.
///
/// # Errors
/// Fails if the socket does.
pub(super) async fn write<S>(mut socket: S, response: Response) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (head, body) = response.into_parts();
    socket.write_all(&written(&head)).await?;
    drop(head);
    let (mut parts, mut unwanted, mut listens) =
        (body.into_data_stream(), [0; UNWANTED_BYTES], true);
    loop {
        tokio::select! {
            biased;
            part = parts.next() => match part {
                Some(Ok(part)) => chunk(&mut socket, part).await?,
                // The client is to see that it is no whole answer.
                Some(Err(_)) => return Ok(()),
                None => break,
            },
            read = socket.read(&mut unwanted), if listens => match read? {
                0 => return Ok(()),
                _ => listens = false,
            },
        }
    }
    socket.write_all(b"0\r\n\r\n").await?;
    socket.shutdown().await
}

async fn chunk(socket: &mut (impl AsyncWrite + Unpin), part: Bytes) -> io::Result<()> {
    if part.is_empty() {
        return Ok(()); // An empty chunk would be the end.
    }
    let length = format!("{:x}\r\n", part.len());
    socket.write_all_buf(&mut Buf::chain(length.as_bytes(), part).chain(&b"\r\n"[..])).await
}

fn written(head: &Parts) -> Vec<u8> {
    let mut written = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in &head.headers {
        written.extend_from_slice(name.as_str().as_bytes());
        written.extend_from_slice(b": ");
        written.extend_from_slice(value.as_bytes());
        written.extend_from_slice(b"\r\n");
    }
    let date = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    let rest = format!("transfer-encoding: chunked\r\nconnection: close\r\ndate: {date}\r\n\r\n");
    written.extend_from_slice(rest.as_bytes());
    written
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures_util::stream;
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_written_in_chunks_and_ends() {
        let parts = ["data: 1\n\n", "", "data: ten bytes\n\n"];
        let parts = parts.map(|part| Ok::<_, Infallible>(Bytes::from_static(part.as_bytes())));
        let response = Response::builder().header("x-own", "1");
        let response = response.body(Body::from_stream(stream::iter(parts))).unwrap();
        let (socket, mut client) = duplex(1 << 16);
        write(socket, response).await.unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        let (head, body) = all.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nx-own: 1\r\ntransfer-encoding: chunked\r\n"));
        let date = head.rsplit_once("date: ").unwrap().1;
        assert!(chrono::DateTime::parse_from_rfc2822(date).is_ok(), "{date}");
        assert_eq!(body, "9\r\ndata: 1\n\n\r\n11\r\ndata: ten bytes\n\n\r\n0\r\n\r\n");
    }

    #[tokio::test]
    async fn it_ends_where_the_client_leaves_and_goes_on_where_that_says_more() {
        let endless = || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let (socket, client) = duplex(1 << 16);
        let writing = tokio::spawn(write(socket, Response::new(endless())));
        drop(client);
        // That it ends is enough: its first write may have failed.
        let _ = writing.await.unwrap();
        let (socket, mut client) = duplex(1 << 16);
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let body = stream::once(async move {
            let _ = told.await;
            Ok::<_, Infallible>(Bytes::from_static(b"x"))
        });
        let writing = tokio::spawn(write(socket, Response::new(Body::from_stream(body))));
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        tell.send(()).unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        assert!(all.ends_with("\r\n\r\n1\r\nx\r\n0\r\n\r\n"), "{all}");
        writing.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_was_taken_is_closed_to_who_had_it() {
        let (socket, mut client) = duplex(64);
        let lent = Lent::new(socket);
        let mut other = lent.clone();
        other.write_all(b"a").await.unwrap();
        let mut taken = lent.call_in().unwrap();
        assert!(other.write_all(b"b").await.is_err() && other.read_u8().await.is_err());
        taken.write_all(b"c").await.unwrap();
        drop(taken);
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        assert_eq!((all.as_str(), lent.call_in().is_none()), ("ac", true));
    }
}
