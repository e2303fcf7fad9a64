//! The demo's credentials: an admin, a viewer and a program that sends events. They are made at the
//! first start, and kept in `DATA_DIR/credentials.json`, which only its owner can read.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::accounts::NewAccount;
use crate::auth::error::Error;
use crate::auth::key;
use crate::auth::secret::random;
use crate::config::Settings;
use crate::http::about::DemoAccount;
use crate::http::client::Origin;
use crate::rights::role::Role;
use crate::rights::scope::Scope;

/// The content of the file. Only the demo shows it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credentials {
    pub admin: Login,
    pub viewer: Login,
    /// An API key that may send events of every kind, read figures and be pushed to.
    pub producer_key: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Login {
    pub email: String,
    pub password: String,
}

impl Credentials {
    /// Reads the file and makes the accounts and the key in the store that it names and that are
    /// missing; makes the file as well where there is none.
    pub(super) async fn ensure(settings: &Settings, app: &App) -> anyhow::Result<(Self, PathBuf)> {
        let path = settings.data_dir.join("credentials.json");
        let credentials = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is not what it was", path.display()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let credentials = Self::new();
                credentials.write(&path)?;
                credentials
            }
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        credentials.account(app, &credentials.admin, Role::Admin).await?;
        credentials.account(app, &credentials.viewer, Role::Viewer).await?;
        if key::holder(&app.platform, &credentials.producer_key).await?.is_none() {
            let scopes = [Scope::EventsWrite(None), Scope::MetricsRead, Scope::PushSubscribe];
            let row =
                key::row(&credentials.producer_key, "demo producer", &scopes, "command", None);
            app.platform.insert_key(&row).await?;
        }
        Ok((credentials, path))
    }

    /// The accounts, for the page of the demo.
    pub(super) fn told(&self) -> Vec<DemoAccount> {
        let account = |login: &Login, role| {
            let Login { email, password } = login.clone();
            DemoAccount { email, password, role }
        };
        vec![account(&self.admin, Role::Admin), account(&self.viewer, Role::Viewer)]
    }

    fn new() -> Self {
        let login = |name: &str| Login {
            email: format!("{name}@demo.example"),
            password: URL_SAFE_NO_PAD.encode(&random()[..15]),
        };
        let producer_key = key::text();
        Credentials { admin: login("admin"), viewer: login("viewer"), producer_key }
    }

    /// Written aside and then moved into place, so a demo that is killed leaves a whole file or
    /// none.
    fn write(&self, path: &std::path::Path) -> anyhow::Result<()> {
        let aside = path.with_extension("json.new");
        let write = || -> io::Result<()> {
            let _ = fs::remove_file(&aside);
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            fs::rename(&aside, path)
        };
        write().with_context(|| format!("writing {}", path.display()))
    }

    async fn account(&self, app: &App, login: &Login, role: Role) -> anyhow::Result<()> {
        if app.platform.account_by_email(&login.email).await?.is_some() {
            return Ok(());
        }
        let new = NewAccount {
            email: login.email.clone(),
            password: login.password.clone().into(),
            username: None,
            first_name: None,
            last_name: None,
            role,
            permissions: vec![],
            created_by: "command".to_owned(),
        };
        match app.accounts.create(new, &Origin::default()).await {
            Ok(_) | Err(Error::EmailTaken) => Ok(()),
            Err(error) => Err(error).context("making the demo's accounts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_its_owners_alone_and_says_what_was_made() {
        let name = format!("adaptive-bi-credentials-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        let made = Credentials::new();
        assert_ne!(made.admin.password, made.viewer.password);
        // A file left there with other permissions does not pass them on.
        for left in [path.clone(), path.with_extension("json.new")] {
            fs::write(&left, "left").expect("written");
            fs::set_permissions(&left, PermissionsExt::from_mode(0o644)).expect("set");
        }
        made.write(&path).expect("written");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        let read: Credentials =
            serde_json::from_slice(&fs::read(&path).expect("read")).expect("credentials");
        assert_eq!(read.producer_key, made.producer_key);
        assert_eq!(read.admin.password, made.admin.password);
        fs::remove_file(&path).expect("removed");
    }
}
