//! The routes of subscribers: a stream of server-sent events, a `WebSocket`, and the tickets that let
//! browsers open one of them.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::connections::READ_BYTES;
use super::events::kinds;
use super::frame::Mark;
use super::offers::{ACCESS, TOPICS, VIEW};
use super::streams::{Streams, Transport};
use super::subscriber::TOPICS_MAX;
use super::{sse, web_socket};
use crate::auth::ticket;
use crate::http::Routes;
use crate::http::door::ConnectionHandle;
use crate::http::envelope::Envelope;
use crate::http::gate::{By, Refusal};
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::values::{Own, Text};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::{FieldError, Location, Problem, ProblemType};
use crate::query::READ_WITHIN;
use crate::rights::caller::Caller;

/// The header by which a browser says where it was.
const LAST_EVENT_ID: &str = "last-event-id";

const NAMES: Parameter<Text> = Parameter::query(
    "topics",
    "Names of topics, separated by commas. Kinds behind `events:` go on up to the end.",
    Text { min: 1, max: 1_024, allowed: "must be names of topics, of at most 1,024 characters" },
);
const VIEWS: Parameter<Text> = Parameter::query(
    "views",
    "The path of a view with its parameters, escaped; given once for each view.",
    Text { min: 1, max: 2_048, allowed: "must be the path of a view, of at most 2,048 characters" },
);
const MARK: Own<Mark> = Own {
    read: |text| text.parse().map_err(|_| "must be the id of a frame, such as 5f3a9c01.1-4711"),
    schema: || json!({ "type": "string", "pattern": "^([0-9a-f]{8}\\.)?[0-9]+-[0-9]+(-[0-9]+)?$" }),
    written: |mark| json!(mark.to_string()),
};
const SINCE: Parameter<Own<Mark>> = Parameter::query(
    "since",
    "The id of the last frame that the client has, of the same topics and views.",
    MARK,
);
const LAST: Parameter<Own<Mark>> = Parameter::header(
    "Last-Event-ID",
    "The same, as browsers send it when they connect again; it goes before `since`.",
    MARK,
);
const TICKET: Parameter<Text> = Parameter::query(
    "ticket",
    "A ticket, where the client can send no `Authorization`.",
    Text { min: 1, max: 128, allowed: "must be a ticket" },
);

/// What a stream follows, and from where.
struct Asked {
    topics: Vec<String>,
    since: Option<Mark>,
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let named = query.take(&NAMES).unwrap_or_default();
        let views = query.take_any(&VIEWS, TOPICS_MAX);
        let since = query.take(&SINCE);
        query.take(&TICKET);
        let views = views.into_iter().map(|view| format!("{VIEW}{view}"));
        let topics = kinds::names(&named).into_iter().chain(views).collect();
        Asked { topics, since }
    }
}

impl Asked {
    fn of(uri: &Uri, headers: &HeaderMap, streams: &Streams) -> Result<Self, Problem> {
        let mut asked = Asked::parse(uri, streams.now()).map_err(Problem::invalid)?;
        if asked.topics.is_empty() || asked.topics.len() > TOPICS_MAX {
            let names = TOPICS.iter().map(|topic| topic.name).collect::<Vec<_>>().join(", ");
            let message =
                format!("must name 1 to {TOPICS_MAX} topics, with views: there are {names}");
            let error = FieldError::new("topics", message).at(Location::Query);
            return Err(Problem::invalid(vec![error]));
        }
        if let Some(last) = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) {
            let last = LAST.read(last.to_str().unwrap_or_default());
            asked.since = Some(last.map_err(|error| Problem::invalid(vec![error]))?);
        }
        Ok(asked)
    }
}

/// A ticket, as it is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StreamTicket)]
struct Ticket {
    ticket: String,
    /// Seconds.
    expires_in: u64,
}

/// The routes.
#[must_use]
pub fn routes(streams: Streams) -> Routes {
    Routes::new()
        .get("/api/stream", ACCESS, of_stream(), stream)
        .get("/api/ws", ACCESS, of_web_socket(), follow)
        .post("/api/stream/ticket", ACCESS, of_ticket(), make_ticket)
        .with_state(streams)
}

fn of_stream() -> Operation {
    let answer = Answer::text("text/event-stream", "Frames, each a JSON text.");
    Operation::new(Tag::Push, "stream", "Follows topics and views by server-sent events", answer)
        .about(
            "A frame has `topic`, `generation`, `from`, `position`, `at`, `kind` and `data`. What a topic \
             or view is refused for is an event `refused`.",
        )
        .takes::<Asked>()
        .with(&LAST)
        .or_problems(&[ProblemType::RateLimited])
}

fn of_web_socket() -> Operation {
    let answer = Answer::empty(101, "The connection is a WebSocket, with JSON texts.");
    Operation::new(Tag::Push, "follow", "Follows topics and views by a WebSocket", answer)
        .about("Messages of the client have a `type`: subscribe, unsubscribe, resume, ping.")
        .takes::<WithTicket>()
        .or_refused(426, "The request does not ask for a WebSocket.")
        .or_problems(&[ProblemType::RateLimited])
}

fn of_ticket() -> Operation {
    let answer = Answer::data::<Ticket>("The ticket, which is not shown again.");
    Operation::new(Tag::Push, "makeTicket", "Makes a ticket for one connection", answer)
        .about("It is good once, and for 30 seconds: browsers put it in the address of a stream.")
}

/// The parameters of a `WebSocket`.
struct WithTicket;

impl Parameters for WithTicket {
    fn read(query: &mut Query) -> Self {
        query.take(&TICKET);
        WithTicket
    }
}

async fn stream(
    State(streams): State<Streams>,
    By(caller): By<Caller>,
    connection: Option<Extension<ConnectionHandle>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked::of(&uri, &headers, &streams)?;
    let connection = connection.map(|Extension(connection)| connection);
    let mut connected = streams.begin(caller, Transport::Sse, connection)?;
    for topic in &asked.topics {
        let since = asked.since.map(|since| since.of_topic(topic));
        connected.subscriber.subscribe(topic, since);
    }
    Ok(sse::respond(connected, &streams))
}

async fn follow(
    State(streams): State<Streams>,
    By(caller): By<Caller>,
    connection: Option<Extension<ConnectionHandle>>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    WithTicket::parse(&uri, streams.now()).map_err(Problem::invalid)?;
    let upgrade = upgrade.map_err(|_| {
        Problem::new(StatusCode::UPGRADE_REQUIRED, "The request has to ask for a WebSocket")
    })?;
    let connection = connection.map(|Extension(connection)| connection);
    let connected = streams.begin(caller, Transport::WebSocket, connection.clone())?;
    if let Some(connection) = connection {
        connection.becomes_web_socket();
    }
    let token = streams.tasks().token();
    let upgrade = upgrade
        .max_message_size(web_socket::MESSAGE_BYTES_MAX)
        .max_frame_size(web_socket::MESSAGE_BYTES_MAX)
        .read_buffer_size(READ_BYTES)
        // A message is written at once; only what the network does not take then is kept.
        .write_buffer_size(0);
    Ok(upgrade.on_upgrade(async move |socket| {
        web_socket::serve(socket, connected, streams).await;
        drop(token);
    }))
}

async fn make_ticket(
    State(streams): State<Streams>,
    By(caller): By<Caller>,
) -> Result<Envelope<Ticket>, Problem> {
    let made = timeout(READ_WITHIN, ticket::make(streams.platform(), &caller)).await;
    let made = made.map_err(|_| Refusal::TimedOut)?.map_err(Refusal::from)?;
    let (ticket, expires_in) = (made.expose().to_owned(), ticket::LIFE.as_secs());
    Ok(Envelope::of(Ticket { ticket, expires_in }))
}
