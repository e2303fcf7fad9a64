//! Whether the log is the one the checkpoint was made from. Asked at every subscription; where it
//! is not, nothing is written.

use projections::root::Settings;

use super::Error;
use super::status::Halt;
use crate::store::generation::{Anchor, Checkpoint};
use crate::stream::Log;
use crate::stream::check::Fingerprint;

/// `None` where the log is the checkpoint's, and it may be read from there.
///
/// # Errors
/// [`Error::Log`] where the log does not say.
pub async fn verify(
    log: &Log,
    checkpoint: &Checkpoint,
    settings: &Settings,
) -> Result<Option<Halt>, Error> {
    if checkpoint.settings != *settings {
        return Ok(Some(Halt::AnotherFold));
    }
    let extent = log.extent().await?;
    if extent.incarnation != checkpoint.incarnation {
        return Ok(Some(Halt::AnotherIncarnation {
            expected: checkpoint.incarnation.clone(),
            found: extent.incarnation,
        }));
    }
    matches_position(log, checkpoint).await
}

/// The checks apart from the incarnation: what `project accept` asks for as well.
///
/// # Errors
/// [`Error::Log`] where the log does not say.
pub async fn matches_position(log: &Log, checkpoint: &Checkpoint) -> Result<Option<Halt>, Error> {
    let position = checkpoint.position;
    let extent = log.extent().await?;
    if extent.last < position {
        return Ok(Some(Halt::LogBehind { position, last: extent.last }));
    }
    if extent.first > position + 1 {
        return Ok(Some(Halt::LogGap { position, first: extent.first }));
    }
    let Some(remembered) = &checkpoint.anchor else { return Ok(None) };
    match log.fingerprint(position).await? {
        Some(found) if Anchor::from(found.clone()) == *remembered => Ok(None),
        // Purged up to and with the checkpoint: nothing that was not folded is gone.
        None if extent.first == position + 1 => Ok(None),
        _ => Ok(Some(Halt::AnotherMessage { position })),
    }
}

impl From<Fingerprint> for Anchor {
    fn from(Fingerprint { time, hash }: Fingerprint) -> Self {
        Anchor { time, hash }
    }
}
