//! Announcements: the changes of a commit, told on core NATS so that every process can push them.

use std::collections::BTreeSet;

use projections::bucket::{self, Level};
use projections::rollup::RollupKey;
use projections::topic::Topics;
use serde::{Deserialize, Serialize};

/// One commit, as told to every process after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The generation that it was made in.
    pub generation: u32,
    /// The checkpoint before it.
    pub from: u64,
    /// The checkpoint after it.
    pub position: u64,
    /// The instant of the commit, milliseconds since 1970.
    pub at: i64,
    /// The topics that it changed.
    pub touched: Topics,
    /// The buckets of the rollups that it changed; `None` if it does not name them, so that any may
    /// have changed.
    #[serde(default)]
    pub buckets: Option<Buckets>,
    /// The spans that committed traced events, as parents of the push's spans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traceparents: Vec<String>,
}

/// A word of one process to the others, on the subject of announcements: a process that knows only
/// these ignores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its kind.
    pub notice: String,
    /// The process that sent it, which hears it as well.
    pub sender: u64,
    /// Its content, as JSON.
    pub body: String,
}

/// The buckets of time that the rollups of a commit belong to. All of time is always one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// Days of UTC, counted from 1970-01-01; a quarter hour goes by its day.
    pub days: BTreeSet<u32>,
    /// Months of UTC, counted from January 1970.
    pub months: BTreeSet<u32>,
}

impl Buckets {
    /// The most buckets that are named.
    const MAX: usize = 1000;

    /// The buckets of `rollups`, unless they are too many to name.
    pub fn of<'a>(rollups: impl Iterator<Item = &'a RollupKey>) -> Option<Self> {
        let mut buckets = Buckets::default();
        for key in rollups {
            match key.level {
                Level::Quarter => buckets.days.insert(bucket::day_of_quarter(key.bucket)),
                Level::Day => buckets.days.insert(key.bucket),
                Level::Month => buckets.months.insert(key.bucket),
                Level::Ever => false,
            };
            if buckets.days.len() + buckets.months.len() > Self::MAX {
                return None;
            }
        }
        Some(buckets)
    }
}
