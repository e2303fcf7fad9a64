//! Checks of settings together, and checks before any setting is read.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{Settings, values};
use crate::auth::password;
use crate::store;

impl Settings {
    /// Checks settings that depend on each other.
    ///
    /// # Errors
    /// Where two do not go together; names them.
    pub fn check(&self) -> anyhow::Result<()> {
        match (&self.admin_email, &self.admin_password) {
            (Some(email), Some(it)) => password::check(it.expose(), &[email.to_lowercase()])
                .context("ADMIN_PASSWORD is not taken")?,
            (None, None) => {}
            _ => bail!("ADMIN_EMAIL and ADMIN_PASSWORD go together; one of them is missing"),
        }
        if self.smtp_url.is_some() != self.mail_from.is_some() {
            bail!("SMTP_URL and MAIL_FROM go together; one of them is missing");
        }
        let uri = self.mongodb_uri.as_deref().filter(|_| self.mongodb_db.is_none());
        if let Some(named) = uri.map(store::database_of).transpose()?.flatten()
            && values::database(&named).is_err()
        {
            bail!(
                "MONGODB_URI names the database {named}, which cannot hold the read models; name \
                 another in MONGODB_DB, and the one to sign in to as ?authSource={named}"
            );
        }
        Ok(())
    }
}

/// Refuses a variable that is not UTF-8, which the command line would not name.
///
/// # Errors
/// Where there is one; its value is not shown, since it may be a secret.
pub(super) fn are_texts(command: &clap::Command) -> anyhow::Result<()> {
    for argument in command.get_arguments() {
        let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let Some(name) = argument.get_env().filter(|_| !is_path) else { continue };
        if std::env::var_os(name).is_some_and(|value| value.to_str().is_none()) {
            bail!("{} is not text; it has to be UTF-8", name.display());
        }
    }
    Ok(())
}

/// The address that an old name of a port stands for.
///
/// # Errors
/// Where the value is not a port.
pub(super) fn bind_of(name: &str, port: &OsStr) -> anyhow::Result<OsString> {
    match port.to_str().and_then(|port| port.trim().parse::<u16>().ok()) {
        Some(port) => Ok(format!("127.0.0.1:{port}").into()),
        None => bail!("{name} is {}, and must be a port, 0..=65535", port.display()),
    }
}
