//! A connection on which somebody is signed in: what it is sent, and what it asks for. It is a
//! subscriber like those of the other transports; it takes what is next when it can send it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::asked::{Asked, By, Dashboard, Wrong};
use super::metrics::Wanted;
use super::outlet::Outlet;
use super::{GOODBYE_WITHIN, SocketIoPush, refused};
use crate::http::clock;
use crate::http::gate::Refusal;
use crate::http::problem::Problem;
use crate::push::broadcast::ALERT;
use crate::push::channels::Channels;
use crate::push::frame::Frame;
use crate::push::offers::{DASHBOARD, OVERVIEW, Offer};
use crate::push::outgoing::{Outgoing, Told};
use crate::push::streams::Connected;
use crate::push::subscriber::TOPICS_MAX;
use crate::push::words::{ServerShutdown, SessionEnded, Word};
use crate::query::batch::problem;
use crate::rights::caller::Caller;

/// The overview of sales, as it is told to everybody.
const UPDATE: Told = Told { kind: "realtimeSalesUpdate", write: overview };
/// The figures of a dashboard, as they are told to those in a room.
const METRICS_UPDATE: Told = Told { kind: "metrics_update", write: update };

/// The word of a session that is none any more.
const SESSION_ENDED: &str = SessionEnded::KIND;
/// The word of a service that stops.
const SHUTDOWN: &str = ServerShutdown::KIND;
/// The words that all transports have.
const WORDS: &[&str] =
    &["subscribed", "unsubscribed", "trouble", "system_alert", ALERT, SHUTDOWN, SESSION_ENDED];

/// A connection on which somebody is signed in.
pub(super) struct Served {
    push: SocketIoPush,
    outlet: Outlet,
    connected: Connected,
    asked: mpsc::Receiver<Box<Asked>>,
    end: CancellationToken,
    /// The dashboards that are followed, and whether by frames.
    rooms: BTreeMap<Arc<str>, (Dashboard, bool)>,
}

impl Served {
    pub(super) fn new(
        push: SocketIoPush,
        outlet: Outlet,
        mut connected: Connected,
        asked: mpsc::Receiver<Box<Asked>>,
        end: CancellationToken,
    ) -> Self {
        if let Err(problem) = connected.subscriber.listen(OVERVIEW, UPDATE) {
            tracing::warn!(message = problem.message(), "the overview is not followed");
        }
        Served { push, outlet, connected, asked, end, rooms: BTreeMap::new() }
    }

    /// Serves it until it ends.
    pub(super) async fn run(&mut self) {
        loop {
            // While the client takes nothing, nothing is taken of its topics and of its requests.
            tokio::select! {
                biased;
                () = self.end.cancelled() => return,
                last = self.connected.end() => return self.finish(last).await,
                () = self.outlet.has_room() => {}
            }
            tokio::select! {
                biased;
                () = self.end.cancelled() => return,
                next = self.connected.next() => match next {
                    Some(last) if is_last(&last) => return self.finish(last).await,
                    Some(next) => self.send(next),
                    None => return,
                },
                asked = self.asked.recv() => match asked {
                    Some(asked) => {
                        if let Some(last) = self.answer(*asked).await {
                            return self.finish(last).await;
                        }
                    }
                    None => return,
                }
            }
        }
    }

    fn send(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Frame(frame, _) => self.outlet.send("frame", frame.json.clone()),
            Outgoing::Word(kind, json) => {
                for json in self.told(kind, json) {
                    self.outlet.send(kind, json);
                }
            }
        }
    }

    /// Says the last word, and disconnects. Where the service stops, the connection is closed with all
    /// others once that is told: a client that is disconnected by a word does not come back by itself.
    async fn finish(&mut self, last: Outgoing) {
        let is_to_come_back = matches!(last, Outgoing::Word(SHUTDOWN, _));
        if let Outgoing::Word(kind, json) = last {
            if kind == SESSION_ENDED {
                let told = refused(&Problem::from(Refusal::SessionEnded));
                self.outlet.send_last("authentication_error", &told.to_string().into());
            }
            for json in self.told(kind, json) {
                self.outlet.send_last(kind, &json);
            }
        }
        if is_to_come_back {
            self.outlet.drained(GOODBYE_WITHIN / 2).await;
            return self.push.leave(self.outlet.socket.id);
        }
        self.push.disconnect(self.outlet.socket.clone());
    }

    /// A word as clients of Socket.IO know it: with the room that it is about, once for each.
    fn told(&mut self, kind: &'static str, json: Bytes) -> Vec<Bytes> {
        if !WORDS.contains(&kind) {
            return vec![json];
        }
        let Ok(Value::Object(mut word)) = serde_json::from_slice(&json) else { return vec![json] };
        // The event has its name.
        word.remove("kind");
        let topic = match word.get("topic").cloned() {
            Some(topic) if !word.contains_key("room") => topic,
            _ => return vec![Value::Object(word).to_string().into()],
        };
        let is_of = |it: &&(Dashboard, bool)| it.1 && Some(&*it.0.topic) == topic.as_str();
        let rooms: Vec<_> = self.rooms.values().filter(is_of).map(|it| it.0.clone()).collect();
        let mut told = Vec::with_capacity(rooms.len());
        for dashboard in rooms {
            word.insert("room".to_owned(), dashboard.room().into());
            if kind == "subscribed" {
                word.insert("message".to_owned(), subscribed(&dashboard).into());
            }
            if kind == "unsubscribed" {
                // Its caller has not the right any more.
                self.rooms.remove(&dashboard.name);
                self.enter();
            }
            told.push(Value::Object(word.clone()).to_string().into());
        }
        told
    }

    /// Answers a request; the last word, where the connection ended meanwhile.
    async fn answer(&mut self, asked: Asked) -> Option<Outgoing> {
        match asked {
            Asked::Subscribe(dashboard, by) => self.subscribe(&dashboard, by),
            Asked::Unsubscribe(dashboard) => self.unsubscribe(&dashboard),
            Asked::SignIn(caller) => self.connected.becomes(caller),
            Asked::Heartbeat => self.say("heartbeat_ack", &json!({ "timestamp": clock::now() })),
            Asked::Wrong(wrong) => self.connected.subscriber.say(wrong.told()),
            Asked::Current => return self.read(None).await,
            Asked::Metrics(wanted) => return self.read(Some(wanted)).await,
        }
        None
    }

    /// Reads a metric, or the overview.
    async fn read(&mut self, wanted: Option<Wanted>) -> Option<Outgoing> {
        let channels = self.connected.subscriber.channels().clone();
        let caller = self.connected.subscriber.caller().clone();
        let read = async {
            match wanted {
                Some(wanted) => Box::pin(wanted.read(&channels, &caller)).await,
                None => Box::pin(current(&channels, &caller)).await,
            }
        };
        let read = tokio::select! {
            biased;
            last = self.connected.end() => return Some(last),
            read = read => read,
        };
        match (read, wanted) {
            (Ok(figures), Some(_)) => self.say("metrics_data", &figures),
            (Ok(figures), None) => self.say("currentMetrics", &figures),
            (Err(problem), _) => {
                let event =
                    if wanted.is_some() { "request_metrics" } else { "requestCurrentMetrics" };
                tracing::debug!(message = problem.message(), event, "figures were not read");
                self.say("error", &json!({ "message": problem.message(), "event": event }));
            }
        }
        None
    }

    fn subscribe(&mut self, dashboard: &Dashboard, by: By) {
        if self.rooms.len() >= TOPICS_MAX && !self.rooms.contains_key(&dashboard.name) {
            let message = format!("is one too many: a connection can follow {TOPICS_MAX}");
            let wrong = Wrong::new("subscribe_dashboard", "dashboardType", message);
            return self.connected.subscriber.say(wrong.told());
        }
        // One that is followed already begins anew.
        self.drop_room(&dashboard.name);
        let subscriber = &mut self.connected.subscriber;
        let (room, topic, is_frames) = (dashboard.room(), &dashboard.topic, by != By::Words);
        let followed = match by {
            By::Frames(since) => subscriber.try_subscribe(topic, since),
            By::Words => subscriber.listen(topic, METRICS_UPDATE),
        };
        match followed {
            Ok(()) => {
                self.rooms.insert(dashboard.name.clone(), (dashboard.clone(), is_frames));
                self.enter();
                if !is_frames {
                    let message = subscribed(dashboard);
                    self.say("subscribed", &json!({ "room": room, "message": message }));
                }
            }
            Err(problem) => {
                let (status, message) = (problem.status().as_u16(), problem.message());
                let told = json!({
                    "room": room, "topic": &**topic, "status": status, "message": message,
                });
                self.say("refused", &told);
            }
        }
    }

    fn unsubscribe(&mut self, dashboard: &Dashboard) {
        self.drop_room(&dashboard.name);
        self.enter();
        let message = format!("Unsubscribed from the {} dashboard", dashboard.name);
        self.say("unsubscribed", &json!({ "room": dashboard.room(), "message": message }));
    }

    /// Leaves a room, and what nobody else on this connection follows.
    fn drop_room(&mut self, name: &str) {
        let Some((dashboard, is_frames)) = self.rooms.remove(name) else { return };
        let is_same = |it: &(Dashboard, bool)| it.1 == is_frames && it.0.topic == dashboard.topic;
        if self.rooms.values().any(is_same) {
            return;
        }
        if is_frames {
            self.connected.subscriber.drop_frames(&dashboard.topic);
        } else {
            self.connected.subscriber.leave(METRICS_UPDATE.kind);
        }
    }

    /// Is in the rooms of the dashboards that it follows.
    fn enter(&self) {
        let rooms = self.rooms.values().map(|(dashboard, _)| dashboard.room().into());
        self.connected.is_in(rooms.collect::<BTreeSet<_>>());
    }

    fn say(&mut self, event: &'static str, contents: &Value) {
        self.connected.subscriber.say(Outgoing::Word(event, contents.to_string().into()));
    }
}

fn is_last(outgoing: &Outgoing) -> bool {
    matches!(outgoing, Outgoing::Word(SHUTDOWN | SESSION_ENDED, _))
}

fn subscribed(dashboard: &Dashboard) -> String {
    format!("Subscribed to the {} dashboard", dashboard.name)
}

/// The overview as it is now.
async fn current(channels: &Channels, caller: &Caller) -> Result<Value, Problem> {
    let (now, language) = (channels.now(), channels.language());
    let question = Offer::of(OVERVIEW, caller, now, language)?.ask(now, language);
    let question = question.map_err(problem)?;
    let (answers, position) = channels.figures(question.as_slice()).await?;
    let mut figures: Value = answers
        .first()
        .and_then(|answer| serde_json::from_slice(answer).ok())
        .unwrap_or_else(|| json!({}));
    figures["position"] = position.into();
    Ok(figures)
}

/// The figures of a snapshot, and its position among them.
fn overview(frame: &Frame) -> Bytes {
    let members = frame.data().get(1..).unwrap_or_default();
    let mut json = format!("{{\"position\":{},", frame.cursor.position).into_bytes();
    json.extend_from_slice(members);
    json.into()
}

fn update(frame: &Frame) -> Bytes {
    let (position, timestamp) = (frame.cursor.position, clock::now());
    let mut json = format!(
        "{{\"metricType\":\"{DASHBOARD}\",\"timestamp\":\"{timestamp}\",\"position\":{position},\
         \"data\":"
    )
    .into_bytes();
    json.extend_from_slice(frame.data());
    json.push(b'}');
    json.into()
}
