//! Signs of life of what runs without being asked for, such as the readers of what is pushed: health
//! says where one gives none, as nobody else would notice.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// The time between two signs of life.
const EACH: Duration = Duration::from_secs(1);
/// One that has given none for so long stands still.
const WITHIN: Duration = Duration::from_secs(10);

/// The last signs of life of some tasks.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<Mutex<Beats>>);

#[derive(Debug, Default)]
struct Beats {
    next: u64,
    last: HashMap<u64, Instant>,
}

/// A task whose signs of life are looked at, until this is dropped.
#[derive(Debug)]
pub struct Heart {
    pulse: Pulse,
    id: u64,
}

impl Pulse {
    /// Looks at another task from now on.
    #[must_use]
    pub fn begin(&self) -> Heart {
        let mut beats = self.beats();
        let id = beats.next;
        beats.next += 1;
        beats.last.insert(id, Instant::now());
        drop(beats);
        Heart { pulse: self.clone(), id }
    }

    /// Whether one of them stands still.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.beats().last.values().any(|last| last.elapsed() > WITHIN)
    }

    /// Every change is one step.
    fn beats(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heart {
    /// Does some work, and gives signs of life for as long as it is being done.
    pub async fn beat_while<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut each = interval(EACH);
        each.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = each.tick() => {
                    self.pulse.beats().last.insert(self.id, Instant::now());
                }
                done = work.as_mut() => return done,
            }
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.pulse.beats().last.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_works_gives_signs_of_life_and_who_is_not_heard_of_stands_still() {
        let pulse = Pulse::default();
        let (one, other) = (pulse.begin(), pulse.begin());
        one.beat_while(sleep(WITHIN * 3)).await;
        assert!(pulse.is_missed(), "the other has given none");
        drop(other);
        assert!(!pulse.is_missed());
        advance(WITHIN * 2).await;
        assert!(pulse.is_missed());
        drop(one);
        assert!(!pulse.is_missed());
    }
}
