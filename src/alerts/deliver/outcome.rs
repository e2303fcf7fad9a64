//! What became of an attempt to deliver a message.

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered.
    Sent,
    /// It is not, and is tried again.
    Again(String),
    /// It is not, and never will be.
    Never(String),
}
