//! An event of a file.

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `product`, `customer`, `order`, `refund` or `transaction`.
    pub kind: &'static str,
    /// The entity's id, such as `orderId`.
    pub id: String,
    /// The payload as JSON.
    pub body: Vec<u8>,
}
