//! Server-sent events. A frame is an event whose data is the frame's JSON, shared by all who are sent
//! it; its id is the mark to go on from, which is the frame's own where nothing else is followed: then all
//! share the whole event. Other words are events of their kind.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::Extension;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::frame::Mark;
use super::outgoing::Outgoing;
use super::streams::{Connected, Streams};
use super::words::{Subscribed, Word};
use crate::http::door::EventStream;

/// The milliseconds after which a browser connects anew, and a word at once, so that everything on
/// the way passes the head on.
const BEGIN: &[u8] = b"retry: 1000\n: following\n\n";
const HEARTBEAT: &[u8] = b": heartbeat\n\n";
const END: &[u8] = b"\n\n";
/// The form of a frame whose id is its own cursor.
const FORM: &str = "sse";

/// A connection as server-sent events.
struct Events {
    connected: Connected,
    heartbeat: Interval,
    /// The parts of the event that is being sent.
    parts: VecDeque<Bytes>,
}

/// The answer that sends all that a subscriber is sent, until its end.
pub fn respond(connected: Connected, streams: &Streams) -> Response {
    let every = streams.heartbeat();
    let mut heartbeat = interval_at(Instant::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let parts = VecDeque::from([Bytes::from_static(BEGIN)]);
    let events = Events { connected, heartbeat, parts };
    let body = unfold(events, |mut events| async {
        let part = events.next().await?;
        Some((Ok::<_, Infallible>(part), events))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        // nginx buffers answers unless it is told not to.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (Extension(EventStream), headers, Body::from_stream(body)).into_response()
}

impl Events {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(part) = self.parts.pop_front() {
            return Some(part);
        }
        tokio::select! {
            next = self.connected.next() => {
                let next = next?;
                let mark = match &next {
                    Outgoing::Frame(_, mark) => *mark,
                    // One that begins without a frame is one to go on with all the same.
                    Outgoing::Word(Subscribed::KIND, _) => self.connected.subscriber.mark_now(),
                    Outgoing::Word(..) => None,
                };
                self.parts.extend(parts(&next, mark));
                self.parts.pop_front()
            }
            _ = self.heartbeat.tick() => Some(Bytes::from_static(HEARTBEAT)),
        }
    }
}

/// The bytes of an event: its parts, or the whole that all subscribers with this mark share.
fn parts(outgoing: &Outgoing, mark: Option<Mark>) -> Vec<Bytes> {
    match (outgoing, mark) {
        (Outgoing::Frame(frame, _), Some(its)) if its == frame.cursor.into() => {
            vec![frame.form(FORM, |_| event(outgoing, mark).concat().into())]
        }
        _ => event(outgoing, mark).into(),
    }
}

/// The parts of an event, with the mark to go on from.
fn event(outgoing: &Outgoing, mark: Option<Mark>) -> [Bytes; 3] {
    let id = mark.map(|mark| format!("id: {mark}\n")).unwrap_or_default();
    let (head, data) = match outgoing {
        Outgoing::Frame(frame, _) => (format!("{id}data: "), frame.json.clone()),
        Outgoing::Word(kind, json) => (format!("{id}event: {kind}\ndata: "), json.clone()),
    };
    [head.into(), data, Bytes::from_static(END)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use projections::time::Time;

    use super::super::frame::{Cursor, Frame, Head, Kind};
    use super::*;

    fn frame(cursor: Cursor) -> Frame {
        Head { topic: "sales", from: 0, cursor, at: Time(0), kind: Kind::Snapshot }.frame(1, b"{}")
    }

    fn text(outgoing: &Outgoing) -> String {
        let mark = match outgoing {
            Outgoing::Frame(_, mark) => *mark,
            Outgoing::Word(..) => None,
        };
        event(outgoing, mark).iter().map(|part| str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn a_frame_has_the_mark_to_go_on_from_and_a_word_its_kind() {
        let cursor = Cursor { log: None, generation: 1, position: 7 };
        let frame = Arc::new(frame(cursor));
        let json = str::from_utf8(&frame.json).unwrap();
        let sent = text(&Outgoing::Frame(frame.clone(), Some(cursor.into())));
        assert_eq!(sent, format!("id: 1-7\ndata: {json}\n\n"));
        assert_eq!(text(&Outgoing::Frame(frame.clone(), None)), format!("data: {json}\n\n"));
        let word = Outgoing::Word("subscribed", Bytes::from_static(b"{}"));
        assert_eq!(text(&word), "event: subscribed\ndata: {}\n\n");
    }

    #[test]
    fn all_whose_mark_is_the_frames_own_share_one_event() {
        let frame = Arc::new(frame(Cursor { log: None, generation: 1, position: 7 }));
        let mark = Some(frame.cursor.into());
        let sent = |frame: &Arc<Frame>| {
            let outgoing = Outgoing::Frame(frame.clone(), mark);
            (parts(&outgoing, mark), text(&outgoing))
        };
        let ((one, expected), (other, _)) = (sent(&frame), sent(&frame));
        assert_eq!((one.len(), &one[0][..]), (1, expected.as_bytes()));
        assert_eq!(one[0].as_ptr(), other[0].as_ptr());
    }

    #[test]
    fn a_frame_is_not_copied_beside_another_topic() {
        let frame = Arc::new(frame(Cursor { log: None, generation: 1, position: 7 }));
        let [_, data, _] = event(&Outgoing::Frame(frame.clone(), None), None);
        assert_eq!(data.as_ptr(), frame.json.as_ptr());
    }
}
