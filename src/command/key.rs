//! `adaptive-bi key create|list|revoke`: API keys from the command line.

use clap::Subcommand;

use super::Joined;
use crate::auth::audit::Audit;
use crate::auth::keys::remembered::{KEYS_MAX, Remembered};
use crate::auth::keys::{self, DAYS, DAYS_MAX, End, Keys, Wanted};
use crate::config::Settings;
use crate::http::client::Origin;
use crate::rights::scope::Scope;
use crate::store::platform::Platform;
use crate::store::time;

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Makes a key and prints it; it is not shown again.
    Create {
        /// The key's name.
        #[arg(long, value_parser = name)]
        name: String,
        /// Its scopes: events:write, events:write:<kind>, events:read, metrics:read, push:subscribe,
        /// metrics:scrape.
        #[arg(long = "scope", value_name = "SCOPE", required = true, num_args = 1.., value_parser = Scope::parse)]
        scopes: Vec<Scope>,
        /// The number of days after which it expires.
        #[arg(
            long,
            value_name = "DAYS",
            default_value_t = DAYS,
            value_parser = clap::value_parser!(u32).range(1..=i64::from(DAYS_MAX)),
        )]
        expires_in_days: u32,
        /// Makes a key that is valid until it is revoked.
        #[arg(long, conflicts_with = "expires_in_days")]
        never_expires: bool,
    },
    /// Lists the valid keys.
    List,
    /// Revokes a key, by the id that `list` shows.
    Revoke {
        /// The key's id.
        id: String,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// Fails if the store cannot be used, or there is no such key.
pub async fn run(settings: &Settings, action: &Action) -> anyhow::Result<()> {
    let joined = Joined::servers(settings).await?;
    let outcome = async {
        let store = Platform::connect(&joined.mongodb_uri, settings.mongodb_db.as_deref()).await?;
        store.prepare_accounts().await?;
        let keys = Keys {
            audit: Audit::new(store.clone(), settings.audit_days),
            remembered: Remembered::new(store.clone(), KEYS_MAX),
            store,
        };
        match action {
            Action::Create { name, scopes, expires_in_days, never_expires } => {
                let end = if *never_expires { End::Never } else { End::InDays(*expires_in_days) };
                create(&keys, &Wanted { name: name.clone(), scopes: scopes.clone(), end }).await
            }
            Action::List => list(&keys).await,
            Action::Revoke { id } => {
                let row = keys.revoke(id, &Origin::default()).await?;
                say!("revoked {} ({})", row.id, row.name);
                Ok(())
            }
        }
    }
    .await;
    joined.leave().await?;
    outcome
}

/// Only the key goes to standard output, so that a script can read it.
async fn create(keys: &Keys, wanted: &Wanted) -> anyhow::Result<()> {
    let made = keys.create(wanted, &Origin::default()).await?;
    let end = made.row.expires_at.map_or_else(|| "until it is revoked".to_owned(), until);
    eprintln!("key {} ({}) is good {end}; it is not shown again:", made.row.id, made.row.name);
    say!("{}", made.text);
    Ok(())
}

async fn list(keys: &Keys) -> anyhow::Result<()> {
    for row in keys.store.keys().await? {
        let used = row.last_used_at.map_or_else(|| "never".to_owned(), time::rfc3339);
        let end = row.expires_at.map_or_else(|| "until it is revoked".to_owned(), until);
        say!("{}  {}", row.id, row.name);
        say!("    {}; good {end}; last used {used}", keys::texts(&row.scopes).join(" "));
    }
    Ok(())
}

fn until(end: time::DateTime) -> String {
    format!("until {}", time::rfc3339(end))
}

fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let allowed = "must have 1 to 64 characters, all of them visible";
    if keys::is_name(text) { Ok(text.to_owned()) } else { Err(allowed) }
}
