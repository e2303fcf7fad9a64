//! Open vocabularies, bounded: the values of one dimension in one month, or in all of time.

use std::borrow::Cow;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::bucket::{self, Level};
use crate::collection::{Collection, Key};
use crate::family::Dimension;
use crate::time::Time;

/// The code of an absent value.
pub const NONE: u16 = 0;
/// The code shared by the values past the cap.
pub const OTHER: u16 = 1;
/// The code of no value: an order that has lines of several values counts once under each, and here it
/// is taken out again, so that all codes together count it once.
pub const OVERLAP: u16 = u16::MAX;
/// The name of an absent value.
pub const NONE_NAME: &str = "(none)";
/// The name of the values past the cap.
pub const OTHER_NAME: &str = "(other)";

/// The code of a value among those that a vocabulary keeps, if it has one.
#[must_use]
pub fn code_of(values: &[String], name: &str) -> Option<u16> {
    match name {
        NONE_NAME => Some(NONE),
        OTHER_NAME => Some(OTHER),
        _ => u16::try_from(values.iter().position(|value| value == name)? + 2).ok(),
    }
}

/// The name of one vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VocabularyKey {
    /// The dimension.
    pub dimension: Dimension,
    /// The time whose values it has.
    pub period: Period,
}

/// The time whose values a vocabulary has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A month, counted from January 1970.
    Month(u32),
    /// All of time: the shop's vocabulary.
    Ever,
}

impl Period {
    /// The month of an instant.
    #[must_use]
    pub fn month_of(at: Time) -> Self {
        Period::Month(bucket::month_of_quarter(bucket::quarter_of(at)))
    }
}

impl Key for VocabularyKey {
    fn id(&self) -> Cow<'_, str> {
        Cow::Owned(self.to_id())
    }
}

/// The collection of vocabularies.
#[derive(Debug)]
pub struct Vocabularies;

impl Collection for Vocabularies {
    const NAME: &'static str = "vocabularies";
    const AT_HAND: usize = 2_000;
    type Key = VocabularyKey;
    type Document = Vocabulary;
    type Stored = Vocabulary;

    fn stored(vocabulary: &Vocabulary) -> impl Serialize + '_ {
        vocabulary
    }

    fn read(vocabulary: Vocabulary) -> Vocabulary {
        vocabulary
    }
}

impl From<&VocabularyKey> for VocabularyKey {
    fn from(key: &VocabularyKey) -> Self {
        *key
    }
}

impl VocabularyKey {
    /// The document's id: `category/2026-11` or `category/ever`. Those of the months of one dimension
    /// sort by time, and before the shop's.
    #[must_use]
    pub fn to_id(&self) -> String {
        let label = match self.period {
            Period::Month(month) => bucket::label(Level::Month, month),
            Period::Ever => bucket::label(Level::Ever, 0),
        };
        format!("{}/{label}", self.dimension.as_str())
    }
}

/// The values seen of one dimension in one period, in log order. A value never leaves, even when all
/// its contributions do: codes that were given out keep their meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Values", into = "Values")]
pub struct Vocabulary {
    values: Vec<Box<str>>,
    codes: HashMap<Box<str>, u16, RandomState>,
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
