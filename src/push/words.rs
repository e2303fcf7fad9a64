//! The words that a subscriber is told besides frames: what each has, and when it is said.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::openapi::schemas;

/// A word.
pub trait Word: Serialize + ToSchema {
    /// Its name: the event of a stream, the `kind` of a message.
    const KIND: &'static str;
    /// When it is said.
    const ABOUT: &'static str;
    /// Whether it is said on a `WebSocket` alone.
    const ANSWERS: bool = false;
}

/// A word as the description of the transports has it.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub kind: &'static str,
    /// When it is said.
    pub about: &'static str,
    /// Whether it is said on a `WebSocket` alone.
    pub answers: bool,
    /// The schema of its members, `kind` left out.
    pub schema: fn() -> Value,
}

const fn of<W: Word>() -> Listed {
    Listed { kind: W::KIND, about: W::ABOUT, answers: W::ANSWERS, schema: schemas::of::<W> }
}

/// Every word.
pub const ALL: &[Listed] = &[
    of::<Subscribed>(),
    of::<Refused>(),
    of::<Trouble>(),
    of::<Unsubscribed>(),
    of::<SessionEnded>(),
    of::<ServerShutdown>(),
    of::<Pong>(),
    of::<Wrong>(),
];

/// A topic is followed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Subscribed<'a> {
    /// The topic, as it was asked for.
    pub topic: &'a str,
    /// Whether what was missed follows, or nothing was; only where the client was away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recovered: Option<bool>,
    /// The position behind which events follow; only of `events`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub position: Option<u64>,
}

/// A topic is not followed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused<'a> {
    /// The topic, as it was asked for.
    pub topic: &'a str,
    /// The status that a request for its figures would have.
    pub status: u16,
    /// Why.
    pub message: &'a str,
}

/// Nothing can be read of a topic at the moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trouble<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Why.
    pub message: &'a str,
}

/// A topic is not followed any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unsubscribed<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Why, where the client did not ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub message: Option<&'a str>,
}

/// The session, account or key is not valid any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionEnded {
    /// What can be done.
    pub message: &'static str,
}

/// The service stops.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerShutdown {
    /// The same in words.
    pub message: &'static str,
}

/// The service is there.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pong {}

/// A message of the client is not one.
#[derive(Debug, Serialize, ToSchema)]
pub struct Wrong<'a> {
    /// What is wrong, and what is allowed.
    pub message: &'a str,
}

impl Word for Subscribed<'_> {
    const KIND: &'static str = "subscribed";
    const ABOUT: &'static str =
        "A topic is followed; whether a client that was away goes on where it was.";
}

impl Word for Refused<'_> {
    const KIND: &'static str = "refused";
    const ABOUT: &'static str =
        "A topic is not followed: there is none, the caller may not, or there are too many.";
}

impl Word for Trouble<'_> {
    const KIND: &'static str = "trouble";
    const ABOUT: &'static str = "A topic cannot be read now; a frame comes when it can.";
}

impl Word for Unsubscribed<'_> {
    const KIND: &'static str = "unsubscribed";
    const ABOUT: &'static str = "A topic is not followed any more, as the client asked for, or as the caller's rights changed.";
}

impl Word for SessionEnded {
    const KIND: &'static str = "session_ended";
    const ABOUT: &'static str =
        "The session, account or key is not valid any more; the connection ends.";
}

impl Word for ServerShutdown {
    const KIND: &'static str = "server_shutdown";
    const ABOUT: &'static str = "The service stops; the connection ends.";
}

impl Word for Pong {
    const KIND: &'static str = "pong";
    const ABOUT: &'static str = "The answer to `ping`.";
    const ANSWERS: bool = true;
}

impl Word for Wrong<'_> {
    const KIND: &'static str = "error";
    const ABOUT: &'static str =
        "A message of the client was not understood, or there were too many.";
    const ANSWERS: bool = true;
}
