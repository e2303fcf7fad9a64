//! What bounds a payload from outside, and what is said of one that is refused.

use std::borrow::Cow;

use serde::Serialize;

use crate::time::Time;

/// What bounds an event from outside its own text.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a> {
    /// The latest instant a date may name: the log's time and 24 h.
    pub latest: Time,
    /// The shop's currency; an event that names another is refused.
    pub currency: &'a str,
}

/// One reason why an event was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The field as the producer wrote it (`shippingAddress.country`), a header
    /// (`ce-specversion`), or empty for the whole body. Fields within the `data` of a structured
    /// `CloudEvent` are named as they are there.
    pub field: Cow<'static, str>,
    /// What is wrong and what is allowed. Never repeats the value.
    pub message: String,
}
