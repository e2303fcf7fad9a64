//! What a front end has to know before somebody signs in.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Routes;
use super::envelope::Envelope;
use super::openapi::{Answer, Operation, Tag};
use crate::rights::access::Access::Public;
use crate::rights::role::Role;

/// An account of the demo, for everybody who sees the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DemoAccount {
    /// Its e-mail.
    pub email: String,
    /// Its password.
    pub password: String,
    /// Its role.
    pub role: Role,
}

/// The accounts of the demo, once it has made them; nothing else ever sets them.
pub type Demo = Arc<OnceLock<Vec<DemoAccount>>>;

/// What is told.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The shop's currency.
    pub currency: String,
    /// The shop's language.
    pub language: String,
    /// Whether people can make an account for themselves.
    pub registration: bool,
    /// Whether links to set a new password are mailed.
    pub mail: bool,
    /// The accounts of the demo.
    pub demo: Demo,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AboutShop)]
struct About {
    /// The currency of all amounts.
    #[schema(example = "GBP")]
    currency: String,
    /// The shop's language, as BCP 47 has it.
    #[schema(example = "en")]
    language: String,
    /// Whether people can register.
    registration: bool,
    /// Whether a link to set a new password is sent to who asks for one.
    mail: bool,
    /// The demo's accounts, where the service is a demo that listens on this machine alone.
    demo: Option<Vec<DemoAccount>>,
}

/// `GET /api/about`.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    let answer = Answer::data::<About>("What a front end has to know.").headers(&["Cache-Control"]);
    let summary = "What a front end has to know before somebody signs in";
    let operation = Operation::new(Tag::Service, "getAbout", summary, answer);
    Routes::new().get("/api/about", Public, operation, about).with_state(deps)
}

async fn about(State(deps): State<Deps>) -> Response {
    let Deps { currency, language, registration, mail, demo } = deps;
    let demo = demo.get().cloned();
    let about = About { currency, language, registration, mail, demo };
    ([(CACHE_CONTROL, "no-store")], Envelope::of(about)).into_response()
}
