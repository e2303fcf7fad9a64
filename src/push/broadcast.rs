//! `POST /api/alerts/broadcast`: a word of an admin to everybody who is connected, and
//! `GET /api/stream/connections`: how many these are.

use axum::body::Bytes;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::alerts::Alerts;
use super::outgoing::word;
use super::streams::{Statistics, Streams, Transport};
use crate::auth::audit::{Audit, Event, EventType};
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::clock;
use crate::http::envelope::Envelope;
use crate::http::gate::By;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::problem::{FieldError, Problem};
use crate::rights::access::Access;
use crate::rights::caller::{Caller, Person};
use crate::rights::role::{Action, Resource};

/// The most bytes of an alert.
const BYTES_MAX: usize = 4 * 1024;
/// The most characters of its message.
const MESSAGE_MAX: usize = 1_000;
/// The word that carries it.
const WORD: &str = "system_alert";
/// The word that carries the alert of a rule.
pub(super) const ALERT: &str = "alert";

/// The dependencies of the endpoints.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The connections of this process.
    pub streams: Streams,
    /// The audit.
    pub audit: Audit,
    /// The way to the other processes, as JSON.
    pub others: mpsc::Sender<String>,
}

/// What became of an alert.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BroadcastAlert)]
struct Sent {
    /// The alert as it is sent, with the time.
    #[schema(value_type = Object)]
    alert: Value,
    /// The connections of the process that answers that it is sent to. Those of other processes are
    /// not counted.
    connections: usize,
}

/// The endpoints.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    let system = |action| Access::Allowed(Resource::System, action);
    Routes::new()
        .post("/api/alerts/broadcast", system(Action::Create), of_broadcast(), broadcast)
        .body_limit(BYTES_MAX)
        .get("/api/stream/connections", system(Action::Read), of_connections(), connections)
        .with_state(deps)
}

fn of_broadcast() -> Operation {
    let answer = Answer::data_and_message::<Sent>("It is on its way.");
    let schema = json!({
        "type": "object",
        "required": ["message"],
        "properties": {
            "message": { "type": "string", "minLength": 1, "maxLength": MESSAGE_MAX },
        },
    });
    let example = json!({ "type": "maintenance", "severity": "info", "message": "Back at noon" });
    let about = "Every connection that is signed in is sent a `system_alert` with the members of the body and a \
                 `timestamp`: those of this process at once, those of others by the log's server. Nobody \
                 else is told, and who comes later is not.";
    Operation::new(Tag::Push, "broadcastAlert", "Tells everybody who is connected", answer)
        .about(about)
        .body(&schema, &example)
}

fn of_connections() -> Operation {
    let answer = Answer::data::<Statistics>("The connections.").headers(&["Cache-Control"]);
    let summary = "The connections that are pushed to, of the process that answers";
    Operation::new(Tag::Push, "getConnections", summary, answer)
}

async fn broadcast(
    State(deps): State<Deps>,
    By(person): By<Person>,
    origin: Origin,
    body: Bytes,
) -> Result<Envelope<Sent>, Problem> {
    let mut alert = read(&body).map_err(|error| Problem::invalid(vec![error]))?;
    let said = alert["message"].as_str().unwrap_or_default().to_owned();
    alert.insert("timestamp".to_owned(), clock::now().into());
    let alert = Value::Object(alert);
    let connections = deps.streams.tell(&word(WORD, alert.clone()));
    if deps.others.try_send(alert.to_string()).is_err() {
        tracing::warn!("an alert did not go out to other processes");
    }
    let event = Event::done(EventType::AlertBroadcast).by_user(&person.user_id).detail(said);
    deps.audit.record(event.from(&origin)).await;
    Ok(Envelope::of(Sent { alert, connections }).saying("The alert is on its way"))
}

async fn connections(
    State(deps): State<Deps>,
) -> ([(axum::http::HeaderName, &'static str); 1], Envelope<Statistics>) {
    let told = Envelope::of(deps.streams.statistics());
    ([(axum::http::header::CACHE_CONTROL, "no-store")], told)
}

/// Tells connections the alerts of other processes until `stop`.
pub async fn follow(streams: Streams, mut heard: mpsc::Receiver<String>, stop: CancellationToken) {
    loop {
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = heard.recv() => heard,
        };
        let Some(text) = heard else { return };
        // It has its time by now.
        match serde_json::from_str::<Value>(&text) {
            Ok(alert) if alert.is_object() && text.len() <= 2 * BYTES_MAX => {
                let connections = streams.tell(&word(WORD, alert));
                tracing::debug!(connections, "another process's alert was passed on");
            }
            _ => tracing::warn!("an alert of another process was not understood"),
        }
    }
}

/// Tells people by Socket.IO of the alerts of rules, as they are recorded, until `stop`. Other transports
/// have a topic for them.
pub async fn pass_on(streams: Streams, alerts: Alerts, stop: CancellationToken) {
    let mut recorded = alerts.listen();
    loop {
        let told = tokio::select! {
            () = stop.cancelled() => return,
            told = recorded.recv() => told,
        };
        match told {
            Ok(told) => {
                let is_for = |caller: &Caller| match caller {
                    Caller::Person(person) => told.is_for(person),
                    Caller::Key(_) => false,
                };
                let alert = serde_json::to_value(&*told.alert).unwrap_or_default();
                streams.tell_some(Transport::SocketIo, is_for, &word(ALERT, alert));
            }
            // They are in the history.
            Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "alerts were not told"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Reads an alert; members that are not known are kept.
fn read(body: &[u8]) -> Result<Map<String, Value>, FieldError> {
    let alert: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| FieldError::new("", "the body must be a JSON object"))?;
    for name in ["kind", "timestamp"] {
        if alert.contains_key(name) {
            return Err(FieldError::new(name, "must be left out: it is set here"));
        }
    }
    let is_right = |text: &str| {
        let text = text.trim();
        !text.is_empty() && text.chars().count() <= MESSAGE_MAX
    };
    match alert.get("message") {
        Some(Value::String(text)) if is_right(text) => Ok(alert),
        None => Err(FieldError::new("message", "is missing")),
        Some(_) => Err(FieldError::new("message", "must be a text of 1 to 1,000 characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_has_a_message_and_whatever_else_it_says() {
        let field = |body: Value| read(body.to_string().as_bytes()).err().map(|it| it.field);
        let whole = json!({ "message": "Back at noon", "type": "x", "own": { "a": [1] } });
        assert_eq!(field(whole), None);
        for (body, wrong) in [
            (json!([]), ""),
            (json!({}), "message"),
            (json!({ "message": "  " }), "message"),
            (json!({ "message": 7 }), "message"),
            (json!({ "message": "x".repeat(1_001) }), "message"),
            (json!({ "message": "x", "kind": "frame" }), "kind"),
            (json!({ "message": "x", "timestamp": "now" }), "timestamp"),
        ] {
            assert_eq!(field(body.clone()).as_deref(), Some(wrong), "{body}");
        }
    }
}
