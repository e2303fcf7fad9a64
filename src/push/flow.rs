//! How much of what was handed to Socket.IO its network has not taken yet. Socket.IO has a queue of
//! packets and says when it is full; what is in it is not said. So packets are counted when they go
//! in, and the bytes that the connection takes are counted off them: what waits in the queue is bounded
//! in bytes, and there is always room for the pings.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::http::door::Taken;

/// Packets that wait in the queue of a connection.
const PACKETS: usize = 16;
/// Their bytes, and one packet more.
const BYTES: usize = 64 * 1024;

/// The packets of one session that its network has not taken.
#[derive(Debug, Default)]
pub(super) struct Flow {
    waiting: Mutex<Waiting>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    packets: VecDeque<usize>,
    bytes: usize,
}

impl Flow {
    /// A packet of that length is about to be handed over.
    pub(super) fn sent(&self, length: usize) {
        let bytes = framed(length);
        let mut waiting = self.lock();
        waiting.packets.push_back(bytes);
        waiting.bytes += bytes;
    }

    /// The packet before was not taken over.
    pub(super) fn unsent(&self) {
        let mut waiting = self.lock();
        let bytes = waiting.packets.pop_back().unwrap_or_default();
        waiting.bytes -= bytes;
    }

    /// Whether another packet may be handed over.
    pub(super) fn has_room(&self) -> bool {
        let waiting = self.lock();
        waiting.packets.len() < PACKETS && waiting.bytes < BYTES
    }

    /// Whether the network has taken everything.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().packets.is_empty()
    }

    /// Waits until the network has taken something since this was asked last.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }

    /// A packet of that length was polled.
    pub(super) fn polled(&self, length: usize) {
        self.took(framed(length));
    }

    /// The numbers are changed together.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken for Flow {
    /// Bytes of packets that nobody counted, such as pings, let another packet in sooner, and are
    /// forgotten where nothing waits.
    fn took(&self, bytes: usize) {
        let mut waiting = self.lock();
        let (mut left, before) = (bytes, waiting.bytes);
        while let Some(first) = waiting.packets.front_mut() {
            if *first > left {
                *first -= left;
                left = 0;
                break;
            }
            left -= *first;
            waiting.packets.pop_front();
        }
        waiting.bytes = before.saturating_sub(bytes - left);
        self.moved.notify_one();
    }
}

/// The bytes of a message of a `WebSocket`, as a server sends it.
fn framed(length: usize) -> usize {
    let head = match length {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    };
    head + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_bytes_are_bounded_until_they_are_taken() {
        let flow = Flow::default();
        for _ in 0..PACKETS {
            assert!(flow.has_room());
            flow.sent(100);
        }
        assert!(!flow.has_room());
        flow.took(framed(100) - 1);
        assert!(!flow.has_room(), "a packet is taken as a whole");
        flow.took(1);
        assert!(flow.has_room());
        flow.took(PACKETS * framed(100));
        flow.sent(200_000);
        assert!(!flow.has_room(), "it is one packet, and long");
        flow.polled(200_000);
        assert!(flow.has_room());
        assert!(flow.is_empty() && flow.lock().bytes == 0);
    }

    #[test]
    fn what_is_not_taken_over_does_not_wait_and_what_nobody_counted_is_forgotten() {
        let flow = Flow::default();
        flow.took(7);
        flow.sent(70_000);
        flow.unsent();
        flow.took(1_000_000);
        flow.sent(70_000);
        flow.took(70_000);
        assert!(flow.has_room() && flow.lock().bytes == 10, "10 bytes of its head are left");
    }

    #[tokio::test]
    async fn who_waits_hears_of_what_was_taken() {
        let flow = Flow::default();
        flow.took(1);
        flow.moved().await;
    }
}
