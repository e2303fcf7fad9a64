//! The log's answers to an event.

use std::time::Duration;

/// The time that an event may wait to be sent, and the time that the log may take to acknowledge
/// it. Room for it comes within that too: the events that hold it are answered or overdue by then.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The log has an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its position; that of the first one, if it is a duplicate.
    pub position: u64,
    /// Whether the log had it already.
    pub duplicate: bool,
}

/// Why an event was not taken, as far as the process knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The log is full or otherwise unable; the event is not in it.
    #[error("the log refused the event: {0}")]
    Refused(String),
    /// There was no answer: the event may be in the log or not. Sending it again is safe.
    #[error("the log did not answer; the event may or may not be in it")]
    Unknown,
    /// The event is larger than the server allows.
    #[error("the event is larger than the {0} bytes that the log takes")]
    TooLarge(usize),
}
