//! The state of the fold, as this process tells it: that of its own projector, unless the store and
//! the log contradict it.

use std::time::{Duration, Instant};

use projections::time::Time;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::clock::now_ms;
use super::progress::{Look, PATIENCE, Pace, Progress};
use super::status::{Halt, State, Status, Stuck};
use crate::store::Store;
use crate::store::folder::{Fault, Folder};
use crate::stream::Extent;

/// The interval between two looks at the store.
const LOOK: Duration = Duration::from_secs(1);
/// The time after which a store counts as one that does not answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Keeps the state of the fold in `judged`, until `stop`.
pub async fn follow(
    store: Store,
    log: watch::Receiver<Option<Extent>>,
    mut own: watch::Receiver<Status>,
    judged: watch::Sender<Status>,
    stop: CancellationToken,
) {
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut judge = Judge::new(Instant::now());
    let mut own_is_there = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = own.changed(), if own_is_there => own_is_there = changed.is_ok(),
            _ = tick.tick() => {
                if let Ok(Ok(folder)) = timeout(ANSWERS_WITHIN, store.folder()).await {
                    judge.look(Instant::now(), folder, log.borrow().as_ref());
                }
            }
        }
        let status = own.borrow_and_update().clone();
        let state = judge.of(Instant::now(), &status.state);
        let status = Status { state, ..status };
        tell(&judged.borrow().state, &status.state);
        judged.send_if_modified(|was| std::mem::replace(was, status.clone()) != status);
    }
}

/// Logs once when the fold gets stuck, and once when it moves on.
fn tell(was: &State, is: &State) {
    match (was, is) {
        (State::Stuck(_), State::Stuck(_)) => {}
        (_, State::Stuck(Stuck { position, fault, .. })) => {
            let last = fault.as_ref().map_or("none", |fault| fault.message.as_str());
            error!(position, error = last, "the fold does not move on although the log is ahead");
        }
        (State::Stuck(_), is) if is.moves_on() => info!("the fold moves on again"),
        _ => {}
    }
}

struct Judge {
    progress: Progress,
    folder: Folder,
    /// The last fault of this process, which the store may not have been told of.
    fault: Option<Fault>,
}

impl Judge {
    fn new(now: Instant) -> Self {
        Judge { progress: Progress::new(now), folder: Folder::default(), fault: None }
    }

    fn look(&mut self, now: Instant, folder: Folder, log: Option<&Extent>) {
        let owner = folder.owner.as_deref();
        let at = (folder.generation, folder.position);
        let ahead = log.map(|log| is_ahead(&folder, log));
        self.progress.look(now, &Look { at, ahead, held: folder.holds, owner });
        self.folder = folder;
    }

    /// The state to tell, given `own`, that of this process's own projector.
    fn of(&mut self, now: Instant, own: &State) -> State {
        if let State::Again(fault) = own {
            self.fault = Some(fault.clone());
        }
        // While others' read models are served, whether those move on is not this process's.
        if matches!(own, State::Halted(_) | State::Stopped | State::Upgrading(_)) {
            return own.clone();
        }
        if let (State::Standby, Some(halt)) = (own, self.halt_of_the_owner()) {
            return State::Halted(halt);
        }
        match self.progress.pace(now) {
            // The projector has not verified yet that the log is the checkpoint's.
            Pace::Held | Pace::TakenOver if *own == State::Starting => State::Starting,
            Pace::Held => State::Held,
            Pace::TakenOver => State::TakenOver,
            Pace::Moving => own.clone(),
            Pace::Stuck { since } => State::Stuck(self.stuck(now.duration_since(since))),
        }
    }

    /// The halt that the owner tells. One that this version does not know is not passed on; that
    /// fold will be seen not to move.
    fn halt_of_the_owner(&self) -> Option<Halt> {
        serde_json::from_str(self.folder.halted.as_deref()?).ok()
    }

    fn stuck(&self, for_so_long: Duration) -> Stuck {
        let ago = i64::try_from(for_so_long.as_millis()).unwrap_or(i64::MAX);
        // To the second, since it is computed anew at each look.
        let since = (now_ms() - ago) / 1_000 * 1_000;
        let faults = [self.fault.as_ref(), self.folder.fault.as_ref()];
        let fault = faults.into_iter().flatten().max_by_key(|fault| fault.at);
        let is_news = |fault: &&Fault| fault.at >= self.folder.committed_at;
        let fault = fault.filter(is_news).cloned();
        Stuck { position: self.folder.position, since, fault }
    }
}

/// Whether the log has events that the fold lacks. A log of another identity has, whatever its end.
fn is_ahead(folder: &Folder, log: &Extent) -> bool {
    match folder.generation {
        0 => log.last > 0,
        _ => log.incarnation != folder.incarnation || log.last > folder.position,
    }
}

/// Judges the fold by one look, for a command that follows nothing: by the instants of the last
/// commit and of the first message that is not folded. Clocks of several machines go into it.
#[must_use]
pub fn at_one_look(folder: &Folder, log: &Extent, next_at: Time, now: Time) -> Option<Stuck> {
    let since = folder.committed_at.max(next_at.0);
    let patience = i64::try_from(PATIENCE.as_millis()).unwrap_or(i64::MAX);
    if folder.holds || !is_ahead(folder, log) || now.0 - since < patience {
        return None;
    }
    let fault = folder.fault.clone().filter(|fault| fault.at >= folder.committed_at);
    Some(Stuck { position: folder.position, since, fault })
}
