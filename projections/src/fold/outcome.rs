//! The outcome of one message.

use super::version::Stated;
use crate::json::Reason;

/// The outcome of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It changed something.
    Applied,
    /// It is an activity that was seen before.
    Repeated,
    /// It stated known values.
    Unchanged,
    /// A newer event of the same entity was applied before it.
    Stale,
    /// It was invalid or not admissible.
    Quarantined(Vec<Reason>),
}

impl From<Stated> for Outcome {
    fn from(stated: Stated) -> Outcome {
        match stated {
            Stated::Applied => Outcome::Applied,
            Stated::Unchanged => Outcome::Unchanged,
            Stated::Stale => Outcome::Stale,
        }
    }
}

impl Outcome {
    /// Its name in figures.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Repeated => "repeated",
            Outcome::Unchanged => "unchanged",
            Outcome::Stale => "stale",
            Outcome::Quarantined(_) => "quarantined",
        }
    }
}
