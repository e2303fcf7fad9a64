//! A quarantined message and a replay, as they are shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use projections::event::Kind;
use projections::time::Time;
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::Replay;
use crate::http::openapi::schemas;
use crate::store::commit::QuarantineReason;
use crate::store::quarantine::{Kept, Resolution, State};
use crate::store::time;
use crate::stream::subject;

/// A quarantined message. A value that is missing is null.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Quarantined)]
pub struct Shown {
    /// Its position.
    pub position: u64,
    /// Its subject.
    pub subject: String,
    /// The kind that its subject names.
    pub kind: Option<&'static str>,
    /// The time at which the log stored it.
    #[schema(format = DateTime)]
    pub at: String,
    /// The length of its body.
    pub bytes: u64,
    /// Every reason.
    pub reasons: Vec<Because>,
    /// Whether it is open, its replay was begun, or it was replayed or discarded.
    #[schema(schema_with = states)]
    pub state: &'static str,
    /// The decision about it.
    pub resolution: Option<Decided>,
}

/// A reason for which a message is quarantined.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuarantineReason)]
pub struct Because {
    /// The field that it is about; empty for the whole message.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// A word for it, where the message can be sent again once something else has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<String>,
}

impl From<QuarantineReason> for Because {
    fn from(QuarantineReason { field, message, code }: QuarantineReason) -> Self {
        Because { field, message, code }
    }
}

/// A quarantined message by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuarantinedWhole)]
pub struct ShownWhole {
    /// As in a list.
    #[serde(flatten)]
    pub shown: Shown,
    /// Its headers and its body.
    #[serde(flatten)]
    pub whole: Whole,
}

/// A message as the log had it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuarantinedMessage)]
pub struct Whole {
    /// Its headers; none where they cannot be read.
    pub headers: Vec<(String, String)>,
    /// Its block of headers, where that or the subject cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub headers_base64: Option<String>,
    /// Its body, where it is text, or the first 8 MB of it.
    pub payload: Option<String>,
    /// Its body, where it is none.
    pub payload_base64: Option<String>,
}

/// The decision about a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Resolution)]
pub struct Decided {
    /// The time of the decision.
    #[schema(format = DateTime)]
    pub at: String,
    /// The caller who decided.
    pub by: String,
    /// The position that it has now.
    pub replayed_at: Option<u64>,
    /// Whether the message was edited before it was replayed.
    pub edited: bool,
    /// The reason for which it was discarded.
    pub reason: Option<String>,
}

/// The result of a replay, or of its trial.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replay)]
pub struct Outcome {
    /// Whether nothing was sent.
    pub dry_run: bool,
    /// Its position on the log now.
    pub position: Option<u64>,
    /// Its outcome in the fold.
    pub outcome: &'static str,
    /// The position of the read models that this holds for.
    pub as_of: u64,
    /// Its kind.
    pub kind: &'static str,
    /// Its entity.
    pub entity: String,
    /// Whether the entity is known; null for an activity.
    pub known: Option<bool>,
    /// The kinds of figures that it changes.
    pub touched: Vec<&'static str>,
}

impl Shown {
    /// A message in a list.
    #[must_use]
    pub fn of(Kept { row, resolution }: Kept, prefix: &str) -> Self {
        let state = match resolution.as_ref().map(|it| it.state) {
            None => "open",
            Some(State::Begun) => "begun",
            Some(State::Replayed) => "replayed",
            Some(State::Discarded) => "discarded",
        };
        Shown {
            position: row.position,
            kind: subject::kind_of(prefix, &row.subject).map(Kind::as_str),
            subject: row.subject,
            at: Time(row.at).to_rfc3339(),
            bytes: row.payload.bytes().len() as u64 + row.bytes_left_out,
            reasons: row.reasons.into_iter().map(Because::from).collect(),
            state,
            resolution: resolution.map(Decided::from),
        }
    }

    /// A message by itself.
    #[must_use]
    pub fn whole(kept: Kept, prefix: &str) -> ShownWhole {
        let bytes = kept.row.payload.bytes();
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        let payload_base64 = text.is_none().then(|| STANDARD.encode(bytes));
        let block = kept.row.header_block.as_ref();
        let whole = Whole {
            headers: kept.row.headers.clone(),
            headers_base64: block.map(|block| STANDARD.encode(block.bytes())),
            payload: text,
            payload_base64,
        };
        ShownWhole { shown: Self::of(kept, prefix), whole }
    }
}

impl From<Resolution> for Decided {
    fn from(it: Resolution) -> Self {
        Decided {
            at: time::rfc3339(it.at),
            by: it.by,
            replayed_at: it.replayed_at,
            edited: it.edited,
            reason: it.reason,
        }
    }
}

impl From<Replay> for Outcome {
    fn from(Replay { trial, position }: Replay) -> Self {
        Outcome {
            dry_run: position.is_none(),
            position,
            outcome: trial.outcome.as_str(),
            as_of: trial.position,
            kind: trial.kind.as_str(),
            entity: trial.entity,
            known: trial.known,
            touched: names(trial.touched),
        }
    }
}

fn states() -> Object {
    schemas::words(&["open", "begun", "replayed", "discarded"])
}

fn names(touched: Topics) -> Vec<&'static str> {
    touched.iter().map(Topic::as_str).collect()
}
