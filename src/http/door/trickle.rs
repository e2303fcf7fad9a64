//! The rate at which a `WebSocket` is read: some bytes at once, and then so many a second. Bytes
//! that come faster wait in the network, and so does their sender.
//!
//! The library behind it makes a task of every message, and takes in some ten thousand before others
//! have a turn; so this stands before it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// So many at once, as long as two messages may be.
const AT_ONCE_BYTES: u32 = 8 * 1024;
/// So many a second then.
const BYTES_PER_SECOND: u32 = 2 * 1024;

/// The reading of one `WebSocket`.
#[derive(Debug)]
pub(super) struct Trickle {
    /// The time from which as much can be read at once again as at the beginning.
    rested_at: Instant,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Trickle {
    /// Nothing is read yet.
    pub(super) fn new() -> Self {
        Trickle { rested_at: Instant::now(), waiting: None }
    }

    /// Ready where something may be read.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if self.rested_at < now + time_for(AT_ONCE_BYTES as usize) {
            self.waiting = None;
            return Poll::Ready(());
        }
        let at = self.rested_at - time_for(AT_ONCE_BYTES as usize) + Duration::from_millis(1);
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(at)));
        ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        Poll::Ready(())
    }

    /// So many were read, be it more than was left.
    pub(super) fn count(&mut self, bytes: usize) {
        self.rested_at = self.rested_at.max(Instant::now()) + time_for(bytes);
    }
}

fn time_for(bytes: usize) -> Duration {
    Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / BYTES_PER_SECOND
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_is_read_at_once_and_then_so_much_a_second() {
        let (mut trickle, since) = (Trickle::new(), Instant::now());
        let mut read = async |times: usize| {
            for _ in 0..times {
                poll_fn(|context| trickle.poll_ready(context)).await;
                trickle.count(1_024);
            }
            since.elapsed().as_secs()
        };
        assert_eq!(read(8).await, 0);
        assert_eq!(read(20).await, 9, "the last one before it was paid is read ahead");
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(read(8).await, 69);
    }
}
