//! Whether the fold moves on, judged by its results: the checkpoint in the store against the end of
//! the log. The owner of the lease, and the status that its process reports, play no part.

use std::time::{Duration, Instant};

/// A fold that has not moved for this long while the log is ahead is stuck.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The state of the fold at one look.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The live generation and its position; zeros before the first is made.
    pub at: (u32, u64),
    /// Whether the log is ahead of it; `None` if the log does not answer.
    pub ahead: Option<bool>,
    /// Whether a command holds the fold for a moment: a comparison or a switch.
    pub held: bool,
    /// The owner of the lease, by an id that no other start of a process has.
    pub owner: Option<&'a str>,
}

/// The pace of the fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It moves on, has nothing to do, or still has time to begin.
    Moving,
    /// A command holds it, and will let go of it.
    Held,
    /// Another process has taken it over, and still has time to begin.
    TakenOver,
    /// It does not move although it could.
    Stuck {
        /// The instant since which it should have moved.
        since: Instant,
    },
}

/// Follows the fold from look to look. The clock is passed in.
#[derive(Debug)]
pub struct Progress {
    at: Option<(u32, u64)>,
    /// The instant of its last move or release; before the first look this is not known, and is the
    /// instant of that look.
    moved: Instant,
    /// The instant since which the log is ahead.
    ahead: Option<Instant>,
    held: bool,
    owner: Option<String>,
    /// The instant when another owner took it over. Only the first one since it moved counts: two
    /// that take it from each other by turns and do nothing with it are no progress.
    taken_over: Option<Instant>,
}

impl Progress {
    /// Begins to follow.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Progress { at: None, moved: now, ahead: None, held: false, owner: None, taken_over: None }
    }

    /// Takes in a look at the fold. While the store does not answer there is none.
    pub fn look(&mut self, now: Instant, look: &Look<'_>) {
        if self.at != Some(look.at) || look.held || self.held {
            self.moved = now;
            self.taken_over = None;
        }
        (self.at, self.held) = (Some(look.at), look.held);
        match look.ahead {
            Some(true) => self.ahead = self.ahead.or(Some(now)),
            Some(false) => self.ahead = None,
            None => {}
        }
        if let Some(owner) = look.owner.filter(|_| !look.held) {
            let known = self.owner.as_deref();
            if known.is_some_and(|known| known != owner) {
                self.taken_over = self.taken_over.or(Some(now));
            }
            self.owner = Some(owner.to_owned());
        }
    }

    /// The pace. The time of a fold that does not move begins at its last move or when the log got
    /// ahead, whichever was later.
    #[must_use]
    pub fn pace(&self, now: Instant) -> Pace {
        let Some(ahead) = self.ahead else {
            return if self.held { Pace::Held } else { Pace::Moving };
        };
        let since = ahead.max(self.moved);
        let is_over = |from: Instant| now.duration_since(from) >= PATIENCE;
        match self.taken_over {
            _ if self.held => Pace::Held,
            Some(taken_over) if !is_over(taken_over) => Pace::TakenOver,
            _ if is_over(since) => Pace::Stuck { since },
            _ => Pace::Moving,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Follows {
        progress: Progress,
        began: Instant,
    }

    const LOOK: Look<'_> = Look { at: (1, 7), ahead: Some(true), held: false, owner: Some("a") };

    impl Follows {
        fn new() -> Self {
            let began = Instant::now();
            Follows { progress: Progress::new(began), began }
        }

        /// The pace after a look at that second.
        fn at(&mut self, second: u64, look: Look<'_>) -> Pace {
            let now = self.began + Duration::from_secs(second);
            self.progress.look(now, &look);
            self.progress.pace(now)
        }

        fn stuck_since(&self, second: u64) -> Pace {
            Pace::Stuck { since: self.began + Duration::from_secs(second) }
        }
    }

    #[test]
    fn fifteen_seconds_count_from_the_later_of_the_last_move_and_the_log_getting_ahead() {
        let mut it = Follows::new();
        let idle = Look { ahead: Some(false), ..LOOK };
        assert_eq!(it.at(0, idle), Pace::Moving);
        assert_eq!(it.at(1_000, idle), Pace::Moving, "nothing to do for long is no fault");
        assert_eq!(it.at(1_001, LOOK), Pace::Moving);
        assert_eq!(it.at(1_015, LOOK), Pace::Moving);
        assert_eq!(it.at(1_016, LOOK), it.stuck_since(1_001));
        let moved = Look { at: (1, 8), ..LOOK };
        assert_eq!(it.at(1_017, moved), Pace::Moving);
        assert_eq!(it.at(1_031, moved), Pace::Moving);
        assert_eq!(it.at(1_032, moved), it.stuck_since(1_017));
        assert_eq!(it.at(1_033, Look { at: (2, 3), ..LOOK }), Pace::Moving, "a switch is a move");
    }

    #[test]
    fn what_is_not_known_changes_nothing() {
        let mut it = Follows::new();
        it.at(0, LOOK);
        assert_eq!(it.at(14, Look { ahead: None, owner: None, ..LOOK }), Pace::Moving);
        assert_eq!(it.at(15, Look { ahead: None, ..LOOK }), it.stuck_since(0));
        let caught_up = Look { ahead: Some(false), ..LOOK };
        assert_eq!(it.at(16, caught_up), Pace::Moving);
        assert_eq!(it.at(90, Look { ahead: None, ..LOOK }), Pace::Moving);
    }

    #[test]
    fn a_fold_that_is_held_has_its_time_again_when_it_is_let_go_of() {
        let mut it = Follows::new();
        let held = Look { held: true, owner: Some("a command"), ..LOOK };
        it.at(0, LOOK);
        assert_eq!(it.at(14, held), Pace::Held);
        assert_eq!(it.at(600, held), Pace::Held);
        assert_eq!(it.at(601, LOOK), Pace::Moving);
        assert_eq!(it.at(615, LOOK), Pace::Moving);
        assert_eq!(it.at(616, LOOK), it.stuck_since(601));
        assert_eq!(it.at(617, Look { ahead: Some(false), ..held }), Pace::Held);
    }

    #[test]
    fn who_takes_over_has_time_to_begin_once() {
        let mut it = Follows::new();
        it.at(0, LOOK);
        let other = |owner| Look { owner: Some(owner), ..LOOK };
        assert_eq!(it.at(10, other("b")), Pace::TakenOver);
        assert_eq!(it.at(24, other("b")), Pace::TakenOver);
        assert_eq!(it.at(25, other("b")), it.stuck_since(0));
        assert_eq!(it.at(26, other("a")), it.stuck_since(0), "by turns, and nothing is folded");
        assert_eq!(it.at(27, Look { at: (1, 8), ..other("a") }), Pace::Moving);
        assert_eq!(it.at(40, Look { at: (1, 8), ..other("b") }), Pace::TakenOver);
    }
}
