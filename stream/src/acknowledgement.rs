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
    /// It was not sent: an earlier event of its entity was not taken, or the log did not answer to
    /// those before it.
    #[error("the event was not sent, as one before it was not taken or not answered")]
    Unsent,
    /// The event is larger than the server allows.
    #[error("the event is larger than the {0} bytes that the log takes")]
    TooLarge(usize),
}

/// The answer of the server to a message, in the words of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// It is stored.
    Stored {
        /// The position; that of the last message, for a batch.
        stored: Stored,
        /// The number of messages of the batch that it ends, if it ends one.
        count: Option<u64>,
    },
    /// It is kept for the batch that it is part of.
    Staged,
    /// It is not stored.
    Refused {
        /// The server's number of the error.
        code: u64,
        /// The reason in words.
        reason: String,
        /// Whether any event would be refused.
        of_all: bool,
    },
    /// It did not answer in time, or in no known words.
    Unknown,
}
