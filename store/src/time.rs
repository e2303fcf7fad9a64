//! Instants as documents of accounts have them: BSON dates, which TTL indexes need.

use std::time::Duration;

pub use mongodb::bson::DateTime;

/// The present instant.
#[must_use]
pub fn now() -> DateTime {
    DateTime::now()
}

/// An instant in milliseconds since 1970.
#[must_use]
pub fn at(millis: i64) -> DateTime {
    DateTime::from_millis(millis)
}

/// An instant as answers state it: RFC 3339 of UTC with milliseconds.
#[must_use]
pub fn rfc3339(instant: DateTime) -> String {
    projections::time::Time(instant.timestamp_millis()).to_rfc3339()
}

/// An instant that is later by a duration.
#[must_use]
pub fn later(from: DateTime, by: Duration) -> DateTime {
    let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    at(from.timestamp_millis().saturating_add(ms))
}

/// An instant that is earlier by a duration.
#[must_use]
pub fn earlier(from: DateTime, by: Duration) -> DateTime {
    let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    at(from.timestamp_millis().saturating_sub(ms))
}
