//! The day that a return is counted on.

/// The day that a return is counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The day on which the shop processed it.
    Processed,
    /// The day of the sale.
    Order,
}

impl Basis {
    /// All of them, each at its place among [`Basis::WORDS`].
    pub const ALL: [Self; 2] = [Self::Processed, Self::Order];

    /// Their words on the wire.
    pub const WORDS: &[&str] = &["processed", "order"];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }

    /// Both, with the minute of each.
    #[must_use]
    pub fn both(processed: u32, sold: u32) -> [(Self, u32); 2] {
        [(Self::Processed, processed), (Self::Order, sold)]
    }
}
