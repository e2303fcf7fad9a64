//! Two generations compared, the live one exchanged, an old one dropped.

use std::time::Duration;

use projections::topic::Topics;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::alone::Held;
use super::generations::{Error, Generations};

use super::clock::{now_ms, rest};
use super::verify::{is_made_with, verify};
use crate::causes::describe;
use crate::failpoint;
use crate::store;
use crate::store::diff::Diff;
use crate::store::generation::Checkpoint;
use crate::store::generations::GenerationState;
use crate::stream::announce::Announcement;

/// The number of attempts to find a generation standing still that moved although it was held.
pub(super) const ATTEMPTS: usize = 3;
/// Readers look for the live generation every second, in case they miss the announcement.
pub(super) const READERS_FOLLOW: Duration = Duration::from_millis(1_200);

/// The comparison of two generations.
#[derive(Debug)]
pub struct Compared {
    /// The live one.
    pub live: u32,
    /// The other one.
    pub other: u32,
    /// The position of both.
    pub position: u64,
    /// The differences; the live one is the first.
    pub diff: Diff,
    /// The identity of the log that the live one was made from.
    pub incarnation: String,
}

/// The result of a switch.
#[derive(Debug)]
pub struct Switched {
    /// The generation that was live.
    pub from: u32,
    /// The one that is.
    pub to: u32,
    /// A position that the new one has reached.
    pub position: u64,
}

impl Generations {
    /// Compares the live generation with another one, by default the next. Both are brought to one
    /// position, and the fold rests until they are compared; queries go on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn diff(
        &self,
        other: Option<u32>,
        stop: &CancellationToken,
    ) -> Result<Compared, Error> {
        let held = self.begin("comparison", stop).await?;
        let compared = self.compare(other, &held).await;
        let said =
            |it: &Compared| format!("{} of {} documents differ", it.diff.differ, it.diff.documents);
        self.end(held, "diff", &compared, said).await;
        compared
    }

    /// Makes another generation live, by default the next, once it has caught up.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn switch(
        &self,
        to: Option<u32>,
        stop: &CancellationToken,
    ) -> Result<Switched, Error> {
        let held = self.begin("switch", stop).await?;
        let switched = self.exchange(to, &held).await;
        self.end(held, "switch", &switched, |it| format!("generation {} is live", it.to)).await;
        let switched = switched?;
        self.tell(&switched).await;
        rest(READERS_FOLLOW, stop).await;
        Ok(switched)
    }

    /// Removes a generation that is not live.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn drop(&self, number: u32, stop: &CancellationToken) -> Result<(), Error> {
        let held = self.begin("removal", stop).await?;
        let dropped = self.remove(number).await;
        self.end(held, "drop", &dropped, |()| format!("generation {number} is gone")).await;
        dropped
    }

    async fn remove(&self, number: u32) -> Result<(), Error> {
        if !self.store.generations().await?.iter().any(|it| it.number == number) {
            return Err(Error::NoSuch(format!("generation {number}")));
        }
        if self.store.live().await? == Some(number) {
            return Err(Error::Live);
        }
        self.say("removal", number, 0, 0);
        Ok(self.store.drop_generation(number).await?)
    }

    async fn compare(&self, other: Option<u32>, held: &Held) -> Result<Compared, Error> {
        let (live, other) = self.pair(other).await?;
        // Most of the way is folded while the live one still folds.
        let near = self.checkpoint(live).await?.position;
        self.fold_to(other, near, held).await?;
        let fold = Held::fold(&self.store, live, &held.stop).await?;
        let compared = self.compare_still(live, other, &fold).await;
        fold.leave().await;
        compared
    }

    async fn compare_still(&self, live: u32, other: u32, held: &Held) -> Result<Compared, Error> {
        for _ in 0..ATTEMPTS {
            let both = (self.checkpoint(live).await?, self.checkpoint(other).await?);
            let position = both.0.position.max(both.1.position);
            self.fold_to(live, position, held).await?;
            self.fold_to(other, position, held).await?;
            let both = (self.checkpoint(live).await?, self.checkpoint(other).await?);
            if both.0.position != both.1.position {
                continue;
            }
            let position = both.0.position;
            self.say("comparison", other, position, position);
            let diff = tokio::select! {
                () = held.stop.cancelled() => return Err(Error::Stopped),
                diff = self.store.diff(&both.0, &self.store, &both.1) => diff?,
            };
            let after = (self.checkpoint(live).await?, self.checkpoint(other).await?);
            if both.0.position == after.0.position && both.1.position == after.1.position {
                let incarnation = both.0.incarnation;
                return Ok(Compared { live, other, position, diff, incarnation });
            }
        }
        Err(Error::Moved)
    }

    pub(super) async fn exchange(&self, to: Option<u32>, held: &Held) -> Result<Switched, Error> {
        let (live, to) = self.pair(to).await?;
        let made = self.checkpoint(to).await?.settings;
        if let Some(halt) = is_made_with(&made, &self.settings) {
            return Err(Error::Halted { generation: to, halt });
        }
        self.catch_up(to, held).await?;
        let fold = Held::fold(&self.store, live, &held.stop).await?;
        let switched = self.exchange_still(live, to, &fold).await;
        fold.leave().await;
        switched
    }

    async fn exchange_still(&self, live: u32, to: u32, held: &Held) -> Result<Switched, Error> {
        for _ in 0..ATTEMPTS {
            if held.stop.is_cancelled() {
                return Err(Error::Stopped);
            }
            let from = self.checkpoint(live).await?;
            // If the live one is of another log, its position says nothing about this one.
            let is_of_this_log =
                verify(&self.log, &self.store, &from, &from.settings).await?.is_none();
            let end = self.log.extent().await?.last;
            let at_least = if is_of_this_log { from.position } else { end };
            self.fold_to(to, at_least, held).await?;
            failpoint::pass("switch-not-done");
            if self.store.switch_live((live, from.position), to, at_least).await? {
                failpoint::pass("switch-done");
                return Ok(Switched { from: live, to, position: at_least });
            }
        }
        Err(Error::Moved)
    }

    /// Announces the switch, so that readers need not find out by themselves.
    pub(super) async fn tell(&self, switched: &Switched) {
        let announcement = Announcement {
            generation: switched.to,
            from: switched.position,
            position: switched.position,
            at: now_ms(),
            touched: Topics::ALL,
            // Another generation is wholly new to readers that remember the one before.
            buckets: None,
            traceparents: vec![],
        };
        if let Err(error) = self.log.announce(&announcement).await {
            warn!(error = describe(&error), "the switch was not announced");
        }
    }

    /// The live generation, and the other one: that of the given number, else the next, else the
    /// newest that was kept.
    async fn pair(&self, other: Option<u32>) -> Result<(u32, u32), Error> {
        let live = self.store.live().await?.ok_or(Error::NothingLive)?;
        let all = self.store.generations().await?;
        let newest = |states: &[GenerationState]| {
            let of_state = all.iter().rev().find(|it| states.contains(&it.state));
            of_state.map(|it| it.number)
        };
        let next = [GenerationState::Ready, GenerationState::CatchingUp];
        let found = match other {
            Some(number) => all
                .iter()
                .find(|it| it.number == number && number != live && it.checkpoint.is_some())
                .map(|it| it.number),
            None => newest(&next).or_else(|| newest(&[GenerationState::Kept])),
        };
        let named = || other.map_or("generation".to_owned(), |it| format!("generation {it}"));
        Ok((live, found.ok_or_else(|| Error::NoSuch(named()))?))
    }

    pub(super) async fn checkpoint(&self, generation: u32) -> Result<Checkpoint, Error> {
        let missing = store::Error::Missing("a generation has no checkpoint");
        Ok(self.store.checkpoint(generation).await?.ok_or(missing)?)
    }
}
