//! Events as they are sent: each written once, and put together into frames.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use projections::event::Kind;
use projections::time::Time;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::kinds::Kinds;
use super::source::{Message, Part};
use crate::push::frame::{Cursor, Frame, Head, Kind as FrameKind};

/// A frame has no more events.
pub const FRAME_EVENTS: usize = 500;
/// A frame ends behind the event that makes it so many bytes.
pub const FRAME_BYTES: usize = 64 * 1024;

/// A folded event, as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FoldedEvent)]
pub struct Folded<'a> {
    /// Its position in the log.
    pub position: u64,
    /// Its kind.
    pub kind: &'static str,
    /// The id of the entity that it is about.
    pub id: Option<&'a str>,
    /// The time at which the log stored it.
    #[schema(format = DateTime)]
    pub at: String,
    /// The id by which its sender knows the message; null where it gave none.
    pub message_id: Option<&'a str>,
    /// The event as it was sent.
    #[schema(value_type = Object)]
    pub event: &'a RawValue,
}

/// Positions at which the log has nothing any more, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HoleInLog)]
pub struct Hole {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// Something of the log that subscribers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// An event.
    Event {
        /// Its position.
        position: u64,
        /// Its kind.
        kind: Kind,
        /// The event as JSON, on one line.
        json: Bytes,
    },
    /// A hole.
    Hole(Hole),
}

impl Entry {
    /// The last position that it is about.
    #[must_use]
    pub fn last(&self) -> u64 {
        match self {
            Entry::Event { position, .. } => *position,
            Entry::Hole(hole) => hole.to,
        }
    }

    /// The bytes that it takes, more or less.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Entry::Event { json, .. } => json.len(),
            Entry::Hole(_) => 32,
        }
    }
}

/// What there is to tell of a part of the log behind a position; `left_out` are the positions whose
/// messages are quarantined.
#[must_use]
pub fn entries(part: &Part, mut after: u64, left_out: &BTreeSet<u64>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(part.messages.len());
    for message in &part.messages {
        if message.position > after + 1 {
            entries.push(Entry::Hole(Hole { from: after + 1, to: message.position - 1 }));
        }
        after = message.position;
        // A message of no kind that is known is quarantined.
        if let Some(kind) = message.kind.filter(|_| !left_out.contains(&message.position)) {
            let json = write(message, kind);
            entries.push(Entry::Event { position: message.position, kind, json });
        }
    }
    if part.to > after {
        entries.push(Entry::Hole(Hole { from: after + 1, to: part.to }));
    }
    entries
}

fn write(message: &Message, kind: Kind) -> Bytes {
    let payload = one_line(&message.payload);
    let event = serde_json::from_slice::<&RawValue>(&payload);
    let folded = Folded {
        position: message.position,
        kind: kind.as_str(),
        id: message.id.as_deref(),
        at: message.at.to_rfc3339(),
        message_id: message.message_id.as_deref(),
        // What was folded is JSON.
        event: event.unwrap_or(RawValue::NULL),
    };
    serde_json::to_vec(&folded).unwrap_or_default().into()
}

/// The same JSON without line breaks: between its tokens they mean nothing, and within a text there are
/// none.
fn one_line(json: &[u8]) -> Cow<'_, [u8]> {
    if json.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let plain = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
        return json.iter().map(plain).collect();
    }
    json.into()
}

/// What a subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The topic, as it was asked for.
    pub topic: Arc<str>,
    /// The kinds of events.
    pub kinds: Kinds,
    /// The position of its last frame.
    pub from: u64,
    /// The position up to which there is nothing more for it.
    pub after: u64,
}

/// The answer: a frame, if there is anything to tell, and how far the subscriber is then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The frame.
    pub frame: Option<Arc<Frame>>,
    /// The position up to which there is nothing more for it.
    pub reached: u64,
}

impl Asked {
    /// Puts the entries behind `after` together, as many as a frame has; all of them lead to `end`.
    pub fn frame<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a Entry>,
        end: Cursor,
        at: Time,
    ) -> Written {
        let (mut data, mut holes, mut events) = (vec![b'['], Vec::new(), 0);
        let (mut reached, mut is_cut) = (self.after, false);
        for entry in entries {
            if events == FRAME_EVENTS || data.len() >= FRAME_BYTES || holes.len() == FRAME_EVENTS {
                is_cut = true;
                break;
            }
            reached = entry.last();
            match entry {
                Entry::Event { kind, json, .. } if self.kinds.has(*kind) => {
                    if events > 0 {
                        data.push(b',');
                    }
                    data.extend_from_slice(json);
                    events += 1;
                }
                Entry::Event { .. } => {}
                Entry::Hole(hole) => holes.push(*hole),
            }
        }
        data.push(b']');
        if !is_cut {
            reached = end.position;
        }
        let cursor = Cursor { position: reached, ..end };
        let head =
            Head { topic: &self.topic, from: self.from, cursor, at, kind: FrameKind::Events };
        let is_news = events > 0 || !holes.is_empty();
        let frame = is_news.then(|| Arc::new(head.frame_of_events(&holes, &data)));
        Written { frame, reached }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(position: u64, kind: Option<Kind>, payload: &str) -> Message {
        let (id, payload) = (Some("a".to_owned()), payload.to_owned().into());
        Message { position, kind, id, at: Time(0), message_id: None, payload }
    }

    fn asked(kinds: &str, after: u64) -> Asked {
        let kinds = Kinds::of_topic(kinds).unwrap().unwrap();
        Asked { topic: "events".into(), kinds, from: after, after }
    }

    fn read(written: &Written) -> Value {
        serde_json::from_slice(&written.frame.as_ref().expect("a frame").json).expect("JSON")
    }

    #[test]
    fn what_the_log_lacks_is_named_and_what_is_quarantined_is_not_there() {
        let stock = Some(Kind::Stock);
        let messages = vec![
            message(3, stock, "{\"a\":\r\n1}"),
            message(4, stock, "{}"),
            message(5, None, "{}"),
        ];
        let entries = entries(&Part { messages, to: 8 }, 0, &[4, 5].into());
        let end = Cursor { log: None, generation: 2, position: 8 };
        let written = asked("events", 0).frame(&entries, end, Time(0));
        assert!(!written.frame.as_ref().unwrap().json.contains(&b'\n'));
        let at = "1970-01-01T00:00:00.000Z";
        let event = json!({ "position": 3, "kind": "stock", "id": "a", "at": at, "messageId": null,
            "event": { "a": 1 } });
        let holes = json!([{ "from": 1, "to": 2 }, { "from": 6, "to": 8 }]);
        let frame = json!({ "topic": "events", "generation": 2, "from": 0, "position": 8, "at": at,
            "kind": "events", "holes": holes, "data": [event] });
        assert_eq!((read(&written), written.reached), (frame, 8));
    }

    #[test]
    fn a_frame_is_bounded_and_the_next_goes_on_behind_it() {
        let messages = (1..=1_100).map(|n| message(n, Some(Kind::Order), "{}")).collect();
        let entries = entries(&Part { messages, to: 1_100 }, 0, &BTreeSet::new());
        let end = Cursor { log: None, generation: 1, position: 1_100 };
        let mut asked = asked("events", 0);
        let mut counts = Vec::new();
        while asked.after < 1_100 {
            let after = asked.after;
            let behind = entries.iter().filter(|entry| entry.last() > after);
            let written = asked.frame(behind, end, Time(0));
            let frame = read(&written);
            assert_eq!(frame["from"], after);
            counts.push(frame["data"].as_array().unwrap().len());
            (asked.from, asked.after) = (written.reached, written.reached);
        }
        assert_eq!(counts.iter().sum::<usize>(), 1_100);
        assert!(counts.len() > 2 && counts.iter().all(|count| *count <= FRAME_EVENTS));
    }

    #[test]
    fn other_kinds_are_passed_without_a_frame() {
        let messages =
            vec![message(1, Some(Kind::Order), "{}"), message(2, Some(Kind::Stock), "{}")];
        let entries = entries(&Part { messages, to: 2 }, 0, &BTreeSet::new());
        let end = Cursor { log: None, generation: 1, position: 2 };
        let none = asked("events:refund", 0).frame(&entries, end, Time(0));
        assert_eq!(none, Written { frame: None, reached: 2 });
        let one = asked("events:stock", 0).frame(&entries, end, Time(0));
        assert_eq!(read(&one)["data"].as_array().unwrap().len(), 1);
    }
}
