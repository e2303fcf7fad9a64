//! The messages that a client is sent: frames, and words.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use super::frame::{Frame, Mark};
use super::words::Word;

/// A message that a client is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A frame; and, where all topics have come as far, the mark to go on from.
    Frame(Arc<Frame>, Option<Mark>),
    /// A word about the subscription, as JSON on one line; and its kind.
    Word(&'static str, Bytes),
}

/// A word of a kind, with its members.
#[must_use]
pub fn word(kind: &'static str, mut members: Value) -> Outgoing {
    members["kind"] = kind.into();
    Outgoing::Word(kind, members.to_string().into())
}

/// A word with its members.
#[must_use]
pub fn told<W: Word>(it: &W) -> Outgoing {
    word(W::KIND, serde_json::to_value(it).unwrap_or_default())
}

/// A topic that is told as a whole, each time that it changes, by a word of the transport's own.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// The word's kind.
    pub kind: &'static str,
    /// Writes a snapshot as the word's JSON.
    pub write: fn(&Frame) -> Bytes,
}
