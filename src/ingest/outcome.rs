//! What the figures made of events that the log took. Ingest knows no store: the shop answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use projections::event::{Kind, Reason};
use tokio::time::Instant;
use utoipa::openapi::schema::Object;

use crate::http::openapi::schemas;

/// It is in the figures, or changes nothing in them; which of the two is counted and not kept.
const FOLDED: &str = "folded";
/// It is kept with its reasons, and in no figure.
const QUARANTINED: &str = "quarantined";
/// The figures have not reached it.
const PENDING: &str = "pending";

pub(super) fn words() -> Object {
    schemas::words(&[FOLDED, QUARANTINED, PENDING])
}

/// What is known of positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The position that the figures have reached.
    pub reached: u64,
    /// Of those that are quarantined, why, and where they were sent again.
    pub quarantined: BTreeMap<u64, Kept>,
}

/// A quarantined event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Every reason.
    pub reasons: Vec<Reason>,
    /// The position at which it was sent again, once it was.
    pub replayed_at: Option<u64>,
}

impl Known {
    /// What became of the event at a position, and the reasons.
    pub(super) fn of(&self, position: u64) -> (&'static str, Vec<Reason>) {
        match self.quarantined.get(&position) {
            Some(kept) => (QUARANTINED, kept.reasons.clone()),
            None if position <= self.reached => (FOLDED, Vec::new()),
            None => (PENDING, Vec::new()),
        }
    }
}

/// What the log has at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum There {
    /// An event of this kind; of none that is known, if its subject names none.
    Event(Option<Kind>),
    /// It is a hole: nothing, though the log goes on behind it.
    Hole,
    /// Nothing yet: the log ends here.
    Beyond(u64),
}

/// Why nothing is known: the store or the log does not answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("what became of events cannot be told now")]
pub struct Unanswered;

/// Asks what became of positions, which waits until the figures have reached all of them, or until the
/// instant.
pub type AskOutcomes =
    Arc<dyn Fn(Vec<u64>, Instant) -> BoxFuture<'static, Result<Known, Unanswered>> + Send + Sync>;
/// Asks what the log has at a position.
pub type AskPosition =
    Arc<dyn Fn(u64) -> BoxFuture<'static, Result<There, Unanswered>> + Send + Sync>;
