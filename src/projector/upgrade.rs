//! Read models of another recipe than this program's: those of an older fold are served as they are
//! while the next are made beside them, and are exchanged without anybody's help.
//!
//! A process asks for no lease of a fold that it cannot go on with. So one of the older version may
//! fold on until the exchange, and finds out by it. The work holds the lease of rebuilds from its
//! beginning until after the switch: of several new processes one does it, and the others take over
//! where it is gone. Each step can be killed; the next attempt looks at what there is:
//!
//! | killed | leaves | the next attempt |
//! |---|---|---|
//! | before it begins | nothing | begins |
//! | while older remains are removed | collections without a checkpoint | removes them |
//! | in bulk | the same | removes them, and begins anew under another number |
//! | in transactions, or before the switch | a generation behind the log | goes on at its checkpoint |
//! | after the switch | the new one, live | has nothing to do |

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::alone::Held;
use super::clock::rest;
use super::error::Error;
use super::generations::{self, Generations};
use super::session::{End, Projector};
use super::status::{Halt, State, Status, Upgrade};
use super::switch::{ATTEMPTS, READERS_FOLLOW, Switched};
use super::verify::{is_made_with, verify};
use crate::causes::describe;
use crate::failpoint;
use crate::store::generation::Checkpoint;
use crate::store::generations::GenerationState;

/// The pause between two looks at what another process does.
const LOOK: Duration = Duration::from_secs(1);
/// The pauses after attempts that failed double from the first to the last of these.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_mins(1);
/// Attempts that may fail one after the other before the upgrade counts as one that cannot go on.
const FAULTS_MAX: u32 = 5;
/// The interval of progress lines.
const TELLING: Duration = Duration::from_secs(10);

/// The attempts of this process so far.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    faults: u32,
    /// The earliest start of the next.
    not_before: Option<Instant>,
    /// Why they do not go on by themselves.
    stands: Option<String>,
    /// Whether somebody asked this process to stop; then it is the operator's.
    cancelled: bool,
}

impl Projector {
    /// Does what there is to do about live read models that this program cannot fold on. `None`
    /// where it can, or there are none yet.
    pub(super) async fn other_recipe(
        &self,
        attempts: &mut Attempts,
        stop: &CancellationToken,
    ) -> Result<Option<End>, Error> {
        let Some(made) = self.store.live_made_by().await? else { return Ok(None) };
        let (made_by, this) = (made.fold_version, self.settings.fold_version);
        if made_by > this {
            // Nothing more of it is read: it may be of a form that is not known here.
            return Ok(Some(End::Halted(Halt::NewerFold { made_by, this })));
        }
        let Some(live) = self.store.checkpoint(made.generation).await? else { return Ok(None) };
        let Some(halt) = is_made_with(&live.settings, &self.settings) else { return Ok(None) };
        self.status.send_modify(|status| status.position = live.position);
        Ok(Some(match halt {
            Halt::OlderFold { .. } if self.rebuild_on_upgrade => {
                self.upgrade(&live, attempts, stop).await?
            }
            Halt::OlderFold { why, .. } => {
                End::Halted(older(&live, this, format!("REBUILD_ON_UPGRADE is off: {why}")))
            }
            halt => End::Halted(halt),
        }))
    }

    async fn upgrade(
        &self,
        live: &Checkpoint,
        attempts: &mut Attempts,
        stop: &CancellationToken,
    ) -> Result<End, Error> {
        // Of a log that is not the one that was folded nothing is made: the figures could only be
        // fewer.
        if let Some(halt) = verify(&self.log, &self.store, live, &live.settings).await? {
            return Ok(End::Halted(halt));
        }
        let (from, to) = (live.settings.fold_version, self.settings.fold_version);
        if attempts.cancelled {
            let why = "somebody stopped its exchange: start the program again, or make the next one \
                       with `project rebuild`, then `project switch`";
            return Ok(End::Halted(older(live, to, why.to_owned())));
        }
        if let Some(until) = attempts.not_before.filter(|it| *it > Instant::now()) {
            rest(LOOK.min(until - Instant::now()), stop).await;
            return Ok(match &attempts.stands {
                Some(why) => End::Halted(older(live, to, why.clone())),
                None => End::Standby,
            });
        }
        let state = State::Upgrading(Upgrade { from, to });
        if attempts.stands.is_none() {
            self.say(state.clone(), live.generation);
        }
        failpoint::pass("upgrade-not-begun");
        let generations =
            Generations::new(self.store.clone(), self.log.clone(), self.settings.clone());
        let telling = AbortOnDropHandle::new(tokio::spawn(tell(
            generations.clone(),
            self.status.clone(),
            state,
        )));
        let ended = generations.upgrade(stop).await;
        drop(telling);
        Ok(self.after(ended, live, attempts, stop).await)
    }

    async fn after(
        &self,
        ended: Result<Option<Switched>, generations::Error>,
        live: &Checkpoint,
        attempts: &mut Attempts,
        stop: &CancellationToken,
    ) -> End {
        let error = match ended {
            Ok(switched) => {
                if let Some(Switched { from, to, position }) = switched {
                    info!(from, to, position, "upgraded: the read models of this version are live");
                }
                *attempts = Attempts::default();
                return End::Switched;
            }
            Err(generations::Error::Busy(_)) => {
                // Somebody is at it, so it does not stand any more.
                attempts.stands = None;
                rest(LOOK, stop).await;
                return End::Standby;
            }
            Err(generations::Error::Stopped) if stop.is_cancelled() => return End::Stopped,
            Err(generations::Error::Stopped) => return End::Standby,
            Err(generations::Error::Cancelled) => {
                attempts.cancelled = true;
                return End::Standby;
            }
            Err(error) => error,
        };
        attempts.faults += 1;
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(attempts.faults - 1);
        let pause = pause.min(LAST_PAUSE);
        attempts.not_before = Some(Instant::now() + pause);
        let reason = describe(&error);
        warn!(error = reason, again_in = ?pause, "the upgrade did not go through");
        if error.lasts() || attempts.faults > FAULTS_MAX {
            attempts.stands = Some(format!("that of this version cannot be made yet: {reason}"));
        }
        let to = self.settings.fold_version;
        match &attempts.stands {
            Some(why) => End::Halted(older(live, to, why.clone())),
            None => End::Standby,
        }
    }

    fn say(&self, state: State, generation: u32) {
        let is_news = self.status.borrow().state != state;
        if let (true, State::Upgrading(Upgrade { from, to })) = (is_news, &state) {
            info!(
                generation,
                from,
                to,
                "an older version of the fold made the live read models; they are served until those \
                 of this version are made"
            );
        }
        self.status.send_modify(|status| status.state = state);
    }
}

fn older(live: &Checkpoint, this: u32, why: String) -> Halt {
    Halt::OlderFold { made_by: live.settings.fold_version, this, why }
}

/// Logs the progress of an upgrade; and tells its state as soon as there is some, where attempts
/// before it did not get that far.
async fn tell(
    generations: Generations,
    status: std::sync::Arc<tokio::sync::watch::Sender<Status>>,
    state: State,
) {
    let mut seen = generations.work.subscribe();
    let mut logged = Instant::now();
    while seen.changed().await.is_ok() {
        let work = seen.borrow_and_update().clone();
        if work.generation == 0 {
            continue;
        }
        status.send_if_modified(|it| std::mem::replace(&mut it.state, state.clone()) != state);
        if logged.elapsed() >= TELLING {
            logged = Instant::now();
            let (doing, generation, rate) = (work.doing, work.generation, work.rate);
            info!(doing, generation, work.position, work.target, rate, "upgrading");
        }
    }
}

impl Generations {
    /// Makes the generation of this recipe, or goes on with one that was begun, and makes it live
    /// instead of one of an older fold. `None` if another process has done so.
    ///
    /// # Errors
    /// [`generations::Error`].
    pub async fn upgrade(
        &self,
        stop: &CancellationToken,
    ) -> Result<Option<Switched>, generations::Error> {
        let held = self.begin("looking", stop).await?;
        let switched = self.make_and_switch(&held).await;
        let switched = match switched {
            Err(generations::Error::Stopped) if self.is_asked_to_stop(&held).await => {
                Err(generations::Error::Cancelled)
            }
            other => other,
        };
        let said = |it: &Option<Switched>| match it {
            Some(it) => format!("generation {} is live", it.to),
            None => "there was nothing to do".to_owned(),
        };
        self.end(held, "upgrade", &switched, said).await;
        let switched = switched?;
        if let Some(switched) = &switched {
            self.tell(switched).await;
            rest(READERS_FOLLOW, stop).await;
        }
        Ok(switched)
    }

    async fn make_and_switch(&self, held: &Held) -> Result<Option<Switched>, generations::Error> {
        let live = self.store.live().await?.ok_or(generations::Error::NothingLive)?;
        // Another process may have had the lease, and done it, since this one looked.
        let made = self.checkpoint(live).await?.settings;
        if !matches!(is_made_with(&made, &self.settings), Some(Halt::OlderFold { .. })) {
            return Ok(None);
        }
        self.drop_older(live, made.fold_version).await?;
        for _ in 0..ATTEMPTS {
            let next = self.make(held).await?;
            failpoint::pass("upgrade-caught-up");
            if self.store.counts_decided(&self.checkpoint(next).await?).await? {
                continue;
            }
            let at = self.checkpoint(live).await?;
            if let Some(halt) = verify(&self.log, &self.store, &at, &at.settings).await? {
                return Err(generations::Error::Halted { generation: live, halt });
            }
            return self.exchange(Some(next), held).await.map(Some);
        }
        Err(generations::Error::Moved)
    }

    /// Removes what earlier upgrades left: the generations of folds before the live one's, and those
    /// of folds before this one that never were live.
    async fn drop_older(&self, live: u32, live_fold: u32) -> Result<(), generations::Error> {
        for it in self.store.generations().await? {
            let Some(made) = it.checkpoint.map(|it| it.settings.fold_version) else { continue };
            let is_of_no_use = match it.state {
                GenerationState::Kept => made < live_fold,
                _ => made < self.settings.fold_version,
            };
            if it.number != live && is_of_no_use {
                info!(generation = it.number, "removing what is left of an older version");
                self.say("removal", it.number, 0, 0);
                self.store.drop_generation(it.number).await?;
            }
        }
        Ok(())
    }

    async fn is_asked_to_stop(&self, held: &Held) -> bool {
        self.store.is_asked_to_stop(&held.owner).await.unwrap_or(false)
    }
}
