//! The range that figures over time are asked for, and the sales that are counted.

use projections::family::Family;
use projections::fold::root::Root;
use projections::sales::Basis;

use super::filter::Filter;
use super::period::{Buckets, Clock, Period};
use super::range::{Compare, Coverage, Quarters, Range, Used};
use super::statuses::Statuses;
use super::zone::Zone;
use crate::http::parameters::values::Word;

/// Periods without figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// They are there, with zeros.
    Zero,
}

impl Word for Fill {
    const ALL: &'static [Self] = &[Fill::Zero];

    fn word(self) -> &'static str {
        "zero"
    }
}

/// The parameters of a request, its ranges resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The zone that days are of.
    pub zone: Zone,
    /// The sales that are counted, by what they count as...
    pub statuses: Statuses,
    /// ...and by what they are of.
    pub filter: Filter,
    /// The day that returns are counted on.
    pub basis: Basis,
    /// The most entries of a list.
    pub limit: usize,
    /// The page of the list, from 1.
    pub page: usize,
    /// The range, where there is one.
    pub range: Option<Range>,
    /// The quarter hours of the trend: those of the range, else of the last days.
    pub trend: Quarters,
    /// The periods of the trend.
    pub period: Period,
    /// Whether periods without figures are there.
    pub fill: Option<Fill>,
    /// The range that the figures are compared with.
    pub compare: Option<Compare>,
}

impl Selection {
    /// All that was sold in a range.
    #[must_use]
    pub fn sold(zone: Zone, quarters: Quarters) -> Self {
        Selection {
            zone,
            statuses: Statuses::Sold,
            filter: Filter::None,
            basis: Basis::Processed,
            limit: usize::MAX,
            page: 1,
            range: Some(Range::of(quarters, zone)),
            trend: quarters,
            period: Period::Day,
            fill: None,
            compare: None,
        }
    }

    /// The same for the range that it is compared with, if it is.
    #[must_use]
    pub fn before(&self) -> Option<Selection> {
        let range = self.range?.before(self.compare?);
        let (trend, range) = (range.quarters, Some(range));
        Some(Selection { range, trend, compare: None, ..self.clone() })
    }

    /// A clock of the periods of the trend.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::of(self.zone, Some(self.period))
    }

    /// The sums of the trend's periods, in order of time.
    #[must_use]
    pub fn trend_of<T: Default>(&self, sums: Buckets<T>) -> Vec<(i64, T)> {
        match self.fill {
            Some(Fill::Zero) => {
                let from = self.trend_from(sums.first());
                sums.filled(Quarters { from, to: self.trend.to })
            }
            None => sums.finish(),
        }
    }

    /// The first quarter hour of the trend: where the range begins with the first data, that of the
    /// first period that has some.
    fn trend_from(&self, first: Option<i64>) -> u32 {
        let Quarters { from, to } = self.trend;
        match (self.range, first) {
            (Some(range), Some(first)) if range.open => {
                self.clock().between((first, first), self.trend).from
            }
            (Some(range), None) if range.open => to,
            _ => from,
        }
    }

    /// The range as the answer states it, if there is one; `first` is the first period that has data.
    #[must_use]
    pub fn used(&self, first: Option<i64>) -> Option<Used> {
        self.range.map(|range| range.used(first.map(|_| self.trend_from(first))))
    }

    /// The part of a family of `root` that is asked for; everything without a range.
    #[must_use]
    pub fn scope(&self, root: &Root, family: Family) -> Coverage {
        self.range.map_or(Quarters::ALL, |range| range.quarters).scope(root.extent(family))
    }
}
