//! The types of problems, for clients to tell one from another by.

use axum::http::StatusCode;

/// The types: a name, its status and its description.
macro_rules! problem_types {
    ($($(#[doc = $about:literal])* $name:ident = $text:literal, $status:ident;)*) => {
        /// The type of a problem that its status does not say all about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ProblemType {
            $($(#[doc = $about])* $name,)*
        }

        impl ProblemType {
            /// All of them.
            pub const ALL: &[ProblemType] = &[$(ProblemType::$name,)*];

            /// Its name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(ProblemType::$name => $text,)*
                }
            }

            /// The status that it comes with.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self {
                    $(ProblemType::$name => StatusCode::$status,)*
                }
            }

            /// Its description.
            #[must_use]
            pub fn about(self) -> &'static str {
                match self {
                    $(ProblemType::$name => concat!($($about),*).trim_ascii(),)*
                }
            }
        }
    };
}

problem_types! {
    /// The message would be quarantined again.
    StillQuarantined = "still-quarantined", BAD_REQUEST;
    /// The request has no credential.
    Unauthenticated = "unauthenticated", UNAUTHORIZED;
    /// The access token was good once.
    TokenExpired = "token-expired", UNAUTHORIZED;
    /// The access token is none of this service.
    TokenInvalid = "token-invalid", UNAUTHORIZED;
    /// The session was ended, or its account was.
    SessionEnded = "session-ended", UNAUTHORIZED;
    /// The API key is unknown, revoked or past its time.
    KeyInvalid = "key-invalid", UNAUTHORIZED;
    /// The ticket was used, or is past its time.
    TicketInvalid = "ticket-invalid", UNAUTHORIZED;
    /// The e-mail or the password is wrong.
    WrongCredentials = "wrong-credentials", UNAUTHORIZED;
    /// The refresh token is not valid, or not any more.
    RefreshInvalid = "refresh-invalid", UNAUTHORIZED;
    /// The refresh token was used before, so its session was ended.
    RefreshReused = "refresh-reused", UNAUTHORIZED;
    /// The caller is known and may not do this.
    Forbidden = "forbidden", FORBIDDEN;
    /// Nobody can make an account for themselves here.
    RegistrationOff = "registration-off", FORBIDDEN;
    /// The account may not sign in.
    AccountDeactivated = "account-deactivated", FORBIDDEN;
    /// Another account has the e-mail.
    EmailTaken = "email-taken", CONFLICT;
    /// Nobody would be left who may do everything.
    LastAdmin = "last-admin", CONFLICT;
    /// There are as many alerts as there may be, of one or in all.
    TooManyAlerts = "too-many-alerts", CONFLICT;
    /// There are as many API keys as there may be.
    TooManyKeys = "too-many-keys", CONFLICT;
    /// The message was replayed or discarded before.
    AlreadyResolved = "already-resolved", CONFLICT;
    /// A replay of the message was begun and did not end.
    ReplayUnderWay = "replay-under-way", CONFLICT;
    /// The log is not the one that the read models were made from.
    AnotherLog = "another-log", CONFLICT;
    /// Something is being done to generations already.
    AlreadyUnderWay = "already-under-way", CONFLICT;
    /// There are no read models that could be replaced.
    NothingLive = "nothing-live", CONFLICT;
    /// The log does not begin with its first event.
    LogIncomplete = "log-incomplete", CONFLICT;
    /// The fold halts: the log was made anew.
    AnotherIncarnation = "another-incarnation", CONFLICT;
    /// The fold halts: the log ends before the read models do.
    LogBehind = "log-behind", CONFLICT;
    /// The fold halts: the log begins after events that the read models lack.
    LogGap = "log-gap", CONFLICT;
    /// The fold halts: the log lacks events.
    LogHole = "log-hole", CONFLICT;
    /// The fold halts: another message is at the position of the last one that was folded.
    AnotherMessage = "another-message", CONFLICT;
    /// The fold halts: the read models were made with other settings.
    AnotherFold = "another-fold", CONFLICT;
    /// The fold halts: an older version of it made the read models.
    OlderFold = "older-fold", CONFLICT;
    /// The fold halts: a newer version of it made the read models.
    NewerFold = "newer-fold", CONFLICT;
    /// The fold halts: the log is gone.
    LogGone = "log-gone", CONFLICT;
    /// There were too many requests.
    RateLimited = "rate-limited", TOO_MANY_REQUESTS;
    /// There were too many attempts that failed.
    TooManyAttempts = "too-many-attempts", TOO_MANY_REQUESTS;
    /// The read models have not reached the position that was asked for.
    ProjectionBehind = "projection-behind", SERVICE_UNAVAILABLE;
    /// The read models that this needs are of a newer version of the fold than the live ones.
    NotYetMade = "not-yet-made", SERVICE_UNAVAILABLE;
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_type_has_a_name_and_a_meaning_of_its_own() {
        let all = ProblemType::ALL;
        let names: HashSet<_> = all.iter().map(|it| it.as_str()).collect();
        let meanings: HashSet<_> = all.iter().map(|it| it.about()).collect();
        assert_eq!((names.len(), meanings.len()), (all.len(), all.len()));
        assert!(meanings.iter().all(|it| it.ends_with('.') && !it.starts_with(' ')));
    }
}
