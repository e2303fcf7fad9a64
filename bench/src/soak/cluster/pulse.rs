//! The pauses of a fold: the times within which its checkpoint does not move.

use std::time::{Duration, Instant};

use adaptive_bi::store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The time for which a checkpoint is awaited: a primary that is frozen or cut off gives none.
const ANSWER: Duration = Duration::from_secs(1);
/// The interval between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Looks at the checkpoint until it is dropped.
pub struct Pulse {
    longest: watch::Receiver<Duration>,
    task: JoinHandle<()>,
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Pulse {
    /// Looks at it from now on. The producer has to go on.
    #[must_use]
    pub fn of(store: Store) -> Pulse {
        let (tell, longest) = watch::channel(Duration::ZERO);
        let task = tokio::spawn(async move {
            let (mut position, mut moved) = (0, Instant::now());
            loop {
                let read = tokio::time::timeout(ANSWER, store.checkpoint(1)).await;
                if let Ok(Ok(Some(checkpoint))) = read
                    && checkpoint.position > position
                {
                    let pause = moved.elapsed();
                    (position, moved) = (checkpoint.position, Instant::now());
                    tell.send_modify(|longest| *longest = pause.max(*longest));
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Pulse { longest, task }
    }

    /// The longest pause that has ended.
    #[must_use]
    pub fn longest(&self) -> Duration {
        *self.longest.borrow()
    }
}
