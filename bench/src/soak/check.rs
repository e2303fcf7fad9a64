//! Compares the stored events with the answers that producers got.

use std::collections::HashMap;
use std::ops::AddAssign;

use adaptive_bi::store::Store;
use adaptive_bi::store::generation::Checkpoint;
use adaptive_bi::stream::hole::Accepted;
use adaptive_bi::stream::read::Next;
use adaptive_bi::stream::{Log, subject};
use anyhow::{Context, bail};
use projections::event::{self, Limits};
use projections::time::Time;

use super::record::Journal;

/// The events are the soak's own.
const ANY: Limits<'_> = Limits { latest: Time(i64::MAX), currency: "GBP" };

/// The number of events that are missing, and that are there too often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Events that were acknowledged and are not on the log or not counted.
    pub lost: u64,
    /// Events that are on the log or counted more often than they were sent, or although they were
    /// refused.
    pub duplicated: u64,
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Found) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
    }
}

/// The position up to which the log was read, and the number of times that each id is on it.
pub struct Check {
    log: Log,
    store: Store,
    read_to: u64,
    on_log: HashMap<String, u32>,
    of_kind: HashMap<&'static str, u64>,
    told: Found,
}

impl Check {
    /// A check of a log and the database that it is folded into.
    #[must_use]
    pub fn of(log: Log, store: Store) -> Check {
        let (on_log, of_kind) = (HashMap::new(), HashMap::new());
        Check { log, store, read_to: 0, on_log, of_kind, told: Found::default() }
    }

    /// The faults since the last call. All events that were read are folded.
    ///
    /// # Errors
    /// Fails if a server does not answer.
    pub async fn against(
        &mut self,
        record: &Journal,
        checkpoint: &Checkpoint,
    ) -> anyhow::Result<Found> {
        let log = record.against(&self.on_log);
        let mut found = Found { lost: log.lost, duplicated: log.duplicated };

        let counts = checkpoint.root.counts;
        let sum =
            counts.applied + counts.repeated + counts.unchanged + counts.stale + counts.quarantined;
        if counts.read != sum || counts.quarantined > 0 {
            bail!("what was read is not what came of it: {counts:?}");
        }
        // Every id is sent once, so the events that are counted must be those on the log.
        let root = &checkpoint.root;
        for (kind, counted) in [
            ("transaction", root.sales.all().orders),
            ("activity", root.activities),
            ("feedback", root.ratings),
        ] {
            let counted = u64::try_from(counted)?;
            let there = self.of_kind.get(kind).copied().unwrap_or(0);
            found.lost += there.saturating_sub(counted);
            found.duplicated += counted.saturating_sub(there);
        }
        let counted = self.store.counted(checkpoint.generation).await?;
        let missing = record.acknowledged_but(&counted);
        let of_ledger = |id: &&String| id.contains("-t") || id.contains("-f");
        let missing = missing.iter().filter(of_ledger).filter(|id| self.on_log.contains_key(*id));
        found.lost += missing.count() as u64;

        // Faults that were reported before are not reported again.
        let news = Found {
            lost: found.lost.saturating_sub(self.told.lost),
            duplicated: found.duplicated.saturating_sub(self.told.duplicated),
        };
        self.told = found;
        Ok(news)
    }

    /// The number of events that were acknowledged and are not on the log, all of which was read.
    #[must_use]
    pub fn lost_of_log(&self, record: &Journal) -> u64 {
        record.against(&self.on_log).lost
    }

    /// Reads the log on, up to `last`; from where it stopped if it failed before.
    ///
    /// # Errors
    /// Fails if the log cannot be read.
    pub async fn read(&mut self, last: u64) -> anyhow::Result<()> {
        if self.read_to >= last {
            return Ok(());
        }
        let mut reader = self.log.read_after(self.read_to, Accepted::default()).await?;
        while self.read_to < last {
            let Next::Message(record) = reader.next().await? else { bail!("the log ends early") };
            self.read_to = record.position;
            let kind = subject::kind_of(&self.log.settings.prefix, &record.subject);
            let kind = kind.context("a subject without a kind")?;
            let event = match event::parse(kind, &record.payload, &ANY) {
                Ok(event) => event,
                Err(reasons) => bail!("a message that is no event: {reasons:?}"),
            };
            let times = self.on_log.entry(event.entity().to_owned()).or_default();
            *times += 1;
            // A repetition changes no count.
            if *times == 1 {
                *self.of_kind.entry(kind.as_str()).or_default() += 1;
            }
        }
        Ok(())
    }
}
