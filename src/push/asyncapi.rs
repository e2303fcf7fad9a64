//! The description of the event stream, the `WebSocket` and Socket.IO: an `AsyncAPI` 3 document that is made
//! from the list of topics, the lists of words and events and the types of what is sent, so that it has each
//! of them and nothing else.

mod parts;
mod socket_io;

use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use self::parts::{Members, figures, message, operation};
use super::events::written::{Folded, Hole};
use super::frame;
use super::offers::{self, MadeOf, TOPICS};
use super::web_socket::{self, MESSAGE_BYTES_MAX};
use super::words;
use crate::http::Routes;
use crate::http::gate::X_API_KEY;
use crate::http::openapi::file::File;
use crate::http::openapi::schemas::Schemas;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::routes::Route;

/// The path of the document.
pub const PATH: &str = "/api/asyncapi.json";

const STREAM: &str = "/api/stream";
const WEB_SOCKET: &str = "/api/ws";
const ABOUT: &str = "What subscribers are sent: frames of the topics that they follow, and words about it. A \
client keeps for each topic what it has, with its generation and position. A snapshot replaces that; a delta \
applies where `from` is at most the client's position and `position` is beyond it.";

/// Adds the document, made of the table of these routes.
#[must_use]
pub fn documented(routes: Routes) -> Routes {
    let answer = Answer::object("The document.");
    let operation = Operation::of_file(
        Tag::Push,
        "getAsyncApi",
        "What is pushed, as an AsyncAPI 3 document",
        answer,
    );
    routes.described(PATH, operation, |table| {
        let file = File::made("application/json", move || of(&table).to_string().into());
        async move |State(()): State<()>, headers: HeaderMap| file.answer(&headers)
    })
}

/// The document of what is pushed; figures have the schemas that the routes have.
#[must_use]
pub fn of(table: &[Route]) -> Value {
    let mut known = Schemas::default();
    known.add_type::<frame::Members<'_>>();
    known.add_type::<Folded<'_>>();
    known.add_type::<Hole>();
    let frames: Members = TOPICS.iter().map(|topic| of_topic(topic, table, &mut known)).collect();
    let frames: Members = frames.into_iter().chain([of_views()]).collect();
    let (answers, said): (Vec<_>, Vec<_>) = words::ALL.iter().partition(|word| word.answers);
    let said: Members = said.into_iter().map(of_word).collect();
    let answers: Members = answers.into_iter().map(of_word).collect();
    let asked: Members = web_socket::asked().into_iter().map(of_asked).collect();
    let to_all = || frames.keys().chain(said.keys());
    let (to_stream, to_socket): (Vec<_>, Vec<_>) =
        (to_all().collect(), to_all().chain(answers.keys()).collect());
    let of_client: Vec<_> = asked.keys().collect();
    let both: Vec<_> = to_socket.iter().chain(&of_client).copied().collect();
    let channels = json!({
        "stream": channel(STREAM, "Server-sent events. Frames are events without a name, with an `id` to go \
            on from; a word is an event of its kind.", &to_stream),
        "webSocket": channel(WEB_SOCKET, &format!("JSON texts, those of the client of at most \
            {MESSAGE_BYTES_MAX} bytes. The `kind` tells frames and words apart."), &both),
    });
    let operations = json!({
        "sendEvents": operation("send", "stream", "What a stream has", &to_stream),
        "sendMessages": operation("send", "webSocket", "What a client is sent", &to_socket),
        "receiveMessages": operation("receive", "webSocket", "What a client asks for", &of_client),
    });
    let messages: Members = [frames.clone(), said.clone(), answers.clone(), asked.clone()]
        .into_iter()
        .flatten()
        .collect();
    let [of_service, of_client] = [false, true]
        .map(|is_of_client| socket_io::messages(is_of_client, &frames, table, &mut known));
    let messages: Members =
        [messages, of_service.clone(), of_client.clone()].into_iter().flatten().collect();
    let schemas = known.referred_to_by(&Value::Object(messages.clone()));
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Adaptive BI",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": security_schemes(),
        },
    });
    bind(&mut document, table);
    socket_io::add(&mut document, &of_service, &of_client);
    document
}

fn servers() -> Value {
    let security: Vec<_> = ["token", "key", "ticket"]
        .map(|name| json!({ "$ref": format!("#/components/securitySchemes/{name}") }))
        .into();
    let server = |protocol: &str| json!({ "host": "127.0.0.1:4000", "protocol": protocol, "security": security });
    json!({ "http": server("http"), "webSocket": server("ws"), "socketIo": server("socketio") })
}

fn security_schemes() -> Value {
    json!({
        "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "key": { "type": "httpApiKey", "in": "header", "name": X_API_KEY },
        "ticket": {
            "type": "httpApiKey",
            "in": "query",
            "name": "ticket",
            "description": "For one connection, of `POST /api/stream/ticket`.",
        },
    })
}

fn channel(address: &str, about: &str, messages: &[&String]) -> Value {
    let server = if address == STREAM { "http" } else { "webSocket" };
    let of = |name: &&String| {
        let message = json!({ "$ref": format!("#/components/messages/{name}") });
        ((*name).clone(), message)
    };
    json!({
        "address": address,
        "description": about,
        "servers": [{ "$ref": format!("#/servers/{server}") }],
        "messages": messages.iter().map(of).collect::<Members>(),
    })
}

/// Gives the transports the parameters that their routes have.
fn bind(document: &mut Value, table: &[Route]) {
    let query = |path: &str| {
        let route = table.iter().find(|route| route.path == path);
        let parameters = route.into_iter().flat_map(|route| route.operation.parameters_in("query"));
        let of = |parameter: &Value| {
            let mut schema = parameter["schema"].clone();
            schema["description"] = parameter["description"].clone();
            (parameter["name"].as_str().unwrap_or_default().to_owned(), schema)
        };
        json!({ "type": "object", "properties": parameters.map(of).collect::<Members>() })
    };
    document["operations"]["sendEvents"]["bindings"] =
        json!({ "http": { "method": "GET", "query": query(STREAM) } });
    document["channels"]["webSocket"]["bindings"] =
        json!({ "ws": { "method": "GET", "query": query(WEB_SOCKET) } });
}

/// A message of a frame: the members of every frame, and these.
fn of_frame(name: &str, about: &str, topic: &Value, more: &Value) -> (String, Value) {
    let head = json!({ "$ref": "#/components/schemas/FrameHead" });
    let own = json!({
        "type": "object",
        "required": ["data"],
        "properties": { "topic": topic },
    });
    message(name, about, &json!({ "allOf": [head, own, more] }))
}

fn of_topic(topic: &offers::Topic, table: &[Route], known: &mut Schemas) -> (String, Value) {
    let name = topic.name;
    let exactly = json!({ "const": name });
    let all = figures(topic, table, known);
    match topic.made_of {
        MadeOf::View(members) => {
            let all = known.some_of(&all, |name| members.has(name));
            let snapshot = kind("snapshot", &all);
            let some = json!({ "type": "object", "description": "The members that changed." });
            let about = format!("The figures of `{}`.", topic.path);
            of_frame(name, &about, &exactly, &json!({ "oneOf": [snapshot, kind("delta", &some)] }))
        }
        MadeOf::Alerts => {
            let newest = known.some_of(&all, |name| name == "alerts");
            let about = "The newest alerts of a person and of their role, as snapshots.";
            of_frame(name, about, &exactly, &kind("snapshot", &newest))
        }
        MadeOf::Service => {
            let about = format!("The figures of `{}`, as snapshots.", topic.path);
            of_frame(name, &about, &exactly, &kind("snapshot", &all))
        }
        MadeOf::Events => {
            let reference = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
            let list = |name: &str| json!({ "type": "array", "items": reference(name) });
            let mut more = kind("events", &list("FoldedEvent"));
            more["properties"]["holes"] = list("HoleInLog");
            let named = json!({ "type": "string", "pattern": format!("^{name}(:|$)") });
            of_frame(name, "The events themselves, in the order of the log.", &named, &more)
        }
    }
}

fn of_views() -> (String, Value) {
    let named = json!({ "type": "string", "pattern": format!("^{}/", offers::VIEW) });
    let more = kind("snapshot", &json!({ "type": "object" }));
    of_frame("view", "The figures of a view, as its own address answers them.", &named, &more)
}

fn kind(kind: &str, data: &Value) -> Value {
    json!({ "type": "object", "properties": { "kind": { "const": kind }, "data": data } })
}

fn of_word(word: &words::Listed) -> (String, Value) {
    message(word.kind, word.about, &tagged((word.schema)(), "kind", word.kind))
}

fn of_asked((name, about, schema): (&'static str, &'static str, Value)) -> (String, Value) {
    message(name, about, &tagged(schema, "type", name))
}

/// The schema of an object, and the member that tells what it is.
fn tagged(mut schema: Value, member: &str, value: &str) -> Value {
    schema["properties"][member] = json!({ "const": value });
    match schema["required"].as_array_mut() {
        Some(required) => required.push(member.into()),
        None => schema["required"] = json!([member]),
    }
    schema
}
