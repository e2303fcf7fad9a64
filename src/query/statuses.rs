//! Which sales are counted, by what they count as, and the day that returns are counted on.

use projections::family::{Family, Slice};
use projections::sales::{Basis, Status};

use crate::http::parameters::values::Word;
use crate::store::read::Snapshot;

/// The sales that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statuses {
    /// All that was sold: completed, and returned later. What came back is taken off.
    Sold,
    /// Those that count as one status now, whole and on their own day.
    One(Status),
    /// All.
    All,
}

impl Statuses {
    /// The slices of a rollup that are counted.
    #[must_use]
    pub fn slices(self) -> Vec<Slice> {
        match self {
            Statuses::Sold => vec![Status::Completed.into(), Status::Returned.into()],
            Statuses::One(status) => vec![status.into()],
            Statuses::All => Status::ALL.map(Slice::from).to_vec(),
        }
    }

    /// The same of read models that a fold of before version 3 made, which counted what was sold and
    /// came back as returned alone.
    #[must_use]
    pub fn of(self, snapshot: &Snapshot) -> Self {
        match self {
            Statuses::Sold if !snapshot.has(Family::Returns.since()) => {
                Statuses::One(Status::Completed)
            }
            statuses => statuses,
        }
    }

    /// The statuses that are counted.
    pub fn iter(self) -> impl Iterator<Item = Status> {
        Status::ALL.into_iter().filter(move |status| match self {
            Statuses::Sold => matches!(status, Status::Completed | Status::Returned),
            Statuses::One(one) => *status == one,
            Statuses::All => true,
        })
    }
}

impl Word for Basis {
    const ALL: &'static [Self] = &Basis::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Word for Statuses {
    const ALL: &'static [Self] = &{
        let mut all = [Statuses::All; Status::ALL.len() + 2];
        all[Status::ALL.len()] = Statuses::Sold;
        let mut at = 0;
        while at < Status::ALL.len() {
            all[at] = Statuses::One(Status::ALL[at]);
            at += 1;
        }
        all
    };

    fn word(self) -> &'static str {
        match self {
            Statuses::Sold => "sold",
            Statuses::One(status) => status.as_str(),
            Statuses::All => "all",
        }
    }
}
