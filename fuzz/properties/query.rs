//! Properties of any query: it asks for a range that is in order, or every parameter that is wrong
//! is named.

use adaptive_bi::http::parameters::Parameters;
use adaptive_bi::http::problem::FieldError;
use adaptive_bi::query::params::{LIMIT_MAX, Ranged, Ranging, Selection};
use adaptive_bi::query::range::{Quarters, Range};
use axum::http::Uri;
use projections::bucket::quarter_of;
use projections::family::Family;
use projections::fold::root::Root;
use projections::time::Time;

/// 2026-11-21T04:03:07Z.
const NOW: Time = Time(1_795_233_787_000);
const NAMES: [&str; 15] = [
    "startDate",
    "endDate",
    "tz",
    "limit",
    "page",
    "status",
    "basis",
    "period",
    "fill",
    "compare",
    "category",
    "paymentMethod",
    "country",
    "productId",
    "userId",
];

/// A view that takes few parameters.
struct Few;
/// One that takes all of them.
struct All;

impl Ranging for Few {
    const TREND_DAYS: u64 = 7;
    const LIST: usize = 3;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Ranging for All {
    const TREND_DAYS: u64 = 30;
    const IS_RECENT: bool = true;
    const PAGES: bool = true;
}

/// Checks any bytes as the part behind the question mark.
pub fn of_any_query(input: &[u8]) {
    let Ok(query) = std::str::from_utf8(input) else { return };
    // A text that is not an address does not come this far.
    let Ok(uri) = format!("/api/metrics/sales?{query}").parse::<Uri>() else { return };
    of::<Few>(&uri);
    of::<All>(&uri);
}

fn of<V: Ranging>(uri: &Uri) {
    let read = || Ranged::<V>::parse(uri, NOW);
    match read() {
        Ok(asked) => {
            assert_eq!(read().as_deref(), Ok(&*asked));
            assert!(
                asked.limit == V::LIST || (1..=LIMIT_MAX).contains(&asked.limit),
                "{}",
                asked.limit
            );
            of_what_is_asked(&asked);
        }
        Err(errors) => of_errors(&errors),
    }
}

fn of_errors(errors: &[FieldError]) {
    assert!(!errors.is_empty(), "refused without a reason");
    for FieldError { field, message, .. } in errors {
        assert!(!message.is_empty());
        assert!(field.chars().count() <= 64, "{field:?}");
        assert!(
            NAMES.contains(&&**field) || field == "query" || message.starts_with("is no parameter"),
            "{field:?} {message}"
        );
    }
}

fn of_what_is_asked(asked: &Selection) {
    assert!(!asked.statuses.slices().is_empty());
    is_in_order(asked.trend);
    let Some(range) = asked.range else {
        assert!(asked.trend.has(quarter_of(NOW)), "the last days have today");
        return;
    };
    assert_eq!(range.quarters, asked.trend);
    if let Some(before) = asked.before() {
        is_in_order(before.trend);
        assert_eq!(before.before(), None);
    }
    for first in [None, Some(0), Some(quarter_of(NOW))] {
        is_stated_in_order(&range, first);
    }
    lies_in_what_there_is(asked);
}

fn is_in_order(Quarters { from, to }: Quarters) {
    assert!(from <= to && to <= Quarters::ALL.to, "{from} {to}");
}

/// Checks the range as the answer states it.
fn is_stated_in_order(range: &Range, first: Option<u32>) {
    let used = serde_json::to_value(range.used(first)).expect("it can be written");
    let [start, end] = ["startDate", "endDate"].map(|name| used[name].as_str().expect("a date"));
    assert!(start <= end || end.len() > start.len(), "{used}");
    let read = |text: &str| Time::parse(text).ok();
    // The end of time is the first instant that no date can name.
    let at_the_end = range.open && first.is_none() || range.quarters.from == Quarters::ALL.to;
    let at_the_end = at_the_end && range.quarters.to == Quarters::ALL.to;
    assert!(read(start).is_some() || at_the_end, "{used}");
    assert!(read(end).is_some() || range.quarters.to == Quarters::ALL.to, "{used}");
}

fn lies_in_what_there_is(asked: &Selection) {
    let root = Root {
        first_quarter: Some(quarter_of(Time(1_700_000_000_000))),
        last_quarter: Some(quarter_of(NOW)),
        ..Root::default()
    };
    if let Some(quarters) = asked.scope(&root, Family::Sales).quarters() {
        is_in_order(quarters);
        assert!(!quarters.is_empty());
    }
    assert_eq!(asked.scope(&Root::default(), Family::Sales).quarters(), None);
}
