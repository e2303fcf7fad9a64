//! Announcements: what a commit changed, told on core NATS so that every process can push it.

use projections::fold::Touched;
use serde::{Deserialize, Serialize};

/// One commit, as told to every process after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The generation it was made in.
    pub generation: u32,
    /// The checkpoint before it.
    pub from: u64,
    /// The checkpoint after it.
    pub position: u64,
    /// When it was committed, milliseconds since 1970.
    pub at: i64,
    /// What kinds of figures it changed.
    pub touched: Touched,
}
