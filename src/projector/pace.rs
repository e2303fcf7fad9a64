//! The pace of commits.

use std::time::Duration;

use tokio::time::Instant;

/// The earliest start of the next commit, unless its batch is full before: the store must not be
/// busy with commits for more than a part of the time, and a batch that waits shares more writes.
#[derive(Debug)]
pub(super) struct Pace {
    /// The earliest start.
    not_before: Instant,
    /// The time that the last commit took.
    pub(super) took: Duration,
    /// The time that the last batch took to fold.
    pub(super) folding: Duration,
}

impl Pace {
    /// The time from the start of a commit to the next, in multiples of the time that the last one
    /// took.
    const SPACING: u32 = 5;
    /// The part of the rest that a batch ends early at most.
    const FOLDING: u32 = 10;

    /// Of a session that begins.
    pub(super) fn new() -> Self {
        Pace { not_before: Instant::now(), took: Duration::ZERO, folding: Duration::ZERO }
    }

    /// The end of the next batch, unless it is full before: so early that its commit begins at the earliest
    /// start, if folding it takes as long as the last did. It is a tenth of the rest at most, since smaller
    /// batches share fewer writes: where folding takes long, there is much to fold.
    pub(super) fn gather_until(&self, rest: Duration) -> Instant {
        let folding = self.folding.min(rest / Self::FOLDING);
        self.not_before.checked_sub(folding).unwrap_or(self.not_before)
    }

    /// A commit begins now; the next one rests for `rest` at most. One that begins early, as its batch was
    /// folded sooner than the last, brings the next no closer: where commits came more often than the frames
    /// of subscribers, most frames would show one of a while ago.
    pub(super) fn begin(&mut self, rest: Duration) {
        let now = Instant::now();
        let early = self.not_before.saturating_duration_since(now);
        let is_full = early > rest / Self::FOLDING;
        let due = if is_full { now } else { now + early };
        self.not_before = due + (self.took * Self::SPACING).min(rest);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn commits_are_apart_by_the_rest_and_not_by_the_fold_as_well() {
        let (rest, fold) = (Duration::from_millis(250), Duration::from_millis(20));
        let mut pace = Pace::new();
        assert_eq!(pace.gather_until(rest), Instant::now(), "the first begins at once");
        (pace.took, pace.folding) = (Duration::from_millis(80), fold);
        pace.begin(rest);
        let begun = Instant::now();
        assert_eq!(pace.gather_until(rest), begun + rest - fold);
        advance(rest).await;
        pace.begin(rest);
        assert_eq!(pace.gather_until(rest), begun + 2 * rest - fold);
        pace.folding = rest;
        assert_eq!(pace.gather_until(rest), begun + 2 * rest - rest / 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_commit_is_followed_sooner() {
        let (mut pace, rest) = (Pace::new(), Duration::from_millis(250));
        pace.took = Duration::from_millis(10);
        pace.begin(rest);
        assert_eq!(pace.gather_until(rest), Instant::now() + Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_that_begins_early_brings_the_next_no_closer_unless_its_batch_was_full() {
        let (mut pace, rest) = (Pace::new(), Duration::from_millis(250));
        let begun = Instant::now();
        pace.took = rest;
        pace.begin(rest);
        advance(Duration::from_millis(230)).await;
        pace.begin(rest);
        assert_eq!(pace.gather_until(rest), begun + 2 * rest);
        pace.begin(rest);
        assert_eq!(pace.gather_until(rest), Instant::now() + rest);
    }
}
