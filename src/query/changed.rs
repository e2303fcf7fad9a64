//! The last change of figures, topic by topic.
//!
//! It is kept in memory and made of announcements. Where one was missed, or the process has just
//! begun, a topic may have changed with the last commit, so it counts as changed there: an answer is
//! then made once more than needed, and never once less.

use projections::topic::{Topic, Topics};

/// The position of the last change of each topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed([u64; Topic::ALL.len()]);

impl Changed {
    /// Nothing is known but the position.
    #[must_use]
    pub fn unknown(position: u64) -> Self {
        Changed([position; Topic::ALL.len()])
    }

    /// After commits up to a position that touched these.
    #[must_use]
    pub fn and(mut self, touched: Topics, position: u64) -> Self {
        for topic in touched.iter() {
            self.0[topic as usize] = position;
        }
        self
    }

    /// The last change of any of these; 0 where none is asked about.
    #[must_use]
    pub fn of(&self, topics: Topics) -> u64 {
        topics.iter().map(|topic| self.0[topic as usize]).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_that_was_not_touched_stays_where_it_was() {
        let sales = Topics::of(&[Topic::Sales]);
        let both = Topics::of(&[Topic::Sales, Topic::Products]);
        let changed = Changed::unknown(5).and(Topics::of(&[Topic::Products]), 9);
        assert_eq!((changed.of(sales), changed.of(both)), (5, 9));
        assert_eq!(changed.and(both, 12).of(sales), 12);
        assert_eq!(changed.of(Topics::default()), 0);
    }
}
