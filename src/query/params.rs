//! The parameters of a request, parsed once into what cannot be wrong.

use axum::extract::Query;
use axum::http::Uri;
use projections::event::Status;
use projections::family::Slice;
use projections::fold::root::Root;
use projections::time::Time;

use super::range::{Bound, Quarters, Range, Scope};
use super::zone::Zone;
use crate::http::problem::FieldError;

/// The most that a list can be asked for.
pub const LIMIT_MAX: usize = 100;

const NAMES: &str = "startDate, endDate, tz, limit, status";

/// Which transactions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statuses {
    /// Those of one status.
    One(Status),
    /// All.
    All,
}

/// What a request asks for, its ranges resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The zone that days are of.
    pub zone: Zone,
    /// Which transactions are counted.
    pub statuses: Statuses,
    /// How long lists may be, where it was said.
    pub limit: Option<usize>,
    /// The range, where there is one.
    pub range: Option<Range>,
    /// Which quarter hours the trend has: those of the range, else of the last days.
    pub trend: Quarters,
}

impl Statuses {
    /// The slices of a rollup that are counted.
    #[must_use]
    pub fn slices(self) -> Vec<Slice> {
        match self {
            Statuses::One(status) => vec![status.into()],
            Statuses::All => Status::ALL.map(Slice::from).to_vec(),
        }
    }

    /// The one status, or `None` for all.
    #[must_use]
    pub fn one(self) -> Option<Status> {
        match self {
            Statuses::One(status) => Some(status),
            Statuses::All => None,
        }
    }

    fn named(name: &str) -> Option<Self> {
        let one = |name| Status::ALL.into_iter().find(|status| status.as_str() == name);
        if name == "all" { Some(Statuses::All) } else { one(name).map(Statuses::One) }
    }
}

impl Asked {
    /// Which sales are asked for, of all in `root`; all of them without a range.
    #[must_use]
    pub fn scope(&self, root: &Root) -> Scope {
        self.range.map_or(Quarters::ALL, |range| range.quarters).scope(root)
    }

    /// Reads the query of a URI. `now` is the server's time; a trend without a range has the last
    /// `trend_days`.
    ///
    /// # Errors
    /// Every parameter that is unknown, given twice or wrong, and what is allowed.
    pub fn parse(uri: &Uri, now: Time, trend_days: u64) -> Result<Self, Vec<FieldError>> {
        let Query(pairs): Query<Vec<(String, String)>> = Query::try_from_uri(uri)
            .map_err(|_| vec![FieldError::new("query", "must be name=value pairs joined by &")])?;
        let mut given = Given::default();
        let mut errors = Vec::new();
        for (name, value) in pairs {
            errors.extend(given.take(&name, &value).err());
        }
        let zone = given.zone.unwrap_or(Zone::UTC);
        let range = match Range::resolve(given.start, given.end, zone, now) {
            Ok(range) => range,
            Err(_) if !errors.is_empty() => None,
            Err(error) => return Err(vec![error]),
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        let last_days = || Quarters::last_days(trend_days, zone, now);
        Ok(Asked {
            zone,
            statuses: given.statuses.unwrap_or(Statuses::One(Status::Completed)),
            limit: given.limit,
            trend: range.map_or_else(last_days, |range| range.quarters),
            range,
        })
    }
}

#[derive(Default)]
struct Given {
    start: Option<Bound>,
    end: Option<Bound>,
    zone: Option<Zone>,
    limit: Option<usize>,
    statuses: Option<Statuses>,
}

impl Given {
    fn take(&mut self, name: &str, value: &str) -> Result<(), FieldError> {
        match name {
            "startDate" => once("startDate", &mut self.start, bound(value)),
            "endDate" => once("endDate", &mut self.end, bound(value)),
            "tz" => {
                let message = "must be the IANA name of a zone, such as Europe/London";
                once("tz", &mut self.zone, Zone::named(value).ok_or(message))
            }
            "limit" => {
                let message = "must be a whole number from 1 to 100";
                once("limit", &mut self.limit, limit(value).ok_or(message))
            }
            "status" => {
                let message = "must be completed, pending, failed, returned or all";
                once("status", &mut self.statuses, Statuses::named(value).ok_or(message))
            }
            _ => {
                let name: String = name.chars().take(64).collect();
                let message = format!("is no parameter of this endpoint; it takes {NAMES}");
                Err(FieldError::new(name, message))
            }
        }
    }
}

fn once<T>(
    name: &'static str,
    slot: &mut Option<T>,
    value: Result<T, &'static str>,
) -> Result<(), FieldError> {
    let value = value.map_err(|message| FieldError::new(name, message))?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(FieldError::new(name, "must be given once")),
    }
}

/// A day where there is no time of day. A plus that was not escaped arrives as a space.
fn bound(value: &str) -> Result<Bound, &'static str> {
    let at = Time::parse(value).or_else(|error| match value.rsplit_once(' ') {
        Some((time, offset)) if time.contains(['T', 't', ' ']) => {
            Time::parse(&format!("{time}+{offset}")).map_err(|_| error)
        }
        _ => Err(error),
    })?;
    if value.len() > 10 {
        return Ok(Bound::Instant(at));
    }
    Ok(Bound::Day(Zone::UTC.day_of(at)))
}

fn limit(value: &str) -> Option<usize> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse().ok().filter(|limit| plain && (1..=LIMIT_MAX).contains(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Asked, Vec<FieldError>> {
        let uri: Uri = format!("/api/metrics/sales?{query}").parse().unwrap();
        Asked::parse(&uri, Time::parse("2026-11-21T04:03:07Z").unwrap(), 30)
    }

    fn refused(query: &str) -> Vec<String> {
        parse(query).unwrap_err().into_iter().map(|error| error.field.into_owned()).collect()
    }

    #[test]
    fn nothing_given_is_completed_in_utc_and_the_last_thirty_days() {
        let asked = parse("").unwrap();
        assert_eq!(asked.statuses, Statuses::One(Status::Completed));
        assert_eq!((asked.zone, asked.limit, asked.range), (Zone::UTC, None, None));
        assert_eq!(asked.trend.to - asked.trend.from, 30 * 96);
    }

    #[test]
    fn everything_given_is_taken() {
        let asked =
            parse("startDate=2026-01-01&endDate=2026-01-31&tz=Asia%2FKolkata&limit=7&status=all")
                .unwrap();
        assert_eq!(asked.statuses, Statuses::All);
        assert_eq!((asked.zone.name(), asked.limit), ("Asia/Kolkata", Some(7)));
        assert_eq!(asked.range.unwrap().quarters, asked.trend);
        assert_eq!(asked.trend.to - asked.trend.from, 31 * 96);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        assert_eq!(refused("page=2"), ["page"]);
        assert_eq!(refused("limit=0&status=paid&tz=Mars/Base"), ["limit", "status", "tz"]);
        assert_eq!(refused("startDate=yesterday&endDate=2026-02-30"), ["startDate", "endDate"]);
        assert_eq!(refused("startDate=2026-02-02&endDate=2026-02-01"), ["startDate"]);
        assert_eq!(refused("limit=5&limit=5"), ["limit"]);
        for query in ["limit=", "limit=101", "limit=+5", "limit=5.0", "limit=-1", "limit=1e1"] {
            assert_eq!(refused(query), ["limit"], "{query}");
        }
        for query in [
            "status=",
            "status=Completed",
            "tz=",
            "tz=%2B01:00",
            "startDate=",
            "startdate=2026-01-01",
        ] {
            assert_eq!(refused(query).len(), 1, "{query}");
        }
    }

    #[test]
    fn a_plus_that_was_not_escaped_is_understood() {
        let escaped = parse("startDate=2026-01-01T00:00:00%2B05:30").unwrap();
        assert_eq!(parse("startDate=2026-01-01T00:00:00+05:30").unwrap(), escaped);
        assert!(parse("startDate=2026-01-01+05:30").is_err());
    }
}
