//! The closed vocabulary of a transaction's `status`.

use serde::{Deserialize, Serialize};

/// The closed vocabulary of a transaction's `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Counts as revenue.
    Completed,
    /// Not paid yet.
    Pending,
    /// Will not be paid.
    Failed,
    /// Given back.
    Returned,
}

impl Status {
    /// Every status, each at its [`Status::index`].
    pub const ALL: [Self; 4] = [Self::Completed, Self::Pending, Self::Failed, Self::Returned];

    /// Its words on the wire, each at its [`Status::index`].
    pub const WORDS: &[&str] = &["completed", "pending", "failed", "returned"];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS[self.index()]
    }

    /// The status of exactly this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// The place in [`Status::ALL`], 0 to 3, for tables with a column per status.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_exact_and_reads_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(Status::ALL[status.index()], status);
        }
        assert_eq!(Status::parse("completed "), None);
        assert_eq!(Status::parse("Completed"), None);
    }
}
