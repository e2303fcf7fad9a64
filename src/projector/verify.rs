//! Whether the log is the one that the checkpoint was made from. This is checked at every
//! subscription; if it is not, nothing is written.

use std::cmp::Ordering;

use projections::fold::root::FoldSettings;

use super::error::Error;
use super::status::Halt;
use crate::store::generation::{Anchor, Checkpoint};
use crate::store::{self, Store};
use crate::stream::Log;
use crate::stream::check::Fingerprint;
use crate::stream::hole::{Accepted, Hole};

/// The right advice where nothing else stands in the way.
const BY_HAND: &str = "make the next one with `project rebuild`, then `project switch`";

/// `None` if a generation was made with these settings by this version of the fold.
#[must_use]
pub fn is_made_with(made: &FoldSettings, settings: &FoldSettings) -> Option<Halt> {
    let (made_by, this) = (made.fold_version, settings.fold_version);
    let same_version = FoldSettings { fold_version: this, ..made.clone() };
    match made_by.cmp(&this) {
        Ordering::Greater => Some(Halt::NewerFold { made_by, this }),
        _ if same_version != *settings => Some(Halt::AnotherFold),
        Ordering::Less => Some(Halt::OlderFold { made_by, this, why: BY_HAND.to_owned() }),
        Ordering::Equal => None,
    }
}

/// `None` if the log is the checkpoint's, and may be read from there.
///
/// # Errors
/// [`Error::Log`] if the log does not answer, [`Error::Store`].
pub async fn verify(
    log: &Log,
    store: &Store,
    checkpoint: &Checkpoint,
    settings: &FoldSettings,
) -> Result<Option<Halt>, Error> {
    if let Some(halt) = is_made_with(&checkpoint.settings, settings) {
        return Ok(Some(halt));
    }
    let extent = log.extent().await?;
    if extent.incarnation != checkpoint.incarnation {
        return Ok(Some(Halt::AnotherIncarnation {
            expected: checkpoint.incarnation.clone(),
            found: extent.incarnation,
        }));
    }
    matches_position(log, store, checkpoint).await
}

/// The checks apart from the incarnation, which `project accept` makes as well.
///
/// # Errors
/// [`Error::Log`] if the log does not answer, [`Error::Store`].
pub async fn matches_position(
    log: &Log,
    store: &Store,
    checkpoint: &Checkpoint,
) -> Result<Option<Halt>, Error> {
    let position = checkpoint.position;
    let accepted = accepted(store, &checkpoint.incarnation).await?;
    let extent = log.extent().await?;
    if extent.last < position {
        return Ok(Some(Halt::LogBehind { position, last: extent.last }));
    }
    let gap = Hole { from: position + 1, to: extent.first.saturating_sub(1) };
    if accepted.rest_of(gap).is_some() {
        return Ok(Some(Halt::LogGap { position, first: extent.first }));
    }
    if let Some(remembered) = &checkpoint.anchor {
        match log.fingerprint(position).await? {
            Some(found) if anchor(found.clone()) == *remembered => {}
            // It was purged up to and with the checkpoint, or accepted: nothing else is gone.
            None if extent.first > position || accepted.has(position) => {}
            _ => return Ok(Some(Halt::AnotherMessage { position })),
        }
    }
    hole_behind(log, position, extent.last, &accepted).await
}

/// The hole that the log has right behind a position, if nobody accepted it.
async fn hole_behind(
    log: &Log,
    position: u64,
    last: u64,
    accepted: &Accepted,
) -> Result<Option<Halt>, Error> {
    if last == position {
        return Ok(None);
    }
    let next = log.message_from(position + 1).await?;
    let hole = Hole { from: position + 1, to: next.map_or(last, |next| next.position - 1) };
    Ok(accepted.rest_of(hole).map(|Hole { from, to }| Halt::LogHole { from, to }))
}

/// The holes of a log that every reader passes.
///
/// # Errors
/// Fails if the store does not answer.
pub async fn accepted(store: &Store, incarnation: &str) -> Result<Accepted, store::Error> {
    let holes = store.accepted_holes(incarnation).await?;
    let holes = holes.iter().map(|it| Hole { from: it.from, to: it.to });
    Ok(Accepted::new(holes.collect()))
}

/// What a checkpoint remembers of its message.
pub fn anchor(of: impl Into<Fingerprint>) -> Anchor {
    let Fingerprint { time, hash } = of.into();
    Anchor { time, hash }
}
