//! Checks of settings that depend on each other.

use anyhow::{Context, bail};

use super::settings::{Settings, Switch};
use super::values;
use crate::auth::password;
use crate::store::{self, plain};

impl Settings {
    /// Checks settings that depend on each other.
    ///
    /// # Errors
    /// Fails if two do not go together; the error names them.
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
        if self.nats_url.is_none() && self.stream_replicas.is_some_and(|replicas| replicas > 1) {
            bail!("STREAM_REPLICAS is of a cluster, whose servers NATS_URL has to name");
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
        let uri = self.mongodb_uri.as_deref();
        let named = uri.map(store::database_of).transpose()?.flatten();
        if let Some(named) = self.mongodb_db.clone().or(named)
            && self.plain_models == Some(Switch::On)
            && values::database(&format!("{named}{}", plain::SUFFIX)).is_err()
        {
            bail!(
                "PLAIN_MODELS needs a database named {named}{}, which is too long; name another in \
                 MONGODB_DB",
                plain::SUFFIX
            );
        }
        Ok(())
    }
}
