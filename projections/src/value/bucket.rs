//! Buckets of time: quarter hours of UTC, and the days and months that they add up to.
//!
//! A quarter hour is the finest time that most read models know (every zone's offset that is in use
//! today is a multiple of it); some know minutes. All levels are plain counts from 1970-01-01T00:00Z.

use crate::time::Time;

/// Milliseconds in a quarter hour.
pub const QUARTER_MS: i64 = 15 * 60 * 1000;
/// Quarter hours in a day.
pub const QUARTERS_PER_DAY: u32 = 96;

/// Minutes in a quarter hour.
pub const MINUTES_PER_QUARTER: u32 = 15;
/// Minutes in a day.
pub const MINUTES_PER_DAY: u32 = QUARTERS_PER_DAY * MINUTES_PER_QUARTER;

/// The length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 15 minutes.
    Quarter,
    /// 24 hours of UTC.
    Day,
    /// A calendar month of UTC.
    Month,
    /// All of time; its one bucket is 0.
    Ever,
}

impl Level {
    /// All of them, from the shortest.
    pub const ALL: &[Level] = &[Level::Quarter, Level::Day, Level::Month, Level::Ever];
}

/// The quarter hour that an instant lies in. Instants before 1970 are not events; they clamp to 0.
#[must_use]
pub fn quarter_of(at: Time) -> u32 {
    u32::try_from(at.0.div_euclid(QUARTER_MS).max(0)).unwrap_or(u32::MAX)
}

/// The minute that an instant lies in, clamped as quarter hours are.
#[must_use]
pub fn minute_of(at: Time) -> u32 {
    u32::try_from(at.0.div_euclid(QUARTER_MS / i64::from(MINUTES_PER_QUARTER)).max(0))
        .unwrap_or(u32::MAX)
}

/// The quarter hour that a minute lies in.
#[must_use]
pub fn quarter_of_minute(minute: u32) -> u32 {
    minute / MINUTES_PER_QUARTER
}

/// The start of a quarter hour.
#[must_use]
pub fn quarter_start(quarter: u32) -> Time {
    Time(i64::from(quarter) * QUARTER_MS)
}

/// The UTC day of a quarter hour, in days since 1970-01-01.
#[must_use]
pub fn day_of_quarter(quarter: u32) -> u32 {
    quarter / QUARTERS_PER_DAY
}

/// The calendar month of a day, in months since January 1970.
#[must_use]
pub fn month_of_day(day: u32) -> u32 {
    let (year, month, _) = civil(day);
    (year - 1970) * 12 + month - 1
}

/// The first day of a month.
#[must_use]
pub fn first_day_of_month(month: u32) -> u32 {
    let (year, month) = (1970 + month / 12, month % 12 + 1);
    days_from_civil(year, month, 1)
}

/// The calendar month of a quarter hour.
#[must_use]
pub fn month_of_quarter(quarter: u32) -> u32 {
    month_of_day(day_of_quarter(quarter))
}

/// The bucket at `level` that a quarter hour belongs to.
#[must_use]
pub fn bucket_of(level: Level, quarter: u32) -> u32 {
    match level {
        Level::Quarter => quarter,
        Level::Day => day_of_quarter(quarter),
        Level::Month => month_of_quarter(quarter),
        Level::Ever => 0,
    }
}

/// The first quarter hour of a bucket. `first_quarter(level, bucket + 1)` is its exclusive end.
#[must_use]
pub fn first_quarter(level: Level, bucket: u32) -> u32 {
    match level {
        Level::Quarter => bucket,
        Level::Day => bucket * QUARTERS_PER_DAY,
        Level::Month => first_day_of_month(bucket) * QUARTERS_PER_DAY,
        Level::Ever => 0,
    }
}

/// A bucket's name: `2026-11`, `2026-11-21`, `2026-11-21T04:15`. Sorts as time does.
#[must_use]
pub fn label(level: Level, bucket: u32) -> String {
    let first = first_quarter(level, bucket);
    let (year, month, day) = civil(day_of_quarter(first));
    match level {
        Level::Month => format!("{year:04}-{month:02}"),
        Level::Day => format!("{year:04}-{month:02}-{day:02}"),
        Level::Quarter => {
            let minute = first % QUARTERS_PER_DAY * 15;
            format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}", minute / 60, minute % 60)
        }
        Level::Ever => "ever".to_owned(),
    }
}

/// The bucket of a level that a [label] names.
///
/// [label]: label()
#[must_use]
pub fn of_label(level: Level, label: &str) -> Option<u32> {
    if level == Level::Ever {
        return (label == "ever").then_some(0);
    }
    let number = |from: usize, to: usize| label.get(from..to)?.parse::<u32>().ok();
    let month = number(0, 4)?.checked_sub(1970)? * 12 + number(5, 7)?.checked_sub(1)?;
    if level == Level::Month {
        return Some(month);
    }
    let day = first_day_of_month(month) + number(8, 10)?.checked_sub(1)?;
    if level == Level::Day {
        return Some(day);
    }
    Some(first_quarter(Level::Day, day) + number(11, 13)? * 4 + number(14, 16)? / 15)
}

/// A half-open range of quarter hours cut into the fewest buckets of the three levels, in order
/// of time: at most 95 quarters and 30 days at each end, whole months between.
#[must_use]
pub fn cover(from: u32, to: u32) -> Vec<(Level, u32)> {
    let mut buckets = Vec::new();
    let mut at = from;
    while at < to {
        let level = [Level::Month, Level::Day]
            .into_iter()
            .find(|&level| {
                let bucket = bucket_of(level, at);
                first_quarter(level, bucket) == at && first_quarter(level, bucket + 1) <= to
            })
            .unwrap_or(Level::Quarter);
        let bucket = bucket_of(level, at);
        buckets.push((level, bucket));
        at = first_quarter(level, bucket + 1);
    }
    buckets
}

/// Year, month (1 to 12) and day of a day since 1970-01-01, after Howard Hinnant's
/// `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>).
#[must_use]
pub fn civil(day: u32) -> (u32, u32, u32) {
    let z = day + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u32::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

fn days_from_civil(year: u32, month: u32, day: u32) -> u32 {
    let y = year - u32::from(month <= 2);
    let (era, yoe) = (y / 400, y % 400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{Datelike, NaiveDate};
    use proptest::prelude::*;

    #[test]
    fn days_and_months_agree_with_the_calendar() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for day in 0..80_000 {
            let date = epoch + chrono::Days::new(u64::from(day));
            assert_eq!(civil(day), (date.year_ce().1, date.month(), date.day()));
            let month = month_of_day(day);
            assert_eq!(first_day_of_month(month), day + 1 - date.day());
        }
    }

    #[test]
    fn labels_name_the_start_of_a_bucket() {
        let quarter = quarter_of(Time(1_795_234_567_000));
        assert_eq!(label(Level::Quarter, quarter), "2026-11-21T04:15");
        assert_eq!(label(Level::Day, day_of_quarter(quarter)), "2026-11-21");
        assert_eq!(label(Level::Month, month_of_quarter(quarter)), "2026-11");
    }

    #[test]
    fn a_label_says_its_bucket() {
        let quarter = quarter_of(Time(1_795_234_567_000));
        for level in [Level::Quarter, Level::Day, Level::Month, Level::Ever] {
            let bucket = bucket_of(level, quarter);
            assert_eq!(of_label(level, &label(level, bucket)), Some(bucket), "{level:?}");
            assert_eq!(of_label(level, ""), None);
        }
    }

    proptest! {
        #[test]
        fn a_cover_is_the_range_without_gap_or_overlap(from in 0u32..3_000_000, len in 0u32..120_000) {
            let buckets = cover(from, from + len);
            let mut at = from;
            for (level, bucket) in &buckets {
                prop_assert_eq!(first_quarter(*level, *bucket), at);
                at = first_quarter(*level, bucket + 1);
            }
            prop_assert_eq!(at, from + len);
            prop_assert!(buckets.len() <= 2 * (95 + 30) + (len / 2688) as usize + 1);
        }
    }
}
