//! A new password for an account, set by somebody who knows the old one or has a link.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::accounts::Accounts;
use super::audit::{Event, EventType};
use super::error::Error;
use super::password::Crowd;
use super::secret::random;
use super::throttle::Attempt;
use crate::hidden::Hidden;
use crate::http::client::Origin;
use crate::rights::caller::Person;
use crate::store::platform::accounts::{Account, Change, NewPassword, Sessions};
use crate::store::platform::change::Judge;
use crate::store::platform::resets::ResetRow;
use crate::store::time;

/// A token to set a new password is valid for this long.
const RESET_LIFE: Duration = Duration::from_hours(24);

impl Accounts {
    /// Changes the caller's password, and ends their other sessions.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`Error::TooMany`], [`Error::Password`], [`Error::Refusal`],
    /// [`Error::Store`].
    pub async fn change_password(
        &self,
        person: &Person,
        current: Hidden,
        new: Hidden,
        origin: &Origin,
    ) -> Result<(), Error> {
        let id = &person.user_id;
        let account = self.store.account(id).await?.ok_or(Error::WrongPassword)?;
        let attempt = Attempt::new(&account.email, origin.address);
        let turn = self.passwords.turn(Crowd::Known, origin.address).await?;
        if !self.is_password(turn, &attempt, current, Some(&account.password_hash)).await? {
            let event = Event::refused(EventType::PasswordChange).by_user(id).from(origin);
            self.audit.record(event.to(format!("user:{id}"))).await;
            return Err(Error::WrongPassword);
        }
        let about = about(&account);
        let hash = self.passwords.hash(new, about, Crowd::Known, origin.address).await?;
        let (was, is) = (account.password_hash, hash);
        let judge: Judge<Error> = Box::new(move |_, account| {
            // It was changed meanwhile, by somebody who knew it as well.
            account.filter(|it| it.password_hash == was).ok_or(Error::WrongPassword)?;
            let password = NewPassword { was: was.clone(), is: is.clone() };
            Ok(Change { password: Some(password), ..Change::default() })
        });
        let others = Sessions::EndBut(person.session.clone());
        self.store.judge_change(id, person.into(), judge, others).await?;
        let event = Event::done(EventType::PasswordChange).by_user(id).from(origin);
        self.audit.record(event.to(format!("user:{id}"))).await;
        Ok(())
    }

    /// A link to set a new password for an account, to be shown to its owner and nobody else.
    /// `None` where there is no such account, or it may not sign in.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn reset_link(&self, email: &str, by: &str) -> Result<Option<Hidden>, Error> {
        let account = self.store.account_by_email(email).await?;
        let Some(account) = account.filter(|account| account.is_active) else { return Ok(None) };
        let token = URL_SAFE_NO_PAD.encode(random());
        let row = ResetRow {
            hash: reset_hash(&token),
            user_id: account.id.clone(),
            expires_at: time::later(time::now(), RESET_LIFE),
        };
        if !self.store.insert_reset(&row, email).await? {
            return Ok(None);
        }
        let event =
            Event::done(EventType::ResetLink).by_name(by).to(format!("user:{}", account.id));
        self.audit.record(event).await;
        // It stands after the #, so that it is in no server's log.
        Ok(Some(Hidden::from(format!("{}/#reset-password={token}", self.public_url))))
    }

    /// Sends a link to set a new password where the account exists. Returns nothing: the caller
    /// must not learn whether it does.
    pub async fn forgot(&self, email: &str) {
        let Some(mailer) = &self.mailer else { return };
        match self.store.count_unless_waiting(&Attempt::reset(email)).await {
            Ok(true) => {}
            Ok(false) => return tracing::info!("too many links were asked for one e-mail"),
            Err(error) => return tracing::error!(%error, "a link could not be made"),
        }
        match self.reset_link(email, "self").await {
            Ok(Some(link)) => {
                if let Err(error) = mailer.send_reset(email, link.expose()).await {
                    tracing::error!(error = format!("{error:#}"), "a link could not be sent");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "a link could not be made"),
        }
    }

    /// Sets a new password with a token from a link, and ends every session.
    ///
    /// # Errors
    /// [`Error::ResetInvalid`], [`Error::Password`], [`Error::Store`].
    pub async fn reset(&self, token: &Hidden, new: Hidden, origin: &Origin) -> Result<(), Error> {
        let hash = reset_hash(token.expose());
        let owner = self.store.reset_owner(&hash).await?.ok_or(Error::ResetInvalid)?;
        let account = self.store.account(&owner).await?.ok_or(Error::ResetInvalid)?;
        let about = about(&account);
        let password = self.passwords.hash(new, about, Crowd::Known, origin.address).await?;
        let account = self.store.use_reset(&hash, password).await?.ok_or(Error::ResetInvalid)?;
        let event = Event::done(EventType::PasswordReset).by_user(&account.id).from(origin);
        self.audit.record(event.to(format!("user:{}", account.id))).await;
        Ok(())
    }
}

fn about(account: &Account) -> Vec<String> {
    let names = [&account.username, &account.first_name, &account.last_name];
    let names = names.into_iter().flatten().cloned();
    names.chain([account.email.clone()]).collect()
}

fn reset_hash(token: &str) -> String {
    format!("{:x}", Sha256::digest(token))
}
