//! The parts that are watched while faults are put on a service: its producer, its log and its store.

use std::time::{Duration, Instant};

use adaptive_bi::store::Store;
use adaptive_bi::store::generation::Checkpoint;
use adaptive_bi::stream::Log;
use anyhow::Context;

use super::check::{Check, Found};
use super::producer::Producer;

/// The time within which an awaited result must come.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);
/// The interval between two looks for it.
pub(super) const STEP: Duration = Duration::from_millis(10);

/// The producer, the log and the store.
pub struct Scene {
    /// The producer.
    pub producer: Producer,
    /// The log, by a connection of its own.
    pub log: Log,
    /// The store, by a connection of its own.
    pub store: Store,
    check: Check,
}

impl Scene {
    /// The scene of a producer, and the log and the store that its events come to.
    #[must_use]
    pub fn of(producer: Producer, log: Log, store: Store) -> Scene {
        Scene { producer, check: Check::of(log.clone(), store.clone()), log, store }
    }

    /// Waits until an event that was acknowledged from now on is folded; returns the time since
    /// `since`. The producer has to go on.
    ///
    /// # Errors
    /// Fails if that takes minutes.
    pub async fn folds_on(&self, since: Instant) -> anyhow::Result<Duration> {
        let last = self.producer.record.last();
        let news = async || Some(self.producer.record.last()).filter(|news| *news > last);
        let position = self.wait("acknowledged event", news).await?;
        self.reaches(position).await?;
        Ok(since.elapsed())
    }

    /// Waits until all events up to `position` are folded.
    ///
    /// # Errors
    /// Fails if that takes minutes.
    pub async fn reaches(&self, position: u64) -> anyhow::Result<Checkpoint> {
        let reached = async || self.checkpoint().await.filter(|it| it.position >= position);
        self.wait(&format!("commit at {position}"), reached).await
    }

    /// The checkpoint, if the database answers.
    pub async fn checkpoint(&self) -> Option<Checkpoint> {
        tokio::time::timeout(Duration::from_secs(10), self.store.checkpoint(1)).await.ok()?.ok()?
    }

    /// Rests the producer, waits for the fold, and compares the stored events with the producer's
    /// record.
    ///
    /// # Errors
    /// Fails if a server does not answer, or the fold does not come to the end of the log.
    pub async fn check(&mut self) -> anyhow::Result<Found> {
        let last = self.end_of_log().await?;
        let checkpoint = self.reaches(last).await?;
        self.read(last).await?;
        self.check.against(&self.producer.record, &checkpoint).await
    }

    /// The number of events that were acknowledged and are not on the log any more. The producer
    /// rests.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub async fn lost_of_log(&mut self) -> anyhow::Result<u64> {
        let last = self.end_of_log().await?;
        self.read(last).await?;
        Ok(self.check.lost_of_log(&self.producer.record))
    }

    /// Reads the log on, up to `last`; again where those who keep it elect a leader meanwhile.
    async fn read(&mut self, last: u64) -> anyhow::Result<()> {
        patiently(async || self.check.read(last).await).await
    }

    async fn end_of_log(&self) -> anyhow::Result<u64> {
        self.producer.rest().await;
        self.wait("end of the log", async || Some(self.log.extent().await.ok()?.last)).await
    }

    /// Calls `ask` until there is an answer.
    ///
    /// # Errors
    /// Fails if there is none for minutes.
    pub async fn wait<T>(
        &self,
        what: &str,
        mut ask: impl AsyncFnMut() -> Option<T>,
    ) -> anyhow::Result<T> {
        let asked = patiently(async || ask().await.with_context(|| format!("no {what}"))).await;
        let Err(error) = asked else { return asked };
        let at = self.checkpoint().await.map(|it| it.position);
        Err(error.context(format!("the checkpoint is at {at:?}")))
    }
}

/// Tries something until it does not fail.
///
/// # Errors
/// Fails as the last try did if it fails for minutes.
pub(super) async fn patiently<T>(
    mut attempt: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        let outcome = attempt().await;
        if outcome.is_ok() || Instant::now() > until {
            return outcome;
        }
        tokio::time::sleep(STEP).await;
    }
}
