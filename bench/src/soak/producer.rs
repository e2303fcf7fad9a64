//! A producer that goes on in spite of faults, and writes down the answers that it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adaptive_bi::stream::Log;
use adaptive_bi::stream::publish::Outgoing;
use projections::time::Time;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::doors::{Caller, Doors};
use super::record::{Journal, Told};
use crate::load::Load;

/// The interval between two sendings.
const TICK: Duration = Duration::from_millis(20);
/// The number of events of a batch: more than the service puts on the log without a batch.
const BATCH: usize = 16;
/// The number of events on their way to the log at a time; past that it waits.
const UNDER_WAY: u64 = 4_000;

/// A producer of the mixed load, every event with an id of its own. Half of the events go through
/// the HTTP doors of the service, alone and as batches, and are sent again where nobody answered; the
/// others go to the log by a connection of its own, and never again.
pub struct Producer {
    /// The record of its answers.
    pub record: Journal,
    pace: watch::Sender<Pace>,
    under_way: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// The pace of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It sends nothing.
    Rest,
    /// It sends this number of events in a second.
    PerSecond(u64),
    /// It sends to the log itself, as fast as it goes, until that has reached this position.
    UpTo(u64),
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Producer {
    /// Begins, at rest. The events that go through doors have this API key.
    ///
    /// # Errors
    /// Fails if the client of HTTP cannot be made.
    pub fn on(
        log: Option<Log>,
        doors: Doors,
        key: &str,
        name: &str,
        seed: u64,
    ) -> anyhow::Result<Producer> {
        let (record, under_way) = (Journal::default(), Arc::<AtomicU64>::default());
        let (pace, told) = watch::channel(Pace::Rest);
        let ways = Ways {
            log,
            caller: Caller::at(doors, key, record.clone())?,
            record: record.clone(),
            under_way: Arc::clone(&under_way),
        };
        let task = tokio::spawn(produce(ways, Load::new(name, seed), told));
        Ok(Producer { record, pace, under_way, task })
    }

    /// Sends at this pace from now on.
    pub fn go(&self, pace: Pace) {
        self.pace.send_replace(pace);
    }

    /// Sends no more, and waits for the answers to all that it sent.
    pub async fn rest(&self) {
        self.go(Pace::Rest);
        // The wait is two ticks: events that it was about to send are under way by then.
        tokio::time::sleep(TICK * 2).await;
        while self.under_way.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(TICK).await;
        }
    }
}

/// The ways of events to the log.
struct Ways {
    /// A connection of the producer's own, if it has one.
    log: Option<Log>,
    caller: Caller,
    record: Journal,
    under_way: Arc<AtomicU64>,
}

async fn produce(ways: Ways, mut load: Load, mut pace: watch::Receiver<Pace>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut gathered, mut batches) = (Vec::new(), 0);
    for turn in 0.. {
        if *pace.borrow_and_update() == Pace::Rest && pace.changed().await.is_err() {
            return;
        }
        tick.tick().await;
        let now = *pace.borrow();
        let under_way = ways.under_way.load(Ordering::Acquire);
        let wanted = match now {
            Pace::Rest => 0,
            Pace::PerSecond(rate) => (rate * 20).div_ceil(1_000),
            Pace::UpTo(position) => position.saturating_sub(ways.record.last() + under_way),
        };
        let at = Time(chrono::Utc::now().timestamp_millis());
        let events = 0..wanted.min(UNDER_WAY.saturating_sub(under_way));
        let mut events: Vec<_> = events.map(|_| load.next(at)).collect();
        if matches!(now, Pace::PerSecond(_)) && ways.caller.has_doors() {
            let all = ways.log.is_none();
            let mut alone = events.split_off(if all { 0 } else { events.len() / 2 });
            gathered.extend(alone.split_off(alone.len().min(1)));
            ways.through_a_door(alone, turn);
            if gathered.len() >= BATCH {
                ways.through_a_door(std::mem::take(&mut gathered), batches);
                batches += 1;
            }
        }
        for event in events {
            if *pace.borrow() == Pace::Rest {
                break;
            }
            ways.to_the_log(event).await;
        }
    }
}

impl Ways {
    fn through_a_door(&self, events: Vec<Outgoing>, turn: usize) {
        if events.is_empty() {
            return;
        }
        let (caller, under_way) = (self.caller.clone(), Arc::clone(&self.under_way));
        let count = events.len() as u64;
        under_way.fetch_add(count, Ordering::AcqRel);
        tokio::spawn(async move {
            caller.send(events, turn).await;
            under_way.fetch_sub(count, Ordering::AcqRel);
        });
    }

    async fn to_the_log(&self, event: Outgoing) {
        let Some(log) = &self.log else { return };
        let id = event.entity.clone();
        let (record, under_way) = (self.record.clone(), Arc::clone(&self.under_way));
        under_way.fetch_add(1, Ordering::AcqRel);
        match log.publish(event).await {
            Ok(answer) => {
                tokio::spawn(async move {
                    record.note(id, Told::from(answer.await));
                    under_way.fetch_sub(1, Ordering::AcqRel);
                });
            }
            Err(refusal) => {
                record.note(id, Told::from(Err(refusal)));
                under_way.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }
}
