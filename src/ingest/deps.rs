//! The dependencies of the routes.

use std::fmt;
use std::sync::Arc;

use super::message_id::MessageIds;
use super::outcome::{AskOutcomes, AskPosition};
use crate::stream::Log;

/// The dependencies of the routes.
#[derive(Clone)]
pub struct Deps {
    /// The log.
    pub log: Log,
    /// The shop's currency.
    pub currency: String,
    /// The maker of the ids of messages.
    pub ids: Arc<MessageIds>,
    /// What the figures made of events.
    pub outcomes: AskOutcomes,
    /// What the log has at a position.
    pub position: AskPosition,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}
