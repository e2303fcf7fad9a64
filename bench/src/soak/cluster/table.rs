//! What came of each loss of a leader.

use std::collections::BTreeMap;
use std::time::Duration;

use adaptive_bi::say;

use crate::soak::check::Found;

/// A leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leader {
    /// The nats-server that leads the cluster.
    Meta,
    /// The nats-server that leads the stream.
    Stream,
    /// The primary of the replica set.
    Primary,
    /// The process of the service that folds.
    Fold,
}

/// How a leader is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// SIGKILL.
    Killed,
    /// SIGSTOP, and SIGCONT once another one leads.
    Frozen,
    /// Its machine is cut off from all others, with all that runs on it.
    CutOff,
}

/// What came of a loss.
#[derive(Debug, Clone, Copy)]
pub struct Loss {
    /// The time from the loss until an event that was acknowledged after it was folded.
    pub pause: Duration,
    /// Events that were missing or there too often afterwards.
    pub found: Found,
}

/// All losses.
#[derive(Debug, Default)]
pub struct Table(BTreeMap<(Leader, Way), Vec<Loss>>);

impl Leader {
    /// All of them.
    pub const ALL: [Leader; 4] = [Leader::Meta, Leader::Stream, Leader::Primary, Leader::Fold];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Leader::Meta => "meta leader",
            Leader::Stream => "stream leader",
            Leader::Primary => "primary",
            Leader::Fold => "folding process",
        }
    }
}

impl Way {
    /// All of them.
    pub const ALL: [Way; 3] = [Way::Killed, Way::Frozen, Way::CutOff];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Way::Killed => "killed",
            Way::Frozen => "frozen",
            Way::CutOff => "cut off",
        }
    }
}

impl Table {
    /// Adds a loss.
    pub fn add(&mut self, leader: Leader, way: Way, loss: Loss) {
        self.0.entry((leader, way)).or_default().push(loss);
    }

    /// The failures, one line each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = |((leader, way), losses): (&(Leader, Way), &Vec<Loss>)| {
            let Found { lost, duplicated } = sum(losses);
            let name = format!("{} {}", leader.name(), way.name());
            (lost + duplicated > 0).then(|| format!("{name}: {lost} lost, {duplicated} duplicated"))
        };
        self.0.iter().filter_map(failed).collect()
    }

    /// Prints the table.
    pub fn print(&self) {
        say!(
            "\n{:<28} {:>6} {:>5} {:>10} {:>10}",
            "leader",
            "times",
            "lost",
            "duplicated",
            "longest"
        );
        for ((leader, way), losses) in &self.0 {
            let Found { lost, duplicated } = sum(losses);
            say!(
                "{:<28} {:>6} {:>5} {:>10} {:>8.2} s",
                format!("{} {}", leader.name(), way.name()),
                losses.len(),
                lost,
                duplicated,
                longest(losses).as_secs_f64()
            );
        }
        let all: Vec<_> = self.0.values().flatten().copied().collect();
        say!("\nthe longest pause: {:.2} s", longest(&all).as_secs_f64());
    }
}

fn sum(losses: &[Loss]) -> Found {
    let mut sum = Found::default();
    losses.iter().for_each(|loss| sum += loss.found);
    sum
}

fn longest(losses: &[Loss]) -> Duration {
    losses.iter().map(|loss| loss.pause).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_lost_is_a_failure_of_the_loss_that_it_came_of() {
        let loss = |seconds, lost| Loss {
            pause: Duration::from_secs(seconds),
            found: Found { lost, duplicated: 0 },
        };
        let mut table = Table::default();
        table.add(Leader::Stream, Way::Frozen, loss(3, 0));
        table.add(Leader::Stream, Way::Killed, loss(9, 0));
        assert_eq!(table.failures(), Vec::<String>::new());
        table.add(Leader::Stream, Way::Frozen, loss(1, 2));
        assert_eq!(table.failures(), ["stream leader frozen: 2 lost, 0 duplicated"]);
        assert_eq!(longest(&table.0[&(Leader::Stream, Way::Frozen)]), Duration::from_secs(3));
    }
}
