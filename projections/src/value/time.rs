//! Instants, as the fold knows them: milliseconds of UTC, parsed from RFC 3339.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

const MS_PER_SECOND: i64 = 1_000;
const MS_PER_MINUTE: i64 = 60_000;
const MS_PER_HOUR: i64 = 3_600_000;
const MS_PER_DAY: i64 = 86_400_000;

const NO_DATE: &str = "must be an RFC 3339 date like 2026-11-21T04:03:07Z or 2026-11-21";
const NO_SUCH_DAY: &str = "must name a day that exists";
const BEFORE_1970: &str = "must not be before 1970";

impl Time {
    /// Reads an RFC 3339 date by fixed positions. Also taken: `t` or a space between date and
    /// time, no seconds, no time at all (midnight UTC), no offset (UTC), an offset as `+0200` or
    /// `+02`, `UTC` for `Z`, a space before any of these. Digits past the millisecond are cut; a
    /// leap second is the last millisecond of its minute.
    ///
    /// # Errors
    /// The rule that the text breaks, if it is no such date, or one before 1970 or of no existing
    /// day.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let bytes = text.as_bytes();
        let (year, month, day) = parse_date(bytes).ok_or(NO_DATE)?;
        let ms_of_day = match bytes.get(10..) {
            None | Some([]) => 0,
            Some([b'T' | b't' | b' ', clock @ ..]) => parse_clock(clock).ok_or(NO_DATE)?,
            Some(_) => return Err(NO_DATE),
        };
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return Err(NO_SUCH_DAY);
        }
        Self::from_ms(days_from_civil(year, month, day) * MS_PER_DAY + ms_of_day)
    }

    /// The instant so many milliseconds after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// If it is before that.
    pub fn from_ms(ms: i64) -> Result<Self, &'static str> {
        if ms < 0 { Err(BEFORE_1970) } else { Ok(Self(ms)) }
    }

    /// The instant as RFC 3339 with milliseconds, of UTC: `2026-11-21T04:03:07.000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        self.to_string()
    }
}

/// RFC 3339 with milliseconds, of UTC: `2026-11-21T04:03:07.000Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0.div_euclid(MS_PER_DAY), self.0.rem_euclid(MS_PER_DAY));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute) = (ms / MS_PER_HOUR, ms / MS_PER_MINUTE % 60);
        let (second, ms) = (ms / MS_PER_SECOND % 60, ms % MS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

/// `YYYY-MM-DD` at the start, without a check against the calendar.
fn parse_date(bytes: &[u8]) -> Option<(i64, i64, i64)> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, ..] = bytes else { return None };
    Some((pair(y0, y1)? * 100 + pair(y2, y3)?, pair(m0, m1)?, pair(d0, d1)?))
}

/// `HH:MM`, perhaps seconds, perhaps with a fraction, perhaps an offset; milliseconds of the day in UTC, which may lie
/// outside the day because of the offset.
fn parse_clock(bytes: &[u8]) -> Option<i64> {
    let &[h0, h1, b':', m0, m1, ref rest @ ..] = bytes else { return None };
    let (hour, minute) = (pair(h0, h1)?, pair(m0, m1)?);
    let (second, rest) = match *rest {
        [b':', s0, s1, ref rest @ ..] => (pair(s0, s1)?, rest),
        [b'.', ..] => return None,
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_ms, rest) = match rest {
        [b'.', rest @ ..] => parse_fraction(rest)?,
        _ => (0, rest),
    };
    let second_ms = if second == 60 { 59_999 } else { second * MS_PER_SECOND + fraction_ms };
    Some(hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second_ms - parse_offset(rest)?)
}

/// One digit or more as milliseconds, and the rest of the text.
fn parse_fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let len = bytes.iter().position(|it| !it.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(len);
    let digit = |at: usize| digits.get(at).map_or(0, |it| i64::from(it - b'0'));
    (len > 0).then(|| (digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

/// The milliseconds by which the clock is ahead of UTC.
fn parse_offset(bytes: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match *bytes {
        [] | [b'Z' | b'z'] | [b'U' | b'u', b'T' | b't', b'C' | b'c'] => return Some(0),
        [b' ', ref offset @ ..] if !offset.starts_with(b" ") && !offset.is_empty() => {
            return parse_offset(offset);
        }
        [sign, h0, h1, b':', m0, m1] | [sign, h0, h1, m0, m1] => {
            (sign, pair(h0, h1)?, pair(m0, m1)?)
        }
        [sign, h0, h1] => (sign, pair(h0, h1)?, 0),
        _ => return None,
    };
    let ms = hour * MS_PER_HOUR + minute * MS_PER_MINUTE;
    match sign {
        _ if hour > 23 || minute > 59 => None,
        b'+' => Some(ms),
        b'-' => Some(-ms),
        _ => None,
    }
}

fn pair(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. A year is taken to start in March, so
/// that its leap day is its last, and 400 of them have 146,097 days.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        Time::parse(text).map_or_else(str::to_owned, Time::to_rfc3339)
    }

    #[test]
    fn dates_are_taken_in_every_form_of_rfc_3339() {
        assert_eq!(shown("2026-11-21T04:03:07Z"), "2026-11-21T04:03:07.000Z");
        assert_eq!(shown("2026-11-21t04:03:07z"), "2026-11-21T04:03:07.000Z");
        assert_eq!(shown("2026-11-21 04:03:07.5+02:30"), "2026-11-21T01:33:07.500Z");
        assert_eq!(shown("2026-11-21T23:03:07.1239999999-05:00"), "2026-11-22T04:03:07.123Z");
        assert_eq!(shown("2026-11-21T04:03:07.25"), "2026-11-21T04:03:07.250Z");
        assert_eq!(shown("2024-02-29"), "2024-02-29T00:00:00.000Z");
        assert_eq!(shown("2016-12-31T23:59:60.7Z"), "2016-12-31T23:59:59.999Z");
        assert_eq!(shown("1970-01-01T00:00:00-00:00"), "1970-01-01T00:00:00.000Z");
        assert_eq!(shown("1969-12-31T23:30:00-01:00"), "1970-01-01T00:30:00.000Z");
    }

    #[test]
    fn dates_are_taken_as_databases_and_languages_print_them() {
        for text in [
            "2026-01-01T10:00:00+0200",
            "2026-01-01T03:00:00 -0500",
            "2026-01-01 08:00:00 UTC",
            "2026-01-01 08:00:00utc",
            "2026-01-01 08:00:00+00",
            "2026-01-01 10:00:00.000+02",
            "2026-01-01T08:00Z",
            "2026-01-01T08:00",
            "2026-01-01 10:00 +02:00",
            "2026-01-01 08:00:00 Z",
        ] {
            assert_eq!(shown(text), "2026-01-01T08:00:00.000Z", "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused_with_what_is() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-1-21",
            "21-11-2026",
            "2026/11/21",
            "2026-11-21T",
            "now",
            "2026-11-21T04",
            "2026-11-21T04:03:",
            "2026-11-21T04:03:7Z",
            "2026-11-21T04:03.5Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T04:60:00Z",
            "2026-11-21T04:03:61Z",
            "2026-11-21T04:03:07.Z",
            "2026-11-21T04:03:07,5Z",
            "2026-11-21T04:03:07+200",
            "2026-11-21T04:03:07+2",
            "2026-11-21T04:03:07+02:",
            "2026-11-21T04:03:07 0200",
            "2026-11-21T04:03:07  UTC",
            "2026-11-21T04:03:07 CET",
            "2026-11-21T04:03:07 ",
            "2026-11-21T04:03:07+24:00",
            "2026-11-21T04:03:07+02:60",
            "2026-11-21T04:03:07Zz",
            " 2026-11-21",
            "2026-11-21 ",
            "-2026-11-21",
            "2026-11-21T04:03:07é",
            "２０２６-11-21",
        ] {
            assert_eq!(Time::parse(text), Err(NO_DATE), "{text}");
        }
    }

    #[test]
    fn days_exist_or_are_refused() {
        for text in
            ["2026-02-29", "2100-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00"]
        {
            assert_eq!(Time::parse(text), Err(NO_SUCH_DAY), "{text}");
        }
        assert!(Time::parse("2000-02-29").is_ok());
    }

    #[test]
    fn time_begins_in_1970_of_utc() {
        assert_eq!(Time::parse("1970-01-01T00:00:00+00:01"), Err(BEFORE_1970));
        assert_eq!(Time::parse("1969-12-31"), Err(BEFORE_1970));
        assert_eq!(Time::parse("0000-01-01"), Err(BEFORE_1970));
    }

    #[test]
    fn any_instant_can_be_shown() {
        assert_eq!(Time(-1).to_rfc3339(), "1969-12-31T23:59:59.999Z");
        let _ = (Time(i64::MIN).to_rfc3339(), Time(i64::MAX).to_rfc3339());
    }

    proptest! {
        #[test]
        fn an_instant_is_shown_as_chrono_shows_it_and_reads_back(ms in 0..253_402_300_800_000_i64) {
            let text = Time(ms).to_rfc3339();
            let theirs = DateTime::from_timestamp_millis(ms).unwrap();
            prop_assert_eq!(&text, &theirs.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
            prop_assert_eq!(Time::parse(&text), Ok(Time(ms)));
        }

        #[test]
        fn dates_are_read_as_chrono_reads_them(
            date in "(19[67][0-9]|[2-9][0-9]{3})-[01][0-9]-[0-3][0-9]",
            clock in "[Tt ][0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{1,9})?",
            offset in "[Zz]|[-+][0-2][0-9]:[0-6][0-9]",
        ) {
            let text = date + &clock + &offset;
            let theirs = DateTime::parse_from_rfc3339(&text).ok();
            let theirs = theirs.map(|it| Time(it.timestamp_millis())).filter(|it| it.0 >= 0);
            prop_assert_eq!(Time::parse(&text).ok(), theirs);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Time::parse(&text);
        }
    }
}
