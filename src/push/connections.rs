//! The state of sessions: the connections behind `WebSocket`s, the deadlines for showing a token,
//! and the sessions that have ended. Socket.IO disconnects a client and leaves it to close its
//! connection, or to go on polling; the connection of a client that stays is closed, and a session
//! that has ended is not answered any more, however it goes on.
//!
//! One clock looks at all of it: nothing here waits in a task of its own, of which a stranger could
//! make as many as it can send messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::http::request::Parts;
use socketioxide::socket::Sid;
use tokio::time::Instant;

use super::engine_io::begins_web_socket;
use super::sessions::{Session, begun_by};
use crate::http::door::ConnectionHandle;

/// The bytes that are read ahead of a `WebSocket`: the library keeps as much, and clears it each time that it looks
/// whether something has come.
pub(super) const READ_BYTES: usize = 1024;
/// A client that has shown no token by then is disconnected.
pub(super) const SHOW_TOKEN_WITHIN: Duration = Duration::from_secs(10);
/// A disconnected client has this long to hear of it and to close its connection.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The state of sessions, by their ids: those that Engine.IO has, and those with open connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<HashMap<Sid, Kept>>>);

#[derive(Debug, Default)]
struct Kept {
    /// The session; gone when Engine.IO has forgotten it.
    session: Weak<Session>,
    /// Its `WebSocket`; several where a client tries to have more than the one it may.
    connections: Vec<ConnectionHandle>,
    is_signed_in: bool,
    token_by: Option<Instant>,
    end_at: Option<Instant>,
    has_ended: bool,
}

impl Kept {
    /// A connection is kept once, so there are no more of them than connections.
    fn add(&mut self, connection: ConnectionHandle) {
        if self.is_signed_in {
            connection.is_known();
        }
        if self.has_ended {
            connection.hang_up();
        } else {
            self.connections.push(connection);
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        self.connections.drain(..).for_each(|connection| connection.hang_up());
    }

    /// Ends the session where that is due, and says whether its token is late.
    fn is_late(&mut self, now: Instant) -> bool {
        if self.end_at.take_if(|at| *at <= now).is_some() {
            self.end();
        }
        self.connections.retain(|connection| !connection.is_over());
        self.token_by.take_if(|by| *by <= now).is_some()
    }

    fn is_over(&self) -> bool {
        self.session.strong_count() == 0 && self.connections.is_empty()
    }
}

impl Connections {
    /// Keeps a session that begins by polling.
    pub(super) fn polls(&self, id: Sid, session: &Arc<Session>) {
        self.all().entry(id).or_default().session = Arc::downgrade(session);
    }

    /// Keeps a session that is connected, given the request that began it. One that began as a
    /// `WebSocket` has its connection from there; one that began by polling is kept already, and has
    /// no connection of its own until it becomes a `WebSocket`.
    pub(super) fn begun(&self, id: Sid, parts: &Parts) {
        let mut all = self.all();
        let kept = all.entry(id).or_default();
        if kept.session.strong_count() > 0 {
            return; // So it is where it has left and connects anew.
        }
        kept.session = begun_by(parts).map(Arc::downgrade).unwrap_or_default();
        if begins_web_socket(&parts.uri)
            && let Some(connection) = parts.extensions.get::<ConnectionHandle>()
        {
            kept.add(connection.clone());
        }
    }

    /// A token has to be shown on it soon, if none was shown.
    pub(super) fn expect_token(&self, id: Sid) {
        if let Some(kept) = self.all().get_mut(&id).filter(|kept| !kept.is_signed_in) {
            kept.token_by.get_or_insert_with(|| Instant::now() + SHOW_TOKEN_WITHIN);
        }
    }

    /// Somebody is signed in on it, so its connection does not count as a stranger's any more.
    pub(super) fn signed_in(&self, id: Sid) {
        if let Some(kept) = self.all().get_mut(&id) {
            (kept.is_signed_in, kept.token_by) = (true, None);
            kept.connections.iter().for_each(ConnectionHandle::is_known);
        }
    }

    /// The caller who was signed in on it has left.
    pub(super) fn left(&self, id: Sid) {
        if let Some(kept) = self.all().get_mut(&id) {
            kept.is_signed_in = false;
        }
        self.expect_token(id);
    }

    /// Ends a disconnected session, whatever it does, as soon as it has heard of that.
    pub(super) fn end_soon(&self, id: Sid) {
        if let Some(kept) = self.all().get_mut(&id) {
            kept.end_at.get_or_insert_with(|| Instant::now() + LEAVE_WITHIN);
        }
    }

    /// Ends all of them now.
    pub(super) fn end(&self) {
        self.all().values_mut().for_each(Kept::end);
    }

    /// A session, while Engine.IO knows it.
    pub(super) fn session(&self, id: Sid) -> Option<Arc<Session>> {
        self.all().get(&id)?.session.upgrade()
    }

    /// Whether a session was ended.
    pub(super) fn has_ended(&self, id: Sid) -> bool {
        self.all().get(&id).is_some_and(|kept| kept.has_ended)
    }

    /// Ends the sessions that are due, and forgets those that are over. Returns the sessions whose
    /// token is late.
    pub(super) fn look(&self) -> Vec<Sid> {
        let (now, mut late) = (Instant::now(), Vec::new());
        self.all().retain(|id, kept| {
            if kept.is_late(now) {
                late.push(*id);
            }
            !kept.is_over()
        });
        late
    }

    /// Keeps the connection of a session that goes on as a `WebSocket`.
    pub(super) fn keep(&self, id: Sid, connection: ConnectionHandle) {
        self.all().entry(id).or_default().add(connection);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Sid, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::Request;
    use tokio::time::advance;

    use super::super::sessions::Sessions;
    use super::*;

    /// A session that has just begun as a `WebSocket`, and the head of its first request.
    fn begun(connections: &Connections, connection: &ConnectionHandle) -> (Sid, Parts) {
        let (mut parts, ()) =
            Request::get("/socket.io/?EIO=4&transport=websocket").body(()).unwrap().into_parts();
        let session = Sessions::new(10).begin(IpAddr::from([192, 0, 2, 1])).unwrap();
        parts.extensions.insert(Arc::new(session));
        parts.extensions.insert(connection.clone());
        let id = Sid::new();
        connections.begun(id, &parts);
        (id, parts)
    }

    #[tokio::test(start_paused = true)]
    async fn every_connection_of_a_session_that_ends_is_hung_up_on_and_so_is_any_later_one() {
        let connections = Connections::default();
        let [first, second, late, others] = [(); 4].map(|()| ConnectionHandle::alone());
        let (session, _parts) = begun(&connections, &first);
        let (other, _others) = begun(&connections, &others);
        connections.keep(session, second.clone());
        connections.end_soon(session);
        advance(LEAVE_WITHIN / 2).await;
        connections.look();
        assert!(!first.is_over() && !connections.has_ended(session), "it is told first");
        advance(LEAVE_WITHIN).await;
        connections.look();
        assert!(first.is_over() && second.is_over() && connections.has_ended(session));
        connections.keep(session, late.clone());
        assert!(late.is_over());
        assert!(!others.is_over() && !connections.has_ended(other));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_forgotten_when_engine_io_has_forgotten_it_and_no_sooner() {
        let connections = Connections::default();
        let [connection, stray] = [(); 2].map(|()| ConnectionHandle::alone());
        let (session, parts) = begun(&connections, &connection);
        connections.end_soon(session);
        advance(Duration::from_hours(1)).await;
        connections.look();
        assert!(connections.has_ended(session), "for as long as it could go on");
        drop(parts);
        connections.keep(Sid::new(), stray.clone());
        connections.look();
        assert_eq!((connections.has_ended(session), connections.all().len()), (false, 1));
        stray.hang_up();
        connections.look();
        assert!(connections.all().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_late_once_however_often_its_session_connects_anew() {
        let connections = Connections::default();
        let connection = ConnectionHandle::alone();
        let (session, parts) = begun(&connections, &connection);
        for _ in 0..9 {
            connections.expect_token(session);
            assert_eq!(connections.look(), []);
            advance(SHOW_TOKEN_WITHIN / 9).await;
            connections.begun(session, &parts);
            assert_eq!(connections.all()[&session].connections.len(), 1);
        }
        advance(Duration::from_millis(1)).await;
        assert_eq!((connections.look(), connections.look()), (vec![session], vec![]));
        connections.signed_in(session);
        connections.expect_token(session);
        advance(SHOW_TOKEN_WITHIN * 2).await;
        assert_eq!(connections.look(), [], "a caller that is signed in owes no token");
        connections.left(session);
        advance(SHOW_TOKEN_WITHIN).await;
        assert_eq!(connections.look(), [session]);
    }
}
