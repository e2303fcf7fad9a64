//! Why an account was not written.

use crate::store::Error;

/// Why an account was not written.
#[derive(Debug)]
pub enum Refused {
    /// Another account has the e-mail.
    EmailTaken,
    /// Nobody would be left who may do everything.
    LastAdmin,
    /// The session of who asked has ended.
    SessionEnded,
    /// There is no such account.
    Missing,
    /// The store did not take it.
    Store(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        if error.is_duplicate() { Refused::EmailTaken } else { Refused::Store(error) }
    }
}
