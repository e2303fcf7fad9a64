//! A producer that goes on whatever happens, and writes down what it was told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adaptive_bi::stream::Log;
use projections::time::Time;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::record::{Journal, Told};
use crate::load::Load;

/// How often it sends.
const TICK: Duration = Duration::from_millis(20);
/// Events on their way to the log at a time; past that it waits.
const UNDER_WAY: u64 = 4_000;

/// A producer of the mixed load, every event with an id of its own. Never sends one again.
pub struct Producer {
    /// What it was told.
    pub record: Journal,
    pace: watch::Sender<Pace>,
    under_way: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

/// How fast it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Not at all.
    Rest,
    /// So many events in a second.
    PerSecond(u64),
    /// As many as it takes for the log to be that far.
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

    /// Sends so fast from now on.
    pub fn go(&self, pace: Pace) {
        self.pace.send_replace(pace);
    }

    /// Sends no more, and waits until it was told of all that it sent.
    pub async fn rest(&self) {
        self.go(Pace::Rest);
        // Twice a tick: what it was about to send is under way by then.
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
