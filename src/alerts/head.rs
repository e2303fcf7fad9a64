//! Whether the read models are at the log's end. Figures from before are not judged: what is caught up
//! on, after a rebuild, an upgrade or a pause, was no news when it was read.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Read models that have what was on the log so long ago are at its end: while events come, its very end
/// is always ahead.
const BEHIND: Duration = Duration::from_secs(10);

/// The ends of the log that were seen lately.
#[derive(Debug, Default)]
pub struct Head(VecDeque<(Instant, u64)>);

impl Head {
    /// Whether a position is at the end of the log, which is this now; `None` where it is not known.
    pub fn is_at(&mut self, position: u64, end: Option<u64>, now: Instant) -> bool {
        let Some(end) = end else {
            self.0.clear();
            return false;
        };
        if self.0.back().is_none_or(|(_, last)| *last != end) {
            self.0.push_back((now, end));
        }
        // The first is the end as it was so long ago.
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= BEHIND) {
            self.0.pop_front();
        }
        self.0.front().is_some_and(|(_, end)| position >= *end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_at_the_start_has_to_be_caught_up_on() {
        let (mut head, start) = (Head::default(), Instant::now());
        assert!(!head.is_at(5, Some(100), start));
        assert!(!head.is_at(99, Some(100), start + Duration::from_mins(1)));
        assert!(head.is_at(100, Some(100), start + Duration::from_secs(61)));
    }

    #[test]
    fn while_events_come_the_end_of_some_seconds_ago_will_do() {
        let (mut head, start) = (Head::default(), Instant::now());
        for second in 0..60 {
            let (at, end) = (start + Duration::from_secs(second), 100 + second * 10);
            assert!(head.is_at(end.saturating_sub(50).max(100), Some(end), at), "{second}");
            let ago = end.saturating_sub(150);
            assert_eq!(head.is_at(ago, Some(end), at), ago >= 100 && second == 0, "{second}");
        }
        assert!(head.0.len() < 20);
    }

    #[test]
    fn a_log_that_does_not_answer_has_no_end() {
        let (mut head, start) = (Head::default(), Instant::now());
        assert!(head.is_at(100, Some(100), start));
        assert!(!head.is_at(100, None, start));
        assert!(!head.is_at(100, Some(101), start), "and then all of it has to be caught up on");
    }
}
