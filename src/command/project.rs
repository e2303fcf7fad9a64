//! `adaptive-bi project status|accept`: the projector's state, and ending a halt.

use anyhow::{Context, bail};
use clap::Subcommand;

use super::{Joined, grouped};
use crate::config::Settings;
use crate::projector::verify;
use crate::store::Store;
use crate::stream::Log;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Shows the live generation, its position and lag, and whether it halts.
    Status,
    /// Accepts the log as the checkpoint's although it was made anew, where the message at the
    /// checkpoint is the one that was folded.
    Accept,
}

/// Does it.
///
/// # Errors
/// Where the log or the store cannot be used, or the log is not the checkpoint's.
pub async fn run(settings: &Settings, action: &Action) -> anyhow::Result<()> {
    let joined = Joined::servers(settings).await?;
    let outcome = async {
        let log = Log::connect(settings.log(&joined.nats_url)).await?;
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

async fn status(settings: &Settings, log: &Log, store: &Store) -> anyhow::Result<()> {
    let Some(generation) = store.live().await? else {
        println!("nothing has been folded yet");
        return Ok(());
    };
    let checkpoint =
        store.checkpoint(generation).await?.context("the live generation has no checkpoint")?;
    let extent = log.extent().await?;
    let counts = checkpoint.root.counts;
    println!("generation   {generation}, live");
    println!("position     {}", grouped(checkpoint.position));
    println!("lag          {} events", grouped(extent.last.saturating_sub(checkpoint.position)));
    println!(
        "events       {} read: {} applied, {} repeated, {} unchanged, {} stale, {} quarantined",
        grouped(counts.read),
        grouped(counts.applied),
        grouped(counts.repeated),
        grouped(counts.unchanged),
        grouped(counts.stale),
        grouped(counts.quarantined),
    );
    match verify::verify(log, &checkpoint, &settings.fold()).await? {
        Some(halt) => println!("halted       {halt}"),
        None => println!("log          is the one the checkpoint was made from"),
    }
    Ok(())
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
        println!("the log is the one the checkpoint was made from; there is nothing to accept");
        return Ok(());
    }
    if !store.accept_incarnation(&checkpoint, &found).await? {
        bail!("the checkpoint moved meanwhile; look at `project status`");
    }
    println!("accepted: the checkpoint at {} now belongs to {found}", checkpoint.position);
    Ok(())
}
