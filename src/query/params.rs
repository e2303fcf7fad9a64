//! The parameters of a request, parsed once into types that cannot be wrong.

use std::marker::PhantomData;
use std::ops::Deref;

use projections::sales::Basis;
use projections::time::Time;
use serde_json::json;

use super::filter::Filter;
use super::period::Period;
use super::range::{Bound, Compare, Quarters, Range};
pub use super::selection::{Fill, Selection};
use super::statuses::Statuses;
use super::zone::Zone;
use crate::http::parameters::values::{OneOf, Own, Text, Whole, day_or_instant};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::FieldError;

/// The most entries of a list that can be asked for.
pub const LIMIT_MAX: usize = 100;
/// A list as long as it comes, unless it is asked for less.
pub const WHOLE: usize = usize::MAX;
/// A trend that is filled has about so many periods at most.
const FILLED_MAX: u32 = 10_000;

const START_DATE: Parameter<Own<Bound>> = Parameter::query(
    "startDate",
    "Where the range begins: a day, which is included whole, or an instant, which is included with \
     its quarter hour. Without it a range begins with the first data.",
    BOUND,
)
.example("2026-01-01");
const END_DATE: Parameter<Own<Bound>> = Parameter::query(
    "endDate",
    "Where the range ends: a day, which is included whole, or an instant, which is included with its \
     quarter hour. Without it a range ends now. Without both there is no range: totals are of all \
     time, and the trend has the last days.",
    BOUND,
)
.example("2026-01-31");
const TZ: Parameter<Own<Zone>> = Parameter::query(
    "tz",
    "The zone that days are of, by its IANA name.",
    Own {
        read: |name| {
            // A plus that is not escaped comes as a space: `Etc/GMT+5`.
            let zone = Zone::named(name).or_else(|| Zone::named(&name.trim().replace(' ', "+")));
            zone.ok_or("must be the IANA name of a zone, such as Europe/London")
        },
        schema: || json!({ "type": "string" }),
        written: |zone| json!(zone.name()),
    },
)
.example("Europe/London");
const LIMIT: Parameter<Whole<usize>> = Parameter::query(
    "limit",
    "The most entries of a list; a trend has its last so many days.",
    Whole { min: 1, max: LIMIT_MAX },
);
const STATUS: Parameter<OneOf<Statuses>> = Parameter::query(
    "status",
    "Which sales are counted: all that was `sold`, less what came back of it; or those that count \
         as one status now, whole and on their own day.",
    OneOf::new(),
);
const BASIS: Parameter<OneOf<Basis>> = Parameter::query(
    "basis",
    "The day that returns are counted on: that on which the shop processed them, or that of the sale.",
    OneOf::new(),
);

const BOUND: Own<Bound> = Own {
    read: bound,
    schema: day_or_instant,
    written: |bound| match bound {
        Bound::Day(day) => json!(day.to_string()),
        Bound::Instant(at) | Bound::Local(at) => json!(at.to_rfc3339()),
    },
};

const PAGE: Parameter<Whole<usize>> =
    Parameter::query("page", "The page of the list.", Whole { min: 1, max: 1_000_000 });
const PERIOD: Parameter<OneOf<Period>> = Parameter::query(
    "period",
    "The length of the trend's periods, in the zone that is asked for. Weeks are those of ISO 8601.",
    OneOf::new(),
);
const FILL: Parameter<OneOf<Fill>> = Parameter::query(
    "fill",
    "With `zero`, periods without figures are there, with zeros; else they are left out.",
    OneOf::new(),
);
const COMPARE: Parameter<OneOf<Compare>> = Parameter::query(
    "compare",
    "Adds the same figures of the range of the same length before, or of the same days a year before, \
     and the change.",
    OneOf::new(),
);

const ID: Parameter<Text> = Parameter::path(
    "id",
    "The id, as events state it.",
    Text { min: 1, max: 128, allowed: "must be an id of 1 to 128 characters" },
);

/// The id of the one thing that is asked for, at the end of the path.
#[derive(Debug, Clone)]
pub struct ById {
    /// The id.
    pub id: String,
}

impl Parameters for ById {
    fn read(query: &mut Query) -> Self {
        ById { id: query.segment(&ID).unwrap_or_default() }
    }
}

/// Which parameters a view takes, and what stands for those that are not given.
pub trait Ranging {
    /// The days of a trend without a range.
    const TREND_DAYS: u64;
    /// The length of a list that nobody asked to be shorter.
    const LIST: usize = WHOLE;
    /// Whether it has lists that can be asked for shorter or longer.
    const LIMITS: bool = true;
    /// Whether figures without a range are of the days of the trend; else they are of all time.
    const IS_RECENT: bool = false;
    /// Whether it is of sales: which of them are counted, and the day of returns.
    const SALES: bool = true;
    /// The sales that are counted where nothing else is asked for.
    const STATUSES: Statuses = Statuses::Sold;
    /// Whether it takes what sales are of.
    const FILTERS: bool = true;
    /// Whether it takes the length of the trend's periods.
    const PERIODS: bool = true;
    /// Whether it compares.
    const COMPARES: bool = true;
    /// Whether it has pages.
    const PAGES: bool = false;
}

/// Parameters of figures that can be compared with those of another range.
pub trait Earlier: Sized {
    /// The same of the range that is compared with, if one is.
    fn earlier(&self) -> Option<Self>;
}

/// The parameters of a view of figures over time.
#[derive(Debug)]
pub struct Ranged<V>(Selection, PhantomData<fn() -> V>);

/// The zone, where nothing else is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Zoned {
    /// The zone that days are of.
    pub zone: Zone,
}

impl Parameters for Zoned {
    fn read(query: &mut Query) -> Self {
        let zone = query.take_or(&TZ, Zone::UTC);
        query.ignore(&["sort", "page", "limit"]);
        Zoned { zone }
    }
}

impl<V: Ranging> Ranged<V> {
    /// The range between two bounds, once all other parameters are read.
    fn range(query: &mut Query, bounds: [Option<Bound>; 2], zone: Zone) -> Option<Range> {
        let [start, end] = bounds;
        match Range::resolve(start, end, zone, query.now()) {
            Ok(range) => range,
            // Of ends that could not be read nothing can be said together.
            Err(error) => {
                if query.is_right() {
                    query.wrong(error);
                }
                None
            }
        }
    }

    fn trend(query: &mut Query) -> (Period, Option<Fill>) {
        if V::PERIODS {
            (query.take_or(&PERIOD, Period::Day), query.take(&FILL))
        } else {
            (Period::Day, None)
        }
    }
}

impl<V: Ranging> Parameters for Ranged<V> {
    fn read(query: &mut Query) -> Self {
        let bounds = [query.take(&START_DATE), query.take(&END_DATE)];
        let zone = query.take_or(&TZ, Zone::UTC);
        let limit = match V::LIST {
            list if !V::LIMITS => list,
            WHOLE => query.take(&LIMIT).unwrap_or(WHOLE),
            list => query.take_or(&LIMIT, list),
        };
        let page = if V::PAGES { query.take_or(&PAGE, 1) } else { 1 };
        let (statuses, basis) = if V::SALES {
            (query.take_or(&STATUS, V::STATUSES), query.take_or(&BASIS, Basis::Processed))
        } else {
            (V::STATUSES, Basis::Processed)
        };
        let (period, fill) = Self::trend(query);
        let filter = if V::FILTERS { Filter::read(query) } else { Filter::None };
        let compare = if V::COMPARES { query.take(&COMPARE) } else { None };
        let range = Self::range(query, bounds, zone);
        let last_days = Quarters::last_days(V::TREND_DAYS, zone, query.now());
        let trend = range.map_or(last_days, |range| range.quarters);
        let range = range.or_else(|| V::IS_RECENT.then(|| Range::of(last_days, zone)));
        if compare.is_some() && range.is_none_or(|range| range.open) {
            query.wrong(FieldError::new("compare", "must be given with startDate"));
        }
        if fill.is_some() && period.about(trend) > FILLED_MAX {
            let message =
                "must be left out, or the range be shorter: it has more than 10,000 periods";
            query.wrong(FieldError::new("fill", message));
        }
        // Clients of the services before send them where they mean nothing.
        query.ignore(&["sort", "page", "limit"]);
        let selection = Selection {
            zone,
            statuses,
            filter,
            basis,
            limit,
            page,
            range,
            trend,
            period,
            fill,
            compare,
        };
        Ranged(selection, PhantomData)
    }
}

impl<V> Earlier for Ranged<V> {
    fn earlier(&self) -> Option<Self> {
        Some(Ranged(self.0.before()?, PhantomData))
    }
}

impl<V> Clone for Ranged<V> {
    fn clone(&self) -> Self {
        Ranged(self.0.clone(), PhantomData)
    }
}

impl<V> Deref for Ranged<V> {
    type Target = Selection;

    fn deref(&self) -> &Selection {
        &self.0
    }
}

/// A day where there is no time of day. A plus that was not escaped arrives as a space.
fn bound(value: &str) -> Result<Bound, &'static str> {
    if is_before_all(value) {
        let begin = Zone::UTC.day_of(Time(0));
        return Ok(if value.len() > 10 { Bound::Instant(Time(0)) } else { Bound::Day(begin) });
    }
    let at = Time::parse(value).or_else(|error| match value.rsplit_once(' ') {
        Some((time, offset)) if time.contains(['T', 't', ' ']) => {
            Time::parse(&format!("{time}+{offset}")).map_err(|_| error)
        }
        _ => Err(error),
    })?;
    let Some(time) = value.get(10..).filter(|time| !time.is_empty()) else {
        return Ok(Bound::Day(Zone::UTC.day_of(at)));
    };
    let has_offset = time.contains(['Z', 'z', '+', '-']) || time.trim_start().contains(' ');
    Ok(if has_offset { Bound::Instant(at) } else { Bound::Local(at) })
}

/// Whether it is a date before 1970, when nothing was sold yet: clients write one for all of time.
fn is_before_all(value: &str) -> bool {
    let Some((year, rest)) = value.split_at_checked(4) else { return false };
    let is_early = year.parse().is_ok_and(|year: u16| year <= 1970) && Time::parse(value).is_err();
    // Of any year that has every day.
    is_early && Time::parse(&format!("1972{rest}")).is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::*;

    struct Any;
    struct Five;

    impl Ranging for Any {
        const TREND_DAYS: u64 = 30;
    }

    impl Ranging for Five {
        const TREND_DAYS: u64 = 30;
        const LIST: usize = 5;
    }

    struct NoList;

    impl Ranging for NoList {
        const TREND_DAYS: u64 = 30;
        const LIMITS: bool = false;
    }

    fn parse(query: &str) -> Result<Selection, Vec<FieldError>> {
        let uri: Uri = format!("/api/metrics/sales?{query}").parse().unwrap();
        let asked = Ranged::<Any>::parse(&uri, Time::parse("2026-11-21T04:03:07Z").unwrap());
        asked.map(|asked| asked.0)
    }

    fn refused(query: &str) -> Vec<String> {
        parse(query).unwrap_err().into_iter().map(|error| error.field.into_owned()).collect()
    }

    #[test]
    fn nothing_given_is_what_was_sold_in_utc_and_the_last_thirty_days() {
        let asked = parse("").unwrap();
        assert_eq!((asked.statuses, asked.basis), (Statuses::Sold, Basis::Processed));
        assert_eq!((asked.zone, asked.limit, asked.range), (Zone::UTC, WHOLE, None));
        assert_eq!(asked.trend.to - asked.trend.from, 30 * 96);
    }

    #[test]
    fn everything_given_is_taken() {
        let asked =
            parse("startDate=2026-01-01&endDate=2026-01-31&tz=Asia%2FKolkata&limit=7&status=all")
                .unwrap();
        assert_eq!(asked.statuses, Statuses::All);
        assert_eq!((asked.zone.name(), asked.limit), ("Asia/Kolkata", 7));
        assert_eq!(asked.range.unwrap().quarters, asked.trend);
        assert_eq!(asked.trend.to - asked.trend.from, 31 * 96);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        assert_eq!(refused("pages=2"), ["pages"]);
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
    fn ends_in_the_wrong_order_are_named_beside_what_else_is_wrong() {
        assert_eq!(
            refused("pages=2&startDate=2026-02-02&endDate=2026-02-01"),
            ["pages", "startDate"]
        );
        assert_eq!(refused("startDate=2026-02-02&endDate=2026-02-01&limit=0"), ["limit"]);
    }

    #[test]
    fn a_list_is_as_long_as_its_view_has_it_unless_it_is_said() {
        let limit = |query: &str| {
            Ranged::<Five>::parse(&format!("/?{query}").parse().unwrap(), Time(0)).unwrap().limit
        };
        assert_eq!((limit(""), limit("limit=7")), (5, 7));
    }

    #[test]
    fn a_view_without_lists_has_no_limit_and_takes_no_notice_of_one() {
        let named = |described: Vec<serde_json::Value>| {
            described.iter().any(|parameter| parameter["name"] == "limit")
        };
        assert!(named(Ranged::<Five>::described()) && !named(Ranged::<NoList>::described()));
        let asked = Ranged::<NoList>::parse(&"/?limit=x".parse().unwrap(), Time(0)).unwrap();
        assert_eq!(asked.limit, WHOLE);
    }

    #[test]
    fn a_plus_that_was_not_escaped_is_understood() {
        let escaped = parse("startDate=2026-01-01T00:00:00%2B05:30").unwrap();
        assert_eq!(parse("startDate=2026-01-01T00:00:00+05:30").unwrap(), escaped);
        // Behind a day it is a space, and a time of day follows.
        let time = parse("startDate=2026-01-01T05:30:00Z").unwrap();
        assert_eq!(parse("startDate=2026-01-01+05:30").unwrap(), time);
    }
}
