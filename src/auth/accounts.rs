//! Operations on accounts and sessions, without HTTP; the routes and the command line both use
//! them.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::audit::{Audit, Event, EventType};
use super::error::Error;
use super::mail::Mailer;
use super::password::{Crowd, Passwords, Turn};
use super::refresh::RefreshTokens;
use super::throttle::Attempt;
use super::token::{Holder, Tokens};
use crate::hidden::Hidden;
use crate::http::client::Origin;
use crate::rights::caller::Person;
use crate::rights::role::{Permission, Role};
use crate::store::platform::Platform;
use crate::store::platform::accounts::{Account, PasswordHash, Profile};
use crate::store::platform::sessions::{Refresh, Rotated, Rotation, SessionRow};
use crate::store::time;

/// A refresh token whose answer was lost can be used again for this long.
const GRACE: Duration = Duration::from_secs(10);
/// However often a session is refreshed, it ends after this, or after the time that a session may
/// be idle where that is longer.
const SESSION_AGE: Duration = Duration::from_hours(90 * 24);

/// Accounts and sessions.
#[derive(Debug)]
pub struct Accounts {
    /// The store of accounts and sessions.
    pub store: Platform,
    /// Makes access tokens.
    pub tokens: Arc<Tokens>,
    /// Makes refresh tokens.
    pub refresh: RefreshTokens,
    /// Works on passwords.
    pub passwords: Passwords,
    /// The audit of operations.
    pub audit: Audit,
    /// Sends mail, where a server for it is set.
    pub mailer: Option<Mailer>,
    /// The URL at which people reach the service, with no slash at its end.
    pub public_url: String,
}

/// A new account.
#[derive(Debug)]
pub struct NewAccount {
    /// In small letters.
    pub email: String,
    /// The password.
    pub password: Hidden,
    /// A name to show.
    pub username: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The role.
    pub role: Role,
    /// Permissions beyond the role.
    pub permissions: Vec<Permission>,
    /// The maker: a user's id, `self`, `command` or `start`.
    pub created_by: String,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct SignedIn {
    /// The account that it belongs to.
    pub account: Account,
    /// The access token, which is sent with every request.
    pub token: Hidden,
    /// The refresh token, which gets the next access token.
    pub refresh_token: Hidden,
}

/// A session that goes on.
#[derive(Debug)]
pub struct Refreshed {
    /// The access token, which is sent with every request.
    pub token: Hidden,
    /// The refresh token, which gets the next access token.
    pub refresh_token: Hidden,
}

impl Accounts {
    /// Makes an account that needs nobody's right: one's own, or one that an operator wants.
    ///
    /// # Errors
    /// [`Error::Password`], [`Error::EmailTaken`], [`Error::Store`].
    pub async fn create(&self, new: NewAccount, origin: &Origin) -> Result<Account, Error> {
        let (crowd, _begun) = if new.created_by == "self" {
            let begun = self.passwords.begin_registering(origin.address).await?;
            (Crowd::Newcomers, Some(begun))
        } else {
            (Crowd::Known, None)
        };
        let account = self.drawn_up(new, crowd, origin).await?;
        self.store.insert_account(&account).await?;
        self.remember_new(&account, origin).await;
        Ok(account)
    }

    /// An account with its password hashed, which is not stored yet.
    pub(super) async fn drawn_up(
        &self,
        new: NewAccount,
        crowd: Crowd,
        origin: &Origin,
    ) -> Result<Account, Error> {
        let about = [&Some(new.email.clone()), &new.username, &new.first_name, &new.last_name];
        let about = about.into_iter().flatten().cloned().collect();
        let password_hash = self.passwords.hash(new.password, about, crowd, origin.address).await?;
        let now = time::now();
        Ok(Account {
            id: Uuid::new_v4().to_string(),
            email: new.email,
            username: new.username,
            first_name: new.first_name,
            last_name: new.last_name,
            role: new.role,
            permissions: new.permissions,
            profile: Profile::default(),
            is_active: true,
            is_verified: false,
            password_hash,
            last_login: None,
            last_login_address: None,
            created_at: now,
            updated_at: now,
            created_by: new.created_by,
            updated_by: None,
        })
    }

    pub(super) async fn remember_new(&self, account: &Account, origin: &Origin) {
        let event = Event::done(EventType::AccountCreate).to(format!("user:{}", account.id));
        let event = event.detail(account.role.as_str()).from(origin);
        let event = match account.created_by.as_str() {
            "self" => event.by_user(&account.id),
            name @ ("command" | "start") => event.by_name(name),
            id => event.by_user(id),
        };
        self.audit.record(event).await;
    }

    /// Signs in.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`], [`Error::Deactivated`], [`Error::TooMany`], [`Error::Password`],
    /// [`Error::Store`].
    pub async fn sign_in(
        &self,
        email: &str,
        password: Hidden,
        origin: &Origin,
    ) -> Result<SignedIn, Error> {
        let _begun = self.passwords.begin_signing_in(origin.address).await?;
        let account = self.store.account_by_email(email).await?;
        let hash = account.as_ref().map(|account| &account.password_hash);
        let refused = |detail| {
            let event = Event::refused(EventType::SignIn).detail(detail).from(origin);
            match &account {
                Some(account) => event.to(format!("user:{}", account.id)),
                None => event,
            }
        };
        let attempt = Attempt::new(email, origin.address);
        let is_known = attempt.is_known(&self.store).await?;
        let crowd = if is_known { Crowd::Known } else { Crowd::Strangers };
        let turn = self.passwords.turn(crowd, origin.address).await?;
        if !self.is_password(turn, &attempt, password, hash).await? {
            self.audit.record(refused("wrong e-mail or password")).await;
            return Err(Error::WrongCredentials);
        }
        match &account {
            Some(account) if account.is_active => self.begin(account, origin).await,
            _ => {
                self.audit.record(refused("deactivated")).await;
                Err(Error::Deactivated)
            }
        }
    }

    /// Checks a password, one turn after the other: so few are checked at a time that hardly more
    /// than the allowed number go through before the first failures count.
    pub(super) async fn is_password(
        &self,
        turn: Turn,
        attempt: &Attempt,
        password: Hidden,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, Error> {
        if let Some(seconds) = attempt.wait(&self.store).await? {
            return Err(Error::TooMany(seconds));
        }
        let is_right = turn.verify(password, hash).await?;
        if is_right {
            attempt.succeeded(&self.store).await?;
        } else {
            attempt.failed(&self.store).await?;
        }
        Ok(is_right)
    }

    /// Begins a session of an account whose password has just been verified, or set.
    ///
    /// # Errors
    /// [`Error::WrongCredentials`] where it or the e-mail was changed since; [`Error::Token`], [`Error::Store`].
    pub async fn begin(&self, account: &Account, origin: &Origin) -> Result<SignedIn, Error> {
        let (session, now) = (Uuid::new_v4(), time::now());
        let first = self.refresh.first(session);
        let row = SessionRow {
            id: session.to_string(),
            user_id: account.id.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: time::later(now, self.refresh.life),
            address: origin.address.map(|address| address.to_string()),
            user_agent: origin.user_agent.clone(),
            refresh: Refresh { hash: first.hash, previous: None, rotated_at: now },
        };
        let begun = self.store.open_session(&row, account).await?;
        let account = begun.ok_or(Error::WrongCredentials)?;
        let token = self.issue(&account, &row.id, now)?;
        let event = Event::done(EventType::SignIn).by_user(&account.id);
        self.audit.record(event.to(format!("session:{}", row.id)).from(origin)).await;
        Ok(SignedIn { account, token: token.into(), refresh_token: first.text.into() })
    }

    fn issue(
        &self,
        account: &Account,
        session: &str,
        now: time::DateTime,
    ) -> Result<String, Error> {
        let holder = Holder { id: &account.id, email: &account.email, role: account.role };
        Ok(self.tokens.issue(holder, session, now.timestamp_millis() / 1_000)?)
    }

    /// Uses a refresh token.
    ///
    /// # Errors
    /// [`Error::RefreshInvalid`], [`Error::RefreshReused`], [`Error::Token`], [`Error::Store`].
    pub async fn refresh(&self, token: &Hidden, origin: &Origin) -> Result<Refreshed, Error> {
        let presented = self.refresh.read(token.expose()).ok_or(Error::RefreshInvalid)?;
        let now = time::now();
        let rotation = Rotation {
            session: presented.session,
            used: presented.hash,
            successor: presented.successor.hash,
            grace_from: earlier(now, GRACE),
            expires_at: time::later(now, self.refresh.life),
            age_max: self.refresh.life.max(SESSION_AGE),
        };
        match self.store.rotate(&rotation).await? {
            Rotated::To(standing) => {
                let account = self.store.account(&standing.user_id).await?;
                let account = account.ok_or(Error::RefreshInvalid)?;
                let token = self.issue(&account, &standing.id, now)?;
                let refresh_token = presented.successor.text.into();
                Ok(Refreshed { token: token.into(), refresh_token })
            }
            Rotated::Reused(standing) => {
                let event =
                    Event::refused(EventType::Refresh).to(format!("session:{}", standing.id));
                let event = event.detail("used before; session ended").from(origin);
                self.audit.record(event.by_user(&standing.user_id)).await;
                Err(Error::RefreshReused)
            }
            Rotated::Ended => Err(Error::RefreshInvalid),
        }
    }

    /// Ends the session of a request, or another of the same account.
    ///
    /// # Errors
    /// [`Error::NoSession`], [`Error::Refusal`], [`Error::Store`].
    pub async fn end_session(
        &self,
        person: &Person,
        session: &str,
        origin: &Origin,
    ) -> Result<(), Error> {
        if !self.store.end_session_by::<Error>(session, person.into()).await? {
            return Err(Error::NoSession);
        }
        let event = Event::done(EventType::SignOut).by_user(&person.user_id);
        self.audit.record(event.to(format!("session:{session}")).from(origin)).await;
        Ok(())
    }

    /// Ends every session of an account.
    ///
    /// # Errors
    /// [`Error::Refusal`], [`Error::Store`].
    pub async fn end_sessions(&self, person: &Person, origin: &Origin) -> Result<u64, Error> {
        let ended = self.store.end_sessions_by::<Error>(person.into()).await?;
        let event = Event::done(EventType::SignOutAll).by_user(&person.user_id);
        self.audit.record(event.to(format!("user:{}", person.user_id)).from(origin)).await;
        Ok(ended)
    }
}

fn earlier(from: time::DateTime, by: Duration) -> time::DateTime {
    let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    time::at(from.timestamp_millis().saturating_sub(ms))
}
