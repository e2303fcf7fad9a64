//! The way out of one connection. Socket.IO takes packets into a queue and never waits, so this hands
//! over what there is [room](Flow) for, and holds the rest until the network moves on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};
use tokio::time::{sleep, timeout};

use crate::push::flow::Flow;

/// A packet that found the queue full is handed over again after this time at the latest.
const AGAIN: Duration = Duration::from_millis(100);
/// The characters of a packet beside the event's name and its contents: `42["",]`.
const AROUND: usize = 7;

/// The way out of one connection.
pub(super) struct Outlet {
    pub(super) socket: SocketRef,
    flow: Arc<Flow>,
    /// What there was no room for.
    held: VecDeque<(&'static str, Bytes)>,
}

impl Outlet {
    pub(super) fn new(socket: SocketRef, flow: Arc<Flow>) -> Self {
        Outlet { socket, flow, held: VecDeque::new() }
    }

    /// Sends an event with these contents, which are an object as JSON, after those that are held.
    pub(super) fn send(&mut self, event: &'static str, json: Bytes) {
        self.held.push_back((event, json));
        self.flush();
    }

    /// Sends the last event, at once where the queue has room for it.
    pub(super) fn send_last(&mut self, event: &'static str, json: &Bytes) {
        self.flow.sent(AROUND + event.len() + json.len());
        let _ = emit(&self.socket, event, json);
    }

    /// Waits until the network has taken all that was sent, or for so long.
    pub(super) async fn drained(&self, within: Duration) {
        let drained = async {
            while !self.flow.is_empty() {
                self.flow.moved().await;
            }
        };
        let _ = timeout(within, drained).await;
    }

    /// Waits until nothing is held and another event can be sent.
    pub(super) async fn has_room(&mut self) {
        loop {
            self.flush();
            if self.held.is_empty() && self.flow.has_room() {
                return;
            }
            tokio::select! {
                () = self.flow.moved() => {}
                () = sleep(AGAIN), if !self.held.is_empty() => {}
            }
        }
    }

    fn flush(&mut self) {
        while self.flow.has_room()
            && let Some((event, json)) = self.held.front()
        {
            self.flow.sent(AROUND + event.len() + json.len());
            match emit(&self.socket, event, json) {
                Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                    return self.flow.unsent();
                }
                // It is over, and says so.
                Err(SendError::Socket(SocketError::Closed)) | Ok(()) => {}
                Err(error) => {
                    self.flow.unsent();
                    tracing::warn!(%error, event, "an event was not written");
                }
            }
            self.held.pop_front();
        }
    }
}

fn emit(socket: &SocketRef, event: &str, json: &[u8]) -> Result<(), SendError> {
    match serde_json::from_slice::<&RawValue>(json) {
        Ok(contents) => socket.emit(event, contents),
        // What is sent was written as JSON.
        Err(error) => {
            tracing::warn!(%error, event, "an event was not JSON");
            Ok(())
        }
    }
}
