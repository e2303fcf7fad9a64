//! Every event of Socket.IO, of the service and of clients: what it is for, and what it carries. Events
//! keep their names for good.

use serde_json::{Map, Value, json};

use super::asked::NAME_MAX;
use super::metrics::{NAMES, TIMES};
use crate::push::offers::{DASHBOARD, OVERVIEW};

/// An event.
#[derive(Debug)]
pub struct Event {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Whether clients send it, and not the service.
    pub is_of_client: bool,
    /// What it carries.
    pub carries: Carries,
}

/// What an event carries.
#[derive(Debug, Clone, Copy)]
pub enum Carries {
    /// Nothing.
    Nothing,
    /// An object of this schema.
    Object(fn() -> Value),
    /// An alert as it was recorded.
    Alert,
    /// A frame of a topic or a view.
    Frame,
    /// The figures of the topic of that name, and their `position`.
    Figures(&'static str),
    /// The figures of the topic of that name as `data` of an object of this schema.
    Within(&'static str, fn() -> Value),
}

const fn of_client(name: &'static str, about: &'static str, carries: Carries) -> Event {
    Event { name, about, is_of_client: true, carries }
}

const fn of_service(name: &'static str, about: &'static str, carries: Carries) -> Event {
    Event { name, about, is_of_client: false, carries }
}

/// Every event.
pub const EVENTS: &[Event] = &[
    of_client("authenticate", "To sign in.", Carries::Object(|| object(&["token"], &[]))),
    of_client("subscribe_dashboard", "To follow a dashboard.", Carries::Object(subscribe)),
    of_client(
        "unsubscribe_dashboard",
        "To follow it no more.",
        Carries::Object(|| object(&[], &["dashboardType"])),
    ),
    of_client("request_metrics", "For a metric.", Carries::Object(wanted)),
    of_client("requestCurrentMetrics", "For the overview of sales.", Carries::Nothing),
    of_client("heartbeat", "For a sign of life.", Carries::Nothing),
    of_service(
        "welcome",
        "Somebody is connected.",
        Carries::Object(|| object(&["message", "position", "socketId"], &[])),
    ),
    of_service(
        "authenticated",
        "The credential is valid.",
        Carries::Object(|| object(&["success", "message"], &[])),
    ),
    of_service(
        "authentication_error",
        "It is not, or there is none, or the session has ended.",
        Carries::Object(|| object(&["success", "message"], &[])),
    ),
    of_service(
        "realtimeSalesUpdate",
        "The overview of sales: after sign-in, and when sales changed.",
        Carries::Figures(OVERVIEW),
    ),
    of_service("currentMetrics", "The same, on request.", Carries::Figures(OVERVIEW)),
    of_service(
        "subscribed",
        "A dashboard is followed; of frames also whether a client that was away goes on where it was.",
        Carries::Object(|| object(&["room", "message"], &["topic", "recovered", "position"])),
    ),
    of_service(
        "metrics_update",
        "The figures of a dashboard that is followed by words, when they changed.",
        Carries::Within(DASHBOARD, || object(&["metricType", "timestamp", "position"], &[])),
    ),
    of_service("frame", "A frame of a dashboard that is followed by frames.", Carries::Frame),
    of_service(
        "refused",
        "A dashboard is not followed: there is none, the caller may not, or there are too many.",
        Carries::Object(|| object(&["room", "topic", "status", "message"], &[])),
    ),
    of_service(
        "trouble",
        "A dashboard cannot be read now; a frame comes when it can.",
        Carries::Object(|| object(&["room", "topic", "message"], &[])),
    ),
    of_service(
        "unsubscribed",
        "A dashboard is followed no more.",
        Carries::Object(|| object(&["room", "message"], &["topic"])),
    ),
    of_service("metrics_data", "A metric, on request.", Carries::Object(metric)),
    of_service(
        "heartbeat_ack",
        "The answer to `heartbeat`.",
        Carries::Object(|| object(&["timestamp"], &[])),
    ),
    of_service(
        "alert",
        "An alert of the person's own rules or of their role's was recorded.",
        Carries::Alert,
    ),
    of_service(
        "system_alert",
        "What an admin tells everybody, with further members of the admin's.",
        Carries::Object(|| object(&["message", "timestamp"], &[])),
    ),
    of_service(
        "session_ended",
        "The session, account or key is not valid any more; the connection ends.",
        Carries::Object(|| object(&["message"], &[])),
    ),
    of_service(
        "server_shutdown",
        "The service stops; the connection ends.",
        Carries::Object(|| object(&["message"], &[])),
    ),
    of_service(
        "error",
        "A request cannot be answered, or too many came.",
        Carries::Object(|| object(&["message"], &["event", "member"])),
    ),
];

/// An object of members that have one meaning in every event.
fn object(required: &[&str], others: &[&str]) -> Value {
    let all = required.iter().chain(others);
    let properties: Map<_, _> = all.map(|name| ((*name).to_owned(), member(name))).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn member(name: &str) -> Value {
    match name {
        "position" | "status" => json!({ "type": "integer" }),
        "success" | "recovered" => json!({ "type": "boolean" }),
        "timestamp" => json!({ "type": "string", "format": "date-time" }),
        "metricType" => json!({ "const": DASHBOARD }),
        "dashboardType" => json!({
            "type": "string",
            "description": format!("A topic, `view:` and a view, or any name of 1 to {NAME_MAX} letters, \
                digits, `-`, `_` and `.`."),
        }),
        _ => json!({ "type": "string" }),
    }
}

fn subscribe() -> Value {
    let mut schema = object(&[], &["dashboardType"]);
    schema["properties"]["since"] = json!({
        "type": ["string", "null"],
        "description": "The log, generation and position of the topic's last frame, as \
            `log.generation-position`; null begins with a snapshot.",
    });
    schema
}

fn named(names: &str) -> Value {
    json!({ "enum": names.split(", ").collect::<Vec<_>>() })
}

fn wanted() -> Value {
    json!({
        "type": "object",
        "required": ["metricType"],
        "properties": { "metricType": named(NAMES), "timeRange": named(TIMES) },
    })
}

fn metric() -> Value {
    let number = || json!({ "type": ["number", "null"] });
    let point =
        json!({ "type": "object", "required": ["x", "y"], "properties": { "x": {}, "y": {} } });
    let told = json!({
        "type": "object",
        "required": ["value", "trend", "change"],
        "properties": {
            "value": number(),
            "trend": { "enum": ["up", "down"] },
            "change": { "type": "string" },
        },
    });
    let figures = json!({
        "type": "object",
        "required": ["metricType", "timeRange", "data", "value", "previous", "trend", "changePercent",
            "series"],
        "properties": {
            "metricType": named(NAMES),
            "timeRange": named(TIMES),
            "data": told,
            "value": number(),
            "previous": number(),
            "trend": { "enum": ["up", "down"] },
            "changePercent": number(),
            "series": { "type": "array", "items": point },
        },
    });
    let mut schema = object(&["timestamp", "position"], &[]);
    schema["required"] = json!(["metricType", "timeRange", "timestamp", "position", "data"]);
    schema["properties"]["metricType"] = named(NAMES);
    schema["properties"]["timeRange"] = named(TIMES);
    schema["properties"]["data"] = figures;
    schema
}
