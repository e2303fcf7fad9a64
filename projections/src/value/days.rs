//! A set of days.

use serde::{Deserialize, Serialize};

use crate::bucket;
use crate::time::Time;

/// Days of UTC, each as its number from 1970-01-01.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Days(Vec<i32>);

impl Days {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The days, in order.
    pub fn iter(&self) -> impl Iterator<Item = i32> + '_ {
        self.0.iter().copied()
    }
}

/// The days of quarter hours.
impl FromIterator<u32> for Days {
    fn from_iter<I: IntoIterator<Item = u32>>(quarters: I) -> Self {
        let day = |quarter| i32::try_from(bucket::day_of_quarter(quarter)).unwrap_or(i32::MAX);
        let mut days: Vec<i32> = quarters.into_iter().map(day).collect();
        days.sort_unstable();
        days.dedup();
        Days(days)
    }
}

/// The days of instants.
impl FromIterator<Time> for Days {
    fn from_iter<I: IntoIterator<Item = Time>>(times: I) -> Self {
        times.into_iter().map(bucket::quarter_of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_in_the_set_once() {
        let day = 86_400_000;
        let days: Days =
            [Time(2 * day), Time(day - 1), Time(0), Time(3 * day - 1)].into_iter().collect();
        assert_eq!(days.iter().collect::<Vec<_>>(), [0, 2]);
        assert_eq!(serde_json::to_string(&days).unwrap(), "[0,2]");
        assert!(Days::default().is_empty());
    }
}
