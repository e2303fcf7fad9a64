//! UTC days in periods of local time: the buckets of rollups that make up a range, period by period.

use std::collections::{BTreeMap, HashSet};

use projections::bucket::{self, Level, QUARTERS_PER_DAY};

use super::period::Clock;
use super::range::{Coverage, Quarters};
use super::zone::Zone;

/// UTC days of a range: those that lie in one period as a whole, and the others.
#[derive(Debug, Clone)]
pub struct Days {
    quarters: Quarters,
    first: u32,
    /// For each day of the range, the period that all of it lies in.
    periods: Vec<Option<i64>>,
}

/// A month or a day as a whole, or quarter hours of a day that follow each other: all of it lies in one
/// period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The period.
    pub period: i64,
    /// The level; that of quarter hours for some of a day.
    pub level: Level,
    /// The month, or the day.
    pub bucket: u32,
    /// The first and the last quarter hour of the day; 0 of a whole month or day.
    pub places: (u32, u32),
}

impl Piece {
    /// The days of a month, in no period.
    pub fn days_of(month: u32) -> impl Iterator<Item = Self> {
        let days = bucket::first_day_of_month(month)..bucket::first_day_of_month(month + 1);
        days.map(|bucket| Piece { period: 0, level: Level::Day, bucket, places: (0, 0) })
    }

    /// The quarter hours of a day, in no period.
    #[must_use]
    pub fn quarters_of(day: u32) -> Self {
        let places = (0, QUARTERS_PER_DAY - 1);
        Piece { period: 0, level: Level::Quarter, bucket: day, places }
    }

    /// Its buckets, each with its place in the day; 0 of a whole month or day.
    pub fn buckets(&self) -> impl Iterator<Item = (u32, (Level, u32))> {
        let first = match self.level {
            Level::Quarter => bucket::first_quarter(Level::Day, self.bucket),
            _ => self.bucket,
        };
        let level = self.level;
        (self.places.0..=self.places.1).map(move |place| (place, (level, first + place)))
    }
}

/// Days that follow each other, both included.
type Run = (u32, u32);

/// The periods that a bucket is added to and taken off.
type Counted = (Option<i64>, Option<i64>);

/// Buckets that make up a range, in order of time within each level.
#[derive(Debug, Default)]
pub struct Cover {
    buckets: BTreeMap<(Level, u32), Counted>,
}

/// The tables of all time are about as large as those of a month, in quarter hours.
const EVER: u32 = 30 * QUARTERS_PER_DAY;

impl Cover {
    /// Few buckets that make up a scope, in one period: those in it, or all of time less those outside,
    /// whichever are less to read.
    #[must_use]
    pub fn of(scope: Coverage) -> Self {
        let mut clock = Clock::of(Zone::UTC, None);
        let mut within = |quarters| Days::of(quarters, &mut clock).cover(&mut clock);
        let (quarters, whole) = match scope {
            Coverage::Nothing => return Cover::default(),
            Coverage::Everything(_) => return Cover::ever(),
            Coverage::Part { quarters, whole } => (quarters, whole),
        };
        let before = Quarters { from: whole.from, to: quarters.from };
        let after = Quarters { from: quarters.to, to: whole.to };
        if before.len() + after.len() + EVER >= quarters.len() {
            return within(quarters);
        }
        let mut cover = Cover::ever();
        for outside in [before, after] {
            let buckets = within(outside).buckets.into_iter();
            cover.buckets.extend(buckets.map(|(bucket, (more, less))| (bucket, (less, more))));
        }
        cover
    }

    /// All of time, in one period.
    fn ever() -> Self {
        Cover { buckets: [((Level::Ever, 0), (Some(0), None))].into() }
    }

    fn push(&mut self, level: Level, bucket: u32, more: Option<i64>, less: Option<i64>) {
        self.buckets.insert((level, bucket), (more, less));
    }

    /// The buckets, those of a level that follow each other together.
    #[must_use]
    pub fn runs(&self) -> Vec<(Level, Run)> {
        [Level::Ever, Level::Month, Level::Day, Level::Quarter]
            .into_iter()
            .flat_map(|level| {
                let of_level = self.buckets.keys().filter(move |(it, _)| *it == level);
                runs(of_level.map(|(_, bucket)| *bucket)).into_iter().map(move |run| (level, run))
            })
            .collect()
    }

    /// The buckets of a level that shorter ones of the cover lie in.
    #[must_use]
    pub fn above(&self, level: Level) -> Cover {
        let below = self.buckets.keys().filter(|(it, _)| *it < level);
        let above =
            below.map(|(it, bucket)| ((level, longer((*it, *bucket), level)), (None, None)));
        Cover { buckets: above.collect() }
    }

    /// Leaves out the buckets shorter than a level that lie in none of some of it.
    pub fn keep_below(&mut self, level: Level, some: &HashSet<u32>) {
        self.buckets.retain(|(it, bucket), _| {
            *it >= level || some.contains(&longer((*it, *bucket), level))
        });
    }

    /// The days that quarter hours of the cover lie in, in order.
    #[must_use]
    pub fn days_in_parts(&self) -> Vec<u32> {
        let quarters = self.buckets.keys().filter(|(level, _)| *level == Level::Quarter);
        let mut days: Vec<u32> = quarters.map(|quarter| longer(*quarter, Level::Day)).collect();
        days.dedup();
        days
    }

    /// Leaves out the quarter hours that are none of some.
    pub fn keep_quarters(&mut self, is_one: impl Fn(u32) -> bool) {
        self.buckets.retain(|(level, bucket), _| *level != Level::Quarter || is_one(*bucket));
    }

    /// The number of buckets.
    #[must_use]
    pub fn number(&self) -> usize {
        self.buckets.len()
    }

    /// The period that a bucket is added to, and the one that it is taken off.
    #[must_use]
    pub fn counted(&self, level: Level, bucket: u32) -> Counted {
        self.buckets.get(&(level, bucket)).copied().unwrap_or_default()
    }
}

impl Days {
    /// The days of a range.
    #[must_use]
    pub fn of(quarters: Quarters, clock: &mut Clock) -> Self {
        if quarters.is_empty() {
            return Days { quarters, first: 0, periods: Vec::new() };
        }
        let first = bucket::day_of_quarter(quarters.from);
        let last = bucket::day_of_quarter(quarters.to - 1);
        let is_whole = |day| {
            quarters.from <= bucket::first_quarter(Level::Day, day)
                && bucket::first_quarter(Level::Day, day + 1) <= quarters.to
        };
        let period = |day| is_whole(day).then(|| clock.period_of_day(day)).flatten();
        Days { quarters, first, periods: (first..=last).map(period).collect() }
    }

    /// The range.
    #[must_use]
    pub fn quarters(&self) -> Quarters {
        self.quarters
    }

    /// The period that a day lies in as a whole.
    #[must_use]
    pub fn period(&self, day: u32) -> Option<i64> {
        let at = day.checked_sub(self.first)?;
        *self.periods.get(at as usize)?
    }

    /// The months of which all lies in one period, each with that.
    #[must_use]
    pub fn whole_months(&self) -> BTreeMap<u32, i64> {
        let whole = self.whole().into_iter();
        whole
            .filter_map(|(level, bucket, period)| {
                (level == Level::Month).then_some((bucket, period?))
            })
            .collect()
    }

    /// The other months that have a whole day, those that follow each other together.
    #[must_use]
    pub fn months(&self) -> Vec<Run> {
        let whole = self.whole().into_iter();
        let days = whole.filter(|(level, _, period)| *level == Level::Day && period.is_some());
        runs(days.map(|(_, day, _)| bucket::month_of_day(day)))
    }

    /// The days that are of several periods or not whole, those that follow each other together.
    #[must_use]
    pub fn parts(&self) -> Vec<Run> {
        runs(self.days().filter(|(_, period)| period.is_none()).map(|(day, _)| day))
    }

    /// Few buckets that make up the range: months and days that lie in one period, and of other days
    /// quarter hours; or else a day less those of its quarter hours that are not of the period that most
    /// of it is of.
    pub fn cover(&self, clock: &mut Clock) -> Cover {
        let mut cover = Cover::default();
        for (level, bucket, period) in self.whole() {
            match period {
                Some(period) => cover.push(level, bucket, Some(period), None),
                None => self.cover_part(bucket, clock, &mut cover),
            }
        }
        cover
    }

    /// The fewest pieces that make up the range, period by period in order of time.
    pub fn pieces(&self, clock: &mut Clock) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for (level, bucket, period) in self.whole() {
            if let Some(period) = period {
                pieces.push(Piece { period, level, bucket, places: (0, 0) });
                continue;
            }
            let first = bucket::first_quarter(Level::Day, bucket);
            for place in (0..QUARTERS_PER_DAY).filter(|place| self.quarters.has(first + place)) {
                let period = clock.period_of(first + place);
                match pieces.last_mut() {
                    Some(piece)
                        if (piece.period, piece.level, piece.bucket, piece.places.1 + 1)
                            == (period, Level::Quarter, bucket, place) =>
                    {
                        piece.places.1 = place;
                    }
                    _ => {
                        let (level, places) = (Level::Quarter, (place, place));
                        pieces.push(Piece { period, level, bucket, places });
                    }
                }
            }
        }
        // Clocks that are put back may go from one period into the one before.
        pieces.sort_by_key(|piece| piece.period);
        pieces
    }

    /// The months and days of the range in order of time, with the period that all of it lies in; none
    /// of a day of several periods, or that is not whole.
    fn whole(&self) -> Vec<(Level, u32, Option<i64>)> {
        let mut whole = Vec::new();
        let mut day = self.first;
        let end = self.first + u32::try_from(self.periods.len()).unwrap_or_default();
        while day < end {
            let (month, period) = (bucket::month_of_day(day), self.period(day));
            let next = bucket::first_day_of_month(month + 1);
            let is_month = period.is_some()
                && day == bucket::first_day_of_month(month)
                && (day..next).all(|day| self.period(day) == period);
            let (level, bucket) = if is_month { (Level::Month, month) } else { (Level::Day, day) };
            whole.push((level, bucket, period));
            day = if is_month { next } else { day + 1 };
        }
        whole
    }

    fn cover_part(&self, day: u32, clock: &mut Clock, cover: &mut Cover) {
        let first = bucket::first_quarter(Level::Day, day);
        let mut counts: BTreeMap<i64, u32> = BTreeMap::new();
        let quarters = (first..first + QUARTERS_PER_DAY)
            .map(|quarter| {
                let period = self.quarters.has(quarter).then(|| clock.period_of(quarter));
                if let Some(period) = period {
                    *counts.entry(period).or_default() += 1;
                }
                (quarter, period)
            })
            .collect::<Vec<_>>();
        let most = counts.into_iter().find(|(_, count)| *count > QUARTERS_PER_DAY / 2);
        let most = most.map(|(period, _)| period);
        if most.is_some() {
            cover.push(Level::Day, day, most, None);
        }
        for (quarter, period) in quarters.into_iter().filter(|(_, period)| *period != most) {
            cover.push(Level::Quarter, quarter, period, most);
        }
    }

    fn days(&self) -> impl Iterator<Item = (u32, Option<i64>)> {
        (self.first..).zip(self.periods.iter().copied())
    }
}

/// The bucket of a longer level that a shorter one lies in.
fn longer((shorter, bucket): (Level, u32), level: Level) -> u32 {
    bucket::bucket_of(level, bucket::first_quarter(shorter, bucket))
}

/// Numbers in order as runs of those that follow each other.
fn runs(numbers: impl Iterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number <= *last + 1 => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use projections::bucket::quarter_of;
    use projections::time::Time;

    use super::*;
    use crate::http::parameters::values::Word;
    use crate::query::period::Period;

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
    fn a_range_is_covered_by_whole_buckets_of_one_period_each() {
        for name in ZONES {
            for period in Period::ALL.iter().copied().map(Some).chain([None]) {
                let range = quarters("2011-10-17T05:15:00Z", "2012-02-10T20:30:00Z");
                let mut clock = Clock::of(zone(name), period);
                let days = Days::of(range, &mut clock);
                let cover = days.cover(&mut clock);
                let mut counted: BTreeMap<u32, BTreeMap<i64, i32>> = BTreeMap::new();
                for (&(level, bucket), (more, less)) in &cover.buckets {
                    let first = bucket::first_quarter(level, bucket);
                    for quarter in first..bucket::first_quarter(level, bucket + 1) {
                        for (period, by) in [(more, 1), (less, -1)] {
                            let Some(period) = period else { continue };
                            *counted.entry(quarter).or_default().entry(*period).or_default() += by;
                        }
                    }
                }
                for periods in counted.values_mut() {
                    periods.retain(|_, count| *count != 0);
                }
                counted.retain(|_, periods| !periods.is_empty());
                let once = |quarter| (quarter, [(clock.period_of(quarter), 1)].into());
                let expected: BTreeMap<u32, BTreeMap<i64, i32>> =
                    (range.from..range.to).map(once).collect();
                assert_eq!(counted, expected, "{name} {period:?}");
            }
        }
    }

    #[test]
    fn pieces_have_each_quarter_hour_of_a_range_once_and_come_by_period() {
        for name in ZONES {
            for period in Period::ALL.iter().copied().map(Some).chain([None]) {
                let range = quarters("2011-10-17T05:15:00Z", "2012-02-10T20:30:00Z");
                let mut clock = Clock::of(zone(name), period);
                let pieces = Days::of(range, &mut clock).pieces(&mut clock);
                assert!(pieces.is_sorted_by_key(|piece| piece.period), "{name} {period:?}");
                let quarters_of = |piece: &Piece| match piece.level {
                    Level::Quarter => {
                        let day = bucket::first_quarter(Level::Day, piece.bucket);
                        day + piece.places.0..day + piece.places.1 + 1
                    }
                    level => {
                        let first = |bucket| bucket::first_quarter(level, bucket);
                        first(piece.bucket)..first(piece.bucket + 1)
                    }
                };
                let each = |piece| quarters_of(piece).map(|quarter| (quarter, piece.period));
                let mut found: Vec<(u32, i64)> = pieces.iter().flat_map(each).collect();
                found.sort_unstable();
                let expected = (range.from..range.to).map(|it| (it, clock.period_of(it)));
                assert_eq!(found, expected.collect::<Vec<_>>(), "{name} {period:?}");
            }
        }
    }

    #[test]
    fn the_days_of_a_range_are_whole_or_in_parts() {
        let mut clock = Clock::of(Zone::UTC, Some(Period::Day));
        let days = Days::of(quarters("2026-01-30T18:30:00Z", "2026-03-02T00:15:00Z"), &mut clock);
        let label =
            |level, (first, last)| (bucket::label(level, first), bucket::label(level, last));
        let months: Vec<_> =
            days.months().into_iter().map(|run| label(Level::Month, run)).collect();
        assert_eq!(months, [("2026-01".to_owned(), "2026-03".to_owned())]);
        let parts: Vec<_> = days.parts().into_iter().map(|run| label(Level::Day, run).0).collect();
        assert_eq!(parts, ["2026-01-30", "2026-03-02"]);
        let mut clock = Clock::of(zone("Asia/Kolkata"), Some(Period::Day));
        let days = Days::of(quarters("2026-01-30T18:30:00Z", "2026-02-01T18:30:00Z"), &mut clock);
        assert_eq!((days.months(), days.parts().len()), (vec![], 1));
    }

    #[test]
    fn a_month_is_whole_where_all_of_it_lies_in_one_period() {
        let range = quarters("2026-01-30T18:30:00Z", "2026-05-01T18:30:00Z");
        let of = |zone_name, period| {
            let days = Days::of(range, &mut Clock::of(zone(zone_name), period));
            let whole: Vec<u32> = days.whole_months().into_keys().collect();
            let label = |month| bucket::label(Level::Month, month);
            let some = days.months().into_iter().flat_map(|(first, last)| first..=last);
            (whole.into_iter().map(label).collect::<Vec<_>>(), some.map(label).collect::<Vec<_>>())
        };
        let (whole, some) = of("Asia/Kolkata", None);
        assert_eq!((&*whole.join(" "), &*some.join(" ")), ("2026-02 2026-03 2026-04", "2026-01"));
        let (whole, some) = of("Asia/Kolkata", Some(Period::Quarter));
        assert_eq!((&*whole.join(" "), &*some.join(" ")), ("2026-02 2026-04", "2026-01 2026-03"));
        let (whole, some) = of("UTC", Some(Period::Day));
        assert_eq!((&*whole.join(" "), some.len()), ("", 4));
    }

    #[test]
    fn a_scope_is_covered_by_all_of_time_less_the_rest_where_that_is_less_to_read() {
        let whole = quarters("2025-01-01", "2026-01-01");
        let cover = |from, to| Cover::of(Coverage::Part { quarters: quarters(from, to), whole });
        let labels = |cover: &Cover| {
            let label =
                |(level, (first, last))| (bucket::label(level, first), bucket::label(level, last));
            let labels = cover.runs().into_iter().map(label);
            labels.map(|(first, last)| format!("{first} to {last}")).collect::<Vec<_>>()
        };
        let most = cover("2025-02-03", "2025-12-31");
        let rest = ["2025-01 to 2025-01", "2025-02-01 to 2025-02-02", "2025-12-31 to 2025-12-31"];
        assert_eq!(labels(&most), [&["ever to ever"][..], &rest[..]].concat());
        let day = bucket::day_of_quarter(quarters("2025-12-31", "2026-01-01").from);
        assert_eq!(most.counted(Level::Day, day), (None, Some(0)));
        assert_eq!(most.counted(Level::Ever, 0), (Some(0), None));
        let few = cover("2025-01-31", "2025-03-01");
        assert_eq!(labels(&few), ["2025-02 to 2025-02", "2025-01-31 to 2025-01-31"]);
        assert_eq!(labels(&Cover::of(Coverage::Everything(whole))), ["ever to ever"]);
        assert_eq!(Cover::of(Coverage::Nothing).number(), 0);
    }

    #[test]
    fn a_cover_is_narrowed_to_some_of_its_quarter_hours() {
        let range = quarters("2026-01-30T18:30:00Z", "2026-02-01T18:30:00Z");
        let mut clock = Clock::of(zone("Asia/Kolkata"), Some(Period::Day));
        let mut cover = Days::of(range, &mut clock).cover(&mut clock);
        let day = bucket::day_of_quarter(range.from);
        assert_eq!(cover.days_in_parts(), [day, day + 1, day + 2]);
        let number = cover.number();
        let (some, others) = (range.from, range.from + 96);
        assert_ne!(cover.counted(Level::Quarter, others), (None, None));
        cover.keep_quarters(|quarter| quarter == some);
        assert!(cover.number() < number);
        assert_ne!(cover.counted(Level::Quarter, some), (None, None));
        assert_eq!(cover.counted(Level::Quarter, others), (None, None));
        assert_eq!(cover.days_in_parts(), [day]);
        assert_ne!(cover.counted(Level::Day, day + 1), (None, None), "days stay");
    }
}
