//! Sales under a filter: by period, by value, and the customers who bought.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use projections::cells::Cells;
use projections::customers::Customers;
use projections::family::{Dimension, Family, Slice};
use projections::money::Money;
use projections::products::Products;
use projections::sales::{Basis, Status};
use projections::table::Row;
use projections::vocabulary::{self, NONE, OVERLAP};

use super::by_value::{Names, Place, Tables, Wanted};
use super::days::Days;
use super::entities::Entities;
use super::filter::{By, Filter};
use super::memory::ReadContext;
use super::params::Selection;
use super::period::{Buckets, Clock};
use super::range::Quarters;
use super::statuses::Statuses;
use super::times::Counted;
use super::{by_quarter, zone};
use crate::store;

/// What was sold and what came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// Orders, quantity, amount less discounts.
    pub sold: Row,
    /// Returns, quantity, amount.
    pub back: Row,
    /// Discounts, delivery fees, tax.
    pub money: Row,
}

impl Sum {
    /// Adds another.
    pub fn add(&mut self, other: &Sum) {
        zone::add(&mut self.sold, other.sold);
        zone::add(&mut self.back, other.back);
        zone::add(&mut self.money, other.money);
    }

    /// The number of orders.
    #[must_use]
    pub fn orders(&self) -> i64 {
        self.sold[0]
    }

    /// What was sold, at its price.
    #[must_use]
    pub fn gross(&self) -> Money {
        Money(self.sold[2].saturating_add(self.money[0]))
    }

    /// The discounts.
    #[must_use]
    pub fn discounts(&self) -> Money {
        Money(self.money[0])
    }

    /// What came back.
    #[must_use]
    pub fn returned(&self) -> Money {
        Money(self.back[2])
    }

    /// What is taken off since it came back: all that was sold of these statuses is counted without
    /// it, unless one status is asked for.
    #[must_use]
    pub fn taken_off(&self, statuses: Statuses) -> Money {
        if statuses == Statuses::Sold { self.returned() } else { Money::ZERO }
    }

    /// Net sales.
    #[must_use]
    pub fn net(&self, statuses: Statuses) -> Money {
        Money(self.sold[2].saturating_sub(self.taken_off(statuses).0))
    }

    /// Net sales for an order.
    #[must_use]
    pub fn average(&self, statuses: Statuses) -> Money {
        self.net(statuses).div_half_even(self.orders())
    }

    /// Whether something of these statuses is counted in it.
    #[must_use]
    pub fn shows(&self, statuses: Statuses) -> bool {
        self.sold != [0; 3] || (statuses == Statuses::Sold && self.back != [0; 3])
    }
}

/// The sales that are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Sales<'a> {
    from: ReadContext<'a>,
    filter: &'a Filter,
    statuses: Statuses,
    basis: Basis,
}

/// Sums by period and name of a value.
type Sums = BTreeMap<(i64, String), Sum>;
/// A family and its slices.
type Summed = (Family, Vec<Slice>);

impl<'a> Sales<'a> {
    /// Those of a selection.
    #[must_use]
    pub fn of(from: ReadContext<'a>, asked: &'a Selection) -> Self {
        let statuses = asked.statuses.of(from.snapshot);
        Sales { from, filter: &asked.filter, statuses, basis: asked.basis }
    }

    /// The statuses that are counted, of these read models.
    #[must_use]
    pub fn statuses(&self) -> Statuses {
        self.statuses
    }

    fn sold(&self, family: Family) -> Summed {
        (family, self.statuses.slices())
    }

    fn back(&self, family: Family) -> Summed {
        (family, vec![self.basis.into()])
    }

    /// The sums of each period of a clock within a range.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn by_period(
        &self,
        quarters: Quarters,
        clock: &Clock,
    ) -> Result<Buckets<Sum>, store::Error> {
        let mut buckets = Buckets::of(clock.clone());
        match self.filter {
            Filter::None => self.whole(quarters, &mut buckets).await?,
            Filter::Values(_) => {
                let sums = self.values(&[None], quarters, clock).await?;
                for ((period, _), sum) in sums.into_iter().flatten() {
                    buckets.of_period(period).add(&sum);
                }
            }
            Filter::Product(id) => {
                let found = self.from.snapshot.entities::<Products>(&[id.as_str().into()]).await?;
                if let Some(product) = found.first() {
                    let of = (Family::Sold, Family::Returned, product.document.ordinal);
                    self.entity(of, quarters, clock, &mut buckets).await?;
                }
            }
            Filter::Customer(id) => {
                let found = self.from.snapshot.entities::<Customers>(&[id.as_str().into()]).await?;
                if let Some(customer) = found.first() {
                    let of = (Family::Buyers, Family::Returners, customer.document.ordinal);
                    self.entity(of, quarters, clock, &mut buckets).await?;
                }
            }
        }
        Ok(buckets)
    }

    /// The sum of a range.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn total(&self, quarters: Quarters) -> Result<Sum, store::Error> {
        let whole = self.by_period(quarters, &Clock::of(zone::Zone::UTC, None)).await?.finish();
        Ok(whole.first().map(|(_, sum)| *sum).unwrap_or_default())
    }

    /// The sums of the values of each of some dimensions in a range, those with the most net sales
    /// first, ties by name. Of one product or customer there are none.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn ranked<const N: usize>(
        &self,
        by: [By; N],
        quarters: Quarters,
    ) -> Result<[Vec<(String, Sum)>; N], store::Error> {
        if matches!(self.filter, Filter::Product(_) | Filter::Customer(_)) {
            return Ok([const { Vec::new() }; N]);
        }
        let clock = Clock::of(zone::Zone::UTC, None);
        let mut sums = self.values(&by.map(Some), quarters, &clock).await?.into_iter();
        Ok(by.map(|_| {
            let sums = sums.next().unwrap_or_default().into_iter();
            let named = sums.map(|((_, name), sum)| (name, sum));
            let mut ranked: Vec<_> = named.filter(|(_, sum)| sum.shows(self.statuses)).collect();
            // Stable, so names that tie stay in order.
            ranked.sort_by_key(|(_, sum)| Reverse(sum.net(self.statuses)));
            ranked
        }))
    }

    async fn whole(
        &self,
        quarters: Quarters,
        buckets: &mut Buckets<Sum>,
    ) -> Result<(), store::Error> {
        let (sales, money) = (self.sold(Family::Sales), self.sold(Family::Money));
        if !self.from.has(Family::Returns) {
            // A fold of before counted what came back as sales of that status.
            let returned = [Slice::from(Status::Returned)];
            by_quarter::rows(self.from, sales.0, &sales.1, quarters, |_, quarter, row| {
                zone::add(&mut buckets.at(quarter).sold, row);
            })
            .await?;
            return by_quarter::rows(self.from, sales.0, &returned, quarters, |_, quarter, row| {
                zone::add(&mut buckets.at(quarter).back, row);
            })
            .await;
        }
        let all = [sales, money, self.back(Family::Returns)];
        let all = all.each_ref().map(|(family, slices)| (*family, slices.as_slice()));
        by_quarter::rows_of_all(self.from, &all, quarters, |family, _, quarter, row| {
            let sum = buckets.at(quarter);
            let part = match family {
                Family::Sales => &mut sum.sold,
                Family::Money => &mut sum.money,
                _ => &mut sum.back,
            };
            zone::add(part, row);
        })
        .await
    }

    /// The sums under the filter, for each of `by` its values apart; for none, together.
    async fn values(
        &self,
        by: &[Option<By>],
        quarters: Quarters,
        clock: &Clock,
    ) -> Result<Vec<Sums>, store::Error> {
        let mut sums = vec![Sums::new(); by.len()];
        let (alone, in_cells): (Vec<usize>, Vec<usize>) =
            (0..by.len()).partition(|at| self.wanted(by[*at]).len() == 1);
        for at in alone {
            let families = self.wanted(by[at])[0].families();
            self.add_values(families, &by[at..=at], quarters, clock, &mut sums[at..=at]).await?;
        }
        if !in_cells.is_empty() {
            let by: Vec<_> = in_cells.iter().map(|at| by[*at]).collect();
            let mut found = vec![Sums::new(); by.len()];
            let cells = (Family::Cells, Family::ReturnCells);
            self.add_values(cells, &by, quarters, clock, &mut found).await?;
            for (at, found) in in_cells.into_iter().zip(found) {
                sums[at] = found;
            }
        }
        Ok(sums)
    }

    /// The dimensions that are looked at to tell the values of `by` apart under the filter.
    fn wanted(&self, by: Option<By>) -> Vec<By> {
        let is_wanted = |it: &By| Some(*it) == by || self.filter.value(*it).is_some();
        By::ALL.into_iter().filter(is_wanted).collect()
    }

    /// Adds the sums of two families, of what was sold and what came back, to those of each of `by`. The
    /// tables are read once.
    async fn add_values(
        &self,
        (sold, back): (Family, Family),
        by: &[Option<By>],
        quarters: Quarters,
        clock: &Clock,
        sums: &mut [Sums],
    ) -> Result<(), store::Error> {
        let quarters = self.from.within(sold, quarters);
        let days = Days::of(quarters, &mut clock.clone());
        for ((family, slices), is_back) in [(self.sold(sold), false), (self.back(back), true)] {
            let mut chosen = Vec::with_capacity(by.len());
            for &by in by {
                let wanted = self.wanted(by);
                let mut names = Vec::with_capacity(wanted.len());
                for of in &wanted {
                    names.push(Names::of(self.from, family, of.dimension(), quarters).await?);
                }
                let cells = self.from.cells();
                chosen.push(Chosen { filter: self.filter, wanted, names, by, cells });
            }
            let tables = Tables { family, slices: &slices, days: &days };
            let mut found: Vec<_> = chosen.iter().map(Found::of).collect();
            let wanted = |month| Chosen::read_of(&chosen, month);
            tables
                .read(self.from, &mut clock.clone(), wanted, |place, row| {
                    for found in &mut found {
                        found.add(place, row);
                    }
                })
                .await?;
            for (found, sums) in found.into_iter().zip(&mut *sums) {
                for (place, row) in found.finish() {
                    let sum = sums.entry(place).or_default();
                    zone::add(if is_back { &mut sum.back } else { &mut sum.sold }, row);
                }
            }
        }
        Ok(())
    }

    /// The sums of one product or customer.
    async fn entity(
        &self,
        (sold, back, ordinal): (Family, Family, u32),
        quarters: Quarters,
        clock: &Clock,
        buckets: &mut Buckets<Sum>,
    ) -> Result<(), store::Error> {
        for ((family, slices), is_back) in [(self.sold(sold), false), (self.back(back), true)] {
            if is_back && !self.from.has(family) {
                continue;
            }
            let counted = Entities { from: self.from, family, slices: &slices };
            counted
                .rows_of(ordinal, quarters, clock, |period, row| {
                    let sum = buckets.of_period(period);
                    zone::add(if is_back { &mut sum.back } else { &mut sum.sold }, row);
                })
                .await?;
        }
        Ok(())
    }

    /// The number of distinct customers with a line in each period of a range that has any. `None` where
    /// that is not known: it is counted as a whole and by category alone.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn customers(
        &self,
        quarters: Quarters,
        clock: &Clock,
    ) -> Result<Option<BTreeMap<i64, i64>>, store::Error> {
        let category = match self.filter {
            Filter::None => None,
            Filter::Values([Some(category), None, None]) => Some(category.as_str()),
            _ => return Ok(None),
        };
        let counted = self.counted_by_customer(category).await?;
        counted.members(self.from).by_period(quarters, clock).await.map(Some)
    }

    /// What customers are counted by, those of all sales or of one category, whatever the filter. A category
    /// that is not known has the code of no customer.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn counted_by_customer(
        &self,
        category: Option<&str>,
    ) -> Result<Counted, store::Error> {
        let slices = self.statuses.slices();
        let Some(category) = category else {
            // What a line has counts somebody: some. How often is the number of orders.
            let (family, code) = (Family::Buyers, None);
            return Ok(Counted { family, slices, code, column: 1, times: 0 });
        };
        let values = self.from.shop_vocabulary(Dimension::Category).await?;
        let code = Some(vocabulary::code_of(&values, category).unwrap_or(OVERLAP));
        // Of a category orders are counted.
        Ok(Counted { family: Family::CategoryBuyers, slices, code, column: 0, times: 0 })
    }
}

/// The cells that a filter chooses.
struct Chosen<'a> {
    filter: &'a Filter,
    /// The dimensions that are looked at, and the names of each.
    wanted: Vec<By>,
    names: Vec<Names>,
    /// The dimension whose values are told apart.
    by: Option<By>,
    cells: Cells,
}

impl Chosen<'_> {
    /// Where the code of a dimension is among a row's.
    fn place(&self, by: By) -> usize {
        if self.wanted.len() == 1 { 0 } else { by as usize }
    }

    /// The codes that rows of a month must have: a place among theirs, and the code. `None` if the month
    /// has none of a value.
    fn codes(&self, month: u32) -> Option<Vec<(usize, u16)>> {
        let of = |(by, names): (&By, &Names)| {
            let value = self.filter.value(*by)?;
            Some(names.code(month, value).map(|code| (self.place(*by), code)))
        };
        self.wanted.iter().zip(&self.names).filter_map(of).collect()
    }

    /// The name of a value that is told apart, of a month's code; empty where none are.
    fn name(&self, month: u32, code: u16) -> Option<&str> {
        let Some(at) = self.wanted.iter().position(|it| Some(*it) == self.by) else {
            return Some("");
        };
        self.names[at].name(month, code)
    }

    /// The part of a month's tables that several of these read together.
    fn read_of(some: &[Self], month: u32) -> Wanted {
        let mut each = some.iter().map(|it| it.read(month));
        let first = each.next().unwrap_or(Wanted::None);
        each.fold(first, |one, other| if one == other { one } else { Wanted::All })
    }

    /// The part of a month's tables that has all its rows.
    fn read(&self, month: u32) -> Wanted {
        if let [by] = *self.wanted {
            let Some(value) = self.filter.value(by) else { return Wanted::All };
            return self.names[0].code(month, value).map_or(Wanted::None, Wanted::Code);
        }
        let code = |by: By| {
            let wanted = self.filter.value(by)?;
            let at = self.wanted.iter().position(|it| *it == by)?;
            Some(self.names[at].code(month, wanted))
        };
        match (code(By::Category), code(By::Country)) {
            (Some(None), _) | (_, Some(None)) => Wanted::None,
            (Some(Some(category)), country) => {
                let (first, last) = self.cells.chunks(category, country.flatten());
                Wanted::Chunks(first, last)
            }
            _ => Wanted::All,
        }
    }
}

/// The sums of rows that are chosen, by period, month, and the code of the value that is told apart.
struct Found<'a> {
    chosen: &'a Chosen<'a>,
    /// The place of that code among a row's.
    told_apart: Option<usize>,
    /// The month that was read last.
    month: Option<u32>,
    /// The codes that its rows must have.
    wanted: Option<Vec<(usize, u16)>>,
    sums: HashMap<Of, Row, RandomState>,
    /// The sum of the rows that came last, as far as they are of the same: those of a value come together.
    last: Option<(Of, Row)>,
}

/// The period, the month, and the code of the value that is told apart.
type Of = (i64, u32, u16);

impl<'a> Found<'a> {
    fn of(chosen: &'a Chosen<'a>) -> Self {
        let told_apart = chosen.by.map(|by| chosen.place(by));
        Found {
            chosen,
            told_apart,
            month: None,
            wanted: None,
            sums: HashMap::default(),
            last: None,
        }
    }

    fn add(&mut self, Place { period, month, codes }: Place, row: Row) {
        if self.month != Some(month) {
            (self.month, self.wanted) = (Some(month), self.chosen.codes(month));
        }
        let is_of = |(at, code): &(usize, u16)| codes[*at] == *code;
        if self.wanted.as_ref().is_some_and(|wanted| wanted.iter().all(is_of)) {
            let of = (period, month, self.told_apart.map_or(NONE, |at| codes[at]));
            match &mut self.last {
                Some((last, sum)) if *last == of => zone::add(sum, row),
                _ => self.put_away(Some((of, row))),
            }
        }
    }

    /// Adds the last sum to its like, and begins another.
    fn put_away(&mut self, next: Option<(Of, Row)>) {
        if let Some((of, sum)) = std::mem::replace(&mut self.last, next) {
            zone::add(self.sums.entry(of).or_default(), sum);
        }
    }

    /// The sums by period and name.
    fn finish(mut self) -> impl Iterator<Item = ((i64, String), Row)> {
        self.put_away(None);
        let chosen = self.chosen;
        self.sums.into_iter().filter_map(move |((period, month, code), row)| {
            Some(((period, chosen.name(month, code)?.to_owned()), row))
        })
    }
}
