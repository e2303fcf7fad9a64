//! The producers' record of every event that they sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use adaptive_bi::stream::acknowledgement::{Refusal, Stored};

/// The answer that a producer got to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It is at that position of the log.
    Acknowledged(u64),
    /// There was no answer: the event may be in the log or not.
    Unknown,
    /// It is not in the log.
    Refused,
}

impl From<Result<Stored, Refusal>> for Told {
    fn from(answer: Result<Stored, Refusal>) -> Told {
        match answer {
            Ok(stored) => Told::Acknowledged(stored.position),
            Err(Refusal::Unknown) => Told::Unknown,
            Err(Refusal::Refused(_) | Refusal::TooLarge(_) | Refusal::Unsent) => Told::Refused,
        }
    }
}

/// Every event by its id, and the answer to it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    told: HashMap<String, Told>,
    last: u64,
}

/// The number of events by their answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those with a position.
    pub acknowledged: u64,
    /// Those without an answer.
    pub unknown: u64,
    /// Those that were not taken.
    pub refused: u64,
}

/// The disagreements of a record and a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disagreement {
    /// Events that were acknowledged and are not in it.
    pub lost: u64,
    /// Events that are in it more than once, or were refused and are in it.
    pub duplicated: u64,
}

impl Journal {
    /// Notes the answer to an event.
    pub fn note(&self, id: String, told: Told) {
        let mut notes = self.lock();
        if let Told::Acknowledged(position) = told {
            notes.last = notes.last.max(position);
        }
        notes.told.insert(id, told);
    }

    /// The highest position that was acknowledged.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// The number of events by their answers.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for told in self.lock().told.values() {
            match told {
                Told::Acknowledged(_) => tally.acknowledged += 1,
                Told::Unknown => tally.unknown += 1,
                Told::Refused => tally.refused += 1,
            }
        }
        tally
    }

    /// Compares the record with the number of times that each id is in the log: an acknowledged one
    /// must be there once, an unknown one at most once, a refused one never.
    #[must_use]
    pub fn against(&self, log: &HashMap<String, u32>) -> Disagreement {
        let mut found = Disagreement::default();
        for (id, told) in &self.lock().told {
            let times = u64::from(log.get(id).copied().unwrap_or(0));
            match told {
                Told::Acknowledged(_) if times == 0 => found.lost += 1,
                Told::Acknowledged(_) | Told::Unknown => {
                    found.duplicated += times.saturating_sub(1);
                }
                Told::Refused => found.duplicated += times,
            }
        }
        found
    }

    /// The ids that were acknowledged and are not among `known`.
    #[must_use]
    pub fn acknowledged_but(&self, known: &HashSet<String>) -> Vec<String> {
        let notes = self.lock();
        let news = notes.told.iter().filter(|(id, told)| {
            matches!(told, Told::Acknowledged(_)) && !known.contains(id.as_str())
        });
        news.map(|(id, _)| id.clone()).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_what_is_lost_from_what_is_there_twice() {
        let record = Journal::default();
        for (id, told) in [
            ("once", Told::Acknowledged(1)),
            ("twice", Told::Acknowledged(2)),
            ("never", Told::Acknowledged(3)),
            ("there", Told::Unknown),
            ("nowhere", Told::Unknown),
            ("refused", Told::Refused),
            ("refused-but-there", Told::Refused),
        ] {
            record.note(id.to_owned(), told);
        }
        let log = [("once", 1), ("twice", 2), ("there", 1), ("refused-but-there", 1)];
        let log = log.into_iter().map(|(id, times)| (id.to_owned(), times)).collect();
        assert_eq!(record.against(&log), Disagreement { lost: 1, duplicated: 2 });
        assert_eq!(record.last(), 3);
        assert_eq!(record.tally(), Tally { acknowledged: 3, unknown: 2, refused: 2 });
    }
}
