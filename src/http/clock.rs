//! The clock of answers.

/// The instant, as answers state it: RFC 3339 of UTC with milliseconds.
#[must_use]
pub fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
