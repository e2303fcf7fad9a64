//! A frame: what a topic's subscribers are sent, written once for all of them; and the cursor by which
//! a subscriber says how far it has come.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use projections::time::Time;

/// How far a subscriber has come: a generation, and a position of the log. To clients it is an opaque
/// text, `generation-position`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The generation of the read models.
    pub generation: u32,
    /// The position of the log.
    pub position: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.generation, self.position)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of a frame, such as 1-4711")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (generation, position) = text.split_once('-').ok_or(NotACursor)?;
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain(generation) || !is_plain(position) {
            return Err(NotACursor);
        }
        let generation = generation.parse().map_err(|_| NotACursor)?;
        let position = position.parse().map_err(|_| NotACursor)?;
        Ok(Cursor { generation, position })
    }
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All figures: they replace what the client has.
    Snapshot,
    /// The members that changed, each with its whole new value.
    Delta,
}

impl Kind {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Snapshot => "snapshot",
            Kind::Delta => "delta",
        }
    }
}

/// A frame as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its place among the frames of its topic in this process.
    pub number: u64,
    /// What a client has that applied it.
    pub cursor: Cursor,
    /// What it carries.
    pub kind: Kind,
    /// The frame as JSON, on one line.
    pub json: Bytes,
    /// Where its figures begin.
    data: usize,
}

impl Frame {
    /// The figures that it carries, as JSON.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.json[self.data..self.json.len() - 1]
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) topic: &'a str,
    /// The position of the topic's frame before.
    pub(super) from: u64,
    pub(super) cursor: Cursor,
    /// The time at which the figures were read.
    pub(super) at: Time,
    pub(super) kind: Kind,
}

impl Head<'_> {
    /// Writes a frame with this data, which is JSON.
    pub(super) fn frame(self, number: u64, data: &[u8]) -> Frame {
        let Head { topic, from, cursor, at, kind } = self;
        let topic = serde_json::Value::from(topic);
        let Cursor { generation, position } = cursor;
        let (at, kind_name) = (at.to_rfc3339(), kind.as_str());
        let mut json = format!(
            "{{\"topic\":{topic},\"generation\":{generation},\"from\":{from},\
             \"position\":{position},\"at\":\"{at}\",\"kind\":\"{kind_name}\",\"data\":"
        )
        .into_bytes();
        let at = json.len();
        json.reserve_exact(data.len() + 1);
        json.extend_from_slice(data);
        json.push(b'}');
        Frame { number, cursor, kind, json: json.into(), data: at }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor { generation: 3, position: 4_711 };
        assert_eq!(cursor.to_string(), "3-4711");
        assert_eq!("3-4711".parse(), Ok(cursor));
        for text in ["", "3", "-3", "3-", "+3-1", "3--1", "3-1-2", "3-x", "99999999999-1", "3-1 "] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn a_frame_says_what_it_follows_and_where_it_leads() {
        let head = Head {
            topic: "view:/api/metrics/sales?category=a\"b",
            from: 5,
            cursor: Cursor { generation: 1, position: 9 },
            at: Time(0),
            kind: Kind::Delta,
        };
        let frame = head.frame(7, br#"{"a":1}"#);
        let read: Value = serde_json::from_slice(&frame.json).unwrap();
        let expected = json!({
            "topic": "view:/api/metrics/sales?category=a\"b", "generation": 1, "from": 5,
            "position": 9, "at": "1970-01-01T00:00:00.000Z", "kind": "delta", "data": { "a": 1 },
        });
        assert_eq!((read, frame.data()), (expected, &br#"{"a":1}"#[..]));
    }
}
