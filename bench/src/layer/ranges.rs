//! Parts of a file, from a byte to before another one.

use std::collections::BTreeMap;

/// Parts that neither overlap nor touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds the part from `from` to before `to`.
    pub fn add(&mut self, mut from: u64, mut to: u64) {
        if from >= to {
            return;
        }
        while let Some((first, last)) = self.0.range(..=to).next_back().map(|(a, b)| (*a, *b)) {
            if last < from {
                break;
            }
            (from, to) = (from.min(first), to.max(last));
            self.0.remove(&first);
        }
        self.0.insert(from, to);
    }

    /// The parts before `end`.
    pub fn before(&self, end: u64) -> impl Iterator<Item = (u64, u64)> {
        let parts = self.0.iter().map(move |(from, to)| (*from, (*to).min(end)));
        parts.filter(|(from, to)| from < to)
    }

    /// The number of bytes.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    /// Forgets all parts.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_touch_are_one() {
        let mut ranges = Ranges::default();
        for (from, to) in [(10, 20), (30, 40), (5, 5), (20, 25), (0, 3), (38, 50), (24, 31)] {
            ranges.add(from, to);
        }
        assert_eq!(ranges.before(u64::MAX).collect::<Vec<_>>(), [(0, 3), (10, 50)]);
        assert_eq!(ranges.before(11).collect::<Vec<_>>(), [(0, 3), (10, 11)]);
        assert_eq!(ranges.bytes(), 43);
    }
}
