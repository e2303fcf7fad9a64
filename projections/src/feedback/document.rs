//! The stored form of a rating.

use serde::{Deserialize, Serialize};

use crate::days::Days;
use crate::fold::version::Version;
use crate::time::Time;

/// The numbers of stars of a rating.
pub const STARS: &[&str] = &["1", "2", "3", "4", "5"];

/// A rating as its newest event states it, and the place where it is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rating {
    /// The customer.
    pub user: Box<str>,
    /// The product.
    pub product: Box<str>,
    /// 1 to 5.
    pub rating: u8,
    /// Its event time.
    pub at: Time,
    /// The customer's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Box<str>>,
    /// Its event time again, if it has a comment: the newest comments are found by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commented: Option<Time>,
    /// The days in which it contributes to a figure.
    #[serde(default, skip_serializing_if = "Days::is_empty")]
    pub days: Days,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}
