//! Local days: the day of a zone that a quarter hour belongs to, and the first instant of a day.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use projections::bucket::{QUARTER_MS, QUARTERS_PER_DAY, quarter_start};
use projections::table::Row;
use projections::time::Time;

const DAY_MS: i64 = 86_400_000;

/// A zone of the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The zone of an IANA name, such as `America/St_Johns`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        name.parse().ok().map(Zone)
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The local day of an instant.
    #[must_use]
    pub fn day_of(self, at: Time) -> NaiveDate {
        (naive(at.0) + self.offset(at.0)).date()
    }

    /// The first instant of a local day. Where clocks show midnight twice it is the earlier one;
    /// where they skip it, the one they go on at.
    #[must_use]
    pub fn start_of_day(self, day: NaiveDate) -> Time {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        let start = match self.0.from_local_datetime(&midnight).earliest() {
            Some(start) => start.timestamp_millis(),
            None => self.first_after_gap(day, midnight.and_utc().timestamp_millis()),
        };
        Time(start)
    }

    /// No offset is further from UTC than a day, so the day begins within two of its midnight.
    fn first_after_gap(self, day: NaiveDate, midnight_ms: i64) -> i64 {
        let (mut before, mut after) = (midnight_ms - 2 * DAY_MS, midnight_ms + 2 * DAY_MS);
        while after - before > 1 {
            let middle = before.midpoint(after);
            if self.day_of(Time(middle)) < day {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }

    fn offset(self, ms: i64) -> chrono::TimeDelta {
        let seconds = self.0.offset_from_utc_datetime(&naive(ms)).fix().local_minus_utc();
        chrono::TimeDelta::seconds(i64::from(seconds))
    }
}

/// An instant far outside those that a request can name is the epoch rather than a panic.
fn naive(ms: i64) -> NaiveDateTime {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().naive_utc()
}

/// Rows added up by the local day that their quarter hour starts in.
#[derive(Debug)]
pub struct Trend {
    zone: Zone,
    /// The UTC day that was looked at last, and its offset if it has one throughout.
    utc_day: Option<(u32, Option<i64>)>,
    /// The local day that was added to last, and its sums, not yet in `days`.
    open: (i64, Row),
    days: BTreeMap<i64, Row>,
}

impl Trend {
    /// No rows yet.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Trend { zone, utc_day: None, open: (0, [0; 3]), days: BTreeMap::new() }
    }

    /// Adds a row to the local day its quarter hour starts in. Fast where quarter hours come in
    /// order of time, right in any.
    pub fn add(&mut self, quarter: u32, row: Row) {
        let day = self.local_day(quarter);
        if day != self.open.0 {
            self.close();
            self.open.0 = day;
        }
        add(&mut self.open.1, row);
    }

    /// The days that came to something, oldest first, as `YYYY-MM-DD`.
    #[must_use]
    pub fn finish(mut self) -> Vec<(String, Row)> {
        self.close();
        let label = |day: i64| naive(day * DAY_MS).date().format("%Y-%m-%d").to_string();
        let days = self.days.into_iter().filter(|(_, row)| *row != [0; 3]);
        days.map(|(day, row)| (label(day), row)).collect()
    }

    fn close(&mut self) {
        let (day, row) = self.open;
        if row != [0; 3] {
            add(self.days.entry(day).or_default(), row);
        }
        self.open.1 = [0; 3];
    }

    /// The local day in days since 1970. Changes of an offset are far apart: a UTC day that begins
    /// and ends with the same one has it throughout.
    fn local_day(&mut self, quarter: u32) -> i64 {
        let utc_day = quarter / QUARTERS_PER_DAY;
        let start = quarter_start(quarter).0;
        let offset = match self.utc_day {
            Some((day, offset)) if day == utc_day => offset,
            _ => {
                let day_start = i64::from(utc_day) * DAY_MS;
                let first = self.zone.offset(day_start);
                let last = self.zone.offset(day_start + DAY_MS - QUARTER_MS);
                let offset = (first == last).then(|| first.num_milliseconds());
                self.utc_day = Some((utc_day, offset));
                offset
            }
        };
        let offset = offset.unwrap_or_else(|| self.zone.offset(start).num_milliseconds());
        (start + offset).div_euclid(DAY_MS)
    }
}

/// Adds a row to another.
pub fn add(sum: &mut Row, row: Row) {
    for (cell, value) in sum.iter_mut().zip(row) {
        *cell = cell.saturating_add(value);
    }
}

#[cfg(test)]
mod tests {
    use projections::bucket::quarter_of;

    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn start(name: &str, day: &str) -> String {
        zone(name).start_of_day(day.parse().unwrap()).to_rfc3339()
    }

    #[test]
    fn a_day_begins_at_its_zones_midnight() {
        assert_eq!(start("Asia/Kolkata", "2026-03-01"), "2026-02-28T18:30:00.000Z");
        assert_eq!(start("America/St_Johns", "2026-03-01"), "2026-03-01T03:30:00.000Z");
        assert_eq!(start("Asia/Kathmandu", "2026-03-01"), "2026-02-28T18:15:00.000Z");
        assert_eq!(start("Europe/London", "2026-03-30"), "2026-03-29T23:00:00.000Z");
    }

    #[test]
    fn a_midnight_that_clocks_skip_is_the_instant_they_go_on_at() {
        // Beirut goes from 23:59 to 01:00.
        assert_eq!(start("Asia/Beirut", "2026-03-29"), "2026-03-28T22:00:00.000Z");
        // Apia went without this day.
        assert_eq!(start("Pacific/Apia", "2011-12-30"), "2011-12-30T10:00:00.000Z");
        assert_eq!(start("Pacific/Apia", "2011-12-31"), "2011-12-30T10:00:00.000Z");
    }

    #[test]
    fn a_midnight_that_clocks_show_twice_is_the_earlier() {
        assert_eq!(start("America/Havana", "2026-11-01"), "2026-11-01T04:00:00.000Z");
    }

    #[test]
    fn a_quarter_hour_belongs_to_the_local_day_of_its_start() {
        for name in ["UTC", "Europe/London", "Asia/Kolkata", "America/St_Johns", "Asia/Beirut"] {
            let zone = zone(name);
            let first = quarter_of(at("2010-10-01"));
            let mut trend = Trend::new(zone);
            let mut expected: BTreeMap<String, i64> = BTreeMap::new();
            for quarter in first..first + 500 * QUARTERS_PER_DAY {
                trend.add(quarter, [1, 0, 0]);
                let day = zone.day_of(quarter_start(quarter)).to_string();
                *expected.entry(day).or_default() += 1;
            }
            let found: Vec<_> =
                trend.finish().into_iter().map(|(day, row)| (day, row[0])).collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn days_across_a_change_of_clocks_have_23_and_25_hours() {
        let mut trend = Trend::new(zone("Europe/London"));
        for quarter in quarter_of(at("2026-03-28"))..quarter_of(at("2026-03-30T23:00:00Z")) {
            trend.add(quarter, [1, 0, 0]);
        }
        let days = trend.finish();
        assert_eq!(days[1], ("2026-03-29".to_owned(), [92, 0, 0]));
        let mut trend = Trend::new(zone("Europe/London"));
        for quarter in quarter_of(at("2026-10-24T23:00:00Z"))..quarter_of(at("2026-10-26")) {
            trend.add(quarter, [1, 0, 0]);
        }
        assert_eq!(trend.finish(), [("2026-10-25".to_owned(), [100, 0, 0])]);
    }

    #[test]
    fn a_day_that_comes_to_nothing_is_left_out_and_order_does_not_matter() {
        let mut trend = Trend::new(Zone::UTC);
        let quarter = quarter_of(at("2026-01-02"));
        trend.add(quarter + 96, [2, 0, 20]);
        trend.add(quarter, [1, 0, 10]);
        trend.add(quarter + 192, [1, 0, 5]);
        trend.add(quarter + 96, [3, 0, 30]);
        trend.add(quarter + 192, [-1, 0, -5]);
        let days = trend.finish();
        assert_eq!(days[0], ("2026-01-02".to_owned(), [1, 0, 10]));
        assert_eq!(days[1], ("2026-01-03".to_owned(), [5, 0, 50]));
        assert!(days.iter().all(|(_, row)| *row != [0; 3]));
    }
}
