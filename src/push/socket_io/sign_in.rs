//! Signing in on a socket.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use socketioxide::extract::SocketRef;

use super::{ACCESS, ROOM, SocketIoPush, credential};
use crate::http::client::Origin;
use crate::http::door::shares::Full;
use crate::http::gate::{Credential, Refusal};
use crate::http::problem::Problem;
use crate::push::sessions::begun_by;
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
        match self.gate.admit(ACCESS, shown, origin).await {
            Ok(caller) => {
                let session = begun_by(socket.req_parts());
                let full = session.map(|it| self.sessions.sign_in(it, &caller));
                if let Some(Err(full)) = full {
                    self.refuse_for_now(socket, full);
                    return false;
                }
                self.callers().insert(socket.id, caller);
                self.connections.signed_in(socket.id);
                socket.join(ROOM);
                let message = "You are signed in";
                let told = json!({ "success": true, "message": message });
                self.note(&socket.emit("authenticated", &told));
                true
            }
            Err(refusal) => {
                self.refuse(socket, refusal);
                false
            }
        }
    }

    pub(super) fn refuse(&self, socket: &SocketRef, refusal: Refusal) {
        if matches!(refusal, Refusal::NoCredential) {
            self.note(&socket.emit("error", &json!({ "message": "Not authenticated" })));
        }
        let problem = Problem::from(refusal);
        if problem.status().is_server_error() {
            tracing::warn!(status = problem.status().as_u16(), "a token could not be looked up");
        }
        let told = json!({ "success": false, "message": problem.message() });
        self.note(&socket.emit("authentication_error", &told));
    }

    /// There are as many sessions with sign-in as allowed.
    fn refuse_for_now(&self, socket: &SocketRef, full: Full) {
        metrics::counter!(telemetry::PUSH_REFUSED, "bound" => full.name()).increment(1);
        let message = "There are too many connections; try again later";
        let told = json!({ "success": false, "message": message });
        self.note(&socket.emit("authentication_error", &told));
    }
}
