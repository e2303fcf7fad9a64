//! The stored form of rates: those of one currency in one year.

use serde::{Deserialize, Serialize};

use crate::bucket::{self, Level};
use crate::currency::Currency;
use crate::fold::version::Version;
use crate::rate::Rate;
use crate::time::Time;

/// The age in days at which a rate is used last.
pub const DAYS_MAX: u32 = 7;

/// The rates of one currency in one year.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// By day; each at most once.
    pub days: Vec<OfDay>,
}

/// The rate of one day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OfDay {
    /// The day, in days since 1970-01-01.
    pub day: u32,
    /// The rate.
    pub rate: Rate,
    /// The version of the event that stated it.
    #[serde(flatten)]
    pub version: Version,
}

impl Rates {
    /// The rate of a day.
    #[must_use]
    pub fn of(&self, day: u32) -> Option<&OfDay> {
        self.days.binary_search_by_key(&day, |it| it.day).ok().map(|at| &self.days[at])
    }

    /// The newest of the rates from one day to another, both included.
    #[must_use]
    pub fn newest(&self, from: u32, to: u32) -> Option<Rate> {
        let until = self.days.partition_point(|it| it.day <= to);
        self.days[..until].last().filter(|it| it.day >= from).map(|it| it.rate)
    }

    /// Puts a rate in the place of its day.
    pub(crate) fn put(&mut self, of: OfDay) {
        match self.days.binary_search_by_key(&of.day, |it| it.day) {
            Ok(at) => self.days[at] = of,
            Err(at) => self.days.insert(at, of),
        }
    }
}

/// The day of an instant, in days since 1970-01-01.
pub(crate) fn day_of(at: Time) -> u32 {
    bucket::day_of_quarter(bucket::quarter_of(at))
}

/// The days whose rates convert what was sold on a day, both included.
pub(crate) fn days_for(day: u32) -> (u32, u32) {
    (day.saturating_sub(DAYS_MAX), day)
}

/// The id of the row that has a day's rate: `USD/2026`.
pub(crate) fn row_of(currency: Currency, day: u32) -> String {
    let label = bucket::label(Level::Day, day);
    format!("{currency}/{}", &label[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(days: &[u32]) -> Rates {
        let mut rates = Rates::default();
        for day in days {
            let version = Version::default();
            rates.put(OfDay { day: *day, rate: Rate(i64::from(*day)), version });
        }
        rates
    }

    #[test]
    fn the_newest_rate_counts_while_it_is_seven_days_old_at_most() {
        let rates = rates(&[100, 90, 95]);
        let used = |day| {
            let (from, to) = days_for(day);
            rates.newest(from, to).map(|it| it.0)
        };
        assert_eq!(
            [89, 90, 94, 95, 99, 100, 107, 108].map(used),
            [None, Some(90), Some(90), Some(95), Some(95), Some(100), Some(100), None]
        );
        assert_eq!(days_for(3), (0, 3));
    }

    #[test]
    fn a_row_is_of_one_currency_and_one_year() {
        let usd = Currency::parse("USD").unwrap();
        let row = |date: &str| row_of(usd, day_of(Time::parse(date).unwrap()));
        assert_eq!(row("2026-01-01"), "USD/2026");
        assert_eq!(row("2025-12-31T23:59:59Z"), "USD/2025");
        assert_eq!(row("1970-01-01"), "USD/1970");
    }
}
