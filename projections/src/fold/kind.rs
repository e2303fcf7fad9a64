//! The side of a kind of event that the fold knows.

use super::ask::Ask;
use super::outcome::Outcome;
use super::state::{Fold, Resolved};
use super::version::Version;
use super::working_set::NotAtHand;
use crate::history::{Change, Parts};
use crate::time::Time;

/// The position and time of a message in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its sequence in the stream.
    pub position: u64,
    /// The log's time when it was stored: message times made monotone.
    pub log_time: Time,
    /// The position that it counts as, if it replays an earlier one.
    pub replay_of: Option<u64>,
}

impl Stamp {
    /// The version of an entity that an event of the message states.
    pub(crate) fn version(&self, updated_at: Option<Time>) -> Version {
        Version { updated_at, position: self.replay_of.unwrap_or(self.position) }
    }

    /// A change of an entity by an event of the message.
    pub(crate) fn change(&self, parts: Parts) -> Change {
        Change { position: self.position, at: self.log_time, parts }
    }
}

/// A kind of event: the documents that it asks for, and its effect. Its
/// [`Payload`](crate::json::Payload) defines how it is read.
pub trait EventKind {
    /// Whether it is a fact: never corrected, and its id is remembered for a while, so that a
    /// repeat changes nothing.
    const IS_FACT: bool = false;

    /// Asks for the documents that identify the entities of the event: rows of the ledger,
    /// vocabularies, blocks of ids. The first step; nothing can be looked at yet.
    fn identify(&self, stamp: &Stamp, ask: &mut Ask<'_>);

    /// Asks for rows of the ledger that a row leads to. The second step: the documents that
    /// [`EventKind::identify`] asked for are at hand.
    ///
    /// # Errors
    /// [`NotAtHand`] if they are not.
    fn links(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        let _ = ask;
        Ok(())
    }

    /// Asks for the entities that the event names, and those that a replaced row named. The third
    /// step: the documents that [`EventKind::links`] asked for are at hand as well.
    ///
    /// # Errors
    /// [`NotAtHand`] if they are not.
    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand>;

    /// Changes entities, and collects the additions to rollups. The fourth step, event by event in
    /// log order.
    ///
    /// # Errors
    /// [`NotAtHand`] if it looks at a document that was not asked for.
    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand>;

    /// Whether its entity is known before it; `None` for a fact, which has none.
    ///
    /// # Errors
    /// [`NotAtHand`] if the entity was not asked for.
    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand>;
}
