//! The bounds of a payload from outside, and the reasons why one is refused.

use std::borrow::Cow;

use serde::Serialize;

use crate::time::Time;

/// The bounds of an event from outside its own text.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The latest instant that a date may name: the log's time and 24 h.
    pub latest: Time,
    /// The shop's currency.
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
    /// A word for it, where another event can take it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
}

impl Reason {
    /// The code of a sale or a refund in another currency for which there is no rate.
    pub const NO_RATE: &'static str = "no-rate";

    /// A reason without a code.
    #[must_use]
    pub fn new(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Reason { field: field.into(), message: message.into(), code: None }
    }
}
