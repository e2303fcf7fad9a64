//! The bounds on sessions: so many strangers for an address and in all, and so many sessions with
//! sign-in for a caller and in all. A session that is signed in takes no share of the strangers',
//! so strangers can keep no caller out.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::request::Parts;
use metrics::gauge;

use super::flow::Flow;
use super::pace::Pace;
use crate::http::door::limits::LimitKey;
use crate::http::door::shares::{Full, Share, Shares, network};
use crate::rights::caller::Caller;
use crate::telemetry;

/// Sessions without sign-in of one address. A page signs in within its first second.
const STRANGERS_OF_ADDRESS: usize = 128;
/// The same in all: about 30 MB, and 200 MB where all of them fill their queues.
const STRANGERS: usize = 1_024;
/// A caller may have this part of all sessions with sign-in.
const CALLER_PART: usize = 2;

/// Messages of a session that are answered at once, and the time for each further one.
const ANSWERED: (u32, Duration) = (40, Duration::from_millis(100));
/// Packets of a polling session that are read, likewise; more than are answered, so that a client
/// that exceeds the pace above gets its error.
const POLLED: (u32, Duration) = (100, Duration::from_millis(20));

/// A session, from the request that begins it until Engine.IO has forgotten it: it is an extension
/// of that request, which Engine.IO keeps for as long.
#[derive(Debug)]
pub(super) struct Session {
    held: Mutex<Held>,
    /// The pace of messages that are answered.
    pub(super) pace: Pace,
    /// The pace of packets while it polls. The door slows down those of a `WebSocket`.
    pub(super) polled: Pace,
    /// What its network has not taken.
    pub(super) flow: Arc<Flow>,
}

#[derive(Debug)]
enum Held {
    // It is given back when it is dropped.
    Stranger { _share: Share<IpAddr> },
    Known(Share<String>),
}

/// All sessions.
#[derive(Debug, Clone)]
pub struct Sessions {
    strangers: Shares<IpAddr>,
    known: Shares<String>,
}

impl Sessions {
    /// Allows so many sessions with sign-in.
    #[must_use]
    pub fn new(known: usize) -> Self {
        let of_caller = known.div_ceil(CALLER_PART);
        Sessions {
            strangers: Shares::new(STRANGERS_OF_ADDRESS, STRANGERS),
            known: Shares::new(of_caller, known),
        }
    }

    /// The sessions with sign-in.
    #[must_use]
    pub fn signed_in(&self) -> usize {
        self.known.taken()
    }

    /// All of them, and the other connections that are pushed to.
    #[must_use]
    pub(super) fn all(&self) -> usize {
        self.known.taken() + self.strangers.taken()
    }

    /// A place for a connection of a caller that no stranger has begun.
    ///
    /// # Errors
    /// Fails if a bound is reached.
    pub(super) fn follow(&self, caller: &Caller) -> Result<Share<String>, Full> {
        let LimitKey(who) = LimitKey::of(caller);
        self.known.take(who)
    }

    /// Begins a stranger's session.
    ///
    /// # Errors
    /// Fails if a bound is reached.
    pub(super) fn begin(&self, address: IpAddr) -> Result<Session, Full> {
        let held = Held::Stranger { _share: self.strangers.take(network(address))? };
        let [pace, polled] = [ANSWERED, POLLED].map(|(at_once, each)| Pace::new(at_once, each));
        Ok(Session { held: Mutex::new(held), pace, polled, flow: Arc::default() })
    }

    /// Somebody is signed in.
    ///
    /// # Errors
    /// Fails if a bound is reached; the session stays a stranger's.
    pub(super) fn sign_in(&self, session: &Session, caller: &Caller) -> Result<(), Full> {
        let LimitKey(who) = LimitKey::of(caller);
        let mut held = session.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(&*held, Held::Known(share) if *share.who() == who) {
            *held = Held::Known(self.known.take(who)?);
        }
        Ok(())
    }

    /// Sets the metrics of sessions.
    pub(super) fn tell(&self) {
        let number = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
        gauge!(telemetry::PUSH_SESSIONS, "of" => "strangers").set(number(self.strangers.taken()));
        gauge!(telemetry::PUSH_SESSIONS, "of" => "callers").set(number(self.known.taken()));
    }
}

/// The session that a request began.
pub(super) fn begun_by(parts: &Parts) -> Option<&Arc<Session>> {
    parts.extensions.get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rights::caller::KeyHolder;

    fn caller(id: &str) -> Caller {
        Caller::Key(KeyHolder { id: id.to_owned(), name: id.to_owned(), scopes: Vec::new() })
    }

    fn address(n: usize) -> IpAddr {
        IpAddr::from([10, 0, u8::try_from(n / 256).unwrap(), u8::try_from(n % 256).unwrap()])
    }

    #[test]
    fn strangers_fill_what_is_theirs_and_keep_nobody_out_who_is_in() {
        let sessions = Sessions::new(4);
        let known = sessions.begin(address(0)).unwrap();
        sessions.sign_in(&known, &caller("board")).unwrap();
        let of_one: Vec<_> =
            (0..STRANGERS_OF_ADDRESS).map(|_| sessions.begin(address(0)).unwrap()).collect();
        assert_eq!(sessions.begin(address(0)).unwrap_err(), Full::OfOne);
        let others = STRANGERS - STRANGERS_OF_ADDRESS;
        let others: Vec<_> = (1..=others).map(|n| sessions.begin(address(n)).unwrap()).collect();
        assert_eq!(sessions.begin(address(STRANGERS)).unwrap_err(), Full::InAll);
        sessions.sign_in(&known, &caller("board")).unwrap();
        sessions.sign_in(&of_one[0], &caller("board")).unwrap();
        assert!(sessions.begin(address(STRANGERS)).is_ok(), "who signs in leaves a place");
        drop((of_one, others));
        assert_eq!((sessions.strangers.taken(), sessions.known.taken()), (0, 1));
    }

    #[test]
    fn a_caller_has_a_part_of_all_sessions() {
        let sessions = Sessions::new(4);
        let begun: Vec<_> = (0..6).map(|n| sessions.begin(address(n)).unwrap()).collect();
        for session in &begun[..2] {
            sessions.sign_in(session, &caller("board")).unwrap();
        }
        assert_eq!(sessions.sign_in(&begun[2], &caller("board")), Err(Full::OfOne));
        for session in &begun[3..5] {
            sessions.sign_in(session, &caller("till")).unwrap();
        }
        assert_eq!(sessions.sign_in(&begun[5], &caller("other")), Err(Full::InAll));
        sessions.sign_in(&begun[1], &caller("board")).unwrap();
        assert_eq!(sessions.known.taken(), 4, "who signs in again has one still");
    }
}
