//! What commits changed, as their announcements say: the days and months of UTC.
//!
//! Between two positions that announcements join, all other buckets are the same. If an announcement
//! was missed, or says nothing of buckets, those that were read before it are not relied on.

use std::collections::HashMap;

use projections::bucket::Level;

use crate::stream::announce::{Announcement, Buckets};

/// The last changes of buckets, as far as announcements say.
#[derive(Debug, Default)]
pub struct Changes {
    generation: u32,
    /// Announcements follow each other from this position...
    since: u64,
    /// ...to this one.
    until: u64,
    days: HashMap<u32, u64>,
    months: HashMap<u32, u64>,
}

impl Changes {
    /// Takes note of the changes of a commit.
    pub fn take(&mut self, announcement: &Announcement) {
        let Announcement { generation, from, position, buckets, .. } = announcement;
        // An announcement that does not follow begins anew: one was missed, or it is of other read
        // models.
        if *generation != self.generation || *from != self.until {
            *self = Changes { generation: *generation, since: *from, ..Changes::default() };
        }
        self.until = *position;
        match buckets {
            Some(Buckets { days, months }) => {
                self.days.extend(days.iter().map(|day| (*day, *position)));
                self.months.extend(months.iter().map(|month| (*month, *position)));
            }
            None => self.since = *position,
        }
    }

    /// Whether it is sure that a bucket of a generation is the same at two positions. Of quarter hours
    /// a bucket is their day.
    pub fn are_none(&self, generation: u32, level: Level, bucket: u32, (a, b): (u64, u64)) -> bool {
        let (earlier, later) = (a.min(b), a.max(b));
        if earlier == later {
            return true;
        }
        let changed = match level {
            Level::Quarter | Level::Day => self.days.get(&bucket).copied(),
            Level::Month => self.months.get(&bucket).copied(),
            Level::Ever => Some(self.until),
        };
        generation == self.generation
            && self.since <= earlier
            && later <= self.until
            && changed.is_none_or(|changed| changed <= earlier)
    }
}

#[cfg(test)]
mod tests {
    use projections::topic::Topics;

    use super::*;

    const DAY: u32 = 20_454;
    const MONTH: u32 = 672;

    fn announcement(from: u64, position: u64, buckets: impl Into<Option<Buckets>>) -> Announcement {
        Announcement {
            generation: 1,
            from,
            position,
            at: 0,
            touched: Topics::default(),
            buckets: buckets.into(),
            traceparents: vec![],
        }
    }

    fn of_day(day: u32) -> Buckets {
        Buckets { days: [day].into(), months: [MONTH].into() }
    }

    fn changes(announcements: &[Announcement]) -> Changes {
        let mut changes = Changes::default();
        for announcement in announcements {
            changes.take(announcement);
        }
        changes
    }

    #[test]
    fn what_no_commit_named_is_the_same_between_positions_that_were_announced() {
        let changes =
            changes(&[announcement(10, 20, of_day(DAY)), announcement(20, 30, of_day(1))]);
        let are_none = |level, bucket, a, b| changes.are_none(1, level, bucket, (a, b));
        for level in [Level::Day, Level::Quarter] {
            assert!(are_none(level, DAY, 20, 30) && are_none(level, DAY, 30, 20));
            assert!(!are_none(level, DAY, 10, 20) && !are_none(level, DAY, 10, 30));
            assert!(are_none(level, DAY + 1, 10, 30));
        }
        assert!(!are_none(Level::Month, MONTH, 20, 30));
        assert!(are_none(Level::Month, MONTH + 1, 10, 30));
        assert!(!are_none(Level::Ever, 0, 20, 30));
        assert!(are_none(Level::Ever, 0, 30, 30));
    }

    #[test]
    fn beyond_what_was_announced_nothing_is_sure() {
        let changes = changes(&[announcement(10, 20, of_day(1))]);
        let are_none = |generation, at| changes.are_none(generation, Level::Day, DAY, at);
        assert!(!are_none(1, (9, 20)) && !are_none(1, (20, 21)));
        assert!(are_none(1, (10, 20)) && !are_none(2, (10, 20)));
    }

    #[test]
    fn a_hole_or_a_commit_that_names_no_buckets_makes_all_unsure_that_was_before() {
        let is_same = |changes: &Changes, at| changes.are_none(1, Level::Day, DAY, at);
        let hole = changes(&[announcement(10, 20, of_day(1)), announcement(25, 30, of_day(1))]);
        assert!(!is_same(&hole, (20, 30)) && is_same(&hole, (25, 30)));
        let unsaid = changes(&[announcement(10, 20, of_day(1)), announcement(20, 30, None)]);
        assert!(!is_same(&unsaid, (20, 30)) && is_same(&unsaid, (30, 30)));
        let mut unsaid = unsaid;
        unsaid.take(&announcement(30, 40, of_day(1)));
        assert!(is_same(&unsaid, (30, 40)));
    }

    #[test]
    fn positions_that_go_back_begin_anew() {
        let back = changes(&[announcement(10, 90, of_day(1)), announcement(20, 30, of_day(DAY))]);
        let are_none = |day, at| back.are_none(1, Level::Day, day, at);
        assert!(!are_none(DAY, (20, 30)) && !are_none(DAY, (30, 90)));
        assert!(are_none(1, (20, 30)));
    }
}
