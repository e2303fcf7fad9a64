//! The rate of events, in one round and in several.

use std::time::Duration;

use adaptive_bi::command::grouped;
use adaptive_bi::say;
use serde_json::{Map, Value, json};

use super::cpu::Cpu;

/// The rate of events, and the processor time for them.
#[derive(Debug)]
pub struct Rate {
    /// The number of events.
    pub events: u64,
    /// The time that they took.
    pub took: Duration,
    /// Processor time by process.
    pub cpu: Cpu,
}

/// The same rate measured in several rounds, at least one.
#[derive(Debug)]
pub struct Rates {
    /// The slowest first.
    rounds: Vec<Rate>,
}

#[allow(clippy::cast_precision_loss)] // figures for the eye
impl Rate {
    /// The number of events in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.events as f64 / self.took.as_secs_f64()
    }

    /// The core-microseconds per event, by process.
    pub fn cpu_each(&self) -> impl Iterator<Item = (&str, f64)> {
        let events = self.events as f64;
        self.cpu.iter().map(move |(process, time)| (process, time.as_secs_f64() * 1e6 / events))
    }
}

impl Rates {
    /// Puts rounds in order.
    ///
    /// # Panics
    /// Panics if there are none.
    #[must_use]
    pub fn of(mut rounds: Vec<Rate>) -> Self {
        assert!(!rounds.is_empty(), "there is at least one round");
        rounds.sort_by(|a, b| a.per_second().total_cmp(&b.per_second()));
        Rates { rounds }
    }

    /// The round in the middle, the slower of two.
    #[must_use]
    pub fn median(&self) -> &Rate {
        &self.rounds[(self.rounds.len() - 1) / 2]
    }

    /// Prints the rates as a table.
    pub fn print(&self, title: &str) {
        let median = self.median();
        say!("\n{title}");
        say!("  events       {:>10}", grouped(median.events));
        say!("  seconds      {:>10.1}", median.took.as_secs_f64());
        say!("  events/s     {:>10}{}", whole(median.per_second()), self.spread());
        for (process, each) in median.cpu_each() {
            say!("  {process:<12} {each:>10.1} core-us/event");
        }
    }

    fn spread(&self) -> String {
        match &*self.rounds {
            [slowest, .., fastest] => format!(
                "  median of {}, from {} to {}",
                self.rounds.len(),
                whole(slowest.per_second()),
                whole(fastest.per_second())
            ),
            _ => String::new(),
        }
    }

    /// The median, and the rates of all rounds.
    #[must_use]
    pub fn json(&self) -> Value {
        let median = self.median();
        let cpu: Map<String, Value> =
            median.cpu_each().map(|(process, each)| (process.to_owned(), json!(each))).collect();
        json!({
            "events": median.events,
            "seconds": median.took.as_secs_f64(),
            "eventsPerSecond": median.per_second(),
            "coreMicrosecondsPerEvent": cpu,
            "rounds": self.rounds.iter().map(Rate::per_second).collect::<Vec<_>>(),
        })
    }
}

/// A number without its fraction, thousands apart.
#[must_use]
pub fn whole(number: f64) -> String {
    grouped(format!("{number:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_two_is_the_slower_one() {
        let rate = |events| Rate { events, took: Duration::from_secs(1), cpu: Cpu::default() };
        let median = |rounds: &[u64]| {
            Rates::of(rounds.iter().map(|&events| rate(events)).collect()).median().events
        };
        assert_eq!((median(&[7]), median(&[9, 3]), median(&[9, 3, 5])), (7, 3, 5));
    }
}
