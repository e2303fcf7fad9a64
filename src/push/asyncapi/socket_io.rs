//! Socket.IO in the description: a message for each event, made from the list of events and from the topics.

use serde_json::{Value, json};

use super::parts::{Members, figures, message, operation};
use crate::http::openapi::schemas::Schemas;
use crate::http::routes::Route;
use crate::push::alerts::Recorded;
use crate::push::engine_io::PAYLOAD_BYTES_MAX;
use crate::push::offers::{TOPICS, Topic};
use crate::push::socket_io::events::{Carries, EVENTS, Event};

/// The name of the channel, and what the names of its messages begin with: events have names that words of
/// the other transports have too.
const CHANNEL: &str = "socketIo";
/// The path, unless it is set.
const ADDRESS: &str = "/socket.io";

/// The messages of one side, by their names in the document.
pub(super) fn messages(
    is_of_client: bool,
    frames: &Members,
    table: &[Route],
    known: &mut Schemas,
) -> Members {
    let of_side = EVENTS.iter().filter(|event| event.is_of_client == is_of_client);
    let all = of_side.map(|event| {
        let payload = payload(event, frames, table, known);
        let (_, message) = message(event.name, event.about, &payload);
        (format!("{CHANNEL}.{}", event.name), message)
    });
    all.collect()
}

fn payload(event: &Event, frames: &Members, table: &[Route], known: &mut Schemas) -> Value {
    let mut of_topic = |name: &str| -> Value {
        let topic = TOPICS.iter().find(|topic: &&Topic| topic.name == name);
        topic.map_or_else(|| json!({ "type": "object" }), |topic| figures(topic, table, known))
    };
    match event.carries {
        Carries::Nothing => json!({ "type": "null" }),
        Carries::Object(schema) => schema(),
        Carries::Alert => known.answered::<Recorded>(),
        Carries::Frame => {
            let payload =
                |name: &String| json!({ "$ref": format!("#/components/messages/{name}/payload") });
            json!({ "anyOf": frames.keys().map(payload).collect::<Vec<_>>() })
        }
        Carries::Figures(topic) => {
            let position = json!({
                "type": "object",
                "required": ["position"],
                "properties": { "position": { "type": "integer" } },
            });
            json!({ "allOf": [of_topic(topic), position] })
        }
        Carries::Within(topic, around) => {
            let mut schema = around();
            schema["properties"]["data"] = of_topic(topic);
            if let Some(required) = schema["required"].as_array_mut() {
                required.push("data".into());
            }
            schema
        }
    }
}

/// The channel and its operations, of the messages of the service and of clients.
pub(super) fn add(document: &mut Value, of_service: &Members, of_client: &Members) {
    let reference = |name: &String| {
        let message = json!({ "$ref": format!("#/components/messages/{name}") });
        (name.clone(), message)
    };
    let all = of_service.keys().chain(of_client.keys()).map(reference);
    document["channels"][CHANNEL] = json!({
        "address": ADDRESS,
        "description": format!(
            "Events of Socket.IO 4 (Engine.IO 4), by `WebSocket` or polling: a message's name is the event's, \
             its payload the first argument. Those of the client have at most {PAYLOAD_BYTES_MAX} bytes. A \
             credential comes in the handshake, as `auth.token` or in a header, or by `authenticate`."
        ),
        "servers": [{ "$ref": "#/servers/socketIo" }],
        "messages": all.collect::<Members>(),
    });
    let [sent, asked] = [of_service, of_client].map(|all| all.keys().collect::<Vec<_>>());
    document["operations"]["sendSocketIo"] =
        operation("send", CHANNEL, "What a client of Socket.IO is sent", &sent);
    document["operations"]["receiveSocketIo"] =
        operation("receive", CHANNEL, "What a client of Socket.IO asks for", &asked);
}
