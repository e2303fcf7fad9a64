//! Why a session could not go on.

use crate::{store, stream};

/// Why a session could not go on. The next one begins at the checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log.
    #[error(transparent)]
    Log(#[from] stream::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The fold asked for a document that was not loaded, which is a fault in this program.
    #[error(transparent)]
    Fold(#[from] projections::fold::NotAtHand),
    /// A commit failed in a way that a smaller batch may not.
    #[error("a commit of {events} events was refused")]
    Refused {
        /// The number of events in it.
        events: usize,
        /// Why.
        #[source]
        source: store::Error,
    },
    /// Another projector moved the checkpoint, or ended the session of this one to do so.
    #[error("another projector moved the checkpoint or is about to")]
    Overtaken,
    /// A fault in this program or in a library.
    #[error("the fold panicked: {0}")]
    Panicked(String),
    /// The task that reads the log ahead of the fold has ended.
    #[error("the task that reads the log has ended")]
    NoReader,
}
