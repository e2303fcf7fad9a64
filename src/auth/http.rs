//! `/api/auth`: registering, signing in and out, and passwords; `bodies`: the bodies of requests
//! and answers; `operations`: its entries in the API's document.

mod bodies;
mod operations;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio_util::task::TaskTracker;

use self::bodies::{
    Begun, BegunData, RefreshedData, Sessions, ShownSession, read_login, read_passwords,
    read_registration, read_reset,
};
use super::accounts::{self, Accounts, Refreshed};
use super::body::{BODY_BYTES_MAX, Fields};
use super::error::Error;
use super::user::{self, User};
use crate::http::Routes;
use crate::http::client::Origin;
use crate::http::envelope::Envelope;
use crate::http::gate::{By, Refusal};
use crate::http::problem::Problem;
use crate::rights::access::Access::{Public, SignedIn};
use crate::rights::caller::Person;
use crate::rights::role::Role;
use crate::store::platform::sessions::SessionRow;
use crate::store::time;

/// Mails that are being sent; one more is not begun.
const MAILS_MAX: usize = 32;

/// The dependencies of the routes.
#[derive(Debug, Clone)]
pub struct Deps {
    /// Accounts and sessions.
    pub accounts: Arc<Accounts>,
    /// Whether people can make an account for themselves.
    pub registration: bool,
    /// The tasks that send mail in the background.
    pub tasks: TaskTracker,
    /// A place for each mail that is being sent.
    pub mails: Arc<tokio::sync::Semaphore>,
}

impl Deps {
    /// The dependencies, with nothing in the background yet.
    #[must_use]
    pub fn new(accounts: Arc<Accounts>, registration: bool, tasks: TaskTracker) -> Self {
        let mails = Arc::new(tokio::sync::Semaphore::new(MAILS_MAX));
        Deps { accounts, registration, tasks, mails }
    }
}

/// The endpoints.
pub fn routes(deps: Deps) -> Routes {
    Routes::new()
        .post("/api/auth/register", Public, operations::register(), register)
        .post("/api/auth/login", Public, operations::login(), login)
        .post("/api/auth/refresh", Public, operations::refresh(), refresh)
        .post("/api/auth/password/forgot", Public, operations::forgot(), forgot)
        .post("/api/auth/password/reset", Public, operations::reset(), reset)
        .get("/api/auth/me", SignedIn, operations::me(), me)
        .post("/api/auth/logout", SignedIn, operations::logout(), logout)
        .post("/api/auth/logout-all", SignedIn, operations::logout_all(), logout_all)
        .post("/api/auth/password", SignedIn, operations::change_password(), change_password)
        .get("/api/auth/sessions", SignedIn, operations::sessions(), sessions)
        .delete("/api/auth/sessions/{id}", SignedIn, operations::end_session(), end_session)
        .body_limit(BODY_BYTES_MAX)
        .with_state(deps)
}

async fn register(
    State(deps): State<Deps>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    if !deps.registration {
        return Err(Error::RegistrationOff.into());
    }
    // It is checked first, so that a caller who asks for another role or permissions gets this
    // error.
    let role = body.get("role");
    let is_viewer = role.is_none_or(|it| it.as_str().and_then(Role::parse) == Some(Role::Viewer));
    if !is_viewer {
        return Err(Error::RoleAsked("role").into());
    }
    if body.get("permissions").is_some() {
        return Err(Error::RoleAsked("permissions").into());
    }
    let new = read_registration(&mut body);
    body.finish()?;
    let account = deps.accounts.create(new, &origin).await?;
    let begun = deps.accounts.begin(&account, &origin).await?;
    Ok(answer(&deps, StatusCode::CREATED, "Welcome", begun))
}

async fn login(
    State(deps): State<Deps>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let (email, password) = read_login(&mut body);
    body.finish()?;
    let begun = deps.accounts.sign_in(&email, password, &origin).await?;
    Ok(answer(&deps, StatusCode::OK, "Signed in", begun))
}

/// An access token alone gets no other: a person who found one has it for as long as it is valid.
async fn refresh(
    State(deps): State<Deps>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let token = body.secret("refreshToken");
    body.finish()?;
    let Refreshed { token, refresh_token } = deps.accounts.refresh(&token, &origin).await?;
    let data = RefreshedData {
        token: token.expose().to_owned(),
        expires_in: deps.accounts.tokens.life().as_secs(),
        refresh_token: refresh_token.expose().to_owned(),
    };
    Ok(unkept(Envelope::of(data).saying("Token refreshed successfully")))
}

/// The answer is the same, and as fast, whether or not there is such an account: the work is done
/// behind it.
async fn forgot(State(deps): State<Deps>, mut body: Fields) -> Result<Response, Problem> {
    let email = body.email("email");
    body.finish()?;
    let message = if deps.accounts.mailer.is_some() {
        "If there is an account with this e-mail, a link to set a new password is on its way"
    } else {
        "This server sends no mail; ask its operator for a link to set a new password"
    };
    if let Ok(place) = deps.mails.clone().try_acquire_owned() {
        let accounts = deps.accounts.clone();
        deps.tasks.spawn(async move {
            accounts.forgot(&email).await;
            drop(place);
        });
    } else {
        tracing::warn!("too many mails are being sent; one was not begun");
    }
    Ok(said(message))
}

async fn reset(
    State(deps): State<Deps>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let (token, password) = read_reset(&mut body);
    body.finish()?;
    deps.accounts.reset(&token, password, &origin).await?;
    Ok(said("The new password is set; sign in with it"))
}

async fn me(State(deps): State<Deps>, By(person): By<Person>) -> Result<Response, Problem> {
    let account = deps.accounts.store.account(&person.user_id).await.map_err(Error::from)?;
    // The sessions of an account end with it, so it is there but for an instant.
    let account = account.ok_or(Error::RefreshInvalid)?;
    Ok(unkept(Envelope::of(user::one(&deps.accounts, &person, account).await?)))
}

async fn logout(
    State(deps): State<Deps>,
    By(person): By<Person>,
    origin: Origin,
) -> Result<Response, Problem> {
    match deps.accounts.end_session(&person, &person.session, &origin).await {
        // Ended by another request meanwhile.
        Ok(()) | Err(Error::NoSession | Error::Refusal(Refusal::SessionEnded)) => {
            Ok(said("Signed out"))
        }
        Err(error) => Err(error.into()),
    }
}

async fn logout_all(
    State(deps): State<Deps>,
    By(person): By<Person>,
    origin: Origin,
) -> Result<Response, Problem> {
    deps.accounts.end_sessions(&person, &origin).await?;
    Ok(said("Signed out everywhere"))
}

async fn change_password(
    State(deps): State<Deps>,
    By(person): By<Person>,
    origin: Origin,
    mut body: Fields,
) -> Result<Response, Problem> {
    let (current, new) = read_passwords(&mut body);
    body.finish()?;
    deps.accounts
        .change_password(&person, current, new, &origin)
        .await
        .map_err(|error| Problem::from(error).renamed("password", "newPassword"))?;
    Ok(said("The password is changed; your other sessions have ended"))
}

async fn sessions(State(deps): State<Deps>, By(person): By<Person>) -> Result<Response, Problem> {
    let rows = deps.accounts.store.sessions_of(&person.user_id).await.map_err(Error::from)?;
    let sessions = rows.into_iter().map(|row| show(row, &person)).collect();
    Ok(unkept(Envelope::of(Sessions { sessions })))
}

async fn end_session(
    State(deps): State<Deps>,
    By(person): By<Person>,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    deps.accounts.end_session(&person, &id, &origin).await?;
    Ok(said("The session has ended"))
}

fn show(row: SessionRow, person: &Person) -> ShownSession {
    ShownSession {
        current: row.id == person.session,
        id: row.id,
        created_at: time::rfc3339(row.created_at),
        last_used_at: time::rfc3339(row.last_used_at),
        expires_at: time::rfc3339(row.expires_at),
        address: row.address,
        user_agent: row.user_agent,
    }
}

fn answer(
    deps: &Deps,
    status: StatusCode,
    message: &'static str,
    begun: accounts::SignedIn,
) -> Response {
    let user = User::from(begun.account);
    let token = begun.token.expose().to_owned();
    let data = BegunData {
        user: user.clone(),
        token: token.clone(),
        expires_in: deps.accounts.tokens.life().as_secs(),
        refresh_token: begun.refresh_token.expose().to_owned(),
    };
    (status, unkept(Json(Begun { success: true, message, data, token, user }))).into_response()
}

fn said(message: &'static str) -> Response {
    unkept(Json(json!({ "success": true, "message": message })))
}

/// No cache keeps an answer that has a token or a person in it.
pub fn unkept(answer: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-store")], answer).into_response()
}
