//! The beat of a topic: the times at which its figures may be read.
//!
//! Commits come as regularly as frames do, but not to the millisecond. A frame that had to be a full
//! interval behind the one before would be late by as much as the latest commit before it, and so would
//! all after it; so one may come early by what the one before was late.

use std::time::Duration;

use tokio::time::Instant;

/// A frame comes early by this part of the interval at most.
const EARLY: u32 = 4;

/// The beat of one topic.
#[derive(Debug)]
pub(super) struct Beat {
    apart: Duration,
    /// The time of the next one, were none late.
    due: Instant,
}

impl Beat {
    /// The first is at once; then one for each `apart` at most, counted over any time.
    pub(super) fn new(apart: Duration) -> Self {
        Beat { apart, due: Instant::now() }
    }

    /// The earliest time of the next.
    pub(super) fn next(&self) -> Instant {
        self.due.checked_sub(self.apart / EARLY).unwrap_or(self.due)
    }

    /// It is now.
    pub(super) fn is_now(&mut self) {
        self.due = self.due.max(Instant::now()) + self.apart;
    }

    /// The next is not before then.
    pub(super) fn rests(&mut self, until: Instant) {
        self.due = self.due.max(until + self.apart / EARLY);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    const APART: Duration = Duration::from_millis(200);

    /// When those are, in milliseconds, for which something is there at these times.
    async fn beats(there: &[u64]) -> Vec<u64> {
        let (begin, mut beat, mut at) = (Instant::now(), Beat::new(APART), Vec::new());
        for ms in there {
            sleep_until(begin + Duration::from_millis(*ms)).await;
            sleep_until(beat.next()).await;
            beat.is_now();
            at.push(u64::try_from(begin.elapsed().as_millis()).unwrap());
        }
        at
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_was_late_delays_none_of_those_after_it() {
        assert_eq!(beats(&[0, 240, 400, 630, 800]).await, [0, 240, 400, 630, 800]);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_no_more_than_one_for_each_interval() {
        let all: Vec<u64> = (0..100).map(|n| n * 10).collect();
        assert_eq!(beats(&all).await[..4], [0, 150, 350, 550]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_quiet_time_the_first_is_at_once_and_makes_up_for_nothing() {
        assert_eq!(beats(&[0, 5_000, 5_001, 5_002]).await, [0, 5_000, 5_150, 5_350]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_failed_is_tried_again_after_a_rest() {
        let mut beat = Beat::new(APART);
        beat.is_now();
        let until = Instant::now() + 5 * APART;
        beat.rests(until);
        assert_eq!(beat.next(), until);
        advance(APART).await;
        assert_eq!(beat.next(), until);
    }
}
