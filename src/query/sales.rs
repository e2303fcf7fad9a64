//! Sales under a filter: by period, by value, and the customers who bought.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use projections::bucket::Level;
use projections::customers::Customers;
use projections::family::{Dimension, Family, Slice};
use projections::money::Money;
use projections::products::Products;
use projections::rollup::chunk_bits;
use projections::sales::Basis;
use projections::table::Row;
use projections::vocabulary::{self, OVERLAP};

use super::by_value::{Chunks, Names, Place, Tables};
use super::days::Days;
use super::entities::{Entities, spans};
use super::filter::{By, Filter};
use super::memory::ReadContext;
use super::params::Selection;
use super::period::{Buckets, Clock};
use super::range::Quarters;
use super::statuses::Statuses;
use super::{union, zone};
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

/// A family and its slices.
type Counted = (Family, Vec<Slice>);

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

    fn sold(&self, family: Family) -> Counted {
        (family, self.statuses.slices())
    }

    fn back(&self, family: Family) -> Counted {
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
                for ((period, _), sum) in self.values(None, quarters, clock).await? {
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

    /// The sums of each period and value of a dimension. Of one product or customer there are none.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn by_value(
        &self,
        by: By,
        quarters: Quarters,
        clock: &Clock,
    ) -> Result<BTreeMap<(i64, String), Sum>, store::Error> {
        if matches!(self.filter, Filter::Product(_) | Filter::Customer(_)) {
            return Ok(BTreeMap::new());
        }
        let sums = self.values(Some(by), quarters, clock).await?;
        Ok(sums.into_iter().filter(|(_, sum)| sum.shows(self.statuses)).collect())
    }

    /// The sums of the values of a dimension in a range, those with the most net sales first, ties by
    /// name.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn ranked(
        &self,
        by: By,
        quarters: Quarters,
    ) -> Result<Vec<(String, Sum)>, store::Error> {
        let sums = self.by_value(by, quarters, &Clock::of(zone::Zone::UTC, None)).await?;
        let mut ranked: Vec<_> = sums.into_iter().map(|((_, name), sum)| (name, sum)).collect();
        // Stable, so names that tie stay in order.
        ranked.sort_by_key(|(_, sum)| Reverse(sum.net(self.statuses)));
        Ok(ranked)
    }

    async fn whole(
        &self,
        quarters: Quarters,
        buckets: &mut Buckets<Sum>,
    ) -> Result<(), store::Error> {
        let from = self.from;
        let within = |family| from.within(family, quarters);
        let (family, slices) = self.sold(Family::Sales);
        union::by_quarter(from, family, &slices, within(family), |_, quarter, row| {
            zone::add(&mut buckets.at(quarter).sold, row);
        })
        .await?;
        if !from.has(Family::Returns) {
            // A fold of before counted what came back as sales of that status.
            let (family, slices) =
                (Family::Sales, [Slice::from(projections::sales::Status::Returned)]);
            return union::by_quarter(from, family, &slices, within(family), |_, quarter, row| {
                zone::add(&mut buckets.at(quarter).back, row);
            })
            .await;
        }
        let (family, slices) = self.sold(Family::Money);
        union::by_quarter(from, family, &slices, within(family), |_, quarter, row| {
            zone::add(&mut buckets.at(quarter).money, row);
        })
        .await?;
        let (family, slices) = self.back(Family::Returns);
        union::by_quarter(from, family, &slices, within(family), |_, quarter, row| {
            zone::add(&mut buckets.at(quarter).back, row);
        })
        .await
    }

    /// The sums under the filter, each value of `by` apart.
    async fn values(
        &self,
        by: Option<By>,
        quarters: Quarters,
        clock: &Clock,
    ) -> Result<BTreeMap<(i64, String), Sum>, store::Error> {
        let wanted: Vec<By> = By::ALL
            .into_iter()
            .filter(|it| Some(*it) == by || self.filter.value(*it).is_some())
            .collect();
        let (sold, back) = match wanted[..] {
            [one] => one.families(),
            _ => (Family::Cells, Family::ReturnCells),
        };
        let mut sums: BTreeMap<(i64, String), Sum> = BTreeMap::new();
        let quarters = self.from.within(sold, quarters);
        let days = Days::of(quarters, &mut clock.clone());
        for ((family, slices), is_back) in [(self.sold(sold), false), (self.back(back), true)] {
            let mut names = Vec::with_capacity(wanted.len());
            for of in &wanted {
                names.push(Names::of(self.from, family, of.dimension(), quarters).await?);
            }
            let chosen = Chosen { filter: self.filter, wanted: &wanted, names: &names, by };
            let tables = Tables { family, slices: &slices, days: &days };
            let mut found: HashMap<Place, Row> = HashMap::new();
            let chunks = |month| chosen.chunks(month);
            tables
                .read(self.from, &mut clock.clone(), chunks, |place, row| {
                    zone::add(found.entry(place).or_default(), row);
                })
                .await?;
            for (place, row) in found {
                if let Some(name) = chosen.name(&place) {
                    let sum = sums.entry((place.period, name)).or_default();
                    zone::add(if is_back { &mut sum.back } else { &mut sum.sold }, row);
                }
            }
        }
        Ok(sums)
    }

    /// The sums of one product or customer.
    async fn entity(
        &self,
        (sold, back, ordinal): (Family, Family, u32),
        quarters: Quarters,
        clock: &Clock,
        buckets: &mut Buckets<Sum>,
    ) -> Result<(), store::Error> {
        let quarters = self.from.within(sold, quarters);
        let mut clock = clock.clone();
        let days = Days::of(quarters, &mut clock);
        let cover = days.cover(&mut clock);
        for ((family, slices), is_back) in [(self.sold(sold), false), (self.back(back), true)] {
            if is_back && !self.from.has(family) {
                continue;
            }
            // Many quarter hours are read in one go, or chunk by chunk.
            let one = |level| {
                let chunk = ordinal >> chunk_bits(level);
                (level != Level::Quarter).then_some((chunk, chunk))
            };
            let spans = spans(family, &slices, &cover, one);
            self.from
                .rollups(&spans, |part| {
                    let (Some(level), Some(bucket)) = (part.level(), part.bucket()) else { return };
                    let row = ordinal & ((1 << chunk_bits(level)) - 1);
                    if part.chunk() != Some(ordinal >> chunk_bits(level)) {
                        return;
                    }
                    let Some((_, values)) = part.rows().find(|(it, _)| *it == row) else { return };
                    let (more, less) = cover.counted(level, bucket);
                    for (period, sign) in [(more, 1), (less, -1)] {
                        let Some(period) = period else { continue };
                        let sum = buckets.of_period(period);
                        let values = values.map(|value| value.saturating_mul(sign));
                        zone::add(if is_back { &mut sum.back } else { &mut sum.sold }, values);
                    }
                })
                .await?;
        }
        Ok(())
    }

    /// The number of distinct customers with a line in each period of a range; of all time, without
    /// one. `None` where that is not known: it is counted as a whole and by category alone.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn customers(
        &self,
        quarters: Option<Quarters>,
        clock: &Clock,
    ) -> Result<Option<BTreeMap<i64, i64>>, store::Error> {
        let Some((family, code)) = self.counted_by_customer().await? else { return Ok(None) };
        let counted = Entities { from: self.from, family, slices: &self.statuses.slices(), code };
        // Of a category orders are counted, and else what a line has: some.
        let lines = |[orders, quantity, _]: Row| if code.is_some() { orders } else { quantity };
        counted.distinct(quarters, clock, lines).await.map(Some)
    }

    /// The family that counts the customers of the filter, and the code that it counts them under. A
    /// category that is not known has the code of no customer.
    async fn counted_by_customer(&self) -> Result<Option<(Family, Option<u16>)>, store::Error> {
        let category = match self.filter {
            Filter::None => return Ok(Some((Family::Buyers, None))),
            Filter::Values([Some(category), None, None]) => category,
            _ => return Ok(None),
        };
        let values = self.from.snapshot.shop_vocabulary(Dimension::Category).await?;
        let code = vocabulary::code_of(&values, category).unwrap_or(OVERLAP);
        Ok(Some((Family::CategoryBuyers, Some(code))))
    }
}

/// The cells that a filter chooses.
struct Chosen<'a> {
    filter: &'a Filter,
    /// The dimensions that are looked at, and the names of each.
    wanted: &'a [By],
    names: &'a [Names],
    /// The dimension whose values are told apart.
    by: Option<By>,
}

impl Chosen<'_> {
    /// The place of a dimension among a row's codes.
    fn code(&self, by: By, codes: [u16; 3]) -> u16 {
        if self.wanted.len() == 1 { codes[0] } else { codes[by as usize] }
    }

    /// The name of the value that a row counts under, empty where values are not told apart; nothing of
    /// a row that is not chosen.
    fn name(&self, Place { month, codes, .. }: &Place) -> Option<String> {
        let mut counted = String::new();
        for (by, names) in self.wanted.iter().zip(self.names) {
            let name = names.name(*month, self.code(*by, *codes))?;
            if self.filter.value(*by).is_some_and(|wanted| wanted != name) {
                return None;
            }
            if self.by == Some(*by) {
                name.clone_into(&mut counted);
            }
        }
        Some(counted)
    }

    /// The chunks of a month's cells that are chosen.
    fn chunks(&self, month: u32) -> Chunks {
        if self.wanted.len() == 1 {
            return Chunks::All;
        }
        let code = |by: By| {
            let wanted = self.filter.value(by)?;
            let at = self.wanted.iter().position(|it| *it == by)?;
            Some(self.names[at].code(month, wanted))
        };
        match (code(By::Category), code(By::Country)) {
            (Some(None), _) | (_, Some(None)) => Chunks::None,
            (Some(Some(category)), country) => {
                let first = u32::from(category) << 16;
                let (low, high) = country.flatten().map_or((0, u16::MAX), |it| (it, it));
                Chunks::Some(first | u32::from(low), first | u32::from(high))
            }
            _ => Chunks::All,
        }
    }
}
