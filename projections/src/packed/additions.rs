//! The additions of a batch to rollups, table by table, so that each table is looked up and changed
//! once, however often it was added to.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::rollup::{self, Delta, RollupKey};
use super::table::{self, Row};
use crate::bucket::Level;
use crate::family::{Families, Family};

/// Additions to rollups.
#[derive(Debug)]
pub struct Additions {
    tables: Vec<(RollupKey, Rows)>,
    places: HashMap<RollupKey, usize, RandomState>,
    /// The place of the table that was added to last, by family and level: most events add to the same
    /// one as the event before.
    latest: Vec<usize>,
    counted: Families,
}

/// Additions to one table.
#[derive(Debug, Default)]
struct Rows {
    rows: Vec<(u32, Row)>,
    /// The place of each row that events added to.
    places: HashMap<u32, u32, RandomState>,
}

impl Default for Additions {
    fn default() -> Self {
        let latest = vec![0; Family::ALL.len() * Level::ALL.len()];
        let (places, counted) = (HashMap::default(), Families::ALL);
        Additions { tables: vec![], places, latest, counted }
    }
}

impl Additions {
    /// Takes an addition in.
    pub fn push(&mut self, Delta { key, row, delta }: Delta) {
        if self.counted.contains(key.family) {
            self.rows(key).add(row, delta);
        }
    }

    /// Takes in those to some families alone from now on.
    pub(crate) fn count(&mut self, families: Families) {
        self.counted = families;
    }

    fn rows(&mut self, key: RollupKey) -> &mut Rows {
        let latest = &mut self.latest[key.family as usize * Level::ALL.len() + key.level as usize];
        if self.tables.get(*latest).is_none_or(|(known, _)| *known != key) {
            let next = self.tables.len();
            *latest = *self.places.entry(key).or_insert(next);
            if *latest == next {
                self.tables.push((key, Rows::default()));
            }
        }
        &mut self.tables[*latest].1
    }

    /// Adds the sums of all that was taken in to the tables of longer buckets, once: nothing may be taken
    /// in after it.
    pub(crate) fn sum_up(&mut self) {
        for level in Level::ALL {
            for at in 0..self.tables.len() {
                let (key, rows) = &mut self.tables[at];
                if key.level == *level {
                    let (key, mut rows) = (*key, std::mem::take(rows));
                    table::sum_up(&mut rows.rows);
                    for (row, sum) in &rows.rows {
                        if let Some(Delta { key, row, delta }) = rollup::summed_up(&key, *row, *sum)
                        {
                            // They come in order, or nearly so.
                            self.rows(key).rows.push((row, delta));
                        }
                    }
                    self.tables[at].1 = rows;
                }
            }
        }
    }

    /// The tables that are added to.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &RollupKey> {
        self.tables.iter().map(|(key, _)| key)
    }

    /// The additions to each table, in order of their rows, of which each has one.
    pub(crate) fn tables(&mut self) -> impl Iterator<Item = (&RollupKey, &[(u32, Row)])> {
        self.tables.iter_mut().map(|(key, rows)| {
            table::sum_up(&mut rows.rows);
            (&*key, &*rows.rows)
        })
    }
}

impl Extend<Delta> for Additions {
    fn extend<I: IntoIterator<Item = Delta>>(&mut self, deltas: I) {
        for delta in deltas {
            self.push(delta);
        }
    }
}

impl Rows {
    fn add(&mut self, row: u32, delta: Row) {
        let next = self.rows.len();
        let place = *self.places.entry(row).or_insert(u32::try_from(next).unwrap_or(u32::MAX));
        match self.rows.get_mut(place as usize) {
            Some((_, sum)) => table::add(sum, delta),
            None => self.rows.push((row, delta)),
        }
    }
}
