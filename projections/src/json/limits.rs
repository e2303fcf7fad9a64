//! The bounds of a payload from outside, and the reasons why one is refused.

use std::borrow::Cow;

use serde::Serialize;

use crate::time::Time;

/// The bounds of an event from outside its own text.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The latest instant that a date may name: the log's time and 24 h.
    pub latest: Time,
    /// The shop's currency; an event that names another is refused.
    pub currency: &'a str,
}

impl Limits<'_> {
    /// The milliseconds by which an event may be dated past the log's time.
    pub const AHEAD_MS: i64 = 24 * 3600 * 1000;
}

/// One reason why an event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The field as the producer wrote it (`shippingAddress.country`), a header
    /// (`ce-specversion`), or empty for the whole body. Fields within the `data` of a structured
    /// `CloudEvent` are named as they are there.
    pub field: Cow<'static, str>,
    /// The fault, and the values that are allowed. Never repeats the value.
    pub message: String,
}
