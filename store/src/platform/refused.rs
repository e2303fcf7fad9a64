//! Why an account was not written.

use crate::Error;

/// Why an account was not written.
#[derive(Debug)]
pub enum Refused {
    /// Another account has the e-mail.
    EmailTaken,
    /// Nobody would be left with all rights.
    LastAdmin,
    /// The session of the caller has ended.
    SessionEnded,
    /// There is no such account.
    Missing,
    /// The store failed.
    Store(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        if error.is_duplicate() { Refused::EmailTaken } else { Refused::Store(error) }
    }
}
