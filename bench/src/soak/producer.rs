//! A producer that goes on in spite of faults, and writes down the answers that it gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adaptive_bi::stream::Log;
use projections::time::Time;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::record::{Journal, Told};
use crate::load::Load;

/// The interval between two sendings.
const TICK: Duration = Duration::from_millis(20);
/// The number of events on their way to the log at a time; past that it waits.
const UNDER_WAY: u64 = 4_000;

/// A producer of the mixed load, every event with an id of its own. Never sends one again.
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
    /// It sends until the log has reached this position.
    UpTo(u64),
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Producer {
    /// Begins, at rest.
    #[must_use]
    pub fn on(log: Log, name: &str, seed: u64) -> Producer {
        let (record, under_way) = (Journal::default(), Arc::<AtomicU64>::default());
        let (pace, told) = watch::channel(Pace::Rest);
        let load = Load::new(name, seed);
        let task = tokio::spawn(produce(log, load, record.clone(), told, Arc::clone(&under_way)));
        Producer { record, pace, under_way, task }
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

async fn produce(
    log: Log,
    mut load: Load,
    record: Journal,
    mut pace: watch::Receiver<Pace>,
    under_way: Arc<AtomicU64>,
) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        if *pace.borrow_and_update() == Pace::Rest && pace.changed().await.is_err() {
            return;
        }
        tick.tick().await;
        let share = |rate: u64| (rate * 20).div_ceil(1_000);
        let wanted = match *pace.borrow() {
            Pace::Rest => 0,
            Pace::PerSecond(rate) => share(rate),
            Pace::UpTo(position) => position
                .saturating_sub(record.last() + under_way.load(Ordering::Acquire))
                .min(UNDER_WAY),
        };
        for _ in 0..wanted {
            if under_way.load(Ordering::Acquire) >= UNDER_WAY {
                break;
            }
            let event = load.next(Time(chrono::Utc::now().timestamp_millis()));
            let id = event.entity.clone();
            under_way.fetch_add(1, Ordering::AcqRel);
            match log.publish(event).await {
                Ok(answer) => {
                    let (record, under_way) = (record.clone(), Arc::clone(&under_way));
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
            if *pace.borrow() == Pace::Rest {
                break;
            }
        }
    }
}
