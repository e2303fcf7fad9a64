//! `adaptive-bi admin create|reset-link`: accounts from the command line, for operators.

use std::io::{IsTerminal, Read};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::Joined;
use crate::app::accounts;
use crate::auth::accounts::{Accounts, NewAccount};
use crate::auth::body::is_email;
use crate::auth::password;
use crate::config::Settings;
use crate::hidden::Hidden;
use crate::http::client::Origin;
use crate::rights::role::Role;
use crate::store::platform::Platform;

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Makes an admin's account.
    Create {
        /// The e-mail.
        #[arg(long)]
        email: String,
        /// Reads the password from standard input instead of asking for it.
        #[arg(long)]
        password_stdin: bool,
        /// Given name.
        #[arg(long)]
        first_name: Option<String>,
        /// Family name.
        #[arg(long)]
        last_name: Option<String>,
    },
    /// Prints a link to set a new password. It works once, within 24 hours.
    ResetLink {
        /// The account's e-mail.
        #[arg(long)]
        email: String,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// Fails if the store cannot be used, or the arguments do not make or name an account.
pub async fn run(settings: &Settings, action: &Action) -> anyhow::Result<()> {
    // The password is asked for before anything is started.
    let password = match action {
        Action::Create { password_stdin, .. } => Some(read_password(*password_stdin)?),
        Action::ResetLink { .. } => None,
    };
    let joined = Joined::servers(settings).await?;
    let outcome = async {
        let store = Platform::connect(&joined.mongodb_uri, settings.mongodb_db.as_deref()).await?;
        let bind = joined.serves.unwrap_or(settings.bind);
        let settings = Settings { bind, ..settings.clone() };
        let accounts = accounts::accounts_of(&settings, store).await?;
        match (action, password) {
            (Action::Create { email, first_name, last_name, .. }, Some(password)) => {
                let names = (first_name.clone(), last_name.clone());
                create(&accounts, email, password, names).await
            }
            (Action::ResetLink { email }, _) => reset_link(&accounts, email).await,
            (Action::Create { .. }, None) => Ok(()),
        }
    }
    .await;
    joined.leave().await?;
    outcome
}

async fn create(
    accounts: &Accounts,
    email: &str,
    password: Hidden,
    (first_name, last_name): (Option<String>, Option<String>),
) -> anyhow::Result<()> {
    let email = email.trim().to_lowercase();
    if !is_email(&email) {
        bail!("{email} is not an e-mail address");
    }
    let admin = NewAccount {
        email: email.clone(),
        password,
        username: None,
        first_name,
        last_name,
        role: Role::Admin,
        permissions: vec![],
        created_by: "command".to_owned(),
    };
    let account = accounts.create(admin, &Origin::default()).await?;
    say!("{email} is an admin; user id {}", account.id);
    Ok(())
}

async fn reset_link(accounts: &Accounts, email: &str) -> anyhow::Result<()> {
    let email = email.trim().to_lowercase();
    let link = accounts.reset_link(&email, "command").await?;
    let link = link.context("there is no active account with this e-mail")?;
    eprintln!(
        "Good once and for 24 hours. Until the page at its address can do it, send what is behind its =\n\
         as token to POST /api/auth/password/reset, with the new password:"
    );
    say!("{}", link.expose());
    Ok(())
}

fn read_password(from_stdin: bool) -> anyhow::Result<Hidden> {
    let text = if from_stdin {
        let mut text = String::new();
        // A password has at most 128 characters; no more is read than shows that it has more.
        std::io::stdin().take(4_096).read_to_string(&mut text).context("reading the password")?;
        text.trim_end_matches(['\r', '\n']).to_owned()
    } else if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ")?;
        if rpassword::prompt_password("Once more: ")? != first {
            bail!("the two are not the same");
        }
        first
    } else {
        bail!("there is no terminal to ask for the password; use --password-stdin");
    };
    if !password::CHARACTERS.contains(&text.chars().count()) {
        bail!("the password must have 8 to 128 characters");
    }
    Ok(Hidden::from(text))
}
