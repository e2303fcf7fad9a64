//! `adaptive-bi demo`: the servers, a year of a real shop, the service, and a gentle stream.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::NaiveDate;
use clap::Args;
use services::Services;
use tokio_util::sync::CancellationToken;

use super::credentials::{Credentials, Login};
use super::{generate, ingest, totals};
use crate::app::{self, App};
use crate::config::{Settings, Switch};
use crate::ingest::coding::Coding;
use crate::ingest::file::{self, Source, decoded};
use crate::ingest::retail::{self, Form};
use crate::projector::status::{State, Status};

/// UCI Online Retail (Chen, Sain, Guo 2012, doi 10.1057/dbm.2012.17), CC BY 4.0; see `data/`.
const YEAR: &[u8] = include_bytes!("../../data/online_retail.csv.zst");
/// The year as it goes onto a log, its name in the store's notes, and the number of its events.
struct Year {
    form: Form,
    data_set: &'static str,
    events: u64,
}

const ORDERS: Year = Year { form: Form::Orders, data_set: "demo-orders", events: 39_167 };
/// As versions before orders put it there. A log that has a part of it gets the rest.
const TRANSACTIONS: Year = Year { form: Form::Transactions, data_set: "demo", events: 549_311 };

/// The last day of the year.
const LAST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2011, 12, 9).expect("a day");
/// The file that marks a data folder as a demo's, so that `--reset` may remove its data.
const MARK: &str = "demo";
/// The currency of the shop.
const CURRENCY: &str = "GBP";

/// The arguments of the demo.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Keeps the dates of the data, 2010 and 2011, instead of moving them to end now.
    #[arg(long)]
    pub no_shift: bool,
    /// Generates no events, so that the figures stay as they are.
    #[arg(long)]
    pub still: bool,
    /// Deletes the data of an earlier demo first.
    #[arg(long)]
    pub reset: bool,
}

/// Runs until it is asked to stop.
///
/// # Errors
/// Fails if the address is taken, another demo runs, or a server does not start.
pub async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let plain_models = settings.plain_models.or(Some(Switch::On));
    let settings = &Settings { plain_models, ..settings.clone() };
    if let Some(running) = Services::find_running(&settings.data_dir) {
        bail!(
            "a demo or service already runs on {} (process {}); stop it first, or use another \
             --data-dir and --bind",
            settings.data_dir.display(),
            running.pid
        );
    }
    if settings.currency != CURRENCY {
        bail!("the demo's shop counts in {CURRENCY}; leave CURRENCY out");
    }
    let listener = app::listen(settings).await?;
    let given = settings.nats_url.is_some() || settings.mongodb_uri.is_some();
    if arguments.reset {
        if given {
            bail!("--reset removes the data of the demo's own servers, not of those you named");
        }
        reset(&settings.data_dir).await?;
    }
    if !given {
        mark(&settings.data_dir)?;
    }
    if let Some(at_stake) = settings.at_stake() {
        say!("{at_stake}");
    }
    let services = Services::start(&settings.services(), &services::to_stderr).await?;
    let started = App::start(settings, listener, services.nats_url(), services.mongodb_uri()).await;
    let outcome = match started {
        Ok(app) => {
            let moving = CancellationToken::new();
            super::note_serving(&services, &app);
            let outcome = tokio::select! {
                outcome = live(settings, arguments, &app, &moving) => outcome,
                outcome = super::until_stopped(&services) => outcome,
            };
            moving.cancel();
            say!("\nstopping; the data stays in {}", settings.data_dir.display());
            app.stop().await.and(outcome)
        }
        Err(error) => Err(error),
    };
    services.stop().await?;
    outcome
}

/// Puts the missing part of the year on the log, shows the totals and keeps figures moving. Ends
/// only where something fails.
async fn live(
    settings: &Settings,
    arguments: &Arguments,
    app: &App,
    moving: &CancellationToken,
) -> anyhow::Result<()> {
    let year = claim(app).await?;
    let weeks = weeks(arguments, app, &year).await?;
    let end = fill(settings, app, &year, weeks).await?;
    fold(app, end).await?;
    let live = app.shop().store.live().await?.context("nothing was folded")?;
    let checkpoint = app.shop().store.checkpoint(live).await?.context("nothing was folded")?;
    totals::show(&checkpoint, year.form);
    say!("UCI Online Retail (Chen, Sain, Guo 2012), CC BY 4.0. Categories and stock are derived.");
    if weeks > 0 {
        say!("Its dates are moved by {weeks} weeks, to end now.");
    }
    let (credentials, path) = Credentials::ensure(settings, app).await?;
    // Whoever sees the page can sign in, so others may not see it.
    if app.address.ip().is_loopback() {
        let _ = app.demo.set(credentials.told());
    }
    if !arguments.still {
        say!("From here on made-up visitors (ids demo-...) keep the figures moving.");
    }
    // A day half a year before the last one that has data.
    let since = LAST_DAY - chrono::TimeDelta::weeks(26 - weeks);
    say!("{}", ways_in(app.address, since, &credentials, &path));
    if !arguments.still {
        generate::run(app.shop().log.clone(), moving.clone()).await;
    }
    std::future::pending().await
}

/// Whether the program's own servers would run on the data of a demo.
pub(super) fn is_marked(settings: &Settings) -> bool {
    let given = settings.nats_url.is_some() && settings.mongodb_uri.is_some();
    !given && settings.data_dir.join(MARK).is_file()
}

/// Marks a folder that no server has kept data in yet.
fn mark(data_dir: &Path) -> anyhow::Result<()> {
    if Services::have_data(data_dir) {
        return Ok(());
    }
    Services::make_folder(data_dir)?;
    let path = data_dir.join(MARK);
    std::fs::write(&path, "The data here is of `adaptive-bi demo`; `--reset` removes it.\n")
        .with_context(|| format!("writing {}", path.display()))
}

/// Removes the data of an earlier demo, and nothing else that is in its folder.
async fn reset(data_dir: &Path) -> anyhow::Result<()> {
    if !Services::have_data(data_dir) {
        return Ok(());
    }
    let (folder, mark) = (data_dir.display(), data_dir.join(MARK));
    if !mark.is_file() {
        bail!(
            "{folder} is not marked as a demo's (it has no file {MARK}), so --reset leaves it \
             alone; if its data can go, remove the folders nats and mongodb in it yourself"
        );
    }
    Services::remove_data(data_dir, &services::to_stderr).await?;
    // Last, so that a removal that was interrupted can be done again.
    std::fs::remove_file(&mark).with_context(|| format!("removing {}", mark.display()))
}

/// Makes sure that the log holds only the demo's events: a shop's own must not be mixed with them.
/// Returns the year as the log has it or is to have it.
async fn claim(app: &App) -> anyhow::Result<Year> {
    let mut status = app.shop().status.clone();
    let begun = status.wait_for(|status| status.state != State::Starting);
    let state = tokio::time::timeout(Duration::from_mins(1), begun)
        .await
        .context("the projector does not begin")??
        .state
        .clone();
    if let State::Halted(halt) = state {
        bail!("the projector halts: {halt}; --reset starts over");
    }
    let (store, last) = (&app.shop().store, app.shop().log.extent().await?.last);
    if last == 0 || store.knows_data_set(ORDERS.data_set).await? {
        return Ok(ORDERS);
    }
    if store.knows_data_set(TRANSACTIONS.data_set).await? {
        say!(
            "an earlier version put the year on this log, each line of an invoice a transaction; it \
             goes on so, and --reset starts over with orders"
        );
        return Ok(TRANSACTIONS);
    }
    bail!(
        "the log holds events that are not the demo's, up to position {last}; give the demo a log of \
         its own, such as with --data-dir .adaptive-bi-demo, or another NATS_STREAM, SUBJECT_PREFIX \
         and MONGODB_DB"
    );
}

async fn weeks(arguments: &Arguments, app: &App, year: &Year) -> anyhow::Result<i64> {
    let wanted = if arguments.no_shift {
        0
    } else {
        let last = retail::last_date(decoded(YEAR, Some(Coding::Zstd))?)?
            .context("the year has no date")?;
        retail::weeks_until(last, chrono::Utc::now())
    };
    let kept = app.shop().store.remember_shift(year.data_set, wanted).await?;
    if arguments.no_shift != (kept == 0) {
        say!("the data keeps the dates it was first given; --reset starts over");
    }
    Ok(kept)
}

/// Puts the missing events on the log; returns the log's end.
async fn fill(
    settings: &Settings,
    app: &App,
    year: &Year,
    shift_weeks: i64,
) -> anyhow::Result<u64> {
    let &Year { form, data_set, events } = year;
    let known = app.shop().store.ingested(data_set).await?;
    if known < events {
        say!("a year of a real shop goes onto the log");
        let bar = file::progress_bar(events);
        let options = retail::Options { form, shift_weeks, demo: true };
        let source = Source::Retail(decoded(YEAR, Some(Coding::Zstd))?, options);
        let (note, mut noted) = tokio::sync::watch::channel(known);
        let store = app.shop().store.clone();
        let noting = tokio::spawn(async move {
            while noted.changed().await.is_ok() {
                let events = *noted.borrow_and_update();
                // Events that are not noted are sent again, and change nothing.
                let _ = store.remember_ingested(data_set, events).await;
            }
        });
        let skip = usize::try_from(known).unwrap_or(usize::MAX);
        let summary = file::ingest(&app.shop().log, &settings.currency, source, skip, |events| {
            bar.set_position(known + events);
            bar.set_message(ingest::rate(events, bar.elapsed()));
            note.send_replace(known + events);
        })
        .await?;
        bar.finish_and_clear();
        drop(note);
        noting.await?;
        app.shop().store.remember_ingested(data_set, events).await?;
        say!("  {}", ingest::rate(summary.accepted + summary.duplicates, summary.took));
    }
    Ok(app.shop().log.extent().await?.last)
}

/// Waits until the read models have reached `end`.
async fn fold(app: &App, end: u64) -> anyhow::Result<()> {
    let mut status = app.shop().status.clone();
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
            .context("the projector does not move on")??;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The credentials, with commands that can be pasted as they are.
fn ways_in(
    address: SocketAddr,
    since: NaiveDate,
    credentials: &Credentials,
    path: &Path,
) -> String {
    let Credentials { admin, viewer, producer_key } = credentials;
    let (now, path) = (chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ"), path.display());
    let Login { email, password } = viewer;
    format!(
        r#"
  open http://{address}/

  admin        {}   {}
  viewer       {email}  {password}
  API key      {producer_key}
               all in {path}

and try:

  curl 'http://{address}/api/metrics/sales' -H 'X-API-Key: {producer_key}'

  curl 'http://{address}/api/metrics/customers?startDate={since}&tz=Europe/London' \
    -H 'X-API-Key: {producer_key}'

  curl -X POST 'http://{address}/api/events/transaction' -H 'X-API-Key: {producer_key}' \
    -H 'content-type: application/json' -d '{{"transactionId":"mine-1","userId":"me","totalPrice":12.5,"transactionDate":"{now}"}}'

  curl -X POST 'http://{address}/api/auth/login' \
    -d '{{"email":"{email}","password":"{password}"}}'

Ctrl-C stops; the next start goes on from here."#,
        admin.email, admin.password
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reset_removes_what_the_servers_of_a_marked_folder_keep_and_nothing_else() {
        let folder = temporary("reset");
        mark(&folder).expect("marked");
        for name in ["nats/jetstream/x", "mongodb/WiredTiger", "nats.log", "services.json"] {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("one")).expect("made");
            std::fs::write(path, "ours").expect("written");
        }
        std::fs::create_dir(folder.join("photos")).expect("made");
        std::fs::write(folder.join("photos/cat"), "theirs").expect("written");
        reset(&folder).await.expect("reset");
        let mut left: Vec<_> = std::fs::read_dir(&folder)
            .expect("it is there")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        left.sort();
        assert_eq!(left, ["lock", "photos"]);
        assert!(folder.join("photos/cat").exists());
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[tokio::test]
    async fn a_folder_with_data_of_before_is_not_marked_and_not_reset() {
        let folder = temporary("shop");
        std::fs::create_dir_all(folder.join("nats")).expect("made");
        mark(&folder).expect("left alone");
        assert!(reset(&folder).await.is_err());
        assert!(folder.join("nats").exists() && !folder.join(MARK).exists());
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn the_ways_in_name_everybody_and_their_commands_are_complete() {
        let login = |name: &str| Login {
            email: format!("{name}@demo.example"),
            password: format!("{name}-password"),
        };
        let producer_key = "abi_key".to_owned();
        let credentials =
            Credentials { admin: login("admin"), viewer: login("viewer"), producer_key };
        let address = "127.0.0.1:4100".parse().expect("an address");
        let text = ways_in(address, LAST_DAY, &credentials, Path::new("data/credentials.json"));
        for named in ["admin@demo.example   admin-password", "data/credentials.json", "abi_key"] {
            assert!(text.contains(named), "{named}: {text}");
        }
        let commands = text.replace("\\\n", "");
        let commands: Vec<_> =
            commands.lines().filter(|it| it.trim().starts_with("curl ")).collect();
        assert_eq!(commands.len(), 4);
        for command in commands {
            assert!(command.contains("'http://127.0.0.1:4100/api/"), "{command}");
            assert!(command.contains("X-API-Key: abi_key") || command.contains("viewer-password"));
            assert!(!command.contains('$') && command.matches('\'').count() % 2 == 0, "{command}");
            if let Some((_, body)) = command.split_once("-d '") {
                let body = body.trim_end_matches('\'');
                serde_json::from_str::<serde_json::Value>(body).expect("a body");
            }
        }
    }

    fn temporary(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("adaptive-bi-{name}-{}", std::process::id()))
    }
}
