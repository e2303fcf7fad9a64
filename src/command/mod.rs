//! The command line: one file for each command.
//!
//! - [`serve`]: the service;
//! - [`demo`]: the service, its servers and a year of a real shop; `totals`: what it says of it;
//! - [`generate`]: its made-up visitors;
//! - [`ingest`]: a file onto the log;
//! - [`admin`]: accounts, for operators;
//! - [`key`]: API keys;
//! - [`project`]: the projector's state, ending a halt, and other generations;
//! - [`quarantine`]: messages that were not understood.

pub mod admin;
mod credentials;
pub mod demo;
pub mod generate;
pub mod ingest;
pub mod key;
pub mod project;
pub mod quarantine;
pub mod serve;
mod totals;

use std::net::SocketAddr;

use anyhow::bail;
use services::Services;

use crate::app::App;
use crate::config::Settings;

/// Addresses of the servers: given, run by another process of this program on the same data
/// folder, or started for this command.
pub(crate) struct Joined {
    pub nats_url: String,
    pub mongodb_uri: String,
    /// The address at which the service of that process answers.
    pub serves: Option<SocketAddr>,
    started: Option<Services>,
}

impl Joined {
    /// Joins the servers that run, or starts them.
    pub(crate) async fn servers(settings: &Settings) -> anyhow::Result<Joined> {
        let running = Services::find_running(&settings.data_dir);
        let serves = running.as_ref().and_then(|at| at.serves);
        let nats = settings.nats_url.clone();
        let mongo = settings.mongodb_uri.clone();
        let joined = (
            nats.or_else(|| running.as_ref().and_then(|at| at.nats_url.clone())),
            mongo.or_else(|| running.as_ref().and_then(|at| at.mongodb_uri.clone())),
        );
        if let (Some(nats_url), Some(mongodb_uri)) = joined {
            return Ok(Joined { nats_url, mongodb_uri, serves, started: None });
        }
        let started = Services::start(&settings.services(), &services::to_stderr).await?;
        let (nats_url, mongodb_uri) =
            (started.nats_url().to_owned(), started.mongodb_uri().to_owned());
        Ok(Joined { nats_url, mongodb_uri, serves, started: Some(started) })
    }

    /// Whether a server was started for the command.
    pub(crate) fn has_started(&self) -> bool {
        self.started.is_some()
    }

    /// Stops the servers that were started for the command.
    pub(crate) async fn leave(self) -> anyhow::Result<()> {
        match self.started {
            Some(services) => Ok(services.stop().await?),
            None => Ok(()),
        }
    }
}

/// Notes the address of the service, for the commands that join its servers.
pub(crate) fn note_serving(services: &Services, app: &App) {
    if let Err(error) = services.note_serving(app.address) {
        tracing::warn!(%error, "other commands cannot tell where the service answers");
    }
}

/// Waits for a request to stop, or for a server of ours to end by itself; one that cannot write any
/// more is started again meanwhile.
pub(crate) async fn until_stopped(services: &Services) -> anyhow::Result<()> {
    tokio::select! {
        asked = stop_asked() => asked,
        error = services.failed() => bail!(error),
        () = services.mend() => Ok(()),
    }
}

/// Waits for a request to stop: Ctrl-C or SIGTERM.
///
/// # Errors
/// Fails if the process cannot listen for signals.
pub async fn stop_asked() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}

/// A number with its thousands apart.
pub fn grouped(number: impl std::fmt::Display) -> String {
    let text = number.to_string();
    let (whole, rest) = text.split_once('.').map_or((text.as_str(), None), |(w, r)| (w, Some(r)));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && grouped != "-" {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    rest.map_or(grouped.clone(), |rest| format!("{grouped}.{rest}"))
}

/// A number of things: `1 line`, `2 lines`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_stand_apart() {
        let cases = [("0", "0"), ("999", "999"), ("1000", "1,000"), ("-1234567", "-1,234,567")];
        for (number, expected) in cases {
            assert_eq!(super::grouped(number), expected);
        }
        assert_eq!(super::grouped("10666684.544"), "10,666,684.544");
    }
}
