//! Sales by minute.

use std::collections::BTreeMap;

use projections::bucket::{self, Level, MINUTES_PER_DAY, minute_of};
use projections::family::{Family, Slice};
use projections::sales::Basis;
use projections::time::Time;

use super::memory::ReadContext;
use super::sales::Sum;
use super::statuses::Statuses;
use super::zone::{self, Zone};
use crate::store;
use crate::store::read::Span;

const MINUTE_MS: i64 = 60_000;

/// Minutes that follow each other, both included, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minutes {
    first: u32,
    last: u32,
}

impl Minutes {
    /// So many, up to the present one.
    #[must_use]
    pub fn last(number: u32, now: Time) -> Self {
        let last = minute_of(now);
        Minutes { first: (last + 1).saturating_sub(number), last }
    }

    /// The first and the last.
    #[must_use]
    pub fn ends(self) -> (u32, u32) {
        (self.first, self.last)
    }

    /// What was sold and came back in each of them that has any.
    ///
    /// # Errors
    /// As [`ReadContext::rollups`].
    pub async fn sales(self, from: ReadContext<'_>) -> Result<BTreeMap<u32, Sum>, store::Error> {
        let mut sums: BTreeMap<u32, Sum> = BTreeMap::new();
        let (first, last) = (self.first / MINUTES_PER_DAY, self.last / MINUTES_PER_DAY);
        let back = vec![Slice::from(Basis::Processed)];
        for (family, slices, is_back) in
            [(Family::Minutes, Statuses::Sold.slices(), false), (Family::ReturnMinutes, back, true)]
        {
            let level = Level::Day;
            let span = |slice| Span { family, slice, level, first, last, chunks: None };
            let spans: Vec<Span> = slices.into_iter().map(span).collect();
            from.rollups(&spans, |part| {
                let day = part.key.bucket;
                for (row, values) in part.rows() {
                    let minute = day.saturating_mul(MINUTES_PER_DAY).saturating_add(row);
                    if (self.first..=self.last).contains(&minute) {
                        let sum = sums.entry(minute).or_default();
                        zone::add(if is_back { &mut sum.back } else { &mut sum.sold }, values);
                    }
                }
            })
            .await?;
        }
        sums.retain(|_, sum| sum.shows(Statuses::Sold));
        Ok(sums)
    }
}

/// The name of a minute: `2026-11-21 04:05`.
#[must_use]
pub fn label(minute: u32, zone: Zone) -> String {
    zone.local(Time(i64::from(minute) * MINUTE_MS)).format("%Y-%m-%d %H:%M").to_string()
}

/// The name of the first minute of a quarter hour.
#[must_use]
pub fn of_quarter(quarter: u32, zone: Zone) -> String {
    zone.local(bucket::quarter_start(quarter)).format("%Y-%m-%d %H:%M").to_string()
}
