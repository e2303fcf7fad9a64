//! What the topic needs of a log.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use projections::event::Kind;
use projections::time::Time;

/// Messages of a log by their positions.
pub trait Source: fmt::Debug + Send + Sync {
    /// The first position that it still has.
    fn first(&self) -> BoxFuture<'_, Result<u64, Unread>>;

    /// The messages behind a position and up to another that the log has come to: the first of them,
    /// as many as are good to have at a time.
    fn part(&self, after: u64, to: u64) -> BoxFuture<'_, Result<Part, Unread>>;

    /// Lets go of what is kept open for the next part.
    fn rest(&self);
}

/// A part of a log.
#[derive(Debug)]
pub struct Part {
    /// Its messages, in order. The log has nothing at the positions between them.
    pub messages: Vec<Message>,
    /// The position that it reaches.
    pub to: u64,
}

/// A message of a log.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its position.
    pub position: u64,
    /// Its kind, if it has one.
    pub kind: Option<Kind>,
    /// Its entity's id, if it has one.
    pub id: Option<String>,
    /// The time at which the log stored it.
    pub at: Time,
    /// The id by which its sender knows it.
    pub message_id: Option<String>,
    /// Its body.
    pub payload: Bytes,
}

/// The reason why a log was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log was not read: {0}")]
pub struct Unread(String);

impl Unread {
    /// What subscribers are told; the reason is for operators.
    pub const TOLD: &str = "The events cannot be read at the moment";

    /// It was not, for that reason.
    pub fn of(reason: impl fmt::Display) -> Self {
        Unread(reason.to_string())
    }

    /// It took too long.
    #[must_use]
    pub fn late() -> Self {
        Unread("it did not answer in time".to_owned())
    }
}
