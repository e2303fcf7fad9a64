//! The window of a rule: the quarter hours up to the present one, as the range of its view's question;
//! and the one before, which a change is measured against.

use axum::http::Uri;
use projections::bucket::{quarter_of, quarter_start};
use projections::time::Time;

use crate::query::range::Quarters;

/// The last quarter hours, with the present one.
#[must_use]
pub fn last(quarters: u32, now: Time) -> Quarters {
    let to = quarter_of(now) + 1;
    Quarters { from: to.saturating_sub(quarters), to }
}

/// As many before.
#[must_use]
pub fn before(window: Quarters) -> Quarters {
    Quarters { from: window.from.saturating_sub(window.len()), to: window.from }
}

/// A view's address with a window as its range; `None` where that is no address.
#[must_use]
pub fn uri(view: &str, window: Option<Quarters>) -> Option<Uri> {
    let Some(window) = window else { return view.parse().ok() };
    let (start, end) = (quarter_start(window.from), Time(quarter_start(window.to).0 - 1));
    let joint = if view.contains('?') { '&' } else { '?' };
    let (start, end) = (start.to_rfc3339(), end.to_rfc3339());
    format!("{view}{joint}startDate={start}&endDate={end}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::views;
    use crate::rights::role::Role;

    #[test]
    fn a_window_ends_with_the_present_quarter_hour_and_so_rolls_on_four_times_an_hour() {
        let at = |text: &str| Time::parse(text).unwrap();
        let hour = last(4, at("2026-11-29T10:07:00Z"));
        assert_eq!(quarter_start(hour.from), at("2026-11-29T09:15:00Z"));
        assert_eq!(quarter_start(hour.to), at("2026-11-29T10:15:00Z"));
        assert_eq!(last(4, at("2026-11-29T10:14:59.999Z")), hour);
        assert_ne!(last(4, at("2026-11-29T10:15:00Z")), hour);
        let before = before(hour);
        assert_eq!((before.len(), before.to), (4, hour.from));
    }

    #[test]
    fn a_view_is_asked_about_its_window() {
        let now = Time::parse("2026-11-29T10:07:00Z").unwrap();
        let rights = Role::Viewer.rights();
        let key = |view: &str, now| {
            let uri = uri(view, Some(last(4, now))).unwrap();
            views::ask_with(&uri, rights, now, "en").map(|question| question.key().clone())
        };
        let (one, other) =
            (key("/api/metrics/sales", now), key("/api/metrics/sales", Time(now.0 + 1)));
        assert_eq!(one.unwrap(), other.unwrap(), "one question for a quarter of an hour");
        assert!(key("/api/metrics/sales?category=Kitchen", now).is_ok());
        assert!(key("/api/metrics/live", now).is_err(), "it takes no range");
        assert!(key("/api/metrics/sales?startDate=2026-01-01", now).is_err(), "it has one");
    }
}
