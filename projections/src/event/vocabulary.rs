//! The closed words of the wire: kinds and statuses.

use super::{Kind, Status};

impl Kind {
    /// Every kind, in the order of the design's table.
    pub const ALL: [Self; 6] = [
        Self::Transaction,
        Self::Activity,
        Self::Feedback,
        Self::Product,
        Self::Stock,
        Self::Customer,
    ];

    /// The word in a subject and in an ingest request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Activity => "activity",
            Self::Feedback => "feedback",
            Self::Product => "product",
            Self::Stock => "stock",
            Self::Customer => "customer",
        }
    }

    /// The kind that goes by exactly this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

impl Status {
    /// Every status, each at its [`Status::index`].
    pub const ALL: [Self; 4] = [Self::Completed, Self::Pending, Self::Failed, Self::Returned];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }

    /// The status that goes by exactly this word.
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
    fn every_word_reads_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(Status::ALL[status.index()], status);
        }
    }

    #[test]
    fn words_are_exact() {
        assert_eq!(Kind::parse("Transaction"), None);
        assert_eq!(Kind::parse(""), None);
        assert_eq!(Status::parse("completed "), None);
        assert_eq!(Status::parse("Completed"), None);
    }
}
