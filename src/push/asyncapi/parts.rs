//! The parts that the transports' descriptions are made of.

use serde_json::{Map, Value, json};

use crate::http::openapi::schemas::Schemas;
use crate::http::routes::Route;
use crate::push::offers::Topic;

/// Members of an object of the document, by their names.
pub(super) type Members = Map<String, Value>;

/// An operation: the service sends these messages on a channel, or receives them.
pub(super) fn operation(action: &str, channel: &str, summary: &str, messages: &[&String]) -> Value {
    let of = |name: &&String| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") });
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "summary": summary,
        "messages": messages.iter().map(of).collect::<Vec<_>>(),
    })
}

/// A message, and its name.
pub(super) fn message(name: &str, about: &str, payload: &Value) -> (String, Value) {
    let message = json!({ "name": name, "summary": about, "payload": payload });
    (name.to_owned(), message)
}

/// The figures that the route of a topic answers.
pub(super) fn figures(topic: &Topic, table: &[Route], known: &mut Schemas) -> Value {
    let route = table.iter().find(|route| route.path == topic.path);
    match route.and_then(|route| route.operation.answered()) {
        Some((schemas, data)) => {
            known.merge(schemas.clone());
            data.clone()
        }
        None => json!({ "type": "object" }),
    }
}
