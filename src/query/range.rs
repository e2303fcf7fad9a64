//! A range of dates in quarter hours.

use chrono::NaiveDate;
use projections::bucket::{self, Level, QUARTER_MS, quarter_of, quarter_start};
use projections::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use super::zone::{self, Zone};
use crate::http::parameters::values::Word;
use crate::http::problem::FieldError;

/// The end of the last year a date can name: 10000-01-01T00:00Z.
const END_OF_TIME: Time = Time(253_402_300_800_000);

/// A half-open range of quarter hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarters {
    /// The first one.
    pub from: u32,
    /// The one after the last.
    pub to: u32,
}

/// One end of a range, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A whole local day.
    Day(NaiveDate),
    /// An instant.
    Instant(Time),
    /// An instant of local time, as if it were one of UTC.
    Local(Time),
}

/// A range that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The quarter hours it comes to.
    pub quarters: Quarters,
    /// Whether it begins with the first data, whenever that was.
    pub open: bool,
    zone: Zone,
}

/// The range that was used, as answers state it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RangeUsed)]
pub struct Used {
    /// The start.
    #[schema(format = DateTime)]
    start_date: String,
    /// The end, exclusive.
    #[schema(format = DateTime)]
    end_date: String,
    /// The zone that days are of.
    tz: &'static str,
}

impl Used {
    /// Its start and its end, which is exclusive.
    #[must_use]
    pub fn ends(&self) -> (String, String) {
        (self.start_date.clone(), self.end_date.clone())
    }
}

/// The range that figures are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// The one of the same length before it.
    Previous,
    /// The same days a year before.
    Year,
}

/// What a range has of some figures, of all there is of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Nothing: the range is empty, or there are no such figures.
    Nothing,
    /// Everything, and the whole months it lies in.
    Everything(Quarters),
    /// A part.
    Part {
        /// The quarter hours it lies in.
        quarters: Quarters,
        /// The whole months that everything lies in.
        whole: Quarters,
    },
}

impl Word for Compare {
    const ALL: &'static [Self] = &[Compare::Previous, Compare::Year];

    fn word(self) -> &'static str {
        match self {
            Compare::Previous => "previous",
            Compare::Year => "year",
        }
    }
}

impl Quarters {
    /// All that a date can name.
    #[allow(clippy::cast_possible_truncation)] // 281,558,112
    pub const ALL: Quarters =
        Quarters { from: 0, to: (END_OF_TIME.0 / QUARTER_MS).unsigned_abs() as u32 };

    /// Whether a quarter hour lies in it.
    #[must_use]
    pub fn has(self, quarter: u32) -> bool {
        (self.from..self.to).contains(&quarter)
    }

    /// The number of quarter hours in it.
    #[must_use]
    pub fn len(self) -> u32 {
        self.to.saturating_sub(self.from)
    }

    /// Whether no quarter hour does.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.from >= self.to
    }

    /// The last `days` local days, the one of `now` included.
    #[must_use]
    pub fn last_days(days: u64, zone: Zone, now: Time) -> Self {
        let today = zone.day_of(now);
        let first = today.checked_sub_days(chrono::Days::new(days - 1)).unwrap_or(today);
        Quarters { from: quarter_of(zone.start_of_day(first)), to: end_of_day(zone, today) }
    }

    /// The last `days` local days of it.
    #[must_use]
    pub fn last_days_of(self, days: u64, zone: Zone) -> Self {
        let last = zone.day_of(quarter_start(self.to.saturating_sub(1)));
        let first = last.checked_sub_days(chrono::Days::new(days - 1)).unwrap_or(last);
        Quarters { from: first_of_day(zone, first).min(self.to), to: self.to }
    }

    /// The last hours, with the present quarter hour.
    #[must_use]
    pub fn last_hours(hours: u32, now: Time) -> Self {
        let to = quarter_of(now) + 1;
        Quarters { from: to.saturating_sub(hours * 4), to }
    }

    /// What it has of figures that lie between a first and a last quarter hour, their
    /// [extent](projections::fold::root::Root::extent). Beyond these there is nothing, so a range
    /// that goes beyond goes to the end of the month, which fewer rollups cover.
    #[must_use]
    pub fn scope(self, extent: Option<(u32, u32)>) -> Coverage {
        let Some((first, last)) = extent else { return Coverage::Nothing };
        if self.is_empty() || self.to <= first || self.from > last {
            return Coverage::Nothing;
        }
        let month = bucket::month_of_quarter;
        let whole = Quarters {
            from: bucket::first_quarter(Level::Month, month(first)),
            to: bucket::first_quarter(Level::Month, month(last) + 1),
        };
        match (self.from <= first, self.to > last) {
            (true, true) => Coverage::Everything(whole),
            (true, false) => Coverage::part(whole.from, self.to, whole),
            (false, true) => Coverage::part(self.from, whole.to, whole),
            (false, false) => Coverage::part(self.from, self.to, whole),
        }
    }
}

impl Coverage {
    fn part(from: u32, to: u32, whole: Quarters) -> Self {
        Coverage::Part { quarters: Quarters { from, to }, whole }
    }

    /// The quarter hours it lies in.
    #[must_use]
    pub fn quarters(self) -> Option<Quarters> {
        match self {
            Coverage::Nothing => None,
            Coverage::Everything(quarters) | Coverage::Part { quarters, .. } => Some(quarters),
        }
    }
}

impl Range {
    /// The quarter hours between two bounds. A day is included whole, an instant with its quarter
    /// hour. Without a start the range begins with the first data, without an end it goes to `now`;
    /// without both there is none.
    ///
    /// # Errors
    /// Fails if the range ends before it begins, and names the field that is wrong.
    pub fn resolve(
        start: Option<Bound>,
        end: Option<Bound>,
        zone: Zone,
        now: Time,
    ) -> Result<Option<Self>, FieldError> {
        if start.is_none() && end.is_none() {
            return Ok(None);
        }
        let instant = |bound| match bound {
            Bound::Local(at) => Bound::Instant(zone.instant(at)),
            bound => bound,
        };
        let (start, end) = (start.map(instant), end.map(instant));
        if let (Some(Bound::Day(first)), Some(Bound::Day(last))) = (start, end)
            && first > last
        {
            return Err(FieldError::new("startDate", "must not be after endDate"));
        }
        let from = match start {
            None => Time(0),
            Some(Bound::Day(day)) => zone.start_of_day(day),
            Some(Bound::Instant(at) | Bound::Local(at)) => at,
        };
        let to = match end {
            None => quarter_of(now) + 1,
            Some(Bound::Day(day)) => end_of_day(zone, day),
            Some(Bound::Instant(at) | Bound::Local(at)) => quarter_of(at) + 1,
        };
        let is_backwards = match end {
            None => from > now,
            Some(Bound::Day(_)) => from > quarter_start(to),
            Some(Bound::Instant(at) | Bound::Local(at)) => from > at,
        };
        if is_backwards {
            let message = match end {
                None => "must not be in the future without an endDate",
                Some(_) => "must not be after endDate",
            };
            return Err(FieldError::new("startDate", message));
        }
        let to = to.min(Quarters::ALL.to);
        let quarters = Quarters { from: quarter_of(from).min(to), to };
        Ok(Some(Range { quarters, open: start.is_none(), zone }))
    }

    /// A range of quarter hours.
    #[must_use]
    pub fn of(quarters: Quarters, zone: Zone) -> Self {
        Range { quarters, open: false, zone }
    }

    /// The range that it is compared with. One of local days has as many of them, however long they
    /// are; another is as long.
    #[must_use]
    pub fn before(&self, compare: Compare) -> Range {
        let Range { quarters: Quarters { from, to }, zone, .. } = *self;
        let day = |quarter| {
            let day = zone.day_of(quarter_start(quarter));
            (first_of_day(zone, day) == quarter).then_some(day)
        };
        let quarters = match (compare, day(from), day(to)) {
            (Compare::Previous, Some(first), Some(end)) => {
                let days = chrono::Days::new((end - first).num_days().unsigned_abs());
                let begin = first.checked_sub_days(days).unwrap_or(first);
                Quarters { from: first_of_day(zone, begin), to: from }
            }
            (Compare::Previous, ..) => {
                Quarters { from: from.saturating_sub(self.quarters.len()), to: from }
            }
            (Compare::Year, first, end) => {
                let year_before = |quarter: u32, day: Option<NaiveDate>| {
                    if let Some(day) = day {
                        return first_of_day(zone, zone::year_before(day));
                    }
                    let local = zone.local(quarter_start(quarter));
                    let day = zone::year_before(local.date());
                    let at = day.and_time(local.time()).and_utc().timestamp_millis();
                    quarter_of(zone.instant(Time(at)))
                };
                let from = year_before(from, first);
                Quarters { from, to: year_before(to, end).max(from) }
            }
        };
        Range { quarters, open: false, zone }
    }

    /// The range as the answer states it; `first` is the quarter hour of the first data.
    #[must_use]
    pub fn used(&self, first: Option<u32>) -> Used {
        let Quarters { from, to } = self.quarters;
        let from = if self.open { first.map_or(to, |first| first.min(to)) } else { from };
        Used {
            start_date: quarter_start(from).to_rfc3339(),
            end_date: quarter_start(to).to_rfc3339(),
            tz: self.zone.name(),
        }
    }
}

/// The first quarter hour that starts in a day.
fn first_of_day(zone: Zone, day: NaiveDate) -> u32 {
    quarter_of(Time(zone.start_of_day(day).0 + QUARTER_MS - 1))
}

/// The quarter hour after the last one that has an instant of the day.
fn end_of_day(zone: Zone, day: NaiveDate) -> u32 {
    let next = zone.start_of_day(day.succ_opt().unwrap_or(day));
    quarter_of(Time(next.0 + QUARTER_MS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T04:03:07Z";

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn bound(text: &str) -> Option<Bound> {
        match text {
            "" => None,
            _ if text.len() == 10 => Some(Bound::Day(text.parse().unwrap())),
            _ => Some(Bound::Instant(at(text))),
        }
    }

    fn resolve(start: &str, end: &str, tz: &str) -> Result<Option<Range>, FieldError> {
        Range::resolve(bound(start), bound(end), Zone::named(tz).unwrap(), at(NOW))
    }

    /// Start and end as the answer states them, without the seconds, which no quarter hour has.
    fn used(start: &str, end: &str, tz: &str) -> (String, String) {
        let used = resolve(start, end, tz).unwrap().unwrap().used(Some(0));
        let short = |text: String| text.replace(":00.000Z", "");
        (short(used.start_date), short(used.end_date))
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn a_day_is_included_whole_in_its_zone() {
        let days = |tz| used("2026-03-01", "2026-03-02", tz);
        assert_eq!(days("UTC"), pair("2026-03-01T00:00", "2026-03-03T00:00"));
        assert_eq!(days("Asia/Kolkata"), pair("2026-02-28T18:30", "2026-03-02T18:30"));
        assert_eq!(days("America/St_Johns"), pair("2026-03-01T03:30", "2026-03-03T03:30"));
    }

    #[test]
    fn a_day_on_which_clocks_change_has_23_or_25_hours() {
        let day = |day| used(day, day, "Europe/London");
        assert_eq!(day("2026-03-29"), pair("2026-03-29T00:00", "2026-03-29T23:00"));
        assert_eq!(day("2026-10-25"), pair("2026-10-24T23:00", "2026-10-26T00:00"));
        let day = |day| used(day, day, "America/St_Johns");
        assert_eq!(day("2026-03-08"), pair("2026-03-08T03:30", "2026-03-09T02:30"));
    }

    #[test]
    fn an_instant_is_included_with_its_quarter_hour() {
        assert_eq!(
            used("2026-03-01T10:07:00Z", "2026-03-01T10:15:00Z", "UTC"),
            pair("2026-03-01T10:00", "2026-03-01T10:30")
        );
        assert_eq!(
            used("2026-03-01T10:14:59.999Z", "2026-03-01T10:14:59.999Z", "UTC"),
            pair("2026-03-01T10:00", "2026-03-01T10:15")
        );
        assert_eq!(
            used("2026-03-01", "2026-03-01T23:59:59.999+05:30", "Asia/Kolkata"),
            pair("2026-02-28T18:30", "2026-03-01T18:30")
        );
    }

    #[test]
    fn a_range_without_an_end_goes_to_now_and_one_without_a_start_begins_with_the_first_data() {
        assert_eq!(used("2026-11-01", "", "UTC"), pair("2026-11-01T00:00", "2026-11-21T04:15"));
        let range = resolve("", "2026-11-01", "UTC").unwrap().unwrap();
        let first = quarter_of(at("2026-05-05"));
        assert_eq!(range.used(Some(first)).start_date, "2026-05-05T00:00:00.000Z");
        assert_eq!(range.used(None).start_date, "2026-11-02T00:00:00.000Z");
        assert_eq!(range.quarters.from, 0);
        assert_eq!(resolve("", "", "UTC"), Ok(None));
    }

    #[test]
    fn a_range_is_compared_with_as_many_days_before_or_with_those_of_the_year_before() {
        let before = |start, end, tz, compare| {
            let range = resolve(start, end, tz).unwrap().unwrap().before(compare);
            let used = range.used(None);
            let short = |text: String| text.replace(":00.000Z", "");
            (short(used.start_date), short(used.end_date))
        };
        let previous = |start, end, tz| before(start, end, tz, Compare::Previous);
        assert_eq!(
            previous("2026-03-08", "2026-03-14", "UTC"),
            pair("2026-03-01T00:00", "2026-03-08T00:00")
        );
        // Seven local days, though one of them has 23 hours.
        assert_eq!(
            previous("2026-03-30", "2026-04-05", "Europe/London"),
            pair("2026-03-23T00:00", "2026-03-29T23:00")
        );
        assert_eq!(
            previous("2026-03-08T10:00:00Z", "2026-03-08T11:59:00Z", "UTC"),
            pair("2026-03-08T08:00", "2026-03-08T10:00")
        );
        let year = |start, end, tz| before(start, end, tz, Compare::Year);
        assert_eq!(
            year("2024-02-29", "2024-03-01", "UTC"),
            pair("2023-02-28T00:00", "2023-03-02T00:00")
        );
        // Clocks changed on another day of that year.
        assert_eq!(
            year("2026-03-29", "2026-03-29", "Europe/London"),
            pair("2025-03-29T00:00", "2025-03-30T00:00")
        );
        assert_eq!(
            year("2026-07-01T10:00:00Z", "2026-07-01T10:59:00Z", "Asia/Kolkata"),
            pair("2025-07-01T10:00", "2025-07-01T11:00")
        );
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        for (start, end) in [
            ("2026-03-02", "2026-03-01"),
            ("2026-03-02", "2026-03-01T23:59:59Z"),
            ("2026-03-02T00:00:01Z", "2026-03-01"),
            ("2026-03-02T10:05:01Z", "2026-03-02T10:05:00Z"),
            ("2026-12-01", ""),
        ] {
            assert_eq!(resolve(start, end, "UTC").unwrap_err().field, "startDate", "{start} {end}");
        }
        assert!(resolve("2026-03-01", "2026-03-01", "UTC").is_ok());
        assert!(
            resolve("2011-12-30", "2011-12-30", "Pacific/Apia")
                .unwrap()
                .unwrap()
                .quarters
                .is_empty()
        );
    }

    #[test]
    fn time_has_a_first_and_a_last_quarter_hour() {
        let range = resolve("1970-01-01", "9999-12-31", "Asia/Kolkata").unwrap().unwrap();
        assert_eq!(range.quarters.from, 0);
        let range = resolve("1970-01-01", "9999-12-31", "America/St_Johns").unwrap().unwrap();
        assert_eq!(range.quarters.to, Quarters::ALL.to);
    }

    #[test]
    fn the_last_days_have_today_in_the_zone_asked_for() {
        let last = |days, tz, now| {
            let Quarters { from, to } =
                Quarters::last_days(days, Zone::named(tz).unwrap(), at(now));
            (quarter_start(from).to_rfc3339(), quarter_start(to).to_rfc3339())
        };
        let week = last(7, "UTC", NOW);
        assert_eq!(week, pair("2026-11-15T00:00:00.000Z", "2026-11-22T00:00:00.000Z"));
        let day = last(1, "America/St_Johns", "2026-11-21T02:00:00Z");
        assert_eq!(day, pair("2026-11-20T03:30:00.000Z", "2026-11-21T03:30:00.000Z"));
    }

    #[test]
    fn a_range_goes_to_the_ends_of_months_where_there_is_nothing_beyond() {
        let quarter = |text| quarter_of(at(text));
        let extent = Some((quarter("2026-02-10"), quarter("2026-04-20")));
        let scope = |from, to| Quarters { from: quarter(from), to: quarter(to) }.scope(extent);
        let whole = Quarters { from: quarter("2026-02-01"), to: quarter("2026-05-01") };
        let part = |from, to| Coverage::part(quarter(from), quarter(to), whole);
        assert_eq!(scope("2026-02-10", "2026-04-20T00:15:00Z"), Coverage::Everything(whole));
        assert_eq!(scope("2026-02-10", "2026-04-20"), part("2026-02-01", "2026-04-20"));
        assert_eq!(scope("2026-03-10", "2026-04-21"), part("2026-03-10", "2026-05-01"));
        assert_eq!(scope("2026-03-10", "2026-03-11"), part("2026-03-10", "2026-03-11"));
        assert_eq!(scope("2026-04-21", "2026-04-22"), Coverage::Nothing);
        assert_eq!(scope("2026-01-01", "2026-02-10"), Coverage::Nothing);
        assert_eq!(whole.scope(None), Coverage::Nothing);
    }
}
