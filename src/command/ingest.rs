//! `adaptive-bi ingest FILE`: a file onto the log.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::bail;
use clap::{Args, ValueEnum};
use projections::event::Kind;
use projections::sales::Sale;
use services::Services;
use sha2::{Digest, Sha256};

use super::{Joined, counted, grouped};
use crate::config::Settings;
use crate::ingest::file::{self, Source, Summary};
use crate::ingest::retail::{self, Form};
use crate::store::Store;
use crate::stream::Log;

/// The file to ingest.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Events as JSON (`{"kind", "id"?, "data"}`: one a line, over several lines, or in an array), or the
    /// Online Retail CSV; compressed with gzip or zstd, or not.
    pub file: PathBuf,
    /// Moves the dates of a CSV by whole weeks, so that its last event is recent. The number of
    /// weeks is chosen once for a file and kept with the data.
    #[arg(long, value_name = "WHEN")]
    pub shift_to: Option<ShiftTo>,
}

/// The time that dates are moved to.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ShiftTo {
    /// As near to now as whole weeks allow, never past it.
    Now,
}

/// Ingests a file.
///
/// # Errors
/// Fails if the file, the log or the store cannot be used. Events read before that are on the log.
pub async fn run(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    // The file comes first: for a missing file nothing is started.
    let file::Opened { input, read, size } = file::open(&arguments.file)?;
    let had_data = Services::have_data(&settings.data_dir);
    let joined = Joined::servers(settings).await?;
    if joined.has_started() {
        let folder = settings.data_dir.display();
        let what = if had_data { "its data goes on in" } else { "new data begun in" };
        say!("no service runs here; {what} {folder}");
    }
    let outcome = async {
        let log = Log::connect(settings.log(&joined.nats_url)).await?;
        if let Err(error) = log.keep_settings().await {
            say!("the log keeps the settings it has: {error}");
        }
        if let Some(reason) = log.sends_singly() {
            say!("events go to the log one by one, and not in batches: {reason}");
        }
        let source = if is_csv(&arguments.file) {
            let database = settings.mongodb_db.as_deref();
            let store = Store::connect(&joined.mongodb_uri, database).await?;
            let form = form(&log, &store, &arguments.file).await?;
            let shift_weeks = match arguments.shift_to {
                None => 0,
                Some(ShiftTo::Now) => shift(&store, &arguments.file).await?,
            };
            Source::Retail(input, retail::Options { form, shift_weeks, demo: false })
        } else if arguments.shift_to.is_some() {
            bail!("--shift-to moves the dates of an Online Retail CSV; JSON is taken as it is");
        } else {
            Source::Json(input)
        };
        let bar = file::progress_bar(size);
        let summary = file::ingest(&log, &settings.currency, source, 0, |events| {
            bar.set_position(read.load(Ordering::Relaxed));
            bar.set_message(rate(events, bar.elapsed()));
        })
        .await;
        bar.finish_and_clear();
        report(&summary?)
    }
    .await;
    joined.leave().await?;
    outcome
}

/// The number of events and their rate.
pub(super) fn rate(events: u64, elapsed: std::time::Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    #[allow(clippy::cast_precision_loss)] // a rate for the eye
    let rate = events as f64 / seconds;
    format!("{}, {}/s", counted(events, "event"), grouped(format!("{rate:.0}")))
}

/// Reports how many lines became events.
///
/// # Errors
/// Fails if it has lines and none of them is an event: somebody named the wrong file.
fn report(summary: &Summary) -> anyhow::Result<()> {
    let (taken, skipped) = (summary.accepted + summary.duplicates, summary.skipped.total());
    if taken > 0 {
        say!("{} in {:.1} s", rate(taken, summary.took), summary.took.as_secs_f64());
        say!("on the log up to position {}", summary.position);
    } else if skipped == 0 {
        say!("the file has no event");
    }
    if summary.further > 0 {
        let orders = counted(summary.further, "order");
        say!(
            "{orders} more, of invoices whose lines do not stand together or do not fit one order"
        );
    }
    if skipped > 0 {
        let were = if skipped == 1 { "was" } else { "were" };
        say!("{} {were} skipped{}:", counted(skipped, "line"), first_of(summary));
        for (reason, count) in summary.skipped.reasons.iter().take(20) {
            say!("  {:>9}  {reason}", grouped(count));
        }
        if let Some((line, text)) = &summary.skipped.shown {
            say!("line {line}: {text}");
        }
        if taken == 0 {
            bail!("no line of the file is an event");
        }
    }
    Ok(())
}

/// Names the first lines that were skipped.
fn first_of(summary: &Summary) -> String {
    let lines: Vec<_> = summary.skipped.first.iter().map(ToString::to_string).collect();
    match &*lines {
        [] => String::new(),
        [only] if summary.skipped.total() == 1 => format!(", {only}"),
        [only] => format!(", the first of them {only}"),
        [before @ .., last] => format!(", the first of them {} and {last}", before.join(", ")),
    }
}

fn is_csv(path: &Path) -> bool {
    let name = file::decompressed_name(path);
    name.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

/// The form that the file goes onto the log in: as orders, unless the log or the read models have its
/// first sale as a transaction, since the same sales would count twice.
async fn form(log: &Log, store: &Store, path: &Path) -> anyhow::Result<Form> {
    let path = path.to_owned();
    let first = tokio::task::spawn_blocking(move || -> Result<_, file::Error> {
        Ok(retail::first_transaction(file::open(&path)?.input)?)
    })
    .await??;
    let Some(first) = first else { return Ok(Form::Orders) };
    // The log may have it before it is folded, or on another subject, or not any more.
    let is_on_the_log = log.newest_of(Kind::Transaction, &first).await?.is_some();
    let is_folded = async || match store.snapshot().await? {
        Some(snapshot) => snapshot.row::<Sale>(&first).await.map(|sale| sale.is_some()),
        None => Ok(false),
    };
    if !is_on_the_log && !is_folded().await? {
        return Ok(Form::Orders);
    }
    say!("an earlier version put this file on the log, each line a transaction; it goes on so");
    Ok(Form::Transactions)
}

async fn shift(store: &Store, path: &Path) -> anyhow::Result<i64> {
    let path = path.to_owned();
    let (hash, weeks) = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let mut hash = Sha256::new();
        std::io::copy(&mut std::fs::File::open(&path)?, &mut hash)?;
        let file::Opened { input, .. } = file::open(&path)?;
        let Some(last) = retail::last_date(input)? else {
            bail!("the file has no line with a date");
        };
        Ok((format!("{:x}", hash.finalize()), retail::weeks_until(last, chrono::Utc::now())))
    })
    .await??;
    Ok(store.remember_shift(&hash, weeks).await?)
}
