//! Turns: shipments are sent one after the other, in the order in which they were put together, though
//! several wait for their answers at a time. So what a caller queued first is on the log first, as far as
//! nothing of it was refused.

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::acknowledgement::PATIENCE;

/// The end of a turn; it comes with what that one still waited for, if it was given up.
type End = oneshot::Receiver<Option<Before>>;

#[derive(Debug)]
struct Before(End);

/// A turn. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    before: Option<Before>,
    ends: Option<oneshot::Sender<Option<Before>>>,
}

/// The turns of an outbox.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<Before>,
}

impl Turns {
    /// The turn after all that were taken before.
    pub fn take(&mut self) -> Turn {
        let (ends, end) = oneshot::channel();
        Turn { before: self.last.replace(Before(end)), ends: Some(ends) }
    }
}

impl Turn {
    /// Waits until those before have ended; no longer than for an answer, as they may be on a line that is
    /// stuck. Dropping the future loses nothing.
    pub async fn comes(&mut self) {
        let comes = async {
            while let Some(Before(end)) = &mut self.before {
                self.before = end.await.ok().flatten();
            }
        };
        let _ = timeout(PATIENCE, comes).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(ends) = self.ends.take() {
            // Nobody comes after the last one.
            let _ = ends.send(self.before.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_turn_comes_once_all_before_it_have_ended() {
        let mut turns = Turns::default();
        let (mut first, second, mut third) = (turns.take(), turns.take(), turns.take());
        assert!(first.comes().now_or_never().is_some(), "nobody is before the first");
        assert!(third.comes().now_or_never().is_none());
        drop(second);
        assert!(third.comes().now_or_never().is_none(), "one that is given up lets nobody pass");
        drop(first);
        third.comes().await;
        drop(third);
        assert!(turns.take().comes().now_or_never().is_some());
    }
}
