//! The rules between the documents of a generation: where they say the same, they agree.

use std::collections::BTreeMap;

use super::documents::{Documents, add};
use crate::bucket::{self, Level};
use crate::collection::Collection;
use crate::customers::Customer;
use crate::entity::{Entity, Ordinals};
use crate::family::{Family, Shape, Slice};
use crate::for_each_collection;
use crate::ledger::LedgerRow;
use crate::money::Money;
use crate::orders::key::{OrderKey, order_of};
use crate::orders::status::STEPS;
use crate::packed::rollup;
use crate::packed::table::{Row, Table};
use crate::packed::tally::{Tally, TallyKey};
use crate::products::{Product, RESERVED};
use crate::quantity::Quantity;
use crate::rates::foreign::Foreign;
use crate::sales::basis::Basis;
use crate::sales::count::Place;
use crate::sales::status::Status;
use crate::sales::sums::{ByStatus, Sums};

impl Documents {
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
        self.returns_agree(&mut found);
        self.currencies_agree(&mut found);
        self.ratings_agree(&mut found);
        self.activities_agree(&mut found);
        self.sessions_agree(&mut found);
        self.funnel_agrees(&mut found);
        self.entities_agree(&mut found);
        self.families_agree(&mut found);
        self.statements_agree(&mut found);
        found
    }

    /// The sales of the ledger by status, what came back, and the number of times that a customer was
    /// counted in a category, by status.
    fn of_the_ledger(&self) -> (ByStatus, Sums, [i64; Status::ALL.len()]) {
        let (mut sales, mut back) = (ByStatus::default(), Sums::default());
        let mut in_categories = [0; Status::ALL.len()];
        for (id, row) in &self.ledger {
            match row {
                LedgerRow::Transaction(sale) => {
                    sales.add(sale.status, sale.sums());
                    in_categories[sale.status.index()] += sale.sums().orders;
                    if sale.returned_at().is_some() {
                        back.add(Sums { orders: 1, ..sale.sums() });
                    }
                }
                LedgerRow::Refund(refund) if refund.alone.is_some() => {
                    let (quantity, amount) = (refund.quantity, refund.amount);
                    back.add(Sums { orders: 1, quantity, amount });
                }
                row => {
                    let Some((order, key)) = order_of(row).zip(OrderKey::of_row(id)) else {
                        continue;
                    };
                    let bill = order.bill(key);
                    for (place, sums) in bill.sums() {
                        match place {
                            Place::Sales { status, .. } => sales.add(*status, sums),
                            Place::CategoryOfCustomer { status, .. } => {
                                in_categories[status.index()] += sums.orders;
                            }
                            Place::Back { basis: Basis::Processed, .. } => back.add(sums),
                            _ => {}
                        }
                    }
                }
            }
        }
        (sales, back, in_categories)
    }

    fn sales_agree(&self, found: &mut Vec<String>) {
        let (ledger, _, in_categories) = self.of_the_ledger();
        differ(found, "sales of the ledger", &self.root.sales, &ledger);
        let customers = united(self.customers.values().map(|it| it.sales));
        differ(found, "sales of customers", &self.root.sales, &customers);
        let products = united(self.products.values().map(|it| it.sales));
        for status in Status::ALL {
            let expected = Row::from(self.root.sales.of(status));
            let sold = Row::from(products.of(status));
            differ(found, "sales of products", &expected[1..], &sold[1..]);
            differ(
                found,
                "orders by time",
                &expected,
                &self.total(Family::Sales, Some(status), Level::Month),
            );
            differ(
                found,
                "orders by minute",
                &self.quarters_of(Family::Sales, status.into()),
                &self.quarters_of_minutes(Family::Minutes, status.into()),
            );
            for (family, level) in [
                (Family::Cells, Level::Day),
                (Family::Cells, Level::Month),
                (Family::PaymentMethods, Level::Day),
                (Family::PaymentMethods, Level::Month),
                (Family::Destinations, Level::Month),
            ] {
                let total = self.total(family, Some(status), level);
                differ(found, "orders by cell", &expected, &total);
            }
            let by_category = self.total(Family::Categories, Some(status), Level::Month);
            differ(found, "sales by category", &expected[1..], &by_category[1..]);
            for level in [Level::Quarter, Level::Day, Level::Month, Level::Ever] {
                let bought = self.total(Family::Buyers, Some(status), level);
                differ(found, "orders of customers", &expected, &bought);
                // An order is one of each of its products.
                differ(
                    found,
                    "orders of products",
                    &sold,
                    &self.total(Family::Sold, Some(status), level),
                );
            }
            let in_categories = [in_categories[status.index()], 0, 0];
            let total = self.total(Family::CategoryBuyers, Some(status), Level::Ever);
            differ(found, "customers by category", &in_categories, &total);
            let lines = |it: &&Customer| it.sales.of(status).quantity > Quantity::ZERO;
            let buyers: i64 = self.customers.values().filter(lines).map(|_| 1).sum();
            differ(found, "buyers", &self.root.buyers.of(Some(status)), &buyers);
            let money = self.total(Family::Money, Some(status), Level::Month);
            differ(found, "money beside the lines", &self.root.money.of(status), &money);
        }
    }

    fn currencies_agree(&self, found: &mut Vec<String>) {
        let mut sums = [[0; 3]; Status::ALL.len()];
        let mut back = [[0; 3]; Basis::ALL.len()];
        let mut of_orders = [[0; 3]; Basis::ALL.len()];
        let mut add_back = |foreign: &Foreign, amount: Money| {
            for sum in &mut back {
                add(sum, [1, foreign.amount.0, amount.0]);
            }
        };
        for (id, row) in &self.ledger {
            if let LedgerRow::Transaction(sale) = row
                && let Some(foreign) = &sale.foreign
            {
                let row = [sale.sums().orders, foreign.amount.0, sale.amount.0];
                add(&mut sums[sale.status.index()], row);
                if sale.returned_at().is_some() {
                    add_back(foreign, sale.amount);
                }
            }
            if let LedgerRow::Refund(refund) = row
                && let (Some(foreign), Some(_)) = (&refund.foreign, &refund.alone)
            {
                add_back(foreign, refund.amount);
            }
            if let Some((order, key)) = order_of(row).zip(OrderKey::of_row(id)) {
                for (place, row) in order.bill(key).sums() {
                    match place {
                        Place::Currency { status, .. } => {
                            add(&mut sums[status.index()], row.into());
                        }
                        Place::BackInCurrency { basis, .. } => {
                            add(&mut of_orders[*basis as usize], row.into());
                        }
                        _ => {}
                    }
                }
            }
        }
        for (status, sums) in Status::ALL.into_iter().zip(sums) {
            let total = self.total(Family::Currencies, Some(status), Level::Month);
            differ(found, "sales in other currencies", &sums, &total);
        }
        for (basis, (mut back, of_orders)) in
            Basis::ALL.into_iter().zip(back.into_iter().zip(of_orders))
        {
            add(&mut back, of_orders);
            let total = self.total(Family::ReturnCurrencies, basis, Level::Month);
            differ(found, "returns in other currencies", &back, &total);
        }
    }

    fn returns_agree(&self, found: &mut Vec<String>) {
        let (_, ledger, _) = self.of_the_ledger();
        differ(found, "returns of the ledger", &self.root.returns, &ledger);
        let expected = Row::from(self.root.returns);
        let add = |sum: Row, it: Sums| std::array::from_fn(|at| sum[at] + Row::from(it)[at]);
        let of_products = self.products.values().map(|it| it.returns).fold([0; 3], add);
        let of_customers = self.customers.values().map(|it| it.returns).fold([0; 3], add);
        differ(found, "returns of products", &expected[1..], &of_products[1..]);
        for basis in Basis::ALL {
            let total = self.total(Family::Returns, basis, Level::Month);
            differ(found, "returns by time", &expected, &total);
            differ(
                found,
                "returns by minute",
                &self.quarters_of(Family::Returns, basis.into()),
                &self.quarters_of_minutes(Family::ReturnMinutes, basis.into()),
            );
            for (family, level) in [
                (Family::ReturnCells, Level::Day),
                (Family::ReturnCells, Level::Month),
                (Family::ReturnCategories, Level::Month),
                (Family::ReturnPaymentMethods, Level::Day),
                (Family::ReturnDestinations, Level::Month),
            ] {
                let total = self.total(family, basis, level);
                differ(found, "returns by cell", &expected[1..], &total[1..]);
            }
            for level in [Level::Quarter, Level::Day, Level::Month, Level::Ever] {
                let total = self.total(Family::Returned, basis, level);
                differ(found, "returns by product", &of_products, &total);
                let total = self.total(Family::Returners, basis, level);
                differ(found, "returns by customer", &of_customers, &total);
            }
        }
        for (at, open) in self.root.steps.iter().enumerate() {
            let slice = Slice::at(u8::try_from(at).unwrap_or_default());
            let [entered, left, _] = self.total(Family::Steps, slice, Level::Month);
            differ(found, STEPS[at], open, &(entered - left));
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
        let total = self.total(Family::Rated, None, Level::Ever);
        differ(found, "ratings by product", &[self.root.ratings, sum, 0], &total);
        for slice in Family::Stars.every_slice() {
            let of_products = self.products.values().map(|it| it.ratings[slice.index()]);
            let total = self.total(Family::Stars, slice, Level::Month);
            differ(found, "ratings by stars", &[of_products.sum(), 0, 0], &total);
        }
    }

    fn activities_agree(&self, found: &mut Vec<String>) {
        let customers: i64 = self.customers.values().map(|it| it.activities).sum();
        differ(found, "activities of customers", &self.root.activities, &customers);
        let total = self.total(Family::Actives, None, Level::Ever);
        differ(found, "activities by customer", &[self.root.activities, 0, 0], &total);
        let mut debuts: BTreeMap<u32, Row> = BTreeMap::new();
        for first in self.customers.values().filter_map(|it| it.first_activity) {
            add(debuts.entry(bucket::quarter_of(first)).or_default(), [1, 0, 0]);
        }
        let counted = self.quarters_of(Family::Debuts, Slice::WHOLE);
        differ(found, "first activities", &debuts, &counted);
        for (_, family) in crate::behaviour::DIMENSIONS {
            for level in [Level::Day, Level::Month] {
                let total = self.total(family, None, level);
                let what = rollup::prefix(family, Slice::WHOLE, level);
                differ(found, &what, &[self.root.activities, 0, 0], &total);
            }
        }
    }

    fn sessions_agree(&self, found: &mut Vec<String>) {
        let (mut sums, mut visits, mut settled) = ([0; 3], [0; 3], false);
        for row in self.ledger.values() {
            if let LedgerRow::Sessions(sessions) = row {
                settled |= sessions.settled.is_some();
                for session in sessions.iter() {
                    add(&mut sums, session.sums());
                    add(&mut visits, session.visits());
                }
            }
        }
        let total = self.total(Family::Sessions, None, Level::Month);
        // The ledger has no more of those that settled.
        if !settled {
            differ(found, "sessions of the ledger", &sums, &total);
            let total = self.total(Family::Visits, None, Level::Month);
            differ(found, "activities of sessions", &visits, &total);
        }
        for (_, family) in crate::sessions::DIMENSIONS {
            for level in [Level::Day, Level::Month] {
                let what = rollup::prefix(family, Slice::WHOLE, level);
                differ(found, &what, &total, &self.total(family, None, level));
            }
        }
    }

    fn funnel_agrees(&self, found: &mut Vec<String>) {
        let total = self.total(Family::Funnel, None, Level::Day);
        let of_customers = self.total(Family::FunnelUsers, None, Level::Ever);
        differ(found, "attempts of customers", &total, &of_customers);
        for (stage, count) in (0..).map(Slice::at).zip(total) {
            for family in [Family::FunnelCategories, Family::FunnelDevices] {
                let in_values = self.total(family, stage, Level::Ever);
                differ(found, "attempts of customers in values", &[count, 0, 0], &in_values);
            }
        }
        let [viewed, added, purchased] = total;
        let is_so = viewed >= added && added >= purchased && purchased >= 0;
        differ(found, "a funnel that narrows", &true, &is_so);
    }

    fn entities_agree(&self, found: &mut Vec<String>) {
        let mut names = BTreeMap::new();
        let mut next = BTreeMap::new();
        macro_rules! agree {
            ($($set:ident: $Collection:ty,)*) => {$(
                self.counts_agree::<$Collection>(&self.$set, found, &mut names, &mut next);
            )*};
        }
        for_each_collection!(agree);
        differ(found, "names", &self.names, &names);
        let entities: u32 = next.values().sum();
        differ(found, "entities", &names.len(), &(entities as usize));
        differ(found, "ordinals", &self.root.next, &next.into_iter().collect::<Ordinals>());
    }

    /// Checks of every family that its levels say the same, and that its rows by entity are of
    /// those that are known.
    fn families_agree(&self, found: &mut Vec<String>) {
        for family in Family::ALL {
            let levels = family.shape().levels();
            for slice in family.every_slice() {
                let expected = self.total(*family, slice, levels[0]);
                for level in levels {
                    let prefix = rollup::prefix(*family, slice, *level);
                    differ(found, &prefix, &expected, &self.total(*family, slice, *level));
                    let shape = family.shape();
                    if let Shape::ByEntity(entity)
                    | Shape::ByEntityIn(entity, _)
                    | Shape::Now(entity) = shape
                    {
                        let known = self.root.next.of(entity);
                        let tables = self.tables(&prefix);
                        let mut ordinals = tables.flat_map(|it| ordinals_of(it, shape, *level));
                        differ(found, &prefix, &None, &ordinals.find(|it| *it >= known));
                    }
                }
            }
        }
    }

    fn statements_agree(&self, found: &mut Vec<String>) {
        // Those who are gone became known all the same.
        let newcomers = self.total(Family::Newcomers, None, Level::Month);
        let count = |guest, gone| {
            let is_so = |it: &&Customer| it.guest == guest && it.is_gone() == gone;
            self.customers.values().filter(is_so).map(|_| 1_i64).sum::<i64>()
        };
        let known = [false, true].map(|guest| count(guest, false) + count(guest, true));
        differ(found, "newcomers", &[known[0], known[1], 0], &newcomers);
        let bought = self.customers.values().map(|it| (it.ordinal, it.purchases()));
        let bought: BTreeMap<u32, Row> = bought.filter(|(_, row)| *row != [0; 3]).collect();
        let counted = self.rows(Family::Purchases, Slice::WHOLE, Level::Ever, 0);
        differ(found, "first and last purchases", &bought, &counted);
        let present = [count(false, false), count(true, false)];
        differ(found, "customers", &[self.root.identified, self.root.guests], &present);
        let products = self.products.iter().filter(|(id, it)| *id != RESERVED && !it.is_gone());
        differ(found, "products", &self.root.products, &products.map(|_| 1).sum());
        let stock = self.products.values().filter_map(Product::on_hand);
        let stock = stock.fold([0; 3], |[units, known, _], it| [units + it.0, known + 1, 0]);
        differ(found, "stock", &stock, &self.total(Family::Stock, None, Level::Ever));
    }

    /// Checks that the counts of entities are those of their tallies, and that each ordinal stands
    /// for one of them.
    fn counts_agree<C: Collection>(
        &self,
        documents: &BTreeMap<String, C::Document>,
        found: &mut Vec<String>,
        names: &mut BTreeMap<String, String>,
        next: &mut BTreeMap<Entity, u32>,
    ) {
        let Some(entity) = C::ENTITY else { return };
        for (id, document) in documents {
            let ordinal = C::ordinal(document);
            let tally = self.tallies.get(&TallyKey::new(entity, ordinal).to_id());
            let mut counted = document.clone();
            C::take_counts(&mut counted, tally.unwrap_or(&Tally::default()));
            differ(found, id, document, &counted);
            names.insert(entity.name_id(ordinal), id.clone());
            *next.entry(entity).or_default() += 1;
        }
    }
}

/// The ordinals of the rows of one chunk of a table by entity.
fn ordinals_of(
    (id, table): (&String, &Table),
    shape: Shape,
    level: Level,
) -> impl Iterator<Item = u32> {
    let chunk = rollup::chunk_of_id(id).expect("a rollup's id ends in its chunk");
    table.iter().map(move |(row, _)| match shape {
        Shape::ByEntityIn(..) => rollup::entity_in(level, chunk, row).1,
        _ => (chunk << rollup::chunk_bits(level)) | row,
    })
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

fn differ<T: PartialEq + std::fmt::Debug + ?Sized>(
    found: &mut Vec<String>,
    what: &str,
    expected: &T,
    actual: &T,
) {
    if expected != actual {
        found.push(format!("{what}: {expected:?} is not {actual:?}"));
    }
}
