//! Why an account is not signed in, made or changed.

use axum::http::StatusCode;

use super::password;
use crate::http::gate::Refusal;
use crate::http::problem::{FieldError, Problem, ProblemType};
use crate::store;
use crate::store::platform::refused::Refused;

const ROLE_ASKED: &str =
    "An account that is registered is a viewer; an admin gives roles and permissions";
const REFRESH_REUSED: &str =
    "The refresh token was used before, so its session was ended; sign in again";

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
    /// No such account, or another password; the answer does not say which.
    #[error("the e-mail or the password is wrong")]
    WrongCredentials,
    /// The password is right and the account may not sign in.
    #[error("the account is deactivated")]
    Deactivated,
    /// The current password that was shown is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many attempts failed before; the seconds to wait.
    #[error("too many attempts")]
    TooMany(u32),
    /// The refresh token is none of ours, or its session has ended.
    #[error("the refresh token is not valid")]
    RefreshInvalid,
    /// The refresh token was used before; its session was ended.
    #[error("the refresh token was used before")]
    RefreshReused,
    /// The token to set a new password is not valid, or not any more.
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
        /// The field that they may not change.
        field: &'static str,
        /// The sentence that states the rule.
        message: &'static str,
    },
    /// The change would leave no active admin.
    #[error("the last active admin")]
    LastAdmin,
    /// Somebody would deactivate their own account.
    #[error("one's own account")]
    OneSelf,
    /// The caller may not do this, or not any more.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// There is no such API key.
    #[error("there is no such API key")]
    NoKey,
    /// There are as many API keys as allowed.
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
            Refused::SessionEnded => Error::Refusal(Refusal::SessionEnded),
            Refused::Missing => Error::NoAccount,
            Refused::Store(error) => Error::Store(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        let of = |kind, message: &'static str| Problem::of(kind, message);
        let not_found = |message: &'static str| Problem::new(StatusCode::NOT_FOUND, message);
        let field = |field, message| Problem::invalid(vec![FieldError::new(field, message)]);
        match error {
            Error::RegistrationOff => {
                of(ProblemType::RegistrationOff, "Accounts are made by an admin here")
            }
            Error::RoleAsked(field) => of(ProblemType::Forbidden, ROLE_ASKED).with("field", field),
            Error::NotAllowed { field, message } => {
                of(ProblemType::Forbidden, message).with("field", field)
            }
            Error::Deactivated => {
                of(ProblemType::AccountDeactivated, "This account is deactivated")
            }
            Error::EmailTaken => {
                of(ProblemType::EmailTaken, "There is an account with this e-mail")
            }
            Error::LastAdmin => {
                let message = "This is the last active admin; make another one first";
                of(ProblemType::LastAdmin, message)
            }
            Error::TooManyKeys => {
                of(ProblemType::TooManyKeys, "There are too many API keys; revoke one first")
            }
            Error::WrongCredentials => {
                of(ProblemType::WrongCredentials, "The e-mail or the password is wrong")
            }
            Error::RefreshInvalid => {
                let message = "The refresh token is not valid; sign in again";
                of(ProblemType::RefreshInvalid, message)
            }
            Error::RefreshReused => of(ProblemType::RefreshReused, REFRESH_REUSED),
            Error::TooMany(seconds) => {
                let message = "Too many failed attempts; try again later";
                of(ProblemType::TooManyAttempts, message).retry_after(seconds)
            }
            Error::WrongPassword => field("currentPassword", "is wrong"),
            Error::ResetInvalid => field("token", "is not valid, or not any more"),
            Error::OneSelf => field("id", "must not be your own"),
            Error::Password(password::Error::Weak(message)) => field("password", message),
            Error::NoSession => not_found("There is no such session of yours"),
            Error::NoAccount => not_found("There is no such user"),
            Error::NoKey => not_found("There is no such API key"),
            Error::Password(password::Error::Busy) => {
                Problem::unavailable("Too many sign in at the moment", 5)
            }
            Error::Store(error) if error.is_unavailable() => {
                Problem::unavailable("The database does not answer at the moment", 2)
                    .caused_by(error)
            }
            Error::Refusal(refusal) => refusal.into(),
            Error::Password(error) => Problem::internal(error),
            Error::Token(error) => Problem::internal(error),
            Error::Store(error) => Problem::internal(error),
        }
    }
}
