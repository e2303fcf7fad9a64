//! The pace of commits.

use std::time::Duration;

use tokio::time::Instant;

/// The earliest start of the next commit, unless its batch is full before: the store must not be
/// busy with commits for more than a part of the time, and a batch that waits shares more writes.
#[derive(Debug)]
pub(super) struct Pace {
    /// The earliest start.
    pub(super) not_before: Instant,
    /// The time that the last commit took.
    pub(super) took: Duration,
}

impl Pace {
    /// The time from the start of a commit to the next, in multiples of the time that the last one
    /// took.
    const SPACING: u32 = 5;

    /// Of a session that begins.
    pub(super) fn new() -> Self {
        Pace { not_before: Instant::now(), took: Duration::ZERO }
    }

    /// A commit begins now; the next one rests for `rest` at most.
    pub(super) fn begin(&mut self, rest: Duration) {
        self.not_before = Instant::now() + (self.took * Self::SPACING).min(rest);
    }
}
