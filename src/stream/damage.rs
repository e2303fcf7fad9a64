//! What an accident does to a log: for `adaptive-bi-bench soak` and tests, and for nobody else.

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

    /// Makes a stream of the same name where it was deleted; it is another one.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn make_anew(&self) -> Result<(), Error> {
        self.make_stream().await
    }

    /// Takes away all that is before `position`.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn purge_before(&self, position: u64) -> Result<(), Error> {
        const DOING: &str = "purging";
        let stream = self.stream(DOING).await?;
        let purged = stream.purge().sequence(position).await;
        purged.map(|_| ()).map_err(|error| self.failed(DOING, &error))
    }

    /// Takes away a few messages among others.
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

    /// The id of the entity that an event's subject names, of the log's own events.
    #[must_use]
    pub fn entity_of<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let (_, key) =
            subject.strip_prefix(&self.settings.prefix)?.strip_prefix('.')?.split_once('.')?;
        Some(key)
    }
}
