//! Frequent warnings are counted, and logged at most once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two reports.
const PERIOD: Duration = Duration::from_mins(1);

/// Counts occurrences until it is time to report them.
#[derive(Debug, Default)]
pub struct Seldom {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    reason: String,
    told: Option<Instant>,
}

impl Seldom {
    /// Counts `times` more, which happened for `reason`.
    pub fn count(&self, times: u64, reason: impl FnOnce() -> String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.count == 0 {
            state.reason = reason();
        }
        state.count += times;
    }

    /// The number of occurrences since the last report, and the reason of the first, if there is
    /// something to report and it is time to.
    pub fn due(&self) -> Option<(u64, String)> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<(u64, String)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = state.told.is_some_and(|told| now.duration_since(told) < PERIOD);
        if state.count == 0 || lately {
            return None;
        }
        state.told = Some(now);
        Some((std::mem::take(&mut state.count), std::mem::take(&mut state.reason)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_rest_together_a_minute_later() {
        let (seldom, began) = (Seldom::default(), Instant::now());
        assert_eq!(seldom.due_at(began), None);
        seldom.count(2, || "full".to_owned());
        assert_eq!(seldom.due_at(began), Some((2, "full".to_owned())));
        for after in 1..4 {
            seldom.count(1, || format!("full {after}"));
            assert_eq!(seldom.due_at(began + Duration::from_secs(after)), None);
        }
        assert_eq!(seldom.due_at(began + PERIOD), Some((3, "full 1".to_owned())));
        assert_eq!(seldom.due_at(began + 2 * PERIOD), None);
    }
}
