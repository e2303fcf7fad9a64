//! One event of a batch: `{"kind", "id"?, "data"}`, or a payload of a known kind.

use std::borrow::Cow;

use bytes::Bytes;
use projections::event::{self, Kind, Limits, Reason};
use projections::time::Time;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::message_id::MessageIds;
use crate::stream::publish::Outgoing;

/// The context that events are checked in at the edge.
#[derive(Debug, Clone, Copy)]
pub struct Edge<'a> {
    /// The server's clock.
    pub now: Time,
    /// The shop's currency.
    pub currency: &'a str,
    /// Makes the ids of messages; without it they have none.
    pub ids: Option<&'a MessageIds>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// An event of a batch in which each names its kind.
///
/// # Errors
/// Fails with every reason.
pub fn of_any_kind(text: &[u8], edge: Edge<'_>) -> Result<Outgoing, Vec<Reason>> {
    let reason = |field: &'static str, message: String| Reason::new(field, message);
    let envelope: Envelope<'_> = serde_json::from_slice(text).map_err(|_| {
        vec![reason("", "must be a JSON object with kind, data and, if wanted, id".to_owned())]
    })?;
    let mut reasons = Vec::new();
    let kind = envelope.kind.as_deref().and_then(Kind::parse);
    if kind.is_none() {
        let kinds = Kind::ALL.map(Kind::as_str).join(", ");
        reasons.push(reason("kind", format!("must be one of {kinds}")));
    }
    if envelope.id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > 128) {
        reasons.push(reason("id", "must have 1 to 128 characters".to_owned()));
    }
    if envelope.data.is_none() {
        reasons.push(reason("data", "is missing".to_owned()));
    }
    match (kind, envelope.data) {
        (Some(kind), Some(data)) => {
            match of_kind(kind, data.get().as_bytes(), edge) {
                Ok(event) if reasons.is_empty() => {
                    let ids = edge.ids.zip(envelope.id);
                    let message_id = ids.map(|(ids, id)| ids.of(kind, &id, data.get()));
                    return Ok(Outgoing { message_id, ..event });
                }
                Ok(_) => {}
                Err(more) => reasons.extend(more),
            }
            Err(reasons)
        }
        _ => Err(reasons),
    }
}

/// An event of a known kind.
///
/// # Errors
/// Fails with every reason.
pub fn of_kind(kind: Kind, body: &[u8], edge: Edge<'_>) -> Result<Outgoing, Vec<Reason>> {
    let limits = Limits { latest: Time(edge.now.0 + Limits::AHEAD_MS), currency: edge.currency };
    let entity = event::parse(kind, body, &limits)?.entity().to_owned();
    let body = Bytes::copy_from_slice(body);
    Ok(Outgoing { kind, entity, body, message_id: None, replay_of: None })
}

/// A text without the byte order mark that some editors put before it.
#[must_use]
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
