//! A `WebSocket` with JSON texts: what a client asks for, and what it is sent.
//!
//! A message is read when the one before was answered, and not while the client does not take what it
//! is sent; so a client that floods, or does not read, waits itself.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use utoipa::ToSchema;

use super::frame::Mark;
use super::offers::VIEW;
use super::outgoing::{Outgoing, told};
use super::pace::{Pace, Verdict};
use super::streams::{Connected, Streams};
use super::words::{Pong, Wrong};
use crate::http::openapi::schemas;

/// No message of a client is longer.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024;
/// Messages that are answered at once, and the time for each further one.
const ANSWERED: (u32, Duration) = (40, Duration::from_millis(100));

/// What a client asks for.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Asked {
    Subscribe(Which),
    Resume(Resume),
    Unsubscribe(Which),
    Ping,
}

/// Topics and views.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct Which {
    /// Names of topics.
    topics: Vec<String>,
    /// The paths of views with their parameters.
    views: Vec<String>,
}

/// Topics and views, and where the client was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Resume {
    /// The log, the generation and the position of the last frame, as `log.generation-position`.
    since: String,
    /// Names of topics.
    #[serde(default)]
    topics: Vec<String>,
    /// The paths of views with their parameters.
    #[serde(default)]
    views: Vec<String>,
}

/// What a client can ask for: the type of the message, what it is for, and the schema of its members,
/// `type` left out.
pub(super) fn asked() -> [(&'static str, &'static str, Value); 4] {
    let nothing = json!({ "type": "object", "additionalProperties": false });
    [
        ("subscribe", "To follow topics and views from a snapshot on.", schemas::of::<Which>()),
        ("resume", "To follow them from where the client was.", schemas::of::<Resume>()),
        ("unsubscribe", "To follow them no more.", schemas::of::<Which>()),
        ("ping", "For a sign of life.", nothing),
    ]
}

impl Which {
    /// The names, of topics and of views.
    fn names(self) -> impl Iterator<Item = String> {
        self.topics.into_iter().chain(self.views.into_iter().map(|view| format!("{VIEW}{view}")))
    }
}

type Sink = SplitSink<WebSocket, Message>;

/// Serves a connection until it ends.
pub async fn serve(socket: WebSocket, mut connected: Connected, streams: Streams) {
    let (mut sink, mut messages) = socket.split();
    let (every, within) = (streams.heartbeat(), streams.answers_within());
    let mut heartbeat = interval_at(Instant::now() + every, every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pace = Pace::new(ANSWERED.0, ANSWERED.1);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            biased;
            next = connected.next() => match next {
                Some(next) => if send(&mut sink, next).await.is_err() { return },
                None => return close(&mut sink, close_code::AWAY, "").await,
            },
            message = messages.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(Message::Text(text))) => match pace.count() {
                        Verdict::Answer => answer(&mut connected, &text),
                        Verdict::Tell => connected.subscriber.say(wrong(
                            "Too many messages; some of them are not answered",
                        )),
                        Verdict::Ignore => {}
                        Verdict::End => {
                            return close(&mut sink, close_code::POLICY, "too many messages").await;
                        }
                    },
                    Some(Ok(Message::Binary(_))) => {
                        return close(&mut sink, close_code::UNSUPPORTED, "texts only").await;
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            _ = heartbeat.tick() => {
                if sink.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
            () = sleep_until(heard + every + within) => return,
        }
    }
}

async fn send(sink: &mut Sink, outgoing: Outgoing) -> Result<(), axum::Error> {
    let json = match outgoing {
        Outgoing::Frame(frame, _) => frame.json.clone(),
        Outgoing::Word(_, json) => json,
    };
    // It is JSON, and so is a text.
    let Ok(text) = Utf8Bytes::try_from(json) else { return Ok(()) };
    sink.send(Message::Text(text)).await
}

async fn close(sink: &mut Sink, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let _ = sink.send(Message::Close(Some(frame))).await;
}

fn answer(connected: &mut Connected, text: &str) {
    let subscriber = &mut connected.subscriber;
    match serde_json::from_str(text) {
        Ok(Asked::Subscribe(which)) => {
            which.names().for_each(|name| subscriber.subscribe(&name, None));
        }
        Ok(Asked::Resume(Resume { since, topics, views })) => match since.parse::<Mark>() {
            Ok(since) => {
                let names = Which { topics, views }.names();
                names.for_each(|name| subscriber.subscribe(&name, Some(since.of_topic(&name))));
            }
            Err(error) => subscriber.say(wrong(&format!("since {error}"))),
        },
        Ok(Asked::Unsubscribe(which)) => {
            which.names().for_each(|name| subscriber.unsubscribe(&name));
        }
        Ok(Asked::Ping) => subscriber.say(told(&Pong {})),
        Err(error) => {
            let allowed = "a message is {\"type\":\"subscribe\", \"topics\":[…], \"views\":[…]}, or of \
                           the type unsubscribe, resume (with since) or ping";
            subscriber.say(wrong(&format!("{error}; {allowed}")));
        }
    }
}

fn wrong(message: &str) -> Outgoing {
    told(&Wrong { message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_whole_or_not_at_all() {
        let read = |text: &str| serde_json::from_str::<Asked>(text).is_ok();
        assert!(read(r#"{"type":"subscribe","topics":["sales"],"views":["/api/orders"]}"#));
        assert!(read(r#"{"type":"resume","since":"1-4","topics":["sales"]}"#));
        assert!(read(r#"{"type":"unsubscribe","topics":["sales"]}"#));
        assert!(read(r#"{"type":"ping"}"#));
        for text in ["", "7", "{}", r#"{"type":"x"}"#, r#"{"type":"subscribe","topic":"sales"}"#] {
            assert!(!read(text), "{text}");
        }
    }

    #[test]
    fn views_are_named_by_their_path() {
        let which =
            Which { topics: vec!["sales".to_owned()], views: vec!["/api/orders".to_owned()] };
        assert_eq!(which.names().collect::<Vec<_>>(), ["sales", "view:/api/orders"]);
    }
}
