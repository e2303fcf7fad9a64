//! The bounds of what is sent at a time.

/// The bounds of batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most messages of a batch.
    pub messages: usize,
    /// The most bytes of a batch; a message that is larger goes alone.
    pub bytes: usize,
    /// The most shipments that are not answered.
    pub in_flight: usize,
    /// So few events go each by itself, all at once.
    pub few: usize,
}

impl Limits {
    /// Batches of the log. The server allows a stream 50 at a time, of all processes. It makes a store of
    /// its own for each, and syncs six times for that: as often as for six events without a batch.
    pub const BATCHES: Limits = Limits { messages: 1_000, bytes: 4 << 20, in_flight: 4, few: 8 };
    /// Messages one by one, for a log that takes no batches.
    pub const SINGLES: Limits = Limits { messages: 1, bytes: 4 << 20, in_flight: 4_000, few: 1 };
}
