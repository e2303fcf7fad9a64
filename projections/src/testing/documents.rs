//! Everything a generation consists of, and what must hold between its parts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bucket::{self, Level};
use crate::customers::Customer;
use crate::event::Status;
use crate::ledger::LedgerRow;
use crate::products::Product;
use crate::rollup::{self, Family};
use crate::root::{Counts, Root};
use crate::seen::Block;
use crate::sums::ByStatus;
use crate::table::{Row, Table};
use crate::tally::{Of, Tally, TallyKey};
use crate::time::Time;
use crate::vocabulary::Vocabulary;

/// Everything a generation consists of, by the documents' ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Documents {
    /// The totals, in the checkpoint.
    pub root: Root,
    /// Transactions and ratings.
    pub ledger: BTreeMap<String, LedgerRow>,
    /// Customers.
    pub customers: BTreeMap<String, Customer>,
    /// Products.
    pub products: BTreeMap<String, Product>,
    /// What is counted of customers and products, as it is stored beside them.
    pub tallies: BTreeMap<String, Tally>,
    /// Open vocabularies.
    pub vocabularies: BTreeMap<String, Vocabulary>,
    /// Packed tables.
    pub rollups: BTreeMap<String, Table>,
    /// Blocks of seen ids.
    pub blocks: BTreeMap<String, Block>,
    /// What each ordinal means: `buyers/00000000` and `sold/00000000` to an id.
    pub names: BTreeMap<String, String>,
    /// The fields refused, by position.
    pub quarantine: BTreeMap<u64, Vec<String>>,
}

impl Documents {
    /// The documents without those that say nothing: an empty table is as good as none.
    #[must_use]
    pub fn said(&self) -> Documents {
        let mut said = self.clone();
        said.rollups.retain(|_, table| !table.is_empty());
        said
    }

    /// The same, regardless of how many messages it took: without counts, quarantine, log time.
    #[must_use]
    pub fn counts_apart(&self) -> Documents {
        let root =
            Root { counts: Counts::default(), log_time: Time::default(), ..self.root.clone() };
        Documents { root, quarantine: BTreeMap::new(), ..self.said() }
    }

    /// The rows by entity of one bucket, its chunks together.
    ///
    /// # Panics
    /// Where a document's id is not that of a rollup.
    #[must_use]
    pub fn rows(
        &self,
        family: Family,
        slice: Option<Status>,
        level: Level,
        bucket: u32,
    ) -> BTreeMap<u32, Row> {
        let prefix = rollup::prefix(family, slice, level) + &bucket::label(level, bucket) + "/";
        let tables =
            self.rollups.range(prefix.clone()..).take_while(|(id, _)| id.starts_with(&prefix));
        let mut rows = BTreeMap::new();
        for (id, table) in tables {
            let chunk = rollup::chunk_of_id(id).expect("a rollup's id ends in its chunk");
            let high = chunk << rollup::chunk_bits(level);
            rows.extend(table.iter().map(|(row, sums)| (high | row, sums)));
        }
        rows
    }

    /// What each entity's sales of one status add up to from one quarter hour to another, by
    /// uniting the tables that [`bucket::cover`] the range. Its length is the distinct count.
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
    pub fn total(&self, family: Family, slice: Option<Status>, level: Level) -> Row {
        let prefix = rollup::prefix(family, slice, level);
        let mut total = [0; 3];
        for (_, table) in
            self.rollups.range(prefix.clone()..).take_while(|(id, _)| id.starts_with(&prefix))
        {
            table.iter().for_each(|(_, row)| add(&mut total, row));
        }
        total
    }

    /// Every place where the documents contradict one another; empty, always.
    #[must_use]
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let counts = self.root.counts;
        let outcomes =
            counts.applied + counts.repeated + counts.unchanged + counts.stale + counts.quarantined;
        differ(&mut found, "conservation of events", &counts.read, &outcomes);
        differ(&mut found, "quarantine", &counts.quarantined, &(self.quarantine.len() as u64));
        self.sales_agree(&mut found);
        self.ratings_agree(&mut found);
        self.activities_agree(&mut found);
        self.entities_agree(&mut found);
        found
    }

    fn sales_agree(&self, found: &mut Vec<String>) {
        let mut ledger = ByStatus::default();
        for row in self.ledger.values() {
            if let LedgerRow::Transaction(sale) = row {
                ledger.add(sale.status, sale.sums());
            }
        }
        differ(found, "sales of the ledger", &self.root.sales, &ledger);
        let customers = united(self.customers.values().map(|it| it.sales));
        differ(found, "sales of customers", &self.root.sales, &customers);
        let products = united(self.products.values().map(|it| it.sales));
        differ(found, "sales of products", &self.root.sales, &products);
        for status in Status::ALL {
            let expected = Row::from(self.root.sales.of(status));
            let mut places = vec![(Family::Sales, Level::Month), (Family::Cells, Level::Day)];
            for level in [Level::Quarter, Level::Day, Level::Month, Level::Ever] {
                places.extend([(Family::Buyers, level), (Family::Sold, level)]);
            }
            for (family, level) in places {
                let what = rollup::prefix(family, Some(status), level);
                differ(found, &what, &expected, &self.total(family, Some(status), level));
            }
            let orders = |it: &&Customer| it.sales.of(status).orders > 0;
            let buyers: i64 = self.customers.values().filter(orders).map(|_| 1).sum();
            differ(found, "buyers", &self.root.buyers.of(Some(status)), &buyers);
        }
    }

    fn ratings_agree(&self, found: &mut Vec<String>) {
        let ratings = |row: &&LedgerRow| matches!(row, LedgerRow::Feedback(_));
        let ledger: i64 = self.ledger.values().filter(ratings).map(|_| 1).sum();
        differ(found, "ratings of the ledger", &self.root.ratings, &ledger);
        let customers: i64 = self.customers.values().map(|it| it.ratings).sum();
        differ(found, "ratings of customers", &self.root.ratings, &customers);
        let products: i64 = self.products.values().flat_map(|it| it.ratings).sum();
        differ(found, "ratings of products", &self.root.ratings, &products);
        let sum: i64 = self.customers.values().map(|it| it.rating_sum).sum();
        let total = self.total(Family::Feedback, None, Level::Month);
        differ(found, "ratings by time", &[self.root.ratings, sum, 0], &total);
    }

    fn activities_agree(&self, found: &mut Vec<String>) {
        let customers: i64 = self.customers.values().map(|it| it.activities).sum();
        differ(found, "activities of customers", &self.root.activities, &customers);
        for (_, family) in crate::behaviour::DIMENSIONS {
            for level in [Level::Day, Level::Month] {
                let total = self.total(family, None, level);
                let what = rollup::prefix(family, None, level);
                differ(found, &what, &[self.root.activities, 0, 0], &total);
            }
        }
    }

    fn entities_agree(&self, found: &mut Vec<String>) {
        for (id, customer) in &self.customers {
            let key = TallyKey::new(Of::Customers, customer.ordinal);
            let row = self.tallies.get(&key.id()).map(|tally| tally.get(customer.ordinal));
            differ(
                found,
                id,
                &Some(customer),
                &row.map(|row| Customer::of(customer.record(), &row)).as_ref(),
            );
        }
        for (id, product) in &self.products {
            let key = TallyKey::new(Of::Products, product.ordinal);
            let row = self.tallies.get(&key.id()).map(|tally| tally.get(product.ordinal));
            differ(
                found,
                id,
                &Some(product),
                &row.map(|row| Product::of(product.record(), &row)).as_ref(),
            );
        }
        let newcomers = self.total(Family::Newcomers, None, Level::Month);
        differ(found, "newcomers", &[self.root.identified, self.root.guests, 0], &newcomers);
        let stock = self.products.values().filter_map(|it| it.stock);
        let stock = stock.fold([0; 3], |[items, known, _], it| [items + it, known + 1, 0]);
        differ(found, "stock", &stock, &self.total(Family::Stock, None, Level::Ever));
        let ordinals = (self.customers.iter().map(|(id, it)| (Family::Buyers, it.ordinal, id)))
            .chain(self.products.iter().map(|(id, it)| (Family::Sold, it.ordinal, id)));
        let names: BTreeMap<_, _> =
            ordinals.map(|(family, ordinal, id)| (name_id(family, ordinal), id.clone())).collect();
        differ(found, "names", &self.names, &names);
        differ(found, "entities", &names.len(), &(self.customers.len() + self.products.len()));
        let next = (self.root.next_customer as usize, self.root.next_product as usize);
        differ(found, "ordinals", &next, &(self.customers.len(), self.products.len()));
    }
}

fn add(sum: &mut Row, row: Row) {
    sum.iter_mut().zip(row).for_each(|(cell, value)| *cell += value);
}

fn united(sales: impl Iterator<Item = ByStatus>) -> ByStatus {
    let mut united = ByStatus::default();
    for sums in sales {
        for status in Status::ALL {
            united.add(status, sums.of(status));
        }
    }
    united
}

fn differ<T: PartialEq + std::fmt::Debug>(
    found: &mut Vec<String>,
    what: &str,
    expected: &T,
    actual: &T,
) {
    if expected != actual {
        found.push(format!("{what}: {expected:?} is not {actual:?}"));
    }
}

pub(super) fn name_id(family: Family, ordinal: u32) -> String {
    format!("{}/{ordinal:08x}", family.as_str())
}
