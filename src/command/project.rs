//! `adaptive-bi project status|accept`: the projector's state, and ending a halt.

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{Joined, counted, grouped};
use crate::config::Settings;
use crate::projector::verify;
use crate::services::Services;
use crate::store::Store;
use crate::stream::{Extent, Log};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Shows the live generation, its position and lag, and whether it halts.
    Status,
    /// Accepts the log as the checkpoint's although it was made anew, where the message at the
    /// checkpoint is the one that was folded.
    Accept,
}

/// Does it. Starts no servers and makes nothing where there is nothing to look at.
///
/// # Errors
/// Where the log or the store cannot be used, or the log is not the checkpoint's.
pub async fn run(settings: &Settings, action: &Action) -> anyhow::Result<()> {
    let data_dir = &settings.data_dir;
    let given = settings.nats_url.is_some() && settings.mongodb_uri.is_some();
    if !given && !Services::have_data(data_dir) {
        return nothing(action, format!("there is no data in {} yet", data_dir.display()));
    }
    let joined = Joined::servers(settings).await?;
    let outcome = async {
        let Some(log) = Log::find(settings.log(&joined.nats_url)).await? else {
            return nothing(action, format!("there is no stream {} yet", settings.nats_stream));
        };
        let store = Store::connect(&joined.mongodb_uri, settings.mongodb_db.as_deref()).await?;
        match action {
            Action::Status => status(settings, &log, &store).await,
            Action::Accept => accept(&log, &store).await,
        }
    }
    .await;
    joined.leave().await?;
    outcome
}

/// Nothing to look at is an answer; nothing to accept is none.
fn nothing(action: &Action, said: String) -> anyhow::Result<()> {
    match action {
        Action::Status => say!("{said}"),
        Action::Accept => bail!(said),
    }
    Ok(())
}

async fn status(settings: &Settings, log: &Log, store: &Store) -> anyhow::Result<()> {
    let extent = log.extent().await?;
    say!("log          {}", fill(&extent));
    let Some(generation) = store.live().await? else {
        say!("nothing has been folded yet");
        return Ok(());
    };
    let checkpoint =
        store.checkpoint(generation).await?.context("the live generation has no checkpoint")?;
    let counts = checkpoint.root.counts;
    say!("generation   {generation}, live");
    say!("position     {}", grouped(checkpoint.position));
    let lag = extent.last.saturating_sub(checkpoint.position);
    say!("lag          {}", counted(lag, "event"));
    say!(
        "events       {} read: {} applied, {} repeated, {} unchanged, {} stale, {} quarantined",
        grouped(counts.read),
        grouped(counts.applied),
        grouped(counts.repeated),
        grouped(counts.unchanged),
        grouped(counts.stale),
        grouped(counts.quarantined),
    );
    if checkpoint.settings != settings.fold() {
        say!("settings     another fold than this command's settings; a service with them halts");
    }
    let halt = verify::verify(log, &checkpoint, &checkpoint.settings).await?;
    let no = || "no; the log is the one the checkpoint was made from".to_owned();
    say!("halted       {}", halt.map_or_else(no, |halt| halt.to_string()));
    Ok(())
}

fn fill(extent: &Extent) -> String {
    let bytes = grouped(extent.bytes);
    match extent.percent().zip(extent.max_bytes) {
        Some((percent, max)) => {
            format!("up to {}, {bytes} bytes, {percent} % of {} bytes", extent.last, grouped(max))
        }
        None => format!("up to {}, {bytes} bytes, without a bound", extent.last),
    }
}

async fn accept(log: &Log, store: &Store) -> anyhow::Result<()> {
    let live = store.live().await?.context("nothing has been folded yet")?;
    let checkpoint =
        store.checkpoint(live).await?.context("the live generation has no checkpoint")?;
    if let Some(halt) = verify::matches_position(log, &checkpoint).await? {
        bail!("the log cannot be accepted: {halt}; the read models have to be rebuilt");
    }
    let found = log.extent().await?.incarnation;
    if found == checkpoint.incarnation {
        say!("the log is the one the checkpoint was made from; there is nothing to accept");
        return Ok(());
    }
    if !store.accept_incarnation(&checkpoint, &found).await? {
        bail!("the checkpoint moved meanwhile; look at `project status`");
    }
    say!("accepted: the checkpoint at {} now belongs to {found}", checkpoint.position);
    Ok(())
}
