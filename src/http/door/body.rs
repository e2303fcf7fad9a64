//! Bodies: one that says when it has ended, and one that has to arrive in time and is read on where
//! nobody wants it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::EXPECT;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep, timeout_at};

use crate::http::problem::Problem;

/// No request has a longer body.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A longer body that nobody wants is not read.
const UNREAD_BYTES_MAX: u64 = 2 * BODY_BYTES_MAX as u64;

/// An answer's body that says how many bytes it had when it ends: sent as a whole or given up.
pub(super) struct Ending {
    body: Body,
    bytes: u64,
    then: Option<Box<dyn FnOnce(u64) + Send>>,
}

impl Ending {
    pub(super) fn new(body: Body, then: impl FnOnce(u64) + Send + 'static) -> Self {
        Ending { body, bytes: 0, then: Some(Box::new(then)) }
    }
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(then) = self.then.take() {
            then(self.bytes);
        }
    }
}

/// The rest of a body did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct Late;

/// A request's body that fails where it is waited for past its deadline.
///
/// A client sends its body before it reads the answer, and a connection that is closed under it
/// takes the answer along. So the body of a request that is refused without it (429, 413) is read
/// and thrown away until the deadline, if it is not too long. A client that waits for a `100
/// Continue` reads first: it is not asked for a body that nobody wants.
struct Timely {
    body: Body,
    deadline: Pin<Box<Sleep>>,
    is_over: bool,
    is_awaited: bool,
    is_late: Arc<AtomicBool>,
}

impl Drop for Timely {
    fn drop(&mut self) {
        let is_over = self.is_over || self.body.is_end_stream();
        let is_long = self.body.size_hint().lower() > UNREAD_BYTES_MAX;
        let Ok(runtime) = Handle::try_current() else { return };
        if !is_over && !is_long && !self.is_awaited {
            let (body, deadline) = (std::mem::take(&mut self.body), self.deadline.deadline());
            runtime.spawn(timeout_at(deadline, discard(body)));
        }
    }
}

async fn discard(body: Body) {
    let (mut data, mut bytes) = (body.into_data_stream(), 0);
    while let Some(Ok(chunk)) = data.next().await {
        bytes += chunk.len() as u64;
        if bytes > UNREAD_BYTES_MAX {
            break;
        }
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.is_over |= matches!(polled, Poll::Ready(None | Some(Err(_))));
        if polled.is_pending() && self.deadline.as_mut().poll(context).is_ready() {
            self.is_over = true;
            self.is_late.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(axum::Error::new(Late))));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bodies have to arrive within that time; else the answer is a 408, whatever the handler answered.
pub(super) async fn in_time<F>(
    within: Duration,
    request: Request,
    inner: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    if request.body().is_end_stream() {
        return inner(request).await;
    }
    let is_late = Arc::new(AtomicBool::new(false));
    let (noted, is_awaited) = (is_late.clone(), request.headers().contains_key(EXPECT));
    let request = request.map(|body| {
        let deadline = Box::pin(sleep(within));
        Body::new(Timely { body, deadline, is_over: false, is_awaited, is_late: noted })
    });
    let response = inner(request).await;
    if is_late.load(Ordering::Relaxed) {
        let message = format!("The body did not arrive within {} s", within.as_secs());
        return Problem::new(StatusCode::REQUEST_TIMEOUT, message).into_response();
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_body_says_its_bytes_when_it_was_sent_and_when_it_was_given_up() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let say = |said: &Arc<Mutex<Vec<u64>>>| {
            let said = said.clone();
            move |bytes| said.lock().unwrap().push(bytes)
        };
        let sent = Body::new(Ending::new(Body::from("seven.."), say(&said)));
        assert_eq!(axum::body::to_bytes(sent, 100).await.unwrap(), "seven..");
        drop(Ending::new(Body::from("unread"), say(&said)));
        assert_eq!(*said.lock().unwrap(), [7, 0]);
    }

    fn timely(body: Body, within_ms: u64) -> (Body, Arc<AtomicBool>) {
        let is_late = Arc::new(AtomicBool::new(false));
        let deadline = Box::pin(sleep(Duration::from_millis(within_ms)));
        let (is_over, is_awaited, noted) = (false, false, is_late.clone());
        (Body::new(Timely { body, deadline, is_over, is_awaited, is_late: noted }), is_late)
    }

    #[tokio::test]
    async fn a_body_that_is_late_fails_and_one_in_time_does_not() {
        let (body, is_late) = timely(Body::from("at once"), 20);
        assert_eq!(axum::body::to_bytes(body, 100).await.unwrap(), "at once");
        assert!(!is_late.load(Ordering::Relaxed));
        let never = Body::from_stream(stream::pending::<Result<Bytes, Late>>());
        let (body, is_late) = timely(never, 20);
        assert!(axum::body::to_bytes(body, 100).await.is_err());
        assert!(is_late.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_body_that_nobody_wants_is_read_to_its_end() {
        let (read, was_read) = oneshot::channel();
        let chunks = stream::iter([Ok::<_, Late>(Bytes::from("a")), Ok(Bytes::from("b"))]);
        let end = stream::once(async move {
            read.send(()).unwrap();
            Ok(Bytes::new())
        });
        drop(timely(Body::from_stream(chunks.chain(end)), 9_000));
        assert!(was_read.await.is_ok());
    }
}
