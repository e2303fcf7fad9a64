//! Damage to a log as by an accident: for `adaptive-bi-bench soak` and tests only.

use std::ops::RangeInclusive;

use super::{Error, Log};

impl Log {
    /// Deletes the stream and all that is in it.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn delete(&self) -> Result<(), Error> {
        let deleted = self.link.get().context.delete_stream(&self.settings.stream).await;
        deleted.map(|_| ()).map_err(|error| self.failed("deleting", &error))
    }

    /// Makes a stream of the same name after it was deleted; it is another one.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn make_anew(&self) -> Result<(), Error> {
        self.make_stream().await
    }

    /// Removes all messages before `position`.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn purge_before(&self, position: u64) -> Result<(), Error> {
        const DOING: &str = "purging";
        let stream = self.stream(DOING).await?;
        let purged = stream.purge().sequence(position).await;
        purged.map(|_| ()).map_err(|error| self.failed(DOING, &error))
    }

    /// Removes a few messages among others.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn take_away(&self, positions: RangeInclusive<u64>) -> Result<(), Error> {
        const DOING: &str = "taking messages from";
        let stream = self.stream(DOING).await?;
        for position in positions {
            let deleted = stream.delete_message(position).await;
            deleted.map_err(|error| self.failed(DOING, &error))?;
        }
        Ok(())
    }
}
