//! Accounts by the settings, and the first admin.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::auth::accounts::{Accounts, NewAccount};
use crate::auth::audit::Audit;
use crate::auth::body::is_email;
use crate::auth::error::Error;
use crate::auth::mail::Mailer;
use crate::auth::password::Passwords;
use crate::auth::refresh::RefreshTokens;
use crate::auth::secret::{self, Secrets};
use crate::auth::token::Tokens;
use crate::config::Settings;
use crate::http::client::Origin;
use crate::rights::role::Role;
use crate::store::platform::Platform;

/// The secrets by the settings.
///
/// # Errors
/// Fails if a secret is too short, or the kept one cannot be used.
pub fn secrets_of(settings: &Settings) -> Result<Secrets, secret::Error> {
    Secrets::load(
        settings.jwt_secret.as_ref(),
        settings.jwt_secret_previous.as_ref(),
        &settings.data_dir,
    )
}

/// Accounts by the settings; prepares the store for them.
///
/// # Errors
/// Fails if a secret is too short, only one setting of mail is set, or the store does not answer.
pub async fn accounts_of(settings: &Settings, store: Platform) -> anyhow::Result<Accounts> {
    store.prepare_accounts().await?;
    let secrets = secrets_of(settings)?;
    let mailer = match (&settings.smtp_url, &settings.mail_from) {
        (Some(url), Some(from)) => Some(Mailer::new(url, from)?),
        (None, None) => None,
        _ => bail!("SMTP_URL and MAIL_FROM go together; one of them is missing"),
    };
    let url = settings.public_url.clone().unwrap_or_else(|| url_of(settings.bind));
    Ok(Accounts {
        tokens: Arc::new(Tokens::new(&secrets, settings.jwt_expires_in)),
        refresh: RefreshTokens::new(&secrets, settings.jwt_refresh_expire),
        passwords: Passwords::new()?,
        audit: Audit::new(store.clone(), settings.audit_days),
        mailer,
        public_url: url.trim_end_matches('/').to_owned(),
        store,
    })
}

/// The URL at which somebody on this machine reaches that address.
fn url_of(mut bind: SocketAddr) -> String {
    if bind.ip().is_unspecified() {
        bind.set_ip(if bind.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("http://{bind}")
}

/// Makes the admin of `ADMIN_EMAIL` and `ADMIN_PASSWORD` where there is no admin yet.
///
/// # Errors
/// Fails if only one of them is set, no account can be made of them, an account that is no admin's
/// has the e-mail, or the store does not answer.
pub async fn make_first_admin(settings: &Settings, accounts: &Accounts) -> anyhow::Result<()> {
    let (email, password) = match (&settings.admin_email, &settings.admin_password) {
        (Some(email), Some(password)) => (email.trim().to_lowercase(), password.clone()),
        (None, None) => return Ok(()),
        _ => bail!("ADMIN_EMAIL and ADMIN_PASSWORD go together; one of them is missing"),
    };
    if accounts.store.has_admin().await? {
        return Ok(());
    }
    if !is_email(&email) {
        bail!("ADMIN_EMAIL is not an e-mail address");
    }
    let admin = NewAccount {
        email: email.clone(),
        password,
        username: None,
        first_name: None,
        last_name: None,
        role: Role::Admin,
        permissions: vec![],
        created_by: "start".to_owned(),
    };
    match accounts.create(admin, &Origin::default()).await {
        Ok(_) => tracing::info!("made the first admin's account"),
        // Another process may have been faster; else somebody registered with this e-mail, and
        // nobody becomes an admin by having chosen it.
        Err(Error::EmailTaken) => {
            let account = accounts.store.account_by_email(&email).await?;
            if account.is_none_or(|account| account.role != Role::Admin) {
                bail!("ADMIN_EMAIL is the e-mail of an account that is no admin's; choose another");
            }
        }
        Err(error) => return Err(error).context("making the first admin's account"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_that_is_any_is_this_machines_to_a_link() {
        for (bind, url) in [
            ("127.0.0.1:4100", "http://127.0.0.1:4100"),
            ("0.0.0.0:4000", "http://127.0.0.1:4000"),
            ("[::]:4000", "http://[::1]:4000"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            assert_eq!(super::url_of(bind.parse().unwrap()), url);
        }
    }
}
