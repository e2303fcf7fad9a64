//! What a write costs, by the last ones, and so when it is time for the next.

use std::time::Duration;

use tokio::time::Instant;

/// The least time between two writes.
pub const PAUSE: Duration = Duration::from_secs(5);
/// The time between two writes, in multiples of the time that the next one is likely to take:
/// however much changes, writing takes no more than this part of the time of a core.
const SPACING: u32 = 15;
/// A write of fewer entities tells too little of what one takes.
const TELLING: usize = 1_000;

/// The time that the parts of a write took last.
#[derive(Debug)]
pub struct Cost {
    sales: Duration,
    /// Of one entity.
    each: Duration,
    ended: Option<Instant>,
}

impl Default for Cost {
    fn default() -> Self {
        Cost { sales: Duration::ZERO, each: Duration::from_micros(50), ended: None }
    }
}

impl Cost {
    /// Takes note of the time that sales took.
    pub fn of_sales(&mut self, took: Duration) {
        self.sales = took;
    }

    /// Takes note of the time that some entities took.
    pub fn of_entities(&mut self, count: usize, took: Duration) {
        if count >= TELLING {
            self.each = took / u32::try_from(count).unwrap_or(u32::MAX);
        }
    }

    /// A write ended now.
    pub fn end(&mut self) {
        self.ended = Some(Instant::now());
    }

    /// The time that is left until so many entities may be written.
    #[must_use]
    pub fn rest(&self, entities: usize) -> Duration {
        let since = self.ended.map(|ended| ended.elapsed());
        since.map_or(Duration::ZERO, |since| self.between(entities).saturating_sub(since))
    }

    fn between(&self, entities: usize) -> Duration {
        let entities = u32::try_from(entities).unwrap_or(u32::MAX);
        let likely = self.sales.saturating_add(self.each.saturating_mul(entities));
        PAUSE.max(likely.saturating_mul(SPACING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_there_is_to_write_the_longer_it_rests_before() {
        let mut cost = Cost::default();
        assert_eq!(cost.rest(1_000_000), Duration::ZERO, "the first one waits for nothing");
        assert_eq!(cost.between(0), PAUSE);
        assert_eq!(cost.between(100_000), Duration::from_secs(75));
        cost.of_sales(Duration::from_millis(400));
        cost.of_entities(10, Duration::from_secs(1));
        assert_eq!(cost.between(0), Duration::from_secs(6));
        cost.of_entities(10_000, Duration::from_millis(200));
        assert_eq!(cost.between(100_000), Duration::from_secs(36));
        cost.end();
        assert!(cost.rest(0) > Duration::ZERO);
    }
}
