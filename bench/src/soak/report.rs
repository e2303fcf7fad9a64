//! The results of each fault, as a table.

use std::collections::BTreeMap;
use std::iter::repeat;
use std::time::Duration;

use adaptive_bi::say;

use super::check::Found;
use super::fault::{Fault, Struck};
use super::record::Tally;

/// The results of all faults.
#[derive(Debug, Default)]
pub struct Report {
    /// The results by fault.
    pub rows: BTreeMap<Fault, Row>,
    /// The answers that producers got.
    pub told: Tally,
    /// The differences of the documents from those of an undisturbed fold of the same log.
    pub differences: Vec<String>,
    /// Faults that cannot be done here, and the reasons.
    pub left_out: Vec<(Fault, String)>,
    /// The number of times that each of the others has to hit; at least once.
    pub times: u64,
}

/// The results of one fault.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The number of times that it was done.
    pub injected: u64,
    /// The number of times that an effect of it was seen.
    pub hit: u64,
    /// The events that were missing or there too often afterwards.
    pub found: Found,
    /// Each time to recover.
    pub recoveries: Vec<Duration>,
    /// The longest pause of each, where they were measured.
    pub pauses: Vec<Duration>,
}

impl Report {
    /// Adds the result of a fault.
    pub fn add(&mut self, fault: Fault, struck: Struck, found: Found) {
        let row = self.rows.entry(fault).or_default();
        row.injected += 1;
        row.hit += u64::from(struck.hit);
        row.found += found;
        row.recoveries.push(struck.recovery);
        row.pauses.extend(struck.pause);
    }

    /// Adds the results from another ground.
    pub fn merge(&mut self, other: Report) {
        for (fault, row) in other.rows {
            let ours = self.rows.entry(fault).or_default();
            ours.injected += row.injected;
            ours.hit += row.hit;
            ours.found += row.found;
            ours.recoveries.extend(row.recoveries);
            ours.pauses.extend(row.pauses);
        }
        self.told.acknowledged += other.told.acknowledged;
        self.told.unknown += other.told.unknown;
        self.told.refused += other.told.refused;
        self.differences.extend(other.differences);
        self.left_out.extend(other.left_out);
        self.times = self.times.max(other.times);
    }

    /// The failures, one line each.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for (fault, row) in &self.rows {
            let name = fault.name();
            if row.hit == 0 {
                failures.push(format!("{name} never hit"));
            } else if row.hit < self.times {
                failures.push(format!("{name} hit {} times of {}", row.hit, self.times));
            }
            if row.found != Found::default() {
                let Found { lost, duplicated } = row.found;
                failures.push(format!("{name}: {lost} lost, {duplicated} duplicated"));
            }
        }
        failures.extend(self.differences.iter().map(|it| format!("not as undisturbed: {it}")));
        failures
    }

    /// Prints the table.
    pub fn print(&self) {
        say!(
            "\n{:<24} {:>8} {:>5} {:>5} {:>10} {:>10} {:>10} {:>10}",
            "fault",
            "injected",
            "hit",
            "lost",
            "duplicated",
            "recovery",
            "longest",
            "pause"
        );
        for (fault, row) in &self.rows {
            let (median, longest) = spread(&row.recoveries);
            let pause = row.pauses.iter().max();
            let pause = pause.map_or_else(String::new, |it| format!("{:.2} s", it.as_secs_f64()));
            say!(
                "{:<24} {:>8} {:>5} {:>5} {:>10} {:>8.2} s {:>8.2} s {pause:>10}",
                fault.name(),
                row.injected,
                row.hit,
                row.found.lost,
                row.found.duplicated,
                median.as_secs_f64(),
                longest.as_secs_f64()
            );
        }
        for (fault, why) in &self.left_out {
            say!("{:<24} not injected here: {why}", fault.name());
        }
        let pauses = self.rows.iter().flat_map(|(fault, row)| row.pauses.iter().zip(repeat(fault)));
        if let Some((pause, fault)) = pauses.max() {
            say!("\nlongest pause: {:.2} s, by {}", pause.as_secs_f64(), fault.name());
        }
        say_rows(self.told, &self.differences);
    }
}

/// Prints the answers that producers got, and whether the documents are as they have to be.
pub fn say_rows(told: Tally, differences: &[String]) {
    let Tally { acknowledged, unknown, refused } = told;
    say!("\nevents: {acknowledged} acknowledged, {unknown} unknown, {refused} refused");
    let same = if differences.is_empty() { "the same as" } else { "NOT the same as" };
    say!("documents: {same} those of an undisturbed fold of the same log");
}

/// The median and the longest.
fn spread(times: &[Duration]) -> (Duration, Duration) {
    let mut times = times.to_vec();
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    (median, times.last().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_never_hit_and_an_event_that_is_lost_are_failures() {
        let struck = |hit| Struck::of(hit, Duration::from_secs(1));
        let mut report = Report::default();
        report.add(Fault::Killed, struck(true), Found::default());
        report.add(Fault::Killed, struck(false), Found::default());
        assert_eq!(report.failures(), Vec::<String>::new());
        report.add(Fault::Frozen, struck(false), Found::default());
        report.add(Fault::Killed, struck(true), Found { lost: 1, duplicated: 0 });
        assert_eq!(report.failures(), ["killed: 1 lost, 0 duplicated", "frozen never hit"]);

        let mut report = Report { times: 2, ..Report::default() };
        report.add(Fault::Killed, struck(true), Found::default());
        assert_eq!(report.failures(), ["killed hit 1 times of 2"]);
        report.add(Fault::Killed, struck(true), Found::default());
        assert_eq!(report.failures(), Vec::<String>::new());
    }
}
