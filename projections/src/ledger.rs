//! The ledger: the present contribution of every entity that an event can correct, so that it can
//! be taken out again to the digit. A line for each kind of row.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::collection::{Collection, Key};

/// The name of a row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey(Box<str>);

impl LedgerKey {
    /// The key of an entity.
    #[must_use]
    pub fn of<R: Row>(id: &str) -> Self {
        let mut key = String::with_capacity(id.len() + R::PREFIX.len());
        key.push_str(R::PREFIX);
        key.push_str(id);
        LedgerKey(key.into())
    }

    /// The document's id: the prefix of its kind and the entity's.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&LedgerKey> for LedgerKey {
    fn from(key: &LedgerKey) -> Self {
        key.clone()
    }
}

impl Key for LedgerKey {
    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }
}

/// A kind of row.
pub trait Row: Clone + Sized {
    /// The beginning of its documents' ids.
    const PREFIX: &'static str;
    /// Its name.
    const NAME: &'static str;
    /// The version of the fold that was the first to keep it.
    const SINCE: u32;

    /// The row, if it is of this kind.
    fn of(row: &LedgerRow) -> Option<&Self>;

    /// The value as a row.
    fn into_row(self) -> LedgerRow;
}

macro_rules! rows {
    ($($(#[$doc:meta])* $Kind:ident($Row:ty) = $prefix:literal since $since:literal,)*) => {
        /// A row of the ledger.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        pub enum LedgerRow {
            $($(#[$doc])* $Kind($Row),)*
        }

        $(impl Row for $Row {
            const PREFIX: &'static str = $prefix;
            const NAME: &'static str = stringify!($Kind);
            const SINCE: u32 = $since;

            fn of(row: &LedgerRow) -> Option<&Self> {
                match row {
                    LedgerRow::$Kind(row) => Some(row),
                    #[allow(unreachable_patterns)] // where there is one kind of row
                    _ => None,
                }
            }

            fn into_row(self) -> LedgerRow {
                LedgerRow::$Kind(self)
            }
        })*
    };
}

rows! {
    /// A transaction.
    Transaction(crate::sales::document::Sale) = "t:" since 1,
    /// A rating.
    Feedback(crate::feedback::document::Rating) = "f:" since 1,
    /// An order.
    Order(crate::orders::document::PlacedOrder) = "o:" since 3,
    /// A transaction that is no line of an order and that a refund names.
    Refunded(crate::orders::document::RefundedSale) = "x:" since 3,
    /// The rates of one currency in one year.
    Rates(crate::rates::document::Rates) = "e:" since 3,
    /// A refund.
    Refund(crate::refunds::document::Refund) = "r:" since 3,
    /// The sessions of a session's id.
    Sessions(crate::sessions::document::Sessions) = "s:" since 4,
}

/// The collection of its rows.
#[derive(Debug)]
pub struct Ledger;

impl Collection for Ledger {
    const NAME: &'static str = "ledger";
    const AT_HAND: usize = 200_000;
    // This is more than may be on their way to the store.
    const STREAMED: Option<usize> = Some(100_000);
    type Key = LedgerKey;
    type Document = LedgerRow;
    type Stored = LedgerRow;

    fn stored(row: &LedgerRow) -> impl Serialize + '_ {
        row
    }

    fn read(row: LedgerRow) -> LedgerRow {
        row
    }

    fn weight(row: &LedgerRow) -> usize {
        row.weight()
    }
}
