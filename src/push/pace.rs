//! The rate of a session's messages: some at once, and then so many a second. A client that goes on
//! sending more gets an error, then no answers, and then its session ends.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A client that has sent so many excess messages without a rest is not only careless.
const TOO_MANY: u32 = 200;

/// The verdict on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is answered.
    Answer,
    /// It is the first excess one: the client gets an error.
    Tell,
    /// It is another excess one.
    Ignore,
    /// It is one too many: the session ends.
    End,
}

/// The pace of one session.
#[derive(Debug)]
pub(super) struct Pace {
    at_once: u32,
    each: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The time from which as many can come at once again as at the beginning.
    rested_at: Instant,
    too_many: u32,
}

impl Pace {
    /// Allows so many at once, and then one for each such time.
    pub(super) fn new(at_once: u32, each: Duration) -> Self {
        let state = State { rested_at: Instant::now(), too_many: 0 };
        Pace { at_once, each, state: Mutex::new(state) }
    }

    /// Counts a message.
    pub(super) fn count(&self) -> Verdict {
        let mut state = self.state();
        if self.takes(&mut state, 1) {
            return Verdict::Answer;
        }
        state.too_many = state.too_many.saturating_add(1);
        match state.too_many {
            1 => Verdict::Tell,
            TOO_MANY => Verdict::End,
            _ => Verdict::Ignore,
        }
    }

    /// Counts so many that came together, if they can all be taken.
    pub(super) fn has_time_for(&self, messages: u32) -> bool {
        self.takes(&mut self.state(), messages)
    }

    fn takes(&self, state: &mut State, messages: u32) -> bool {
        let now = Instant::now();
        if state.rested_at <= now {
            *state = State { rested_at: now, too_many: 0 };
        }
        let after = state.rested_at + self.each * messages;
        let is_in_time = after <= now + self.each * self.at_once;
        if is_in_time {
            state.rested_at = after;
        }
        is_in_time
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn pace() -> Pace {
        Pace::new(40, Duration::from_millis(100))
    }

    fn answered(pace: &Pace, messages: u32) -> usize {
        (0..messages).filter(|_| pace.count() == Verdict::Answer).count()
    }

    #[tokio::test(start_paused = true)]
    async fn some_are_answered_at_once_and_then_so_many_a_second() {
        let pace = pace();
        assert_eq!(answered(&pace, 40), 40);
        assert_eq!(pace.count(), Verdict::Tell);
        advance(Duration::from_secs(1)).await;
        assert_eq!(answered(&pace, 20), 10);
        assert_eq!(pace.count(), Verdict::Ignore, "once is enough");
        advance(Duration::from_mins(1)).await;
        assert_eq!(answered(&pace, 100), 40);
    }

    #[tokio::test(start_paused = true)]
    async fn who_goes_on_is_ended_once_and_who_rests_is_not() {
        let (careless, flooding) = (pace(), pace());
        for _ in 0..20 {
            assert_eq!(answered(&careless, 60), 40);
            advance(Duration::from_secs(5)).await;
        }
        assert_eq!(careless.count(), Verdict::Answer);
        let ends = (0..10_000).filter(|_| flooding.count() == Verdict::End).count();
        assert_eq!(ends, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_together_is_taken_together_or_not_at_all() {
        let pace = pace();
        assert!(pace.has_time_for(30) && !pace.has_time_for(11) && pace.has_time_for(10));
        assert!(!pace.has_time_for(u32::MAX));
    }
}
