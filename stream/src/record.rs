//! A message of the log.

use bytes::Bytes;
use telemetry::traces;

/// The header of an event that replays an earlier one: the position of that one.
pub const REPLAY_OF: &str = "Replay-Of";

/// A message of the log.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its position.
    pub position: u64,
    /// The time at which the log stored it, nanoseconds since 1970.
    pub time: i64,
    /// Its subject.
    pub subject: String,
    /// Its headers, sorted by name, if it has any and they can be read.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub payload: Bytes,
    /// The part of it that cannot be read, if any.
    pub unreadable: Option<Box<Unreadable>>,
}

impl Record {
    /// The record, as traces look at it.
    #[must_use]
    pub fn traced(&self) -> traces::Message<'_> {
        traces::Message { headers: &self.headers, payload: &self.payload }
    }
}

/// The part of a message that cannot be read, which depends on its subject and its block of headers
/// alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// `subject` or `headers`.
    pub field: &'static str,
    /// The rule that it breaks.
    pub reason: String,
    /// The block of headers, byte for byte.
    pub block: Bytes,
}

/// Headers as pairs, sorted by name, since the client keeps them in no order. Values of one name
/// keep theirs.
pub(super) fn flatten(headers: &async_nats::HeaderMap) -> Vec<(String, String)> {
    let pairs = headers.iter().flat_map(|(name, values)| {
        values.iter().map(|value| (name.to_string(), value.as_str().to_owned()))
    });
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    pairs
}
