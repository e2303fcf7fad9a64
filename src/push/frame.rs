//! A frame: what a topic's subscribers are sent, written once for all of them; and the cursor by which
//! a subscriber says how far it has come.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use projections::time::Time;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::events::kinds::Kinds;
use crate::http::openapi::schemas;
use crate::store::generation::Checkpoint;

/// A log, told from others by the digits of a few bytes: one that was made anew, or that of another
/// installation, counts its positions from 1 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogId(u32);

impl LogId {
    const DIGITS: usize = 8;

    /// The id of the log with this incarnation.
    #[must_use]
    pub fn of(incarnation: &str) -> Self {
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(incarnation));
        LogId(u32::from_be_bytes([a, b, c, d]))
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for LogId {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_id = text.len() == LogId::DIGITS && text.bytes().all(is_digit);
        let id = is_id.then(|| u32::from_str_radix(text, 16).ok()).flatten();
        id.map(LogId).ok_or(NotACursor)
    }
}

/// How far a subscriber has come: a log, a generation, and a position of the log. To clients it is an opaque
/// text, `log.generation-position`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The log; `None` for the one that there is, whichever that is.
    pub log: Option<LogId>,
    /// The generation of the read models.
    pub generation: u32,
    /// The position of the log.
    pub position: u64,
}

impl Cursor {
    /// The cursor of a checkpoint.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { incarnation, generation, position, .. } = checkpoint;
        let log = Some(LogId::of(incarnation));
        Cursor { log, generation: *generation, position: *position }
    }

    /// Whether it can be of the same log.
    #[must_use]
    pub fn is_of_log_of(self, other: Cursor) -> bool {
        self.log.is_none() || other.log.is_none() || self.log == other.log
    }

    /// Whether positions of one are positions of the other: of the same log, and the same generation of
    /// read models.
    #[must_use]
    pub fn compares_with(self, other: Cursor) -> bool {
        self.is_of_log_of(other) && self.generation == other.generation
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(log) = self.log {
            write!(f, "{log}.")?;
        }
        write!(f, "{}-{}", self.generation, self.position)
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the id of a frame, such as 5f3a9c01.1-4711")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (log, text) = match text.split_once('.') {
            Some((log, text)) => (Some(log.parse()?), text),
            None => (None, text),
        };
        let (generation, position) = text.split_once('-').ok_or(NotACursor)?;
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain(generation) || !is_plain(position) {
            return Err(NotACursor);
        }
        let generation = generation.parse().map_err(|_| NotACursor)?;
        let position = position.parse().map_err(|_| NotACursor)?;
        Ok(Cursor { log, generation, position })
    }
}

/// How far a client has come with all that it follows: to clients an opaque text as well. The events
/// are ahead of figures, as each of them is sent, so they have a position of their own behind the
/// cursor where both are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The cursor to go on from.
    pub cursor: Cursor,
    /// The position of the events, where it is another.
    pub events: Option<u64>,
}

impl Mark {
    /// The cursor from which a topic of that name goes on.
    #[must_use]
    pub fn of_topic(self, name: &str) -> Cursor {
        match self.events.filter(|_| Kinds::of_topic(name).is_some()) {
            Some(position) => Cursor { position, ..self.cursor },
            None => self.cursor,
        }
    }
}

impl From<Cursor> for Mark {
    fn from(cursor: Cursor) -> Self {
        Mark { cursor, events: None }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.events {
            Some(events) => write!(f, "{}-{events}", self.cursor),
            None => self.cursor.fmt(f),
        }
    }
}

impl FromStr for Mark {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        match text.match_indices('-').nth(1) {
            Some((at, _)) => {
                let cursor = text[..at].parse()?;
                // A position is read as that of a cursor is.
                let events = format!("0{}", &text[at..]).parse::<Cursor>()?.position;
                Ok(Mark { cursor, events: Some(events) })
            }
            None => Ok(Mark { cursor: text.parse()?, events: None }),
        }
    }
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All figures: they replace what the client has.
    Snapshot,
    /// The members that changed, each with its whole new value.
    Delta,
    /// Events, in the order of the log.
    Events,
}

impl Kind {
    /// Its name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Snapshot => "snapshot",
            Kind::Delta => "delta",
            Kind::Events => "events",
        }
    }
}

/// A frame as it is sent.
#[derive(Debug)]
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
    /// The forms in which transports send it, by their names.
    forms: Mutex<Vec<(&'static str, Bytes)>>,
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        (self.number, self.cursor, &self.json) == (other.number, other.cursor, &other.json)
    }
}

impl Eq for Frame {}

impl Frame {
    /// The figures that it carries, as JSON.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.json[self.data..self.json.len() - 1]
    }

    /// The form of that name, which the first who sends it writes for all.
    pub(super) fn form(&self, name: &'static str, write: impl FnOnce(&Frame) -> Bytes) -> Bytes {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, written)) = forms.iter().find(|(known, _)| *known == name) {
            return written.clone();
        }
        let written = write(self);
        forms.push((name, written.clone()));
        written
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

/// The members that every frame has besides its `data`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FrameHead)]
pub struct Members<'a> {
    /// The topic, or `view:` and the view, as it was asked for.
    topic: &'a str,
    /// The log that positions are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log: Option<String>,
    /// The generation of the read models.
    generation: u32,
    /// The position of the topic's frame before.
    from: u64,
    /// The position of the log that the frame leads to.
    position: u64,
    /// The time at which it was read.
    #[schema(format = DateTime)]
    at: String,
    /// What `data` is.
    #[schema(schema_with = kinds)]
    kind: &'static str,
}

fn kinds() -> Object {
    schemas::words(&[Kind::Snapshot, Kind::Delta, Kind::Events].map(Kind::as_str))
}

impl Head<'_> {
    /// Writes a frame with this data, which is JSON.
    pub(super) fn frame(self, number: u64, data: &[u8]) -> Frame {
        self.write(number, &[], data)
    }

    /// Writes a frame of events, and names the holes between them. They have no numbers.
    pub(super) fn frame_of_events(self, holes: &[impl Serialize], data: &[u8]) -> Frame {
        let holes = serde_json::to_vec(holes).unwrap_or_default();
        let holes =
            if holes == b"[]" { Vec::new() } else { [b"\"holes\":", &*holes, b","].concat() };
        self.write(0, &holes, data)
    }

    fn write(self, number: u64, more: &[u8], data: &[u8]) -> Frame {
        let Head { topic, from, cursor, at, kind } = self;
        let Cursor { log, generation, position } = cursor;
        let log = log.map(|log| log.to_string());
        let (at, named) = (at.to_rfc3339(), kind.as_str());
        let members = Members { topic, log, generation, from, position, at, kind: named };
        let mut json = serde_json::to_vec(&members).unwrap_or_default();
        json.pop();
        json.reserve_exact(more.len() + data.len() + 9);
        json.extend_from_slice(b",");
        json.extend_from_slice(more);
        json.extend_from_slice(b"\"data\":");
        let at = json.len();
        json.extend_from_slice(data);
        json.push(b'}');
        Frame { number, cursor, kind, json: json.into(), data: at, forms: Mutex::default() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor { log: None, generation: 3, position: 4_711 };
        assert_eq!(cursor.to_string(), "3-4711");
        assert_eq!("3-4711".parse(), Ok(cursor));
        let of_log = Cursor { log: Some(LogId(0x5f)), ..cursor };
        let text = of_log.to_string();
        assert_eq!((text.as_str(), text.parse()), ("0000005f.3-4711", Ok(of_log)));
        for text in ["", "3", "-3", "3-", "+3-1", "3--1", "3-1-2", "3-x", "99999999999-1", "3-1 "]
            .into_iter()
            .chain([".3-1", "5f.3-1", "0000005F.3-1", "+000005f.3-1", "0000005f.", "0000005f-3-1"])
        {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn positions_of_another_log_are_none_of_this_one() {
        let of = |incarnation: &str| Cursor {
            log: Some(LogId::of(incarnation)),
            generation: 1,
            position: 7,
        };
        let (one, other) = (of("one"), of("other"));
        assert!(one.compares_with(of("one")) && !one.is_of_log_of(other));
        assert!(!one.compares_with(other));
        let unnamed = Cursor { log: None, ..one };
        assert!(unnamed.compares_with(one) && unnamed.compares_with(other));
        assert!(!unnamed.compares_with(Cursor { generation: 2, ..one }));
    }

    #[test]
    fn a_mark_has_the_position_of_the_events_where_it_is_another() {
        let cursor = Cursor { log: None, generation: 3, position: 4_711 };
        let both = Mark { cursor, events: Some(4_720) };
        assert_eq!((both.to_string().as_str(), "3-4711-4720".parse()), ("3-4711-4720", Ok(both)));
        assert_eq!("3-4711".parse(), Ok(Mark::from(cursor)));
        let of_log = Mark { cursor: Cursor { log: Some(LogId(95)), ..cursor }, ..both };
        let text = of_log.to_string();
        assert_eq!((text.as_str(), text.parse()), ("0000005f.3-4711-4720", Ok(of_log)));
        assert_eq!(both.of_topic("events:order"), Cursor { position: 4_720, ..cursor });
        assert_eq!(
            (both.of_topic("sales"), Mark::from(cursor).of_topic("events")),
            (cursor, cursor)
        );
        for text in ["", "3-1-", "3--1", "3-1-x", "3-1-2-3", "-1-2", "3-1-+2"] {
            assert_eq!(text.parse::<Mark>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn a_frame_says_what_it_follows_and_where_it_leads() {
        let head = Head {
            topic: "view:/api/metrics/sales?category=a\"b",
            from: 5,
            cursor: Cursor { log: Some(LogId(95)), generation: 1, position: 9 },
            at: Time(0),
            kind: Kind::Delta,
        };
        let frame = head.frame(7, br#"{"a":1}"#);
        let read: Value = serde_json::from_slice(&frame.json).unwrap();
        let expected = json!({
            "topic": "view:/api/metrics/sales?category=a\"b", "log": "0000005f", "generation": 1,
            "from": 5, "position": 9, "at": "1970-01-01T00:00:00.000Z", "kind": "delta", "data": { "a": 1 },
        });
        assert_eq!((read, frame.data()), (expected, &br#"{"a":1}"#[..]));
    }
}
