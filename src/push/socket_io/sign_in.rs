//! Signing in on a socket.

use std::sync::atomic::{AtomicU32, Ordering};

use metrics::counter;
use serde_json::{Value, json};
use socketioxide::extract::SocketRef;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::asked::Asked;
use super::outlet::Outlet;
use super::served::Served;
use super::{ASKED_MAX, Open, SocketIoPush, credential, refused};
use crate::http::client::Origin;
use crate::http::door::shares::Full;
use crate::http::gate::{Credential, Refusal};
use crate::http::problem::Problem;
use crate::push::offers::ACCESS;
use crate::push::sessions::begun_by;
use crate::push::streams::Transport;
use crate::rights::caller::Caller;
use crate::telemetry;

/// A client that has shown so many invalid credentials, and no valid one, is disconnected.
const REFUSED_MAX: u32 = 5;

impl SocketIoPush {
    /// Checks the credential of the event `authenticate`, a few times. An attempt counts as refused
    /// before it is checked, so that many at once are no more than many in a row.
    pub(super) async fn try_again(
        &self,
        socket: SocketRef,
        shown: Option<Value>,
        refused: &AtomicU32,
    ) {
        let before = refused.fetch_add(1, Ordering::Relaxed);
        if before < REFUSED_MAX && self.authenticate(&socket, credential(shown.as_ref())).await {
            refused.store(0, Ordering::Relaxed);
        } else if before + 1 >= REFUSED_MAX {
            self.disconnect(socket);
        }
    }

    /// Whether the credential signs somebody in.
    pub(super) async fn authenticate(&self, socket: &SocketRef, shown: Option<Credential>) -> bool {
        let origin = Origin::of_parts(socket.req_parts());
        match self.0.gate.admit_now(ACCESS, shown, origin).await {
            Ok(caller) => self.admit(socket, caller),
            Err(refusal) => {
                self.refuse(socket, refusal);
                false
            }
        }
    }

    /// Takes a caller in whose credential is valid, if there is a place.
    fn admit(&self, socket: &SocketRef, caller: Caller) -> bool {
        let Some(session) = begun_by(socket.req_parts()) else { return false };
        if let Err(full) = self.0.sessions.sign_in(session, &caller) {
            self.refuse_for_now(socket, full);
            return false;
        }
        let told = json!({ "success": true, "message": "You are signed in" });
        let mut open = self.open();
        if let Some(open) = open.get(&socket.id) {
            // Its task goes on as the new caller.
            let is_told = open.asked.try_send(Box::new(Asked::SignIn(caller))).is_ok();
            if is_told {
                self.note(&socket.emit("authenticated", &told));
            } else {
                self.count_dropped();
            }
            return is_told;
        }
        let connected = match self.0.streams.begin_held(caller, Transport::SocketIo, None) {
            Ok(connected) => connected,
            Err(problem) => {
                self.refuse_by(socket, &problem);
                return false;
            }
        };
        self.0.connections.signed_in(socket.id);
        self.note(&socket.emit("authenticated", &told));
        let (ask, asked) = mpsc::channel(ASKED_MAX);
        let end = CancellationToken::new();
        let outlet = Outlet::new(socket.clone(), session.flow.clone());
        let mut served = Served::new(self.clone(), outlet, connected, asked, end.clone());
        if socket.connected() {
            open.insert(socket.id, Open { asked: ask, _end: end.drop_guard() });
            // What a function takes by value is kept twice while it waits.
            self.0.streams.tasks().spawn(async move { served.run().await });
        }
        true
    }

    pub(super) fn refuse(&self, socket: &SocketRef, refusal: Refusal) {
        if matches!(refusal, Refusal::NoCredential) {
            self.note(&socket.emit("error", &json!({ "message": "Not authenticated" })));
        }
        self.refuse_by(socket, &Problem::from(refusal));
    }

    fn refuse_by(&self, socket: &SocketRef, problem: &Problem) {
        if problem.status().is_server_error() {
            tracing::warn!(status = problem.status().as_u16(), "a token could not be looked up");
        }
        self.note(&socket.emit("authentication_error", &refused(problem)));
    }

    /// There are as many sessions with sign-in as allowed.
    fn refuse_for_now(&self, socket: &SocketRef, full: Full) {
        counter!(telemetry::PUSH_REFUSED, "bound" => full.name()).increment(1);
        let message = "There are too many connections; try again later";
        let told = json!({ "success": false, "message": message });
        self.note(&socket.emit("authentication_error", &told));
    }
}
