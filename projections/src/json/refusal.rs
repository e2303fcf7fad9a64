//! Why a value is not taken.

use std::borrow::Cow;

/// Why a value is not taken. States the allowed values and never repeats the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is empty or nothing but white space: as good as absent if the field is optional.
    Blank,
    Because(Cow<'static, str>),
}

impl From<&'static str> for Refusal {
    fn from(message: &'static str) -> Self {
        Self::Because(Cow::Borrowed(message))
    }
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::Because(Cow::Owned(message))
    }
}

pub(crate) type Read<T> = Result<T, Refusal>;
