//! Periods of local time: the hour, day, week, month, quarter or year of a zone that a quarter hour
//! of UTC starts in.

use std::collections::HashMap;

use chrono::{Datelike, NaiveDate};
use foldhash::fast::RandomState;
use projections::bucket::{self, Level, QUARTER_MS, QUARTERS_PER_DAY, quarter_start};

use super::range::Quarters;
use super::zone::{DAY_MS, Zone, naive};
use crate::http::parameters::values::Word;

const HOUR_MS: i64 = 3_600_000;
/// No clock jumps further, onward or back.
const JUMP: u32 = 3 * QUARTERS_PER_DAY;
/// 1970-01-01 was a Thursday, three days after the Monday of its week.
const THURSDAY: i64 = 3;

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A local hour. One that clocks show twice is one hour.
    Hour,
    /// A local day.
    Day,
    /// A week of ISO 8601, from Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months.
    Quarter,
    /// A calendar year.
    Year,
}

impl Word for Period {
    const ALL: &'static [Self] =
        &[Period::Hour, Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year];

    fn word(self) -> &'static str {
        match self {
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }
}

impl Period {
    /// The number of the period that an instant of local time lies in; they follow each other.
    fn of_local(self, ms: i64) -> i64 {
        let day = ms.div_euclid(DAY_MS);
        let month = || {
            let date = naive(ms).date();
            i64::from(date.year()) * 12 + i64::from(date.month0())
        };
        match self {
            Period::Hour => ms.div_euclid(HOUR_MS),
            Period::Day => day,
            Period::Week => (day + THURSDAY).div_euclid(7),
            Period::Month => month(),
            Period::Quarter => month().div_euclid(3),
            Period::Year => month().div_euclid(12),
        }
    }

    /// Its name: `2026-11-21 04:00`, `2026-11-21`, `2026-W47`, `2026-11`, `2026-Q4`, `2026`.
    #[must_use]
    pub fn label(self, number: i64) -> String {
        let date = |day: i64| naive(day.saturating_mul(DAY_MS)).date();
        match self {
            Period::Hour => {
                let mut label = label_of_day(date(number.div_euclid(24)));
                label.push(' ');
                push_two(&mut label, number.rem_euclid(24).unsigned_abs());
                label.push_str(":00");
                label
            }
            Period::Day => label_of_day(date(number)),
            Period::Week => date(number * 7 - THURSDAY).format("%G-W%V").to_string(),
            Period::Month => {
                format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1)
            }
            Period::Quarter => format!("{:04}-Q{}", number.div_euclid(4), number.rem_euclid(4) + 1),
            Period::Year => format!("{number:04}"),
        }
    }

    /// About the number of periods in so many quarter hours.
    #[must_use]
    pub fn about(self, quarters: Quarters) -> u32 {
        let quarters_each = match self {
            Period::Hour => 4,
            Period::Day => QUARTERS_PER_DAY,
            Period::Week => 7 * QUARTERS_PER_DAY,
            Period::Month => 28 * QUARTERS_PER_DAY,
            Period::Quarter => 90 * QUARTERS_PER_DAY,
            Period::Year => 365 * QUARTERS_PER_DAY,
        };
        quarters.len() / quarters_each
    }
}

/// A date as `2026-11-21`, put together by hand: a formatter took a tenth of the time of an answer with a
/// year of hours.
fn label_of_day(date: NaiveDate) -> String {
    let mut label = String::with_capacity("2026-11-21 04:00".len());
    let year = date.year().unsigned_abs();
    // The last one that a range may reach is 10000.
    if year > 9_999 {
        label.push_str(&year.to_string());
    } else {
        push_two(&mut label, (year / 100).into());
        push_two(&mut label, (year % 100).into());
    }
    for part in [date.month(), date.day()] {
        label.push('-');
        push_two(&mut label, part.into());
    }
    label
}

/// A number below 100 in two digits.
fn push_two(label: &mut String, number: u64) {
    for digit in [number / 10, number % 10] {
        label.push(char::from(b'0' + u8::try_from(digit).unwrap_or_default()));
    }
}

/// Tells the period of a zone that a quarter hour starts in; without one, all are the same.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: Zone,
    period: Option<Period>,
    /// The UTC day that was looked at last, and its offset if it has one throughout.
    utc_day: Option<(u32, Option<i64>)>,
    /// The same of each that was looked at.
    utc_days: HashMap<u32, Option<i64>, RandomState>,
    /// The local day that was looked at last, and its period, of periods that are not shorter.
    local_day: Option<(i64, i64)>,
    /// The same of each that was looked at.
    local_days: HashMap<i64, i64, RandomState>,
}

impl Clock {
    /// A clock of a zone.
    #[must_use]
    pub fn of(zone: Zone, period: Option<Period>) -> Self {
        let (utc_days, local_days) = (HashMap::default(), HashMap::default());
        Clock { zone, period, utc_day: None, utc_days, local_day: None, local_days }
    }

    /// The name of a period.
    #[must_use]
    pub fn label(&self, number: i64) -> String {
        self.period.map(|period| period.label(number)).unwrap_or_default()
    }

    /// The period that a quarter hour starts in. Fastest where they come in order of time.
    pub fn period_of(&mut self, quarter: u32) -> i64 {
        let Some(period) = self.period else { return 0 };
        let local = quarter_start(quarter).0 + self.offset(quarter);
        if period == Period::Hour {
            return period.of_local(local);
        }
        let day = local.div_euclid(DAY_MS);
        match self.local_day {
            Some((known, number)) if known == day => number,
            _ => {
                let number = *self.local_days.entry(day).or_insert_with(|| period.of_local(local));
                self.local_day = Some((day, number));
                number
            }
        }
    }

    /// The period that all quarter hours of a UTC day start in, if there is one.
    pub fn period_of_day(&mut self, day: u32) -> Option<i64> {
        if self.period.is_none() {
            return Some(0);
        }
        let first = bucket::first_quarter(Level::Day, day);
        let number = self.period_of(first);
        let last = first + QUARTERS_PER_DAY - 1;
        // Within a day of one offset, local time goes on evenly.
        let mut rest = match self.utc_day {
            Some((known, Some(_))) if known == day => last..last + 1,
            _ => first..last + 1,
        };
        rest.all(|quarter| self.period_of(quarter) == number).then_some(number)
    }

    /// The quarter hours of a range from the first that starts in one period to the last that starts in
    /// another.
    #[must_use]
    pub fn between(&self, (first, last): (i64, i64), quarters: Quarters) -> Quarters {
        let mut clock = self.clone();
        let mut place = |is_before: &dyn Fn(i64) -> bool| {
            let (mut low, mut high) = (quarters.from, quarters.to);
            while low < high {
                let middle = low.midpoint(high);
                if is_before(clock.period_of(middle)) { low = middle + 1 } else { high = middle }
            }
            low
        };
        let from = place(&|period| period < first);
        Quarters { from, to: place(&|period| period <= last) }
    }

    /// The periods that quarter hours start in, in order, each once.
    pub fn all(&mut self, quarters: Quarters) -> Vec<i64> {
        let Quarters { from, to } = quarters;
        if self.period > Some(Period::Day) && quarters.len() > 2 * JUMP {
            // No clock jumps over one of these, so between the ends there is each.
            let ends = (from..from + JUMP).chain(to - JUMP..to);
            let numbers: Vec<i64> = ends.map(|quarter| self.period_of(quarter)).collect();
            let ends = numbers.iter().min().zip(numbers.iter().max());
            return ends.map_or_else(Vec::new, |(first, last)| (*first..=*last).collect());
        }
        let mut numbers = Vec::new();
        for quarter in from..to {
            let number = self.period_of(quarter);
            if numbers.last() != Some(&number) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Changes of an offset are far apart: a UTC day that begins and ends with the same one has it
    /// throughout.
    fn offset(&mut self, quarter: u32) -> i64 {
        let utc_day = quarter / QUARTERS_PER_DAY;
        let offset = match self.utc_day {
            Some((day, offset)) if day == utc_day => offset,
            _ => {
                let throughout = || {
                    let start = i64::from(utc_day) * DAY_MS;
                    let first = self.zone.offset_ms(start);
                    (first == self.zone.offset_ms(start + DAY_MS - QUARTER_MS)).then_some(first)
                };
                let offset = *self.utc_days.entry(utc_day).or_insert_with(throughout);
                self.utc_day = Some((utc_day, offset));
                offset
            }
        };
        offset.unwrap_or_else(|| self.zone.offset_ms(quarter_start(quarter).0))
    }
}

/// Sums by period.
#[derive(Debug)]
pub struct Buckets<T> {
    clock: Clock,
    places: HashMap<i64, usize>,
    sums: Vec<(i64, T)>,
    last: Option<(i64, usize)>,
}

impl<T: Default> Buckets<T> {
    /// No sums yet.
    #[must_use]
    pub fn of(clock: Clock) -> Self {
        Buckets { clock, places: HashMap::new(), sums: Vec::new(), last: None }
    }

    /// The sum of the period that a quarter hour starts in.
    pub fn at(&mut self, quarter: u32) -> &mut T {
        let number = self.clock.period_of(quarter);
        self.of_period(number)
    }

    /// The sum of a period.
    pub fn of_period(&mut self, number: i64) -> &mut T {
        let place = match self.last {
            Some((last, place)) if last == number => place,
            _ => *self.places.entry(number).or_insert_with(|| {
                self.sums.push((number, T::default()));
                self.sums.len() - 1
            }),
        };
        self.last = Some((number, place));
        &mut self.sums[place].1
    }

    /// The first period that something was added to.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.sums.iter().map(|(number, _)| *number).min()
    }

    /// The periods that something was added to, in order of time.
    #[must_use]
    pub fn finish(mut self) -> Vec<(i64, T)> {
        self.sums.sort_unstable_by_key(|(number, _)| *number);
        self.sums
    }

    /// Every period that quarter hours start in, in order of time.
    #[must_use]
    pub fn filled(mut self, quarters: Quarters) -> Vec<(i64, T)> {
        for number in self.clock.clone().all(quarters) {
            self.of_period(number);
        }
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use projections::bucket::quarter_of;
    use projections::time::Time;

    use super::*;

    const ZONES: [&str; 7] = [
        "UTC",
        "Europe/London",
        "Asia/Kolkata",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "Pacific/Apia",
    ];

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    fn quarters(from: &str, to: &str) -> Quarters {
        let quarter = |text| quarter_of(Time::parse(text).unwrap());
        Quarters { from: quarter(from), to: quarter(to) }
    }

    #[test]
    fn the_periods_of_a_range_are_those_that_its_quarter_hours_start_in() {
        // Clocks of Apia leave out the last but one day of 2011, and those of Beirut go back at midnight.
        let ranges = [
            quarters("2011-12-30", "2012-01-05"),
            quarters("2011-12-31T09:45:00Z", "2013-01-01T10:15:00Z"),
            quarters("2026-10-24T21:15:00Z", "2026-11-01T22:00:00Z"),
            quarters("2026-01-01", "2026-01-01"),
        ];
        for (name, range) in ZONES.into_iter().flat_map(|name| ranges.map(|it| (name, it))) {
            for period in Period::ALL {
                let mut clock = Clock::of(zone(name), Some(*period));
                let mut each: Vec<i64> =
                    (range.from..range.to).map(|quarter| clock.period_of(quarter)).collect();
                each.sort_unstable();
                each.dedup();
                assert_eq!(clock.all(range), each, "{name} {period:?} {range:?}");
            }
        }
        let years = Clock::of(zone("Australia/Lord_Howe"), Some(Period::Year)).all(Quarters::ALL);
        assert!(years.into_iter().eq(1970..=10_000));
    }

    #[test]
    fn days_and_hours_are_named_as_a_formatter_names_them() {
        for day in (0..20_000).chain(2_932_890..2_932_900) {
            let date = naive(day * DAY_MS).format("%Y-%m-%d").to_string();
            let date = date.trim_start_matches('+');
            assert_eq!(Period::Day.label(day), date);
            let hour = day % 24;
            assert_eq!(Period::Hour.label(day * 24 + hour), format!("{date} {hour:02}:00"));
        }
    }

    fn labels(period: Period, zone: Zone, quarters: Quarters) -> Vec<String> {
        let mut clock = Clock::of(zone, Some(period));
        clock.all(quarters).into_iter().map(|number| clock.label(number)).collect()
    }

    #[test]
    fn a_quarter_hour_belongs_to_the_local_day_of_its_start() {
        // Clocks in St John's went back at a minute past midnight then, into the day before.
        let range = quarters("2010-10-01", "2012-02-10");
        for name in ZONES {
            let mut days: Buckets<u32> = Buckets::of(Clock::of(zone(name), Some(Period::Day)));
            let mut expected: BTreeMap<String, u32> = BTreeMap::new();
            for quarter in range.from..range.to {
                *days.at(quarter) += 1;
                let day = zone(name).day_of(quarter_start(quarter)).to_string();
                *expected.entry(day).or_default() += 1;
            }
            let found: Vec<_> = days.finish();
            let found = found.into_iter().map(|(day, sum)| (Period::Day.label(day), sum));
            assert_eq!(
                found.collect::<Vec<_>>(),
                expected.into_iter().collect::<Vec<_>>(),
                "{name}"
            );
        }
    }

    #[test]
    fn days_across_a_change_of_clocks_have_23_and_25_hours() {
        let of = |range: Quarters| {
            let mut days: Buckets<u32> =
                Buckets::of(Clock::of(zone("Europe/London"), Some(Period::Day)));
            (range.from..range.to).for_each(|quarter| *days.at(quarter) += 1);
            days.finish()
                .into_iter()
                .map(|(day, sum)| (Period::Day.label(day), sum))
                .collect::<Vec<_>>()
        };
        let spring = of(quarters("2026-03-28", "2026-03-30T23:00:00Z"));
        assert_eq!(spring[1], ("2026-03-29".to_owned(), 92));
        let autumn = of(quarters("2026-10-24T23:00:00Z", "2026-10-26"));
        assert_eq!(autumn, [("2026-10-25".to_owned(), 100)]);
    }

    #[test]
    fn periods_have_the_names_of_their_calendar() {
        let utc = |period, from, to| labels(period, Zone::UTC, quarters(from, to));
        assert_eq!(utc(Period::Year, "2009-12-31", "2010-01-02"), ["2009", "2010"]);
        assert_eq!(utc(Period::Quarter, "2010-03-31", "2010-04-02"), ["2010-Q1", "2010-Q2"]);
        assert_eq!(utc(Period::Month, "2009-12-31", "2010-01-02"), ["2009-12", "2010-01"]);
        // The week that has a year's first Thursday is its first.
        assert_eq!(utc(Period::Week, "2010-01-03", "2010-01-05"), ["2009-W53", "2010-W01"]);
        assert_eq!(utc(Period::Week, "1970-01-01", "1970-01-06"), ["1970-W01", "1970-W02"]);
        assert_eq!(utc(Period::Day, "2010-02-28", "2010-03-02"), ["2010-02-28", "2010-03-01"]);
        let hours = labels(
            Period::Hour,
            zone("Asia/Kolkata"),
            quarters("2010-01-01T00:15:00Z", "2010-01-01T00:45:00Z"),
        );
        assert_eq!(hours, ["2010-01-01 05:00", "2010-01-01 06:00"]);
    }

    #[test]
    fn there_is_a_bar_for_each_day_that_a_zone_has_had() {
        let apia = quarters("2011-12-29T10:00:00Z", "2012-01-01T10:00:00Z");
        let days = labels(Period::Day, zone("Pacific/Apia"), apia);
        assert_eq!(days, ["2011-12-29", "2011-12-31", "2012-01-01"]);
    }

    #[test]
    fn the_quarter_hours_of_some_periods_are_found() {
        let range = quarters("2026-01-01", "2026-03-01");
        let mut clock = Clock::of(zone("Asia/Kolkata"), Some(Period::Day));
        let day = clock.period_of(range.from + 400);
        let found = clock.between((day, day + 1), range);
        assert_eq!(found, quarters("2026-01-04T18:30:00Z", "2026-01-06T18:30:00Z"));
        assert_eq!(clock.between((i64::MIN, i64::MAX), range), range);
    }
}
