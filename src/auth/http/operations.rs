//! The entries of `/api/auth` in the API's document.

use serde_json::json;

use super::bodies::{
    Begun, RefreshedData, Sessions, read_login, read_passwords, read_registration, read_reset,
};
use crate::auth::body::Fields;
use crate::auth::user::OneUser;
use crate::http::openapi::{Answer, Operation, Tag};
use crate::http::parameters::Parameter;
use crate::http::parameters::values::Text;
use crate::http::problem::ProblemType;

const SESSION: Parameter<Text> = Parameter::path(
    "id",
    "The session's id, as `GET /api/auth/sessions` lists it.",
    Text { min: 1, max: 128, allowed: "must be an id" },
);

pub(super) fn register() -> Operation {
    let answer = Answer::whole::<Begun>("The account is made, and signed in.").status(201);
    let example = json!({
        "email": "ann@example.org",
        "password": "seven lamps of 1849",
        "firstName": "Ann",
    });
    of("register", "Makes an account for oneself", answer)
        .about(
            "The account is a viewer's; an admin gives roles. `token` and `user` are at the top as well, \
             for clients that look for them there.",
        )
        .body(&Fields::described(read_registration), &example)
        .or_problems(&[
            ProblemType::RegistrationOff,
            ProblemType::Forbidden,
            ProblemType::EmailTaken,
            ProblemType::RateLimited,
        ])
}

pub(super) fn login() -> Operation {
    let answer = Answer::whole::<Begun>("The caller is signed in.");
    let example = json!({ "email": "ann@example.org", "password": "seven lamps of 1849" });
    of("login", "Signs in", answer)
        .about(
            "`token` is good for `expiresIn` seconds; `refreshToken` gets the next. Too many attempts \
             that fail have to wait.",
        )
        .body(&Fields::described(read_login), &example)
        .or_problems(&[
            ProblemType::WrongCredentials,
            ProblemType::AccountDeactivated,
            ProblemType::RateLimited,
            ProblemType::TooManyAttempts,
        ])
}

pub(super) fn refresh() -> Operation {
    let answer =
        Answer::data_and_message::<RefreshedData>("The next token, and the next refresh token.");
    of("refresh", "Gets the next token", answer)
        .about("A refresh token is good once. One that is used again ends its session.")
        .body(&Fields::described(|body| body.secret("refreshToken")), &json!(null))
        .or_problems(&[
            ProblemType::RefreshInvalid,
            ProblemType::RefreshReused,
            ProblemType::AccountDeactivated,
        ])
}

pub(super) fn forgot() -> Operation {
    let answer = Answer::message("The same whether or not there is such an account.");
    of("forgotPassword", "Has a link sent to set a new password", answer).body(
        &Fields::described(|body| body.email("email")),
        &json!({ "email": "ann@example.org" }),
    )
}

pub(super) fn reset() -> Operation {
    let answer = Answer::message("The new password is set, and every session has ended.");
    of("resetPassword", "Sets a new password with a link", answer)
        .body(&Fields::described(read_reset), &json!(null))
}

pub(super) fn me() -> Operation {
    of("getMe", "One's own account", Answer::data::<OneUser>("The account."))
}

pub(super) fn logout() -> Operation {
    of("logout", "Signs out", Answer::message("The session has ended."))
}

pub(super) fn logout_all() -> Operation {
    of("logoutEverywhere", "Signs out everywhere", Answer::message("All sessions have ended."))
}

pub(super) fn change_password() -> Operation {
    let answer = Answer::message("The password is changed, and other sessions have ended.");
    of("changePassword", "Changes one's password", answer)
        .body(&Fields::described(read_passwords), &json!(null))
        .or_problems(&[ProblemType::TooManyAttempts])
}

pub(super) fn sessions() -> Operation {
    let answer = Answer::data::<Sessions>("Where one is signed in.");
    of("listSessions", "One's own sessions", answer)
}

pub(super) fn end_session() -> Operation {
    of("endSession", "Ends one of one's sessions", Answer::message("The session has ended."))
        .with(&SESSION)
        .or_missing("There is no such session of the caller's.")
}

fn of(id: &'static str, summary: &'static str, answer: Answer) -> Operation {
    Operation::new(Tag::SignIn, id, summary, answer)
}
