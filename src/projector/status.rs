//! The state of a projector, for health, lag and the log.

use serde::{Deserialize, Serialize};

use crate::store::folder::Fault;

/// The state of a projector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Finding its checkpoint for the first time.
    Starting,
    /// Another process folds; this one stands by.
    Standby,
    /// A command holds the fold for a moment: a comparison or a switch.
    Held,
    /// Another process has just taken the fold over, and begins.
    TakenOver,
    /// Folding.
    Running,
    /// Beginning again at the checkpoint, after a fault.
    Again(Fault),
    /// The process that folds has not moved on for too long, and the log is ahead. No process says
    /// so of itself; it is judged by the store's contents ([`super::judge`]).
    Stuck(Stuck),
    /// An older fold made the live read models, which are served; those of this one are made.
    Upgrading(Upgrade),
    /// The log is not the one that the checkpoint was made from; nothing is written.
    Halted(Halt),
    /// Stopped on request.
    Stopped,
}

/// An exchange of read models for those of a newer fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upgrade {
    /// The version of the fold that made the live read models.
    pub from: u32,
    /// The version of this program's.
    pub to: u32,
}

/// A fold that does not move on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The position that it stands at.
    pub position: u64,
    /// The instant since which it should have moved, milliseconds since 1970.
    pub since: i64,
    /// The last fault that ended a session since it last moved, if there was one.
    pub fault: Option<Fault>,
}

impl Stuck {
    /// The position and, in one word, the source of the last fault, as in `X-Stuck`.
    #[must_use]
    pub fn in_short(&self) -> String {
        let error = self.fault.as_ref().map_or("none", |fault| fault.kind.as_str());
        format!("position={}; error={error}", self.position)
    }
}

impl State {
    /// The name of the state, as in health.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Standby => "standby",
            State::Held => "held",
            State::TakenOver => "taken-over",
            State::Running => "running",
            State::Again(_) => "beginning-again",
            State::Stuck(_) => "stuck",
            State::Upgrading(_) => "upgrading",
            State::Halted(_) => "halted",
            State::Stopped => "stopped",
        }
    }

    /// Why no figure moves on, in one word: `stuck`, or the name of the halt.
    #[must_use]
    pub fn stands_still(&self) -> Option<&'static str> {
        match self {
            State::Stuck(_) => Some(self.name()),
            State::Halted(halt) => Some(halt.name()),
            _ => None,
        }
    }

    /// Whether figures move on, even if another process folds, the fold has yet to be released or to
    /// begin anew, or the read models that move on are being made.
    #[must_use]
    pub fn moves_on(&self) -> bool {
        match self {
            State::Standby
            | State::Held
            | State::TakenOver
            | State::Running
            | State::Again(_)
            | State::Upgrading(_) => true,
            State::Starting | State::Stuck(_) | State::Halted(_) | State::Stopped => false,
        }
    }
}

/// Why the log cannot be the one that the checkpoint was made from.
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
    /// The generation was made with other settings.
    #[error(
        "another-fold: the generation was made with other settings (CURRENCY, \
         ACTIVITY_WINDOW_HOURS); make the next one with `project rebuild`, then `project switch`"
    )]
    AnotherFold,
    /// The generation was made by an older version of the fold, and is not exchanged by itself.
    #[error(
        "older-fold: version {made_by} of the fold made the generation, and this program has version \
         {this}; {why}"
    )]
    OlderFold {
        /// The version that made it.
        made_by: u32,
        /// This program's.
        this: u32,
        /// Why it is not exchanged, and what to do.
        why: String,
    },
    /// The generation was made by a newer version of the fold.
    #[error(
        "newer-fold: version {made_by} of the fold made the generation, and this program has version \
         {this}: run a program of that version or a newer one; to go back on purpose, make the read \
         models of this version with `project rebuild`, then `project switch`"
    )]
    NewerFold {
        /// The version that made it.
        made_by: u32,
        /// This program's.
        this: u32,
    },
    /// The stream was deleted, and nobody has made it anew.
    #[error(
        "log-gone: the stream is not there any more; put it back. The next start of the program \
         makes an empty one in its place"
    )]
    LogGone,
}

impl Halt {
    /// The name of the halt, as in `X-Halted`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Halt::AnotherIncarnation { .. } => "another-incarnation",
            Halt::LogBehind { .. } => "log-behind",
            Halt::LogGap { .. } => "log-gap",
            Halt::LogHole { .. } => "log-hole",
            Halt::AnotherMessage { .. } => "another-message",
            Halt::AnotherFold => "another-fold",
            Halt::OlderFold { .. } => "older-fold",
            Halt::NewerFold { .. } => "newer-fold",
            Halt::LogGone => "log-gone",
        }
    }
}

/// The state and the position of a projector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// The last position it knows to be committed.
    pub position: u64,
}
