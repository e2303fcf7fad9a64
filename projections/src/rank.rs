//! Which of two events of one entity is the newer.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The age of an event among those of its entity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rank {
    /// The producer's own version, where it gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// Where the event stands in the log; for a replayed one, where it stood first.
    pub position: u64,
}

impl Rank {
    /// Whether an event of this rank comes too late to change what one of rank `applied` said:
    /// by the producer's versions where both have one and they differ, else by log order.
    #[must_use]
    pub fn is_stale_after(self, applied: Rank) -> bool {
        match (applied.updated_at, self.updated_at) {
            (Some(applied), Some(own)) if applied != own => own < applied,
            _ => self.position < applied.position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(updated_at: Option<i64>, position: u64) -> Rank {
        Rank { updated_at: updated_at.map(Time), position }
    }

    #[test]
    fn an_older_version_is_stale_wherever_it_stands() {
        assert!(rank(Some(1), 9).is_stale_after(rank(Some(2), 5)));
        assert!(!rank(Some(3), 4).is_stale_after(rank(Some(2), 5)));
    }

    #[test]
    fn equal_or_absent_versions_follow_the_log() {
        for (own, applied) in [(Some(2), Some(2)), (None, Some(2)), (Some(2), None), (None, None)] {
            assert!(!rank(own, 9).is_stale_after(rank(applied, 5)));
            assert!(rank(own, 4).is_stale_after(rank(applied, 5)), "a replay ranks where it stood");
        }
    }
}
