//! Why an account is not signed in, made or changed.

use axum::http::StatusCode;

use super::password;
use crate::http::problem::{FieldError, Problem};
use crate::store;
use crate::store::accounts::Refused;

/// Why an account is not signed in, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody can make an account for themselves here.
    #[error("registration is off")]
    RegistrationOff,
    /// Nobody can give themselves a role.
    #[error("a role was asked for")]
    RoleAsked(&'static str),
    /// Another account has the e-mail.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// No such account, or another password: nobody is told which.
    #[error("the e-mail or the password is wrong")]
    WrongCredentials,
    /// The password is right and the account may not sign in.
    #[error("the account is deactivated")]
    Deactivated,
    /// The password that was to be changed is another.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many failed before; seconds to wait.
    #[error("too many attempts")]
    TooMany(u32),
    /// The refresh token is none of ours, or its session has ended.
    #[error("the refresh token is not valid")]
    RefreshInvalid,
    /// The refresh token was used before; its session was ended.
    #[error("the refresh token was used before")]
    RefreshReused,
    /// The token to set a new password is not good, or not any more.
    #[error("the reset token is not valid")]
    ResetInvalid,
    /// There is no such session of this account.
    #[error("no such session")]
    NoSession,
    /// There is no such account.
    #[error("there is no such account")]
    NoAccount,
    /// The caller may do something to this account, but not that.
    #[error("{message}")]
    NotAllowed {
        /// What they may not change.
        field: &'static str,
        /// Who may.
        message: &'static str,
    },
    /// Nobody would be left who may do everything.
    #[error("the last active admin")]
    LastAdmin,
    /// Nobody deactivates themselves.
    #[error("one's own account")]
    OneSelf,
    /// There is no such API key.
    #[error("there is no such API key")]
    NoKey,
    /// There are as many API keys as there may be.
    #[error("there are too many API keys; revoke one first")]
    TooManyKeys,
    /// A password was not worked on.
    #[error(transparent)]
    Password(#[from] password::Error),
    /// A token could not be made.
    #[error("making a token")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::EmailTaken => Error::EmailTaken,
            Refused::LastAdmin => Error::LastAdmin,
            Refused::Store(error) => Error::Store(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let of = |status, kind, message: &'static str| Problem::new(status, message).of_type(kind);
        let field = |field, message| Problem::invalid(vec![FieldError::new(field, message)]);
        match error {
            Error::RegistrationOff => {
                of(StatusCode::FORBIDDEN, "registration-off", "Accounts are made by an admin here")
            }
            Error::RoleAsked(field) => of(
                StatusCode::FORBIDDEN,
                "forbidden",
                "An account that is registered is a viewer; an admin gives roles and permissions",
            )
            .with("field", field),
            Error::EmailTaken => {
                of(StatusCode::CONFLICT, "email-taken", "There is an account with this e-mail")
            }
            Error::WrongCredentials => of(
                StatusCode::UNAUTHORIZED,
                "wrong-credentials",
                "The e-mail or the password is wrong",
            ),
            Error::Deactivated => {
                of(StatusCode::FORBIDDEN, "account-deactivated", "This account is deactivated")
            }
            Error::WrongPassword => field("currentPassword", "is wrong"),
            Error::TooMany(seconds) => of(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-attempts",
                "Too many failed attempts; try again later",
            )
            .retry_after(seconds),
            Error::RefreshInvalid => of(
                StatusCode::UNAUTHORIZED,
                "refresh-invalid",
                "The refresh token is not valid; sign in again",
            ),
            Error::RefreshReused => of(
                StatusCode::UNAUTHORIZED,
                "refresh-reused",
                "The refresh token was used before, so its session was ended; sign in again",
            ),
            Error::ResetInvalid => field("token", "is not valid, or not any more"),
            Error::NoSession => {
                Problem::new(StatusCode::NOT_FOUND, "There is no such session of yours")
            }
            Error::NoAccount => Problem::new(StatusCode::NOT_FOUND, "There is no such user"),
            Error::NotAllowed { field, message } => {
                of(StatusCode::FORBIDDEN, "forbidden", message).with("field", field)
            }
            Error::LastAdmin => of(
                StatusCode::CONFLICT,
                "last-admin",
                "This is the last active admin; make another one first",
            ),
            Error::OneSelf => field("id", "must not be your own"),
            Error::NoKey => Problem::new(StatusCode::NOT_FOUND, "There is no such API key"),
            Error::TooManyKeys => of(
                StatusCode::CONFLICT,
                "too-many-keys",
                "There are too many API keys; revoke one first",
            ),
            Error::Password(password::Error::Weak(message)) => field("password", message),
            Error::Password(password::Error::Busy) => {
                Problem::unavailable("Too many sign in at the moment", 5)
            }
            Error::Password(error) => Problem::internal(error),
            Error::Token(error) => Problem::internal(error),
            Error::Store(error) if error.is_unavailable() => {
                Problem::unavailable("The database does not answer at the moment", 2)
                    .caused_by(error)
            }
            Error::Store(error) => Problem::internal(error),
        }
    }
}
