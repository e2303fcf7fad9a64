//! The history of one entity, as answers have it.

use projections::history::{Change, History, Part};
use serde::Serialize;
use utoipa::ToSchema;

/// A change of an entity.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntityChange {
    /// The position of the event that made it.
    position: u64,
    /// The log's time of that event.
    #[schema(format = DateTime)]
    at: String,
    /// The parts that changed.
    #[schema(example = json!(["orderStatus"]))]
    changed: Vec<&'static str>,
}

/// The changes that are kept, the newest first.
#[must_use]
pub fn newest_first(history: &History) -> Vec<EntityChange> {
    let changed = |change: &Change| EntityChange {
        position: change.position,
        at: change.at.to_rfc3339(),
        changed: change.parts.iter().map(Part::as_str).collect(),
    };
    history.newest.iter().rev().map(changed).collect()
}
