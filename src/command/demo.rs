//! `adaptive-bi demo`: the servers, a year of a real shop, the service, and a gentle stream.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use projections::root::Root;
use tokio_util::sync::CancellationToken;

use super::credentials::{Credentials, Login};
use super::{generate, grouped, ingest};
use crate::app::{self, App};
use crate::config::Settings;
use crate::ingest::file::{self, Source, decoded};
use crate::ingest::retail;
use crate::projector::status::{State, Status};
use crate::services::{self, Services};

/// UCI Online Retail (Chen, Sain, Guo 2012, doi 10.1057/dbm.2012.17), CC BY 4.0; see `data/`.
const YEAR: &[u8] = include_bytes!("../../data/online_retail.csv.zst");
/// What the year is called in the store's notes.
const DATA_SET: &str = "demo";
/// How many events the year becomes; for the progress bar alone.
const YEAR_EVENTS: u64 = 549_311;

/// How the demo runs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Keeps the dates of the data, 2010 and 2011, instead of moving them to end now.
    #[arg(long)]
    pub no_shift: bool,
    /// Leaves the figures as they are: no stream of generated events.
    #[arg(long)]
    pub still: bool,
    /// Throws the data of an earlier demo away first.
    #[arg(long)]
    pub reset: bool,
}

/// Runs until it is asked to stop.
///
/// # Errors
/// Where the address is taken, another demo runs, or a server does not start.
pub async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(running) = Services::find_running(&settings.data_dir) {
        bail!(
            "a demo or service already runs on {} (process {}); stop it first, or use another \
             --data-dir and --bind",
            settings.data_dir.display(),
            running.pid
        );
    }
    let listener = app::listen(settings).await?;
    if arguments.reset {
        reset(settings)?;
    }
    let services = Services::start(&settings.services(), &services::to_stderr).await?;
    let started = App::start(settings, listener, services.nats_url(), services.mongodb_uri()).await;
    let outcome = match started {
        Ok(app) => {
            let moving = CancellationToken::new();
            let outcome = tokio::select! {
                outcome = live(settings, arguments, &app, &moving) => outcome,
                outcome = super::until_stopped(&services) => outcome,
            };
            moving.cancel();
            println!("\nstopping; the data stays in {}", settings.data_dir.display());
            app.stop().await.and(outcome)
        }
        Err(error) => Err(error),
    };
    services.stop().await?;
    outcome
}

/// Fills the log with what is missing of the year, shows the totals and keeps figures moving.
/// Ends only where something fails.
async fn live(
    settings: &Settings,
    arguments: &Arguments,
    app: &App,
    moving: &CancellationToken,
) -> anyhow::Result<()> {
    let weeks = weeks(arguments, app).await?;
    let end = fill(settings, app, weeks).await?;
    fold(app, end).await?;
    let live = app.store.live().await?.context("nothing was folded")?;
    let checkpoint = app.store.checkpoint(live).await?.context("nothing was folded")?;
    show_totals(&checkpoint.root, weeks);
    let (credentials, path) = Credentials::ensure(settings, app).await?;
    show_ways_in(app, arguments.still, &credentials, &path);
    if !arguments.still {
        generate::run(app.log.clone(), moving.clone()).await;
    }
    std::future::pending().await
}

fn reset(settings: &Settings) -> anyhow::Result<()> {
    if settings.nats_url.is_some() || settings.mongodb_uri.is_some() {
        bail!("--reset removes the data of the demo's own servers, not of those you named");
    }
    match std::fs::remove_dir_all(&settings.data_dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", settings.data_dir.display()))
        }
        _ => Ok(()),
    }
}

async fn weeks(arguments: &Arguments, app: &App) -> anyhow::Result<i64> {
    let wanted = if arguments.no_shift {
        0
    } else {
        let last = retail::last_date(decoded(YEAR, true)?)?.context("the year has no date")?;
        retail::weeks_until(last, chrono::Utc::now())
    };
    let kept = app.store.remember_shift(DATA_SET, wanted).await?;
    if arguments.no_shift != (kept == 0) {
        println!("the data keeps the dates it was first given; --reset starts over");
    }
    Ok(kept)
}

/// Puts on the log what is not there yet; gives the log's end.
async fn fill(settings: &Settings, app: &App, shift_weeks: i64) -> anyhow::Result<u64> {
    let known = app.store.ingested(DATA_SET).await?;
    if known < YEAR_EVENTS {
        println!("a year of a real shop goes onto the log");
        let bar = file::progress_bar(YEAR_EVENTS);
        let options = retail::Options { shift_weeks, demo: true };
        let source = Source::Retail(decoded(YEAR, true)?, options);
        let (note, mut noted) = tokio::sync::watch::channel(known);
        let store = app.store.clone();
        let noting = tokio::spawn(async move {
            while noted.changed().await.is_ok() {
                let events = *noted.borrow_and_update();
                // What is not noted is sent again and folds to nothing.
                let _ = store.remember_ingested(DATA_SET, events).await;
            }
        });
        let skip = usize::try_from(known).unwrap_or(usize::MAX);
        let summary = file::ingest(&app.log, &settings.currency, source, skip, |events| {
            bar.set_position(known + events);
            bar.set_message(ingest::rate(events, bar.elapsed()));
            note.send_replace(known + events);
        })
        .await?;
        bar.finish_and_clear();
        drop(note);
        noting.await?;
        app.store.remember_ingested(DATA_SET, YEAR_EVENTS).await?;
        println!("  {}", ingest::rate(summary.accepted + summary.duplicates, summary.took));
    }
    Ok(app.log.extent().await?.last)
}

/// Waits until the read models have reached `end`.
async fn fold(app: &App, end: u64) -> anyhow::Result<()> {
    let mut status = app.status.clone();
    let from = status.borrow_and_update().position;
    let bar = file::progress_bar(end);
    loop {
        let Status { state, position } = status.borrow_and_update().clone();
        if let State::Halted(halt) = state {
            bail!("the projector halts: {halt}; --reset starts over");
        }
        bar.set_position(position);
        bar.set_message(format!(
            "folded {}",
            ingest::rate(position - from.min(position), bar.elapsed())
        ));
        if position >= end {
            break;
        }
        tokio::time::timeout(Duration::from_mins(1), status.changed())
            .await
            .context("the projector does not get on")??;
    }
    bar.finish_and_clear();
    Ok(())
}

fn show_totals(root: &Root, weeks: i64) {
    let (completed, returned) = (root.sales.completed, root.sales.returned);
    println!();
    println!("  revenue      {:>16}", grouped(completed.amount));
    println!("  orders       {:>16}   (each line of an invoice is one)", grouped(completed.orders));
    println!(
        "  returned     {:>16}   in {} orders",
        grouped(returned.amount),
        grouped(returned.orders)
    );
    println!("  products     {:>16}", grouped(root.products));
    println!(
        "  customers    {:>16}   {} with an account, {} guests",
        grouped(root.identified + root.guests),
        grouped(root.identified),
        grouped(root.guests)
    );
    println!();
    println!(
        "UCI Online Retail (Chen, Sain, Guo 2012), CC BY 4.0. Categories and stock are derived."
    );
    if weeks > 0 {
        println!("Its dates are moved by {weeks} weeks, to end now.");
    }
}

fn show_ways_in(app: &App, still: bool, credentials: &Credentials, path: &Path) {
    let address = app.address;
    if !still {
        println!("From here on made-up visitors (ids demo-...) keep the figures moving.");
    }
    let Credentials { admin, viewer, producer_key } = credentials;
    println!();
    println!("  open http://{address}/");
    println!();
    println!("  admin        {}   {}", admin.email, admin.password);
    println!("  viewer       {}  {}", viewer.email, viewer.password);
    println!("  API key      {producer_key}");
    println!("               all in {}", path.display());
    println!();
    println!("and try:");
    println!();
    println!("  curl 'http://{address}/api/metrics/sales' -H 'X-API-Key: {producer_key}'");
    println!();
    println!(
        "  curl 'http://{address}/api/metrics/customers?startDate=2026-01-01&tz=Europe/London' \\\n    \
         -H 'X-API-Key: {producer_key}'"
    );
    println!();
    println!(
        "  curl -X POST 'http://{address}/api/events/transaction' -H 'X-API-Key: {producer_key}' \\\n    \
         -d '{{\"transactionId\":\"mine-1\",\"userId\":\"me\",\"totalPrice\":12.5,\"transactionDate\":\"{}\"}}'",
        chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ")
    );
    println!();
    let Login { email, password } = viewer;
    println!(
        "  curl -X POST 'http://{address}/api/auth/login' \\\n    \
         -d '{{\"email\":\"{email}\",\"password\":\"{password}\"}}'"
    );
    println!();
    println!("Ctrl-C stops; the next start goes on from here.");
}
