//! Entities whose newest version replaces the contribution of an older one: one skeleton for all.

use super::kind::Stamp;
use super::outcome::Outcome;
use super::state::{Fold, Resolved};
use super::version::{Stated, Version};
use super::working_set::NotAtHand;
use crate::history::{History, Part};
use crate::json::Reason;
use crate::ledger::{LedgerKey, Row};
use crate::time::Time;

/// A row of the ledger, and its contribution to figures: that of one version is taken out to the
/// digit before that of the next one is put in.
pub(crate) trait Entry: Row {
    /// The event that states it.
    type Event<'a>;

    /// The id of the entity, and the producer's version of it.
    fn identity<'e>(event: &'e Self::Event<'_>) -> (&'e str, Option<Time>);

    /// The reason against an event that contradicts a value which can never change.
    fn contradiction(&self, event: &Self::Event<'_>) -> Option<Reason>;

    /// The effect of an event of a version on the part of the row that it states, and the version
    /// that the part has after it.
    fn weigh(&self, event: &Self::Event<'_>, version: Version) -> (Stated, Version);

    /// The version of the part that an event states, to be moved on.
    fn part_version(&mut self, event: &Self::Event<'_>) -> Option<&mut Version>;

    /// Whether the values of an event can take the place of those that are counted.
    fn admits(prior: Option<&Self>, event: &Self::Event<'_>, fold: &Fold) -> Result<(), Reason>;

    /// Makes the row, with the ordinals and codes that it is counted under. Entities that it names
    /// become known by it.
    fn place(
        event: &Self::Event<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand>;

    /// The history of the row, and the part that an event states; none where none is kept.
    fn history(&mut self, event: &Self::Event<'_>) -> Option<(&mut History, Part)> {
        let _ = event;
        None
    }

    /// Puts the contribution in (`sign` 1) or takes it out (-1).
    fn contribute(
        &self,
        sign: i64,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand>;
}

impl Fold {
    /// Folds an event of an entry.
    pub(crate) fn replace<E: Entry>(
        &mut self,
        stamp: &Stamp,
        event: &E::Event<'_>,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        let (id, updated_at) = E::identity(event);
        let key = LedgerKey::of::<E>(id);
        let prior = self.sets.ledger.get(&key)?.and_then(E::of).cloned();
        if let Some(reason) = prior.as_ref().and_then(|prior| prior.contradiction(event)) {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let version = stamp.version(updated_at);
        let (stated, version) = match &prior {
            Some(prior) => prior.weigh(event, version),
            None => (Stated::Applied, version),
        };
        if stated != Stated::Applied {
            if let Some(mut entry) = prior {
                self.date_row(key, &mut entry, event, version)?;
            }
            return Ok(stated.into());
        }
        if let Err(reason) = E::admits(prior.as_ref(), event, self) {
            return Ok(Outcome::Quarantined(vec![reason]));
        }
        let mut entry = E::place(event, prior.as_ref(), version, self, resolved)?;
        if let Some((history, part)) = entry.history(event) {
            history.note(stamp.change(part.into()));
        }
        if let Some(prior) = &prior {
            prior.contribute(-1, self, resolved)?;
        } else {
            let (place, now) = (&mut self.root.blocks, self.root.log_time);
            self.dedup.note(&mut self.sets.blocks, place, key.as_str(), now)?;
        }
        entry.contribute(1, self, resolved)?;
        self.sets.ledger.put(key, entry.into_row())?;
        Ok(Outcome::Applied)
    }

    /// Whether an event of an entry would replace what is known.
    pub(crate) fn is_news<E: Entry>(
        &mut self,
        stamp: &Stamp,
        event: &E::Event<'_>,
    ) -> Result<bool, NotAtHand> {
        let (id, updated_at) = E::identity(event);
        let Some(known) = self.sets.ledger.get(&LedgerKey::of::<E>(id))?.and_then(E::of) else {
            return Ok(true);
        };
        let (stated, _) = known.weigh(event, stamp.version(updated_at));
        Ok(stated == Stated::Applied && known.contradiction(event).is_none())
    }

    /// Moves the version of a part on whose content stays. A row that has the version already is not
    /// written.
    fn date_row<E: Entry>(
        &mut self,
        key: LedgerKey,
        entry: &mut E,
        event: &E::Event<'_>,
        version: Version,
    ) -> Result<(), NotAtHand> {
        if let Some(known) = entry.part_version(event).filter(|known| **known != version) {
            *known = version;
            self.sets.ledger.put(key, entry.clone().into_row())?;
        }
        Ok(())
    }
}

/// A reason against a field.
pub(crate) fn reason(field: &'static str, message: &str) -> Reason {
    Reason::new(field, message)
}
