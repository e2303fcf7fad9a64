//! What a projector is doing, for health, lag and the log.

use serde::{Deserialize, Serialize};

/// What a projector is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Finding its checkpoint, or beginning again after a fault.
    Starting,
    /// Another process folds; this one stands by.
    Standby,
    /// Folding.
    Running,
    /// The log is not the one the checkpoint was made from; nothing is written.
    Halted(Halt),
    /// Stopped on request.
    Stopped,
}

/// Why the log cannot be the one the checkpoint was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Halt {
    /// The stream was made anew.
    #[error("another-incarnation: the stream is {found}, the checkpoint was made from {expected}")]
    AnotherIncarnation {
        /// The checkpoint's.
        expected: String,
        /// The stream's.
        found: String,
    },
    /// The stream ends before the checkpoint.
    #[error("log-behind: the stream ends at {last}, the checkpoint is at {position}")]
    LogBehind {
        /// The checkpoint's position.
        position: u64,
        /// The stream's last position.
        last: u64,
    },
    /// Messages after the checkpoint are gone.
    #[error(
        "log-gap: the stream begins at {first}, the checkpoint is at {position}; `project accept` \
         goes on without what is missing"
    )]
    LogGap {
        /// The checkpoint's position.
        position: u64,
        /// The stream's first position.
        first: u64,
    },
    /// Messages after the checkpoint are gone, and there are some before them.
    #[error(
        "log-hole: the stream lacks {from} to {to}, which were not folded; `project accept` goes on \
         without them"
    )]
    LogHole {
        /// The first that is missing.
        from: u64,
        /// The last that is missing.
        to: u64,
    },
    /// The message at the checkpoint is another one.
    #[error("another-message: the message at {position} is not the one that was folded")]
    AnotherMessage {
        /// The checkpoint's position.
        position: u64,
    },
    /// The generation was made by another version of the fold, or with other settings.
    #[error(
        "another-fold: the generation was made by another version of the program or with other \
         settings; make the next one with `project rebuild`, then `project switch`"
    )]
    AnotherFold,
}

impl Halt {
    /// Its name, as in `X-Halted`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Halt::AnotherIncarnation { .. } => "another-incarnation",
            Halt::LogBehind { .. } => "log-behind",
            Halt::LogGap { .. } => "log-gap",
            Halt::LogHole { .. } => "log-hole",
            Halt::AnotherMessage { .. } => "another-message",
            Halt::AnotherFold => "another-fold",
        }
    }
}

/// What a projector is doing, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is doing.
    pub state: State,
    /// The last position it knows to be committed.
    pub position: u64,
}
