//! Events on their way to the log, as callers name them.

use bytes::Bytes;
use projections::event::Kind;

/// An event on its way to the log.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its kind.
    pub kind: Kind,
    /// The id of its entity, for the subject and the order.
    pub entity: String,
    /// Its payload, plain JSON.
    pub body: Bytes,
    /// The key for `JetStream`'s duplicate window: one per change, never one per entity.
    pub message_id: Option<String>,
    /// The position of the quarantined event that it replays.
    pub replay_of: Option<u64>,
}

/// A quarantined message on its way to the log again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Its subject, whole.
    pub subject: String,
    /// Its headers, without those of the log's own.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
    /// The key for `JetStream`'s duplicate window.
    pub message_id: String,
    /// The position that it had at first.
    pub replay_of: u64,
}
