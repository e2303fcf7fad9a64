//! The connections of subscribers, whatever transport they have: bounded by caller and in all, watched
//! while they are open, and ended together.
//!
//! The rights of every caller are looked at each second. A caller who may follow changes no more is
//! told and disconnected; the subscriptions of one whose rights changed are judged anew. A connection
//! that has been told to end and has not is hung up on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge};
use projections::time::Time;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;

use super::channels::Channels;
use super::mailbox::{Mailbox, News};
use super::offers::ACCESS;
use super::outgoing::{Outgoing, told};
use super::sessions::Sessions;
use super::subscriber::{Bounds, Subscriber};
use super::words::{ServerShutdown, SessionEnded};
use crate::auth;
use crate::http::door::ConnectionHandle;
use crate::http::door::shares::{Full, Share};
use crate::http::problem::{Problem, ProblemType};
use crate::query;
use crate::rights::caller::Caller;
use crate::store::platform::Platform;
use crate::telemetry;

/// The time between two looks at the callers of open connections.
const LOOK_AGAIN: Duration = Duration::from_millis(750);
/// A connection that was told to end has so long for that.
const ENDS_WITHIN: Duration = Duration::from_millis(500);
/// So many rooms are told of, the largest.
const ROOMS_TOLD: usize = 1_000;
/// The seconds that a refused client is told to wait.
const RETRY_AFTER_S: u32 = 5;

/// Every connection of a subscriber.
#[derive(Debug, Clone)]
pub struct Streams(Arc<Shared>);

struct Shared {
    channels: Channels,
    platform: Platform,
    sessions: Sessions,
    bounds: Bounds,
    /// The time between two signs of life.
    heartbeat: Duration,
    /// The time in which a client has to give one.
    answers_within: Duration,
    all: Mutex<HashMap<u64, Kept>>,
    ids: AtomicU64,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("connections", &self.lock().len()).finish_non_exhaustive()
    }
}

struct Kept {
    caller: Caller,
    transport: Transport,
    mailbox: Arc<Mailbox>,
    /// The rooms that it is in, beside that of its caller.
    rooms: BTreeSet<Arc<str>>,
    connection: Option<ConnectionHandle>,
    hang_up_at: Option<Instant>,
}

/// The connections of this process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PushStatistics)]
pub struct Statistics {
    /// Those with and without sign-in.
    total_connections: usize,
    authenticated_connections: usize,
    /// The number of rooms that somebody is in.
    rooms: usize,
    /// The number of connections in each of the largest 1,000.
    room_membership: BTreeMap<String, usize>,
}

/// The room of a person's connections.
fn room_of(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Person(person) => Some(format!("user_{}", person.user_id)),
        Caller::Key(_) => None,
    }
}

/// The times and bounds of connections.
#[derive(Debug, Clone)]
pub struct Options {
    /// The connections of callers, which are bounded.
    pub sessions: Sessions,
    /// The time between two signs of life.
    pub heartbeat: Duration,
    /// The time in which a client has to give one, where its transport has any.
    pub answers_within: Duration,
}

/// The transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Server-sent events.
    Sse,
    /// A `WebSocket`.
    WebSocket,
    /// Socket.IO.
    SocketIo,
}

impl Transport {
    fn as_str(self) -> &'static str {
        match self {
            Transport::Sse => "sse",
            Transport::WebSocket => "websocket",
            Transport::SocketIo => "socketio",
        }
    }
}

/// A connection of a subscriber, until it is dropped.
pub struct Connected {
    /// What it follows.
    pub subscriber: Subscriber,
    streams: Streams,
    id: u64,
    mailbox: Arc<Mailbox>,
    transport: Transport,
    has_ended: bool,
    /// Its place, where that is not its session's.
    share: Option<Share<String>>,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("subscriber", &self.subscriber).finish_non_exhaustive()
    }
}

impl Streams {
    /// No connection yet. All of them end at `closing`; those that live in a task of their own live in
    /// `tasks`.
    #[must_use]
    pub fn new(
        channels: Channels,
        platform: Platform,
        options: Options,
        tasks: TaskTracker,
        closing: CancellationToken,
    ) -> Self {
        let Options { sessions, heartbeat, answers_within } = options;
        let (bounds, all, ids) = (Bounds::default(), Mutex::default(), AtomicU64::new(0));
        Streams(Arc::new(Shared {
            channels,
            platform,
            sessions,
            bounds,
            heartbeat,
            answers_within,
            all,
            ids,
            tasks,
            closing,
        }))
    }

    /// Begins a connection for a caller who may follow changes.
    ///
    /// # Errors
    /// Fails if the caller, or all of them, have as many as there may be, or the service stops.
    pub fn begin(
        &self,
        caller: Caller,
        transport: Transport,
        connection: Option<ConnectionHandle>,
    ) -> Result<Connected, Problem> {
        let share = self.0.sessions.follow(&caller).map_err(too_many)?;
        if let Some(connection) = &connection {
            connection.is_known();
        }
        let mut connected = self.begin_held(caller, transport, connection)?;
        connected.share = Some(share);
        Ok(connected)
    }

    /// The same for a caller who has a place by their session.
    ///
    /// # Errors
    /// Fails if the service stops.
    pub fn begin_held(
        &self,
        caller: Caller,
        transport: Transport,
        connection: Option<ConnectionHandle>,
    ) -> Result<Connected, Problem> {
        let id = self.0.ids.fetch_add(1, Ordering::Relaxed);
        let (channels, bounds) = (self.0.channels.clone(), self.0.bounds.clone());
        let subscriber = Subscriber::new(channels, bounds, caller.clone());
        let mailbox = Arc::new(Mailbox::new(subscriber.wake().clone()));
        let kept = Kept {
            caller,
            transport,
            mailbox: mailbox.clone(),
            rooms: BTreeSet::new(),
            connection,
            hang_up_at: None,
        };
        let mut all = self.0.lock();
        // All that are among them when it closes are told, under the same lock.
        if self.0.closing.is_cancelled() {
            return Err(Problem::unavailable("The service stops", RETRY_AFTER_S));
        }
        all.insert(id, kept);
        drop(all);
        gauge!(telemetry::PUSH_STREAMS, "transport" => transport.as_str()).increment(1.0);
        let (streams, has_ended, share) = (self.clone(), false, None);
        Ok(Connected { subscriber, streams, id, mailbox, transport, has_ended, share })
    }

    /// Tells every connection a word; returns how many there are that will be sent it. A connection
    /// that takes nothing misses words.
    #[must_use]
    pub fn tell(&self, word: &Outgoing) -> usize {
        let all: Vec<_> = self.0.lock().values().map(|kept| kept.mailbox.clone()).collect();
        all.iter().filter(|mailbox| mailbox.put(word.clone())).count()
    }

    /// Tells the connections of some callers by one transport a word.
    pub fn tell_some(
        &self,
        transport: Transport,
        is_for: impl Fn(&Caller) -> bool,
        word: &Outgoing,
    ) {
        let all = self.0.lock();
        for kept in all.values().filter(|it| it.transport == transport && is_for(&it.caller)) {
            kept.mailbox.put(word.clone());
        }
    }

    /// The connections as they are now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let mut members = BTreeMap::<String, usize>::new();
        let all = self.0.lock();
        for kept in all.values() {
            let rooms = kept.rooms.iter().map(|room| String::from(&**room));
            for room in rooms.chain(room_of(&kept.caller)) {
                *members.entry(room).or_default() += 1;
            }
        }
        drop(all);
        let rooms = members.len();
        let mut largest: Vec<_> = members.into_iter().collect();
        largest.sort_by_key(|(_, members)| std::cmp::Reverse(*members));
        largest.truncate(ROOMS_TOLD);
        Statistics {
            total_connections: self.0.sessions.all(),
            authenticated_connections: self.0.sessions.signed_in(),
            rooms,
            room_membership: largest.into_iter().collect(),
        }
    }

    /// The time between two signs of life.
    #[must_use]
    pub fn heartbeat(&self) -> Duration {
        self.0.heartbeat
    }

    /// The time in which a client has to give one.
    #[must_use]
    pub fn answers_within(&self) -> Duration {
        self.0.answers_within
    }

    /// The server's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.0.channels.now()
    }

    /// The position of the last commit that this process knows of.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.channels.position()
    }

    /// The tasks of connections.
    #[must_use]
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// The store of callers.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// Watches the callers of open connections until the service stops; then hangs up on those that
    /// do not end by themselves.
    pub async fn watch(self) {
        let mut tick = interval(LOOK_AGAIN);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.0.closing.is_cancelled() {
            tokio::select! {
                () = self.0.closing.cancelled() => break,
                _ = tick.tick() => {}
            }
            self.0.hang_up(Instant::now());
            let looked = tokio::select! {
                () = self.0.closing.cancelled() => break,
                looked = timeout(query::READ_WITHIN, self.0.look()) => looked,
            };
            match looked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "subscribers were not looked at"),
                Err(_) => tracing::warn!("subscribers were not looked at in time"),
            }
        }
        self.0.lock().values().for_each(|kept| kept.mailbox.tell(News::ServiceStops));
        // A connection that ended may still have to be written.
        let open = self.0.connections();
        tokio::time::sleep(ENDS_WITHIN * 2).await;
        open.iter().for_each(ConnectionHandle::hang_up);
    }
}

impl Shared {
    async fn look(&self) -> Result<(), crate::store::Error> {
        let callers: Vec<(u64, Caller)> = {
            let all = self.lock();
            let open = all.iter().filter(|(_, kept)| kept.hang_up_at.is_none());
            open.map(|(id, kept)| (*id, kept.caller.clone())).collect()
        };
        let now = auth::watch::now(&self.platform, &callers).await?;
        let mut all = self.lock();
        for ((id, caller), (_, asked)) in now.into_iter().zip(&callers) {
            // One that is another caller's by now is looked at the next time.
            let Some(kept) = all.get_mut(&id).filter(|kept| kept.caller == *asked) else {
                continue;
            };
            match caller.filter(|caller| ACCESS.admits(caller)) {
                Some(caller) if caller == kept.caller => {}
                Some(caller) => {
                    kept.caller = caller.clone();
                    kept.mailbox.tell(News::HasOtherRights(caller));
                }
                None => {
                    kept.hang_up_at = Some(Instant::now() + ENDS_WITHIN);
                    kept.mailbox.tell(News::IsTurnedAway);
                }
            }
        }
        Ok(())
    }

    fn hang_up(&self, now: Instant) {
        for kept in self.lock().values() {
            if kept.hang_up_at.is_some_and(|at| at <= now)
                && let Some(connection) = &kept.connection
            {
                connection.hang_up();
            }
        }
    }

    fn connections(&self) -> Vec<ConnectionHandle> {
        self.lock().values().filter_map(|kept| kept.connection.clone()).collect()
    }

    /// A map of connections is whole at every step.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Kept>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected {
    /// What is sent next; `None` at the end, before which the client is told why.
    pub async fn next(&mut self) -> Option<Outgoing> {
        if self.has_ended {
            return None;
        }
        loop {
            let last = self.hear();
            let next = last.or_else(|| self.mailbox.take()).or_else(|| self.subscriber.take());
            if next.is_some() {
                return next;
            }
            self.subscriber.moved().await;
        }
    }

    /// The last word, at the end; for a transport that can send nothing now.
    pub async fn end(&mut self) -> Outgoing {
        loop {
            if let Some(last) = self.hear() {
                return last;
            }
            self.mailbox.moved().await;
        }
    }

    /// Hears what has become of the caller; the last word, where that is the end.
    fn hear(&mut self) -> Option<Outgoing> {
        let last = match self.mailbox.hear()? {
            News::HasOtherRights(caller) => {
                self.subscriber.judge(caller);
                return None;
            }
            News::IsTurnedAway => {
                told(&SessionEnded { message: "The session has ended; sign in again" })
            }
            News::ServiceStops => told(&ServerShutdown { message: "The server is stopping" }),
        };
        self.has_ended = true;
        Some(last)
    }

    /// Is another caller's from now on: everything that it follows is judged anew.
    pub fn becomes(&mut self, caller: Caller) {
        if let Some(kept) = self.streams.0.lock().get_mut(&self.id) {
            kept.caller = caller.clone();
        }
        self.subscriber.judge(caller);
    }

    /// Is in these rooms, beside its caller's.
    pub fn is_in(&self, rooms: BTreeSet<Arc<str>>) {
        if let Some(kept) = self.streams.0.lock().get_mut(&self.id) {
            kept.rooms = rooms;
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.streams.0.lock().remove(&self.id);
        gauge!(telemetry::PUSH_STREAMS, "transport" => self.transport.as_str()).decrement(1.0);
    }
}

fn too_many(full: Full) -> Problem {
    counter!(telemetry::PUSH_REFUSED, "bound" => full.name()).increment(1);
    let message = "There are too many connections; try again later";
    match full {
        Full::OfOne => Problem::of(ProblemType::RateLimited, message).retry_after(RETRY_AFTER_S),
        Full::InAll => Problem::unavailable(message, RETRY_AFTER_S),
    }
}
