//! Ids that were seen: they tell which activities are repeats, and which ledger entities are surely
//! new.
//!
//! Ids are remembered in blocks of a few thousand, one document each, so that remembering one
//! costs a fraction of a write. Blocks are numbered in log order; the last one of each kind is
//! open and written again until it is full.
//!
//! Activities are compared exactly: a table leads from a 64-bit hash to block numbers, and the
//! block has the ids themselves. The table takes 17 bytes for each activity of the last 24 to 36
//! hours of log time. For the ledger only a filter is kept (1.5 bytes an entity): an id that it has
//! not seen is new and needs no look-up; an id that it may have seen is looked up.

use std::borrow::Cow;
use std::collections::VecDeque;

use fastbloom::BloomFilter;
use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::working_set::{NotAtHand, WorkingSet};
use crate::collection::{Collection, Key};
use crate::packed::{Bytes, put_varint, take_varint};
use crate::time::Time;

/// Ids in a full block.
const ACTIVITIES_PER_BLOCK: u32 = 1024;
const HASHES_PER_BLOCK: u32 = 4096;
/// Activities are forgotten by epochs of this much log time, as whole blocks.
const EPOCH_MS: i64 = 12 * 3600 * 1000;

/// The content of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockKind {
    /// Ids of activities and the log times at which they were applied.
    Activity,
    /// Hashes of ids of the ledger.
    Ledger,
}

/// The name of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKey {
    /// Its content.
    pub kind: BlockKind,
    /// Its number, from 0 in log order.
    pub number: u32,
}

impl From<&BlockKey> for BlockKey {
    fn from(key: &BlockKey) -> Self {
        *key
    }
}

impl BlockKey {
    /// The document's id. Ids of one kind sort by number.
    #[must_use]
    pub fn to_id(&self) -> String {
        let kind = match self.kind {
            BlockKind::Activity => "activity",
            BlockKind::Ledger => "ledger",
        };
        format!("{kind}/{:08x}", self.number)
    }

    /// The key that [`BlockKey::to_id`] names.
    #[must_use]
    pub fn parse(id: &str) -> Option<Self> {
        let (kind, number) = id.split_once('/')?;
        let kind = match kind {
            "activity" => BlockKind::Activity,
            "ledger" => BlockKind::Ledger,
            _ => return None,
        };
        Some(BlockKey { kind, number: u32::from_str_radix(number, 16).ok()? })
    }
}

impl Key for BlockKey {
    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_id())
    }
}

/// The collection of blocks.
#[derive(Debug)]
pub struct SeenIds;

impl Collection for SeenIds {
    const NAME: &'static str = "blocks";
    const AT_HAND: usize = 1_000;
    type Key = BlockKey;
    type Document = Block;
    type Stored = Block;

    fn stored(block: &Block) -> impl Serialize + '_ {
        block
    }

    fn read(block: Block) -> Block {
        block
    }
}

/// A block of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The log time of its first id, milliseconds.
    pub from: i64,
    /// The number of ids in it.
    pub count: u32,
    /// For activities: log time since `from` (LEB128), length (LEB128) and bytes of each id. For
    /// the ledger: each hash, 8 bytes, little-endian.
    ids: Bytes,
}

impl Block {
    fn activities(&self) -> impl Iterator<Item = (i64, &[u8])> {
        let mut rest = &self.ids.0[..];
        let from = self.from;
        std::iter::from_fn(move || {
            let at = from.checked_add_unsigned(take_varint(&mut rest)?)?;
            let length = usize::try_from(take_varint(&mut rest)?).ok()?;
            let (id, tail) = rest.split_at_checked(length)?;
            rest = tail;
            Some((at, id))
        })
    }

    fn hashes(&self) -> impl Iterator<Item = u64> {
        self.ids.0.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
    }
}

/// The bounds of the blocks; part of the checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocks {
    /// The first activity block that is still remembered.
    pub activity_first: u32,
    /// The open activity block.
    pub activity_open: u32,
    /// The open ledger block.
    pub ledger_open: u32,
}

struct Epoch {
    number: i64,
    first: u32,
    table: HashTable<(u64, u32)>,
}

/// All ids that are remembered, in memory.
pub struct Dedup {
    window_ms: i64,
    epochs: VecDeque<Epoch>,
    filters: Vec<(BloomFilter, usize)>,
    /// Whether the ledger may have entities that the filters have not seen.
    asks_for_all: bool,
}

impl Dedup {
    /// Remembers nothing yet, and then activities for `window_ms` of log time.
    #[must_use]
    pub fn new(window_ms: i64) -> Self {
        Dedup { window_ms, epochs: VecDeque::new(), filters: Vec::new(), asks_for_all: false }
    }

    /// The same, for a fold that is not given the blocks of the ledger: no entity is surely new.
    #[must_use]
    pub fn asking_for_all(self) -> Self {
        Dedup { asks_for_all: true, ..self }
    }

    /// Takes in a block from the store. Blocks of a kind come in order of their numbers.
    pub fn restore(&mut self, key: BlockKey, block: &Block) {
        match key.kind {
            BlockKind::Ledger => block.hashes().for_each(|hash| self.note_hash(hash)),
            BlockKind::Activity => {
                let epoch = self.epoch(block.from, key.number);
                for (_, id) in block.activities() {
                    let hash = xxh3_64(id);
                    epoch.table.insert_unique(hash, (hash, key.number), |entry| entry.0);
                }
            }
        }
    }

    /// The blocks that may hold an activity.
    pub fn candidates(&self, id: &str) -> impl Iterator<Item = BlockKey> + '_ {
        let hash = xxh3_64(id.as_bytes());
        self.epochs.iter().flat_map(move |epoch| {
            epoch
                .table
                .iter_hash(hash)
                .filter(move |entry| entry.0 == hash)
                .map(|entry| BlockKey { kind: BlockKind::Activity, number: entry.1 })
        })
    }

    /// Whether an activity was applied within the window before `now`, the log's time.
    ///
    /// # Errors
    /// [`NotAtHand`] if a candidate block was not loaded.
    pub fn is_repeat(
        &self,
        blocks: &mut WorkingSet<SeenIds>,
        id: &str,
        now: Time,
    ) -> Result<bool, NotAtHand> {
        for key in self.candidates(id) {
            let hit = blocks.get(&key)?.is_some_and(|block| {
                block
                    .activities()
                    .any(|(at, known)| known == id.as_bytes() && now.0 - at <= self.window_ms)
            });
            if hit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Remembers an activity applied at `now`.
    ///
    /// # Errors
    /// [`NotAtHand`] if the open block was not loaded.
    pub fn remember(
        &mut self,
        blocks: &mut WorkingSet<SeenIds>,
        place: &mut Blocks,
        id: &str,
        now: Time,
    ) -> Result<(), NotAtHand> {
        let key = |number| BlockKey { kind: BlockKind::Activity, number };
        let open = blocks.get(&key(place.activity_open))?;
        let full = open.is_some_and(|block| {
            block.count >= ACTIVITIES_PER_BLOCK || epoch_of(block.from) != epoch_of(now.0)
        });
        if full {
            place.activity_open += 1;
            blocks.supply(key(place.activity_open), None);
        }
        let number = place.activity_open;
        let block = blocks.edit(&key(number), || Block { from: now.0, ..Block::default() })?;
        put_varint(&mut block.ids.0, (now.0 - block.from).unsigned_abs());
        put_varint(&mut block.ids.0, id.len() as u64);
        block.ids.0.extend_from_slice(id.as_bytes());
        block.count += 1;
        let hash = xxh3_64(id.as_bytes());
        let epoch = self.epoch(now.0, number);
        epoch.table.insert_unique(hash, (hash, number), |entry| entry.0);
        Ok(())
    }

    /// Forgets the epochs that ended more than the window before `now`. True if blocks below
    /// `place.activity_first` are to be deleted.
    pub fn forget(
        &mut self,
        blocks: &mut WorkingSet<SeenIds>,
        place: &mut Blocks,
        now: Time,
    ) -> bool {
        let mut forgot = false;
        while self
            .epochs
            .front()
            .is_some_and(|epoch| (epoch.number + 1) * EPOCH_MS + self.window_ms < now.0)
        {
            self.epochs.pop_front();
            forgot = true;
        }
        if !forgot {
            return false;
        }
        if let Some(next) = self.epochs.front() {
            place.activity_first = next.first;
        } else {
            // The open block goes with the last epoch; the next one has not been written.
            place.activity_open += 1;
            place.activity_first = place.activity_open;
            let key = BlockKey { kind: BlockKind::Activity, number: place.activity_open };
            blocks.supply(key, None);
        }
        true
    }

    /// Whether the ledger surely has no entity of that key.
    #[must_use]
    pub fn is_new(&self, ledger_key: &str) -> bool {
        if self.asks_for_all {
            return false;
        }
        let hash = xxh3_64(ledger_key.as_bytes());
        !self.filters.iter().any(|(filter, _)| filter.contains_hash(hash))
    }

    /// Remembers that the ledger has an entity of that key.
    ///
    /// # Errors
    /// [`NotAtHand`] if the open block was not loaded.
    pub fn note(
        &mut self,
        blocks: &mut WorkingSet<SeenIds>,
        place: &mut Blocks,
        ledger_key: &str,
        now: Time,
    ) -> Result<(), NotAtHand> {
        let key = |number| BlockKey { kind: BlockKind::Ledger, number };
        if blocks.get(&key(place.ledger_open))?.is_some_and(|b| b.count >= HASHES_PER_BLOCK) {
            place.ledger_open += 1;
            blocks.supply(key(place.ledger_open), None);
        }
        let hash = xxh3_64(ledger_key.as_bytes());
        let block =
            blocks.edit(&key(place.ledger_open), || Block { from: now.0, ..Block::default() })?;
        block.ids.0.extend_from_slice(&hash.to_le_bytes());
        block.count += 1;
        self.note_hash(hash);
        Ok(())
    }

    fn epoch(&mut self, at: i64, block: u32) -> &mut Epoch {
        let number = epoch_of(at);
        if self.epochs.back().is_none_or(|epoch| epoch.number != number) {
            self.epochs.push_back(Epoch { number, first: block, table: HashTable::new() });
        }
        let last = self.epochs.len() - 1;
        &mut self.epochs[last]
    }

    /// Adds a hash to the filters. They double in size, so that any number of entities needs few of
    /// them.
    fn note_hash(&mut self, hash: u64) {
        let room = self.filters.last().map_or(0, |(_, room)| *room);
        if room == 0 {
            let items = 1 << (18 + self.filters.len()).min(28);
            let filter = BloomFilter::with_false_pos(0.003).seed(&0).expected_items(items);
            self.filters.push((filter, items));
        }
        if let Some((filter, room)) = self.filters.last_mut() {
            filter.insert_hash(hash);
            *room -= 1;
        }
    }
}

fn epoch_of(at: i64) -> i64 {
    at.div_euclid(EPOCH_MS)
}
