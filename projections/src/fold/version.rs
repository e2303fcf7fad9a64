//! The newer of two events of one entity, and the effect of an event by it.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// The version of an entity that an event states.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The producer's own version, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Time>,
    /// The position of the event in the log; for a replayed one, its first position.
    pub position: u64,
}

impl Version {
    /// Whether an event of this version comes too late to change the statements of version
    /// `applied`: by the producer's versions if both have one and they differ, else by log order.
    #[must_use]
    pub fn is_stale_after(self, applied: Version) -> bool {
        match (applied.updated_at, self.updated_at) {
            (Some(applied), Some(own)) if applied != own => own < applied,
            _ => self.position < applied.position,
        }
    }

    /// The effect of an event of this version on an entity of version `known`, and the version that
    /// the entity has after it. `same` tells whether the event states the known values.
    ///
    /// An event without a version leaves the entity at the one that it had: a later event with an
    /// older version is late all the same.
    #[must_use]
    pub fn weigh(self, known: Option<Version>, same: bool) -> (Stated, Version) {
        let Some(known) = known else { return (Stated::Applied, self) };
        if self.is_stale_after(known) {
            return (Stated::Stale, known);
        }
        let updated_at = self.updated_at.or(known.updated_at);
        if same {
            return (Stated::Unchanged, Version { updated_at, ..known });
        }
        (Stated::Applied, Version { updated_at, ..self })
    }
}

/// The effect of an event on an entity, or on a part of one; the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stated {
    /// A newer event was applied before it.
    Stale,
    /// It stated known values; only the version may have moved on.
    Unchanged,
    /// It replaced the known values.
    Applied,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(updated_at: Option<i64>, position: u64) -> Version {
        Version { updated_at: updated_at.map(Time), position }
    }

    #[test]
    fn an_older_version_is_stale_wherever_it_stands() {
        assert!(version(Some(1), 9).is_stale_after(version(Some(2), 5)));
        assert!(!version(Some(3), 4).is_stale_after(version(Some(2), 5)));
    }

    #[test]
    fn equal_or_absent_versions_follow_the_log() {
        for (own, applied) in [(Some(2), Some(2)), (None, Some(2)), (Some(2), None), (None, None)] {
            assert!(!version(own, 9).is_stale_after(version(applied, 5)));
            assert!(
                version(own, 4).is_stale_after(version(applied, 5)),
                "a replay ranks where it stood"
            );
        }
    }

    #[test]
    fn an_event_without_a_version_leaves_the_one_that_is_known() {
        let known = version(Some(10), 5);
        let (stated, after) = version(None, 6).weigh(Some(known), false);
        assert_eq!((stated, after), (Stated::Applied, version(Some(10), 6)));
        assert_eq!(version(Some(9), 7).weigh(Some(after), false), (Stated::Stale, after));
        let (stated, again) = version(None, 7).weigh(Some(after), true);
        assert_eq!((stated, again), (Stated::Unchanged, after));
    }

    #[test]
    fn what_is_said_again_at_a_newer_version_moves_the_version_and_not_the_position() {
        let weighed = version(Some(3), 9).weigh(Some(version(Some(2), 5)), true);
        assert_eq!(weighed, (Stated::Unchanged, version(Some(3), 5)));
        assert_eq!(version(None, 9).weigh(None, false), (Stated::Applied, version(None, 9)));
    }
}
