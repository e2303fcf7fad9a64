//! The part of a row of the ledger that is counted in the figures that are asked for.

use projections::bucket::month_of_quarter;
use projections::contributions::{self, Contribution, Counted};
use projections::customers::Customers;
use projections::family::Family;
use projections::ledger::LedgerRow;
use projections::products::Products;
use projections::sales::Basis;

use super::by_value::Names;
use super::filter::{By, Filter};
use super::memory::ReadContext;
use super::params::Selection;
use super::period::{Clock, Period};
use super::range::Quarters;
use super::sales::{Sales, Sum};
use super::statuses::Statuses;
use super::zone::{self, Zone};
use crate::store;

/// Tells what a row contributes to the figures of a selection: to the same that [`Sales`] adds up.
#[derive(Debug)]
pub struct Matching {
    statuses: Statuses,
    basis: Basis,
    /// The range, as far as there is anything in it.
    quarters: Quarters,
    of: Of,
}

/// What the sales are of.
#[derive(Debug)]
enum Of {
    Anything,
    /// A value of each of some dimensions, by the names of what was sold and of what came back.
    Values(Vec<(By, String, [Names; 2])>),
    Customer(u32),
    Product(u32),
    /// A customer or product that is not known.
    Nothing,
}

impl Matching {
    /// That of a selection, in its range or in all of time.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn of(from: ReadContext<'_>, asked: &Selection) -> Result<Self, store::Error> {
        let quarters = asked.range.map_or(Quarters::ALL, |range| range.quarters);
        let quarters = from.within(Family::Sales, quarters);
        let of = match &asked.filter {
            Filter::None => Of::Anything,
            Filter::Values(_) => {
                let mut values = Vec::new();
                for by in By::ALL {
                    if let Some(value) = asked.filter.value(by) {
                        let (sold, back) = by.families();
                        let names = [
                            Names::of(from, sold, by.dimension(), quarters).await?,
                            Names::of(from, back, by.dimension(), quarters).await?,
                        ];
                        values.push((by, value.to_owned(), names));
                    }
                }
                Of::Values(values)
            }
            Filter::Customer(id) => {
                let found = from.snapshot.entities::<Customers>(&[id.as_str().into()]).await?;
                found.first().map_or(Of::Nothing, |it| Of::Customer(it.document.ordinal))
            }
            Filter::Product(id) => {
                let found = from.snapshot.entities::<Products>(&[id.as_str().into()]).await?;
                found.first().map_or(Of::Nothing, |it| Of::Product(it.document.ordinal))
            }
        };
        let statuses = asked.statuses.of(from.snapshot);
        Ok(Matching { statuses, basis: asked.basis, quarters, of })
    }

    /// The range, as far as there is anything in it.
    #[must_use]
    pub fn quarters(&self) -> Quarters {
        self.quarters
    }

    /// The days of UTC in which the figures of the selection are not all zero, in order, each with
    /// these.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn days(
        &self,
        from: ReadContext<'_>,
        asked: &Selection,
    ) -> Result<Vec<(u32, Sum)>, store::Error> {
        let clock = Clock::of(Zone::UTC, Some(Period::Day));
        let days = Sales::of(from, asked).by_period(self.quarters, &clock).await?.finish();
        let counted = days.into_iter().filter(|(_, sum)| *sum != Sum::default());
        Ok(counted.filter_map(|(day, sum)| Some((u32::try_from(day).ok()?, sum))).collect())
    }

    /// What a row contributes within some quarter hours, and the first of these in which it does.
    #[must_use]
    pub fn sum(&self, id: &str, row: &LedgerRow, within: Quarters) -> (Sum, Option<u32>) {
        let (mut sum, mut first) = (Sum::default(), None::<u32>);
        for Contribution { counted, by, quarter, row } in contributions::of(id, row) {
            let is_within = within.has(quarter) && self.quarters.has(quarter);
            if !is_within || row == [0; 3] || !self.has(counted, by, quarter) {
                continue;
            }
            let sum = match counted {
                Counted::Sold(status) if self.statuses.iter().any(|it| it == status) => match by {
                    contributions::By::Money => &mut sum.money,
                    _ => &mut sum.sold,
                },
                Counted::Back(basis) if basis == self.basis => &mut sum.back,
                _ => continue,
            };
            zone::add(sum, row);
            first = Some(first.map_or(quarter, |first| first.min(quarter)));
        }
        (sum, first)
    }

    /// Whether what is counted by that is of the selection. It is counted by everything at once, so
    /// that one of them is looked at.
    fn has(&self, counted: Counted, by: contributions::By, quarter: u32) -> bool {
        match (&self.of, by) {
            (Of::Anything, contributions::By::Whole | contributions::By::Money) => true,
            (Of::Values(values), contributions::By::Cell(cell)) => {
                let month = month_of_quarter(quarter);
                let is_back = matches!(counted, Counted::Back(_));
                let is = |(by, value, names): &(By, String, [Names; 2])| {
                    names[usize::from(is_back)].name(month, cell[*by as usize]) == Some(value)
                };
                values.iter().all(is)
            }
            (Of::Customer(wanted), contributions::By::Customer(ordinal))
            | (Of::Product(wanted), contributions::By::Product(ordinal)) => *wanted == ordinal,
            _ => false,
        }
    }
}
