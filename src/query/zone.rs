//! Local days: the day of a zone that a quarter hour belongs to, and the first instant of a day.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use projections::table::Row;
use projections::time::Time;

pub(super) const DAY_MS: i64 = 86_400_000;

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
        self.local(at).date()
    }

    /// The first instant of a local day, as [`Zone::instant`] has it.
    #[must_use]
    pub fn start_of_day(self, day: NaiveDate) -> Time {
        self.instant(Time(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()))
    }

    /// The instant that clocks show this at. Where they show it twice it is the earlier one; where they
    /// skip it, the one they go on at.
    #[must_use]
    pub fn instant(self, local: Time) -> Time {
        match self.0.from_local_datetime(&naive(local.0)).earliest() {
            Some(at) => Time(at.timestamp_millis()),
            None => Time(self.first_at(local.0)),
        }
    }

    /// The first instant at which clocks show no less than this. No offset is further from UTC than a
    /// day.
    fn first_at(self, local_ms: i64) -> i64 {
        let (mut before, mut after) = (local_ms - 2 * DAY_MS, local_ms + 2 * DAY_MS);
        while after - before > 1 {
            let middle = before.midpoint(after);
            if middle + self.offset_ms(middle) < local_ms {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }

    /// What clocks show at an instant.
    #[must_use]
    pub fn local(self, at: Time) -> NaiveDateTime {
        naive(at.0 + self.offset_ms(at.0))
    }

    /// How far clocks are ahead of UTC at an instant.
    pub(super) fn offset_ms(self, ms: i64) -> i64 {
        i64::from(self.0.offset_from_utc_datetime(&naive(ms)).fix().local_minus_utc()) * 1_000
    }
}

/// An instant far outside those that a request can name is the epoch rather than a panic.
pub(super) fn naive(ms: i64) -> NaiveDateTime {
    DateTime::from_timestamp_millis(ms).unwrap_or_default().naive_utc()
}

/// The same day a year before; the last of February of one that the year before has not.
#[must_use]
pub fn year_before(day: NaiveDate) -> NaiveDate {
    day.checked_sub_months(chrono::Months::new(12)).unwrap_or(day)
}

/// Adds a row to another.
pub fn add(sum: &mut Row, row: Row) {
    for (cell, value) in sum.iter_mut().zip(row) {
        *cell = cell.saturating_add(value);
    }
}

#[cfg(test)]
mod tests {
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
    fn clocks_show_an_instant_and_an_instant_is_what_clocks_show() {
        let london = zone("Europe/London");
        assert_eq!(london.instant(at("2026-07-01T10:00:00Z")), at("2026-07-01T09:00:00Z"));
        // Skipped: clocks go on from 01:00 to 02:00. Shown twice: the earlier.
        assert_eq!(london.instant(at("2026-03-29T01:30:00Z")), at("2026-03-29T01:00:00Z"));
        assert_eq!(london.instant(at("2026-10-25T01:30:00Z")), at("2026-10-25T00:30:00Z"));
        assert_eq!(london.local(at("2026-07-01T09:00:00Z")).to_string(), "2026-07-01 10:00:00");
    }
}
