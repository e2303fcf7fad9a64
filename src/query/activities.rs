//! The activities of visitors, by type.

use std::cmp::Reverse;

use projections::family::{Dimension, Family, Slice};
use serde::Serialize;
use utoipa::ToSchema;

use super::by_value::by_value;
use super::memory::ReadContext;
use super::range::Quarters;
use crate::store;

/// The number of activities of one type.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ActivityCount)]
pub struct Activity {
    /// The type.
    pub activity_type: String,
    /// The number.
    pub count: i64,
}

/// The activities in a range by type, the most frequent first, ties by name.
///
/// # Errors
/// As [`ReadContext::rollups`].
pub async fn by_type(
    from: ReadContext<'_>,
    quarters: Quarters,
) -> Result<Vec<Activity>, store::Error> {
    let types = (Family::Types, &[Slice::WHOLE][..]);
    let counts = by_value(from, types, Dimension::ActivityType, quarters).await?;
    let mut activities: Vec<Activity> = counts
        .into_iter()
        .filter(|(_, [count, ..])| *count > 0)
        .map(|(activity_type, [count, ..])| Activity { activity_type, count })
        .collect();
    // Stable, so names that tie stay in order.
    activities.sort_by_key(|activity| Reverse(activity.count));
    Ok(activities)
}
