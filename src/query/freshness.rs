//! Whether data at hand is still as it was read: the changes of the read models since.

mod changes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use projections::bucket::Level;

use self::changes::Changes;
use crate::store::generation::Checkpoint;
use crate::stream::announce::Announcement;

/// The changes of the read models that have been announced.
#[derive(Debug, Default)]
pub struct Known {
    changes: Changes,
    /// Those of which data may be at hand, by their place.
    all: Vec<Of>,
}

/// The read models that data is of: a generation, and the log it was folded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Of {
    /// The generation.
    pub generation: u32,
    /// The log's identity.
    pub incarnation: String,
}

impl From<&Checkpoint> for Of {
    fn from(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { generation, incarnation, .. } = checkpoint;
        Of { generation: *generation, incarnation: incarnation.as_str().to_owned() }
    }
}

impl Known {
    /// The place of read models.
    pub fn place_of(&mut self, of: &Of) -> usize {
        self.all.iter().position(|it| it == of).unwrap_or_else(|| {
            self.all.push(of.clone());
            self.all.len() - 1
        })
    }

    /// Whether it is sure that a bucket is the same at two positions. Of quarter hours a bucket is their
    /// day.
    #[must_use]
    pub fn is_same(&self, generation: u32, level: Level, bucket: u32, at: (u64, u64)) -> bool {
        self.changes.are_none(generation, level, bucket, at)
    }
}

/// The same for all kinds of data.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Known>>);

impl Shared {
    /// Takes note of the changes of a commit.
    pub fn heard(&self, announcement: &Announcement) {
        self.lock().changes.take(announcement);
    }

    /// Every change is one step, so a panic elsewhere leaves it whole.
    pub fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
