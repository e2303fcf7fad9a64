//! All documents of a generation, and the figures in them.

use std::collections::BTreeMap;

use crate::bucket::{self, Level};
use crate::collection::{Collection, Key};
use crate::family::{Family, Slice};
use crate::fold::root::{Counts, Root};
use crate::for_each_collection;
use crate::history::History;
use crate::ledger::LedgerRow;
use crate::orders::document::{PlacedOrder, RefundedSale};
use crate::packed::rollup;
use crate::packed::table::{Row, Table};
use crate::packed::tally::{Tally, TallyKey};
use crate::sales::status::Status;
use crate::time::Time;

macro_rules! documents {
    ($($set:ident: $Collection:ty,)*) => {
        /// All documents of a generation, by their ids.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct Documents {
            /// The totals, in the checkpoint.
            pub root: Root,
            $(
                #[doc = concat!("Those of [`", stringify!($Collection), "`].")]
                pub $set: BTreeMap<String, <$Collection as Collection>::Document>,
            )*
            /// The entity behind each ordinal: `buyers/00000000` and `sold/00000000` to an id.
            pub names: BTreeMap<String, String>,
            /// The refused fields, by position.
            pub quarantine: BTreeMap<u64, Vec<String>>,
        }

        impl Documents {
            /// Checks that the documents read back as they were written.
            ///
            /// # Panics
            /// Panics if they do not.
            pub(super) fn assert_reads_back(&self) {
                let root = serde_json::to_string(&self.root).expect("totals can be written");
                assert_eq!(serde_json::from_str::<Root>(&root).ok().as_ref(), Some(&self.root));
                $(
                    for (id, document) in &self.$set {
                        let read = reread::<$Collection>(document, &self.tallies);
                        assert_eq!(&read, document, "{id}");
                    }
                )*
            }
        }
    };
}
for_each_collection!(documents);

impl Documents {
    /// The documents without the empty tables: an empty table is as good as none.
    #[must_use]
    pub fn said(&self) -> Documents {
        let mut said = self.clone();
        said.rollups.retain(|_, table| !table.is_empty());
        said
    }

    /// The same without the positions that changes had: the histories of entities, and the last changes
    /// of topics.
    #[must_use]
    pub fn histories_apart(mut self) -> Documents {
        self.root.changed = None;
        for row in self.ledger.values_mut() {
            match row {
                LedgerRow::Transaction(sale) => sale.history = History::default(),
                LedgerRow::Order(PlacedOrder(order)) | LedgerRow::Refunded(RefundedSale(order)) => {
                    order.history = History::default();
                }
                LedgerRow::Feedback(_)
                | LedgerRow::Refund(_)
                | LedgerRow::Rates(_)
                | LedgerRow::Sessions(_) => {}
            }
        }
        self
    }

    /// The same, regardless of the number of messages: without counts, quarantine, log time,
    /// histories.
    #[must_use]
    pub fn counts_apart(&self) -> Documents {
        let mut apart = self.said().histories_apart();
        (apart.root.counts, apart.root.log_time) = (Counts::default(), Time::default());
        apart.root.news.clear();
        apart.quarantine.clear();
        apart
    }

    /// The rows by entity of one bucket, its chunks together.
    ///
    /// # Panics
    /// Panics if a document's id is not that of a rollup.
    #[must_use]
    pub fn rows(
        &self,
        family: Family,
        slice: impl Into<Slice>,
        level: Level,
        bucket: u32,
    ) -> BTreeMap<u32, Row> {
        let prefix =
            rollup::prefix(family, slice.into(), level) + &bucket::label(level, bucket) + "/";
        self.tables(&prefix).flat_map(|it| rows_of(it, level)).collect()
    }

    /// The tables whose ids begin with a prefix.
    pub(super) fn tables<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Table)> {
        self.rollups.range(prefix.to_owned()..).take_while(move |(id, _)| id.starts_with(prefix))
    }

    /// The sums of each entity's sales of one status from one quarter hour to another, by uniting
    /// the tables that [`bucket::cover`] the range. Its length is the distinct count.
    #[must_use]
    pub fn within(&self, family: Family, status: Status, from: u32, to: u32) -> BTreeMap<u32, Row> {
        let mut united: BTreeMap<u32, Row> = BTreeMap::new();
        for (level, bucket) in bucket::cover(from, to) {
            for (ordinal, row) in self.rows(family, Some(status), level, bucket) {
                add(united.entry(ordinal).or_default(), row);
            }
        }
        united
    }

    /// All rows of one family, slice and level added up.
    #[must_use]
    pub fn total(&self, family: Family, slice: impl Into<Slice>, level: Level) -> Row {
        let prefix = rollup::prefix(family, slice.into(), level);
        let mut total = [0; 3];
        for (_, table) in self.tables(&prefix) {
            table.iter().for_each(|(_, row)| add(&mut total, row));
        }
        total
    }

    /// The rows of a family by quarter hour, by the quarter hour.
    pub(super) fn quarters_of(&self, family: Family, slice: Slice) -> BTreeMap<u32, Row> {
        let prefix = rollup::prefix(family, slice, Level::Month);
        let rows = self.tables(&prefix).flat_map(|(id, table)| {
            let first = first_quarter_of(id);
            table.iter().map(move |(row, sums)| (first + row, sums))
        });
        rows.collect()
    }

    /// The rows of a family by minute, added up by the quarter hour.
    pub(super) fn quarters_of_minutes(&self, family: Family, slice: Slice) -> BTreeMap<u32, Row> {
        let mut quarters: BTreeMap<u32, Row> = BTreeMap::new();
        for (id, table) in self.tables(&rollup::prefix(family, slice, Level::Day)) {
            for (minute, row) in table.iter() {
                let quarter = first_quarter_of(id) + bucket::quarter_of_minute(minute);
                add(quarters.entry(quarter).or_default(), row);
            }
        }
        quarters.retain(|_, row| *row != [0; 3]);
        quarters
    }
}

/// The rows of one chunk of a table by entity, each by its whole ordinal.
fn rows_of<'a>(
    (id, table): (&'a String, &'a Table),
    level: Level,
) -> impl Iterator<Item = (u32, Row)> + 'a {
    let chunk = rollup::chunk_of_id(id).expect("a rollup's id ends in its chunk");
    let high = chunk << rollup::chunk_bits(level);
    table.iter().map(move |(row, sums)| (high | row, sums))
}

/// The first quarter hour of the month or the day that a rollup's id names.
fn first_quarter_of(id: &str) -> u32 {
    let label = id.split('/').nth(3).expect("a rollup's id has a label");
    let day = if label.len() == 7 { format!("{label}-01") } else { label.to_owned() };
    bucket::quarter_of(Time::parse(&day).expect("a label is a date"))
}

/// A document as a store gives it back, counted by its tally.
fn reread<C: Collection>(document: &C::Document, tallies: &BTreeMap<String, Tally>) -> C::Document {
    let mut read = C::read(serde_json::from_str(&text::<C>(document)).expect("it can be read"));
    if let Some(entity) = C::ENTITY {
        let key = TallyKey::new(entity, C::ordinal(&read));
        C::take_counts(&mut read, tallies.get(&*key.id()).expect("an entity has a tally"));
    }
    read
}

/// A document as text, as it is stored.
pub(super) fn text<C: Collection>(document: &C::Document) -> String {
    serde_json::to_string(&C::stored(document)).expect("a document can be written")
}

/// Adds a row to a sum.
pub(super) fn add(sum: &mut Row, row: Row) {
    sum.iter_mut().zip(row).for_each(|(cell, value)| *cell += value);
}
