//! Positions that the log lacks, and those of them that its operator has accepted.

use serde::{Deserialize, Serialize};

/// Positions without a message, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hole {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// The holes of a log that its operator has accepted: no figure has the events that were there, and
/// none will. Every reader of the log passes these and no others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted(Vec<Hole>);

impl Accepted {
    /// Joins holes in any order, which may touch and overlap.
    #[must_use]
    pub fn new(mut holes: Vec<Hole>) -> Self {
        holes.sort_unstable();
        Accepted(holes)
    }

    /// Accepts whatever a log lacks.
    #[must_use]
    pub fn everything() -> Self {
        Accepted(vec![Hole { from: 0, to: u64::MAX }])
    }

    /// The part of a hole that nobody has accepted, from its first such position up to its end or
    /// the next accepted one. `None` if all of it was accepted.
    #[must_use]
    pub fn rest_of(&self, Hole { mut from, to }: Hole) -> Option<Hole> {
        for accepted in &self.0 {
            if from > to {
                break;
            }
            if accepted.from > from {
                return Some(Hole { from, to: to.min(accepted.from - 1) });
            }
            from = from.max(accepted.to.saturating_add(1));
        }
        (from <= to).then_some(Hole { from, to })
    }

    /// Whether the message at a position is accepted to be missing.
    #[must_use]
    pub fn has(&self, position: u64) -> bool {
        self.rest_of(Hole { from: position, to: position }).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(from: u64, to: u64) -> Hole {
        Hole { from, to }
    }

    #[test]
    fn of_a_hole_is_left_what_nobody_accepted() {
        let accepted = Accepted::new(vec![hole(8, 9), hole(3, 5), hole(4, 6), hole(20, 30)]);
        for whole in [hole(3, 6), hole(5, 5), hole(8, 9), hole(22, 30)] {
            assert_eq!(accepted.rest_of(whole), None, "{whole:?}");
        }
        assert_eq!(accepted.rest_of(hole(2, 6)), Some(hole(2, 2)));
        assert_eq!(accepted.rest_of(hole(3, 9)), Some(hole(7, 7)));
        assert_eq!(accepted.rest_of(hole(9, 25)), Some(hole(10, 19)));
        assert_eq!(accepted.rest_of(hole(25, 40)), Some(hole(31, 40)));
        assert_eq!(Accepted::default().rest_of(hole(1, 2)), Some(hole(1, 2)));
        assert!(accepted.has(30) && !accepted.has(31));
        assert_eq!(Accepted::everything().rest_of(hole(1, u64::MAX - 1)), None);
    }
}
