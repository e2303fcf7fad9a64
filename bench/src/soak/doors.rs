//! The program's HTTP doors, and events through them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use adaptive_bi::http::gate::X_API_KEY;
use adaptive_bi::stream::publish::Outgoing;
use anyhow::{Context, bail};
use serde::Deserialize;

use super::record::{Journal, Told};

/// The time for which an event that was not answered is sent again; well within that for which the
/// log knows it again.
const AGAIN_FOR: Duration = Duration::from_mins(1);
/// The pause before it is.
const PAUSE: Duration = Duration::from_millis(200);
/// The time that a request may take: as long as the program waits for the log, and some more.
const PATIENCE: Duration = Duration::from_secs(35);

/// The addresses at which processes of the service answer now.
#[derive(Debug, Clone, Default)]
pub struct Doors(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    open: Mutex<BTreeMap<u64, SocketAddr>>,
    next: AtomicU64,
}

/// The place of a process among them; empty when this is dropped.
#[derive(Debug)]
pub struct Door {
    doors: Doors,
    number: u64,
}

impl Doors {
    /// A place for a process that does not answer yet.
    #[must_use]
    pub fn door(&self) -> Door {
        Door { doors: self.clone(), number: self.0.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// One of the addresses; another one with another `turn`.
    #[must_use]
    pub fn one(&self, turn: usize) -> Option<SocketAddr> {
        let open = self.open();
        open.values().nth(turn.checked_rem(open.len())?).copied()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, SocketAddr>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Door {
    /// Notes that the process answers at an address.
    pub fn open(&mut self, at: SocketAddr) {
        self.doors.open().insert(self.number, at);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.doors.open().remove(&self.number);
    }
}

/// Sends events through the doors, again where nobody answered, and notes what it was told.
#[derive(Debug, Clone)]
pub struct Caller {
    doors: Doors,
    client: reqwest::Client,
    key: Arc<str>,
    record: Journal,
}

/// An event on its way.
struct Sent {
    /// The log may have it.
    is_doubtful: bool,
    event: Outgoing,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Report>,
}

#[derive(Deserialize)]
struct Report {
    results: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    index: usize,
    status: String,
    position: Option<u64>,
}

impl Caller {
    /// Calls at these doors with an API key.
    ///
    /// # Errors
    /// Fails if the client cannot be made.
    pub fn at(doors: Doors, key: &str, record: Journal) -> anyhow::Result<Caller> {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Caller { doors, client, key: key.into(), record })
    }

    /// Whether a door is open.
    #[must_use]
    pub fn has_doors(&self) -> bool {
        self.doors.one(0).is_some()
    }

    /// Sends events as one request, or one event alone, until each has an answer or it takes too
    /// long.
    pub async fn send(&self, events: Vec<Outgoing>, mut turn: usize) {
        let wrap = |event| Sent { is_doubtful: false, event };
        let mut left: Vec<Sent> = events.into_iter().map(wrap).collect();
        let until = Instant::now() + AGAIN_FOR;
        loop {
            self.ask(&mut left, turn).await;
            if left.is_empty() || Instant::now() > until {
                break;
            }
            turn += 1;
            tokio::time::sleep(PAUSE).await;
        }
        for sent in left {
            self.refused(sent);
        }
    }

    /// Sends what is left once; what has an answer for good is left no more.
    async fn ask(&self, left: &mut Vec<Sent>, turn: usize) {
        let Some(door) = self.doors.one(turn) else { return };
        match self.post(door, left).await {
            Ok(lines) => self.note(left, lines),
            // Nothing has reached anybody.
            Err(error) if is_connect(&error) => {}
            Err(error) => {
                tracing::debug!(%error, "no answer to events");
                for sent in left.iter_mut() {
                    sent.is_doubtful = true;
                }
            }
        }
    }

    async fn post(&self, door: SocketAddr, left: &[Sent]) -> anyhow::Result<Vec<Line>> {
        let event = |Sent { event, .. }: &Sent| {
            let (kind, id) = (event.kind.as_str(), &event.entity);
            let data = String::from_utf8_lossy(&event.body);
            format!(r#"{{"kind":"{kind}","id":"{id}","data":{data}}}"#)
        };
        let events: Vec<_> = left.iter().map(event).collect();
        let body = match &*events {
            [one] => one.clone(),
            several => format!("[{}]", several.join(",")),
        };
        let request = self.client.post(format!("http://{door}/api/events"));
        let request = request.header(X_API_KEY, &*self.key).body(body);
        let answer = request.header("Content-Type", "application/json").send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        let said: Answer =
            serde_json::from_str(&text).context("an answer that is not understood")?;
        match said.data {
            Some(report) if report.results.len() == left.len() => Ok(report.results),
            _ => bail!("{status}: {text}"),
        }
    }

    fn note(&self, left: &mut Vec<Sent>, lines: Vec<Line>) {
        let mut lines: BTreeMap<_, _> = lines.into_iter().map(|line| (line.index, line)).collect();
        for (place, mut sent) in std::mem::take(left).into_iter().enumerate() {
            let line = lines.remove(&place);
            let status = line.as_ref().map_or("unknown", |it| it.status.as_str());
            match (status, line.as_ref().and_then(|it| it.position)) {
                ("accepted" | "duplicate", Some(position)) => {
                    self.record.note(sent.event.entity, Told::Acknowledged(position));
                }
                ("unsent", _) => left.push(sent),
                ("refused" | "rejected", _) => self.refused(sent),
                _ => {
                    sent.is_doubtful = true;
                    left.push(sent);
                }
            }
        }
    }

    fn refused(&self, sent: Sent) {
        let told = if sent.is_doubtful { Told::Unknown } else { Told::Refused };
        self.record.note(sent.event.entity, told);
    }
}

fn is_connect(error: &anyhow::Error) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect)
}
