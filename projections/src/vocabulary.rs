//! Open vocabularies, bounded: the values of one dimension in one month.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::bucket::{self, Level};

/// The code of an absent value.
pub const NONE: u16 = 0;
/// The code shared by the values past the cap.
pub const OTHER: u16 = 1;
/// How an absent value is named.
pub const NONE_NAME: &str = "(none)";
/// How the values past the cap are named.
pub const OTHER_NAME: &str = "(other)";

/// A dimension with an open vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// A sale's category.
    Category,
    /// A sale's payment method.
    PaymentMethod,
    /// A sale's shipping country.
    Country,
    /// An activity's type.
    ActivityType,
    /// An activity's device.
    Device,
    /// An activity's page.
    Page,
    /// An activity's country.
    ActivityCountry,
}

impl Dimension {
    /// How many distinct values a month keeps apart; further ones, in log order, are `(other)`.
    #[must_use]
    pub fn cap(self) -> usize {
        match self {
            Dimension::Page => 512,
            _ => 256,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Dimension::Category => "category",
            Dimension::PaymentMethod => "paymentMethod",
            Dimension::Country => "country",
            Dimension::ActivityType => "activityType",
            Dimension::Device => "device",
            Dimension::Page => "page",
            Dimension::ActivityCountry => "activityCountry",
        }
    }
}

/// Names one vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VocabularyKey {
    /// Of what.
    pub dimension: Dimension,
    /// Of when, in months since January 1970.
    pub month: u32,
}

impl From<&VocabularyKey> for VocabularyKey {
    fn from(key: &VocabularyKey) -> Self {
        *key
    }
}

impl VocabularyKey {
    /// The document's id; ids of one dimension sort by time.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.dimension.as_str(), bucket::label(Level::Month, self.month))
    }
}

/// The values seen of one dimension in one month, in log order. A value never leaves, even when
/// everything counted under it does: codes that were given out stay what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Values", into = "Values")]
pub struct Vocabulary {
    values: Vec<Box<str>>,
    codes: HashMap<Box<str>, u16>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Values {
    values: Vec<Box<str>>,
}

impl From<Values> for Vocabulary {
    fn from(Values { values }: Values) -> Self {
        let codes = (2..).zip(&values).map(|(code, value)| (value.clone(), code)).collect();
        Vocabulary { values, codes }
    }
}

impl From<Vocabulary> for Values {
    fn from(vocabulary: Vocabulary) -> Self {
        Values { values: vocabulary.values }
    }
}

impl Vocabulary {
    /// The code of a value, if it needs no new one: known, absent, reserved, or past the cap.
    #[must_use]
    pub fn code(&self, value: Option<&str>, cap: usize) -> Option<u16> {
        match value {
            None | Some(NONE_NAME) => Some(NONE),
            Some(OTHER_NAME) => Some(OTHER),
            Some(value) => self
                .codes
                .get(value)
                .copied()
                .or_else(|| (self.values.len() >= cap).then_some(OTHER)),
        }
    }

    /// Gives a value the next code.
    pub fn learn(&mut self, value: &str) -> u16 {
        let code = u16::try_from(self.values.len() + 2).unwrap_or(OTHER);
        self.values.push(value.into());
        self.codes.insert(value.into(), code);
        code
    }

    /// The value of a code.
    #[must_use]
    pub fn name(&self, code: u16) -> &str {
        match code {
            NONE => NONE_NAME,
            OTHER => OTHER_NAME,
            _ => self.values.get(usize::from(code) - 2).map_or(OTHER_NAME, |value| value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_past_the_cap_are_other_and_known_ones_stay_known() {
        let mut vocabulary = Vocabulary::default();
        assert_eq!(vocabulary.code(Some("a.$"), 2), None);
        let a = vocabulary.learn("a.$");
        let b = vocabulary.learn("b");
        assert_eq!(vocabulary.code(Some("a.$"), 2), Some(a));
        assert_eq!(vocabulary.code(Some("c"), 2), Some(OTHER));
        assert_eq!(vocabulary.code(None, 2), Some(NONE));
        assert_eq!((vocabulary.name(a), vocabulary.name(b)), ("a.$", "b"));
        assert_eq!((vocabulary.name(NONE), vocabulary.name(OTHER)), ("(none)", "(other)"));
    }
}
