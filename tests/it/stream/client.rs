//! A client of topics: what it has by applying frames, and its two transports.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use adaptive_bi::app::App;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Map, Value};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::harness::Shop;

/// The time within which something must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a client has of its topics, by applying frames as the documents say.
#[derive(Debug, Default, Clone)]
pub struct Client {
    pub topics: BTreeMap<String, State>,
    /// The last id that a stream gave.
    pub id: Option<String>,
    /// Words other than frames, and their kinds.
    pub words: Vec<(String, Value)>,
    pub snapshots: usize,
    pub deltas: usize,
    /// Frames that were not applied, as the client had them.
    pub twice: usize,
    /// The events, by their positions.
    pub events: BTreeMap<u64, Value>,
    /// Positions at which the log has none.
    pub holes: Vec<(u64, u64)>,
}

#[derive(Debug, Default, Clone)]
pub struct State {
    pub log: String,
    pub generation: u64,
    pub position: u64,
    pub at: String,
    pub data: Map<String, Value>,
    /// Whether a snapshot replaces it, whatever its position; until then it is what the client has.
    pub is_lost: bool,
    /// Whether it goes on from an id that can be older than what the client has: an id is of all topics. Frames
    /// can then come again, and snapshots of a process that is behind the one before.
    pub is_back: bool,
}

impl Client {
    pub fn hear(&mut self, kind: &str, data: Value) {
        if kind != "frame" {
            if kind == "subscribed" {
                self.hear_subscribed(&data);
            }
            self.words.push((kind.to_owned(), data));
            return;
        }
        let topic = data["topic"].as_str().expect("a topic").to_owned();
        let number = |member: &str| data[member].as_u64().expect("a number");
        let (generation, from, position) =
            (number("generation"), number("from"), number("position"));
        let text = |member: &str| data[member].as_str().expect("a text").to_owned();
        let (log, at) = (text("log"), text("at"));
        if data["kind"] == "events" {
            return self.hear_events(&topic, (generation, from, position), &data);
        }
        let members = data["data"].as_object().expect("figures").clone();
        let state = self.topics.entry(topic).or_default();
        if data["kind"] == "snapshot" {
            let is_newer =
                (generation, position, &at) > (state.generation, state.position, &state.at);
            if !state.is_lost && !is_newer {
                assert!(state.is_back, "positions never go back: {data} after {state:?}");
                self.twice += 1;
                return;
            }
            self.snapshots += 1;
            let (is_lost, is_back) = (false, false);
            *state = State { log, generation, position, at, data: members, is_lost, is_back };
            return;
        }
        assert_eq!((&log, generation), (&state.log, state.generation), "{data}");
        assert!(from <= state.position, "there is a gap: {data} after {}", state.position);
        if position <= state.position {
            self.twice += 1;
            return;
        }
        self.deltas += 1;
        (state.position, state.at, state.is_back) = (position, at, false);
        state.data.extend(members);
    }

    fn hear_subscribed(&mut self, word: &Value) {
        let state = self.topics.entry(word["topic"].as_str().expect("a topic").to_owned());
        let state = state.or_default();
        let is_recovered = word["recovered"] == true;
        // The events go on behind a position.
        if let Some(position) = word["position"].as_u64() {
            let is_there = state.position == 0 || state.position == position;
            assert!(!is_recovered || is_there, "{word} after {state:?}");
            state.position = position;
        } else {
            (state.is_lost, state.is_back) = (!is_recovered, is_recovered);
        }
    }

    fn hear_events(
        &mut self,
        topic: &str,
        (generation, from, position): (u64, u64, u64),
        frame: &Value,
    ) {
        let state = self.topics.entry(topic.to_owned()).or_default();
        assert!(from <= state.position, "there is a gap: {frame} after {state:?}");
        assert!(position > state.position, "positions never go back: {frame} after {state:?}");
        for event in frame["data"].as_array().expect("events") {
            let at = event["position"].as_u64().expect("a position");
            assert!(state.position < at && at <= position, "{event} of {from} to {position}");
            assert!(self.events.insert(at, event.clone()).is_none(), "it came twice: {event}");
        }
        for hole in frame["holes"].as_array().into_iter().flatten() {
            self.holes.push((hole["from"].as_u64().expect("it"), hole["to"].as_u64().expect("it")));
        }
        (state.generation, state.position) = (generation, position);
    }

    pub fn position(&self, topic: &str) -> u64 {
        let state = self.topics.get(topic).filter(|state| !state.is_lost);
        state.map_or(0, |state| state.position)
    }

    pub fn data(&self, topic: &str) -> Value {
        Value::Object(self.topics[topic].data.clone())
    }

    pub fn word(&self, kind: &str) -> Option<&Value> {
        self.words.iter().rev().find(|(it, _)| it == kind).map(|(_, word)| word)
    }
}

/// An event stream that is open.
pub struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    pub async fn open(request: reqwest::RequestBuilder) -> Events {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{response:?}");
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!(header("x-accel-buffering"), "no");
        assert!(header("cache-control").contains("no-cache"));
        Events { response, text: String::new() }
    }

    /// Follows with the shop's key, from where a client was.
    pub async fn follow(shop: &Shop, app: &App, query: &str, client: &Client) -> Events {
        let request = shop.request(app, Method::GET, &format!("/api/stream?{query}"));
        let request = request.header("x-api-key", &shop.key);
        let request = client.id.iter().fold(request, |it, id| it.header("last-event-id", id));
        Events::open(request).await
    }

    /// Hears the next event; false at the end.
    pub async fn next(&mut self, client: &mut Client) -> bool {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if hear_event(&event, client) {
                    return true;
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something in time");
            match chunk {
                Ok(Some(chunk)) => self.text.push_str(str::from_utf8(&chunk).expect("text")),
                Ok(None) | Err(_) => return false,
            }
        }
    }

    /// Hears events until a client has a position of a topic.
    pub async fn reach(&mut self, client: &mut Client, topic: &str, position: u64) {
        while client.position(topic) < position {
            assert!(self.next(client).await, "it ended before {position}: {client:?}");
        }
    }

    /// Hears events until the word of a kind.
    pub async fn word(&mut self, client: &mut Client, kind: &str) -> Value {
        loop {
            let before = client.words.len();
            assert!(self.next(client).await, "it ended before {kind}: {client:?}");
            if let Some((_, word)) = client.words[before..].iter().find(|(it, _)| it == kind) {
                return word.clone();
            }
        }
    }

    /// Hears events until the end.
    pub async fn end(&mut self, client: &mut Client) {
        while self.next(client).await {}
    }
}

/// Reads an event; false if it is a comment.
fn hear_event(event: &str, client: &mut Client) -> bool {
    let field = |name: &str| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let Some(data) = field("data") else { return false };
    let data: Value = serde_json::from_str(data).expect("JSON");
    client.hear(field("event").unwrap_or("frame"), data);
    if let Some(id) = field("id") {
        client.id = Some(id.to_owned());
    }
    true
}

/// A `WebSocket` that is open.
pub struct Socket(pub WebSocketStream<TcpStream>);

impl Socket {
    pub async fn open(app: &App, path: &str, key: Option<&str>) -> Socket {
        Socket::open_at(app.address, path, key).await
    }

    /// Opens one at a service that is another process.
    pub async fn open_at(address: SocketAddr, path: &str, key: Option<&str>) -> Socket {
        let mut request = format!("ws://{address}{path}").into_client_request().expect("it");
        if let Some(key) = key {
            let key = HeaderValue::from_str(key).expect("a header");
            request.headers_mut().insert("x-api-key", key);
        }
        let stream = TcpStream::connect(address).await.expect("connected");
        let opened = tokio_tungstenite::client_async(request, stream).await;
        Socket(opened.expect("a WebSocket").0)
    }

    pub async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("sent");
    }

    /// Hears the next message; false at the end.
    pub async fn next(&mut self, client: &mut Client) -> bool {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("something in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let data: Value = serde_json::from_str(&text).expect("JSON");
                    let is_frame = data.get("data").is_some();
                    let kind = if is_frame { "frame" } else { data["kind"].as_str().expect("one") };
                    let kind = kind.to_owned();
                    client.hear(&kind, data);
                    return true;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                Some(Ok(_)) => {}
            }
        }
    }

    pub async fn reach(&mut self, client: &mut Client, topic: &str, position: u64) {
        while client.position(topic) < position {
            assert!(self.next(client).await, "it ended before {position}: {client:?}");
        }
    }

    pub async fn word(&mut self, client: &mut Client, kind: &str) -> Value {
        loop {
            let before = client.words.len();
            assert!(self.next(client).await, "it ended before {kind}: {client:?}");
            if let Some((_, word)) = client.words[before..].iter().find(|(it, _)| it == kind) {
                return word.clone();
            }
        }
    }
}
