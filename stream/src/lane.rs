//! A caller's way to the log: its events in order, an outcome for each.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::acknowledgement::Refusal;
use super::duplicate::Sent;
use super::group::{Entity, LaneId};
use super::log::Log;
use super::outbox::{Outcome, Parcel, ROOM_OF_ONE, units};
use super::outgoing::Outgoing;

/// A caller's way to the log. Its events share batches with those of others, which take turns. Once
/// an event was refused, later ones of its entity are not sent; once the log has not answered,
/// nothing more of the lane is. Dropping it takes back what is not sent yet.
#[derive(Debug)]
pub struct Lane {
    log: Log,
    id: LaneId,
    tell: mpsc::UnboundedSender<(usize, usize, Outcome)>,
    told: mpsc::UnboundedReceiver<(usize, usize, Outcome)>,
    arrived: VecDeque<(usize, Outcome)>,
    /// The room that its events take which are not told.
    units: usize,
}

impl Log {
    /// Opens a lane.
    #[must_use]
    pub fn lane(&self) -> Lane {
        let (tell, told) = mpsc::unbounded_channel();
        let id = self.outbox.group().open();
        Lane { log: self.clone(), id, tell, told, arrived: VecDeque::new(), units: 0 }
    }
}

impl Lane {
    /// Queues an event under a number of the caller's; waits while there is no room for it. It goes
    /// with a full batch, or with the next [`Lane::send`] or [`Lane::next`]. Dropping the future
    /// leaves the event out.
    pub async fn push(&mut self, index: usize, event: Outgoing) {
        let (sent, entity) = self.log.message_of(event);
        self.queue(index, entity, sent).await;
    }

    pub(super) async fn queue(&mut self, index: usize, entity: Entity, sent: Sent) {
        let (bytes, largest) = (sent.bytes(), self.log.link.get().client.max_payload());
        if bytes > largest {
            self.arrived.push_back((index, Err(Refusal::TooLarge(largest))));
            return;
        }
        let units = units(bytes);
        while self.units > 0 && self.units + units > ROOM_OF_ONE {
            self.send();
            let outcome = self.receive().await;
            self.arrived.extend(outcome);
        }
        let room = Arc::clone(&self.log.outbox.room);
        let many = u32::try_from(units).unwrap_or(u32::MAX);
        let room = if let Ok(room) = Arc::clone(&room).try_acquire_many_owned(many) {
            room
        } else {
            self.send();
            // It is never closed.
            let Ok(room) = room.acquire_many_owned(many).await else { return };
            room
        };
        self.units += units;
        let tell = self.tell.clone();
        let parcel = Arc::new(Parcel { sent, index, units, tell, _room: room });
        let mut group = self.log.outbox.group();
        group.push(self.id, entity, bytes, parcel);
        let is_full = group.is_full();
        drop(group);
        if is_full {
            self.send();
        }
    }

    /// Sends what is queued as soon as may be.
    pub fn send(&self) {
        self.log.ship();
    }

    /// The next outcome; waits for it. `None` if none is to come. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(usize, Outcome)> {
        if let Some(outcome) = self.arrived.pop_front() {
            return Some(outcome);
        }
        if self.units == 0 {
            return None;
        }
        self.send();
        self.receive().await
    }

    /// The next outcome, if it is there.
    pub fn try_next(&mut self) -> Option<(usize, Outcome)> {
        self.arrived.pop_front().or_else(|| {
            let (index, units, outcome) = self.told.try_recv().ok()?;
            self.units -= units;
            Some((index, outcome))
        })
    }

    /// Takes back what the log has not got and is not being sent: the numbers of these events. No
    /// further event may be queued.
    pub fn withdraw(&mut self) -> Vec<usize> {
        let unsent = self.log.outbox.group().close(self.id);
        unsent.iter().map(|parcel| parcel.index).collect()
    }

    async fn receive(&mut self) -> Option<(usize, Outcome)> {
        let (index, units, outcome) = self.told.recv().await?;
        self.units -= units;
        Some((index, outcome))
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.units == 0 {
            self.log.outbox.group().end(self.id);
        } else {
            let unsent = self.log.outbox.group().close(self.id);
            drop(unsent);
        }
    }
}
