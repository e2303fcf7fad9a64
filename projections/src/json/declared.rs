//! The members of a payload as plain data: the API's document is made of it, and tests compare it
//! with the reader.

use crate::quantity::Quantity;

/// A member of a payload, as its kind declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// Its name on the wire.
    pub name: &'static str,
    /// Whether it has to be there, and its type.
    pub says: Says,
    /// The rules that its type leaves open, for readers of the API's document; may be empty.
    pub about: &'static str,
}

/// Whether a member has to be there, and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It has to be there.
    Needed(Is),
    /// It may be absent or `null`.
    Optional(Is),
    /// It may be absent or `null` while another of this sort is there.
    Among(Is),
    /// It stands in where the member of this name is absent.
    Alias(&'static str),
}

/// The type of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// An id: a text, taken as it is, or a whole number, which becomes its decimal text.
    Id,
    /// A text, of which so many characters are kept. A blank one is as good as absent.
    Text(usize),
    /// A text for people, of which so many characters are kept, or an object of such by language.
    ByLanguage(usize),
    /// An address of at most so many characters. One that is longer is as good as absent.
    Address(usize),
    /// An amount: a number, or a decimal as text.
    Amount,
    /// A currency, by its three letters.
    Currency,
    /// A currency, by its three letters, which is not the shop's.
    AnotherCurrency,
    /// A rate of exchange: a number above zero, or a decimal as text.
    Rate,
    /// A day or an instant.
    Date,
    /// A whole number from one to another, both included, or the same as text.
    Whole(i64, i64),
    /// A number of units from one to another, both included, or the same as text.
    Units(Quantity, Quantity),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`, or the same as text or as 1 or 0.
    Flag,
    /// An object of which these members are read.
    Object(&'static [Declared]),
    /// An array of so many objects at least and at most, of each of which these members are read.
    List(&'static [Declared], usize, usize),
}

impl Says {
    /// Whether it is true or false.
    pub(crate) const fn is_flag(self) -> bool {
        matches!(self, Says::Needed(Is::Flag) | Says::Optional(Is::Flag) | Says::Among(Is::Flag))
    }
}
