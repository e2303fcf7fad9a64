//! An event of a file.

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `transaction`, `product` or `customer`.
    pub kind: &'static str,
    /// The entity's id: `transactionId`, `productId` or `userId`.
    pub id: String,
    /// The payload as JSON.
    pub body: Vec<u8>,
}
