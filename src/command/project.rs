//! `adaptive-bi project ...`: the projector's state, ending a halt, and the generations of read
//! models: making the next, comparing, switching, dropping.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Subcommand;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections::time::Time;
use services::Services;
use tokio_util::sync::CancellationToken;

use super::{Joined, counted, grouped};
use crate::auth::audit::{Audit, Event, EventType};
use crate::config::{Settings, Switch};
use crate::projector::generations::{Error, Generations};
use crate::projector::status::Halt;
use crate::projector::switch::{Compared, Switched};
use crate::projector::threads::Threads;
use crate::projector::{judge, verify};
use crate::shop::log::MANY_SUBJECTS;
use crate::store::diff::Difference;
use crate::store::generation::Checkpoint;
use crate::store::generations::GenerationState;
use crate::store::holes::AcceptedHole;
use crate::store::platform::Platform;
use crate::store::work::{Ended, Work, Works};
use crate::store::{Store, time};
use crate::stream::{Extent, Log};

/// The time between two progress lines of a long command.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// The time over which the rate of a generation is measured.
const LOOK: Duration = Duration::from_secs(1);

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Shows the live generation, its position and lag, and whether it halts.
    Status,
    /// Accepts a log that was made anew, where the message at the checkpoint is the one that was
    /// folded; or one that lacks events behind the checkpoint. From then on `status` shows the
    /// missing positions, and every rebuild passes them.
    Accept,
    /// Makes the next generation from the log, or continues it, beside the live one. Ends when it
    /// has caught up.
    Rebuild,
    /// Stops the command that works on other generations, whichever process runs it. A later
    /// `rebuild` continues, or begins anew where it was still in bulk.
    Cancel,
    /// Compares the live generation with the next one, document by document, and holds the fold
    /// meanwhile. Fails where they differ.
    Diff {
        /// The generation to compare with, instead of the next.
        generation: Option<u32>,
    },
    /// Makes the next generation live, once it has caught up.
    Switch {
        /// The generation to make live, instead of the next, such as an earlier one.
        generation: Option<u32>,
    },
    /// Deletes a generation that is not live.
    Drop {
        /// Its number.
        generation: u32,
    },
}

/// Runs a subcommand. Starts no servers and makes nothing where there is no data.
///
/// # Errors
/// Fails if the log or the store cannot be used, or the log is not the checkpoint's.
pub async fn run(settings: &Settings, action: &Action) -> anyhow::Result<()> {
    let data_dir = &settings.data_dir;
    let given = settings.nats_url.is_some() && settings.mongodb_uri.is_some();
    if !given && !Services::have_data(data_dir) {
        return nothing(action, format!("there is no data in {} yet", data_dir.display()));
    }
    let joined = Joined::servers(settings).await?;
    let outcome = async {
        let store = Store::connect(&joined.mongodb_uri, settings.mongodb_db.as_deref()).await?;
        let Some(log) = Log::find(settings.log(&joined.nats_url)).await? else {
            return no_log(settings, action, &store).await;
        };
        match action {
            Action::Status => status(settings, &log, &store).await,
            Action::Accept => accept(settings, &log, &store).await,
            Action::Cancel => cancel(settings, &store).await,
            Action::Rebuild => {
                rebuild(settings, &store, generations(settings, &joined).await?).await
            }
            Action::Diff { generation } => {
                diff(&store, generations(settings, &joined).await?, *generation).await
            }
            Action::Switch { generation } => {
                switch(settings, &store, generations(settings, &joined).await?, *generation).await
            }
            Action::Drop { generation } => {
                drop_one(settings, &store, generations(settings, &joined).await?, *generation).await
            }
        }
    }
    .await;
    joined.leave().await?;
    outcome
}

/// Without data, `status` is an answer and every other subcommand is an error.
fn nothing(action: &Action, said: String) -> anyhow::Result<()> {
    match action {
        Action::Status => say!("{said}"),
        _ => bail!(said),
    }
    Ok(())
}

/// A missing log was never made, or the one that the read models were made from is gone.
async fn no_log(settings: &Settings, action: &Action, store: &Store) -> anyhow::Result<()> {
    let folder = store.folder().await?;
    if folder.generation == 0 {
        return nothing(action, format!("there is no stream {} yet", settings.nats_stream));
    }
    if !matches!(action, Action::Status) {
        bail!(Halt::LogGone);
    }
    say!("log          there is no stream {}", settings.nats_stream);
    say!("generation   {}, live", folder.generation);
    say!("position     {}", grouped(folder.position));
    say!("halted       {}", Halt::LogGone);
    Ok(())
}

async fn status(settings: &Settings, log: &Log, store: &Store) -> anyhow::Result<()> {
    let extent = log.extent().await?;
    say!("log          {}", fill(&extent));
    say!("subjects     {}", subjects(extent.subjects));
    let Some(generation) = store.live().await? else {
        say!("nothing has been folded yet");
        return Ok(());
    };
    let checkpoint =
        store.checkpoint(generation).await?.context("the live generation has no checkpoint")?;
    let counts = checkpoint.root.counts;
    let rate = rate(store, &checkpoint).await?;
    say!("generation   {generation}, live");
    say!("position     {}", grouped(checkpoint.position));
    say!("rate         {} events/s", grouped(rate));
    say!("lag          {}", lag(&extent, checkpoint.position, checkpoint.root.log_time.0));
    say!(
        "events       {} read: {} applied, {} repeated, {} unchanged, {} stale, {} quarantined",
        grouped(counts.read),
        grouped(counts.applied),
        grouped(counts.repeated),
        grouped(counts.unchanged),
        grouped(counts.stale),
        grouped(counts.quarantined),
    );
    if let Some(halt) = verify::is_made_with(&checkpoint.settings, &settings.fold()) {
        say!("settings     {}", with_these_settings(settings, &halt));
    }
    let halt = verify::verify(log, store, &checkpoint, &checkpoint.settings).await?;
    let no = || "no; the log is the one the checkpoint was made from".to_owned();
    let moves = if halt.is_some() { None } else { Some(pace(log, &extent, store).await?) };
    say!("halted       {}", halt.map_or_else(no, |halt| halt.to_string()));
    if let Some(moves) = moves {
        say!("moves on     {moves}");
    }
    say_accepted(store, &checkpoint.incarnation).await?;
    others(settings, &extent, store).await
}

/// What a service with this command's settings does about a generation of another recipe.
fn with_these_settings(settings: &Settings, halt: &Halt) -> String {
    match halt {
        Halt::OlderFold { made_by, this, .. } if settings.rebuild_on_upgrade == Switch::On => {
            format!(
                "upgrading: version {made_by} of the fold made it; a service of this version ({this}) \
                 makes the next one by itself, and switches"
            )
        }
        Halt::AnotherFold => {
            "another fold than this command's settings; a service with them halts".to_owned()
        }
        halt => format!("a service with these settings halts: {halt}"),
    }
}

/// Whether the fold moves on, judged by the last commit and the first message that is not folded.
async fn pace(log: &Log, extent: &Extent, store: &Store) -> anyhow::Result<String> {
    let folder = store.folder().await?;
    if folder.holds {
        return Ok("held: a comparison or a switch is under way".to_owned());
    }
    let next = log.fingerprint(folder.position + 1).await.ok().flatten();
    let since = match next {
        Some(message) => Time(message.time / 1_000_000),
        None if folder.committed_at == 0 => extent.last_at,
        None => Time(0),
    };
    let now = Time(chrono::Utc::now().timestamp_millis());
    let Some(stuck) = judge::at_one_look(&folder, extent, since, now) else {
        return Ok("yes".to_owned());
    };
    let (at, since) = (grouped(stuck.position), Time(stuck.since).to_rfc3339());
    let error = stuck.fault.map_or_else(
        || "no error is noted; is a service running?".to_owned(),
        |fault| format!("the last error: {} ({})", fault.message, Time(fault.at).to_rfc3339()),
    );
    Ok(format!("no; stuck at {at} since {since}; {error}"))
}

/// The rate of a generation, in events a second.
async fn rate(store: &Store, before: &Checkpoint) -> anyhow::Result<u64> {
    let since = Instant::now();
    tokio::time::sleep(LOOK).await;
    let now = store.checkpoint(before.generation).await?.map_or(0, |it| it.position);
    let events = now.saturating_sub(before.position);
    Ok(events * 1_000 / u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
}

/// Prints the generations beside the live one, and the work on them.
async fn others(settings: &Settings, extent: &Extent, store: &Store) -> anyhow::Result<()> {
    let (all, Works { under_way, last }) = store.generations_and_works().await?;
    for it in all.iter().filter(|it| it.state != GenerationState::Live) {
        say!("");
        say!("generation   {}, {}", it.number, it.state.as_str());
        let Some(at) = &it.checkpoint else { continue };
        say!("position     {}", grouped(at.position));
        say!("lag          {}", lag(extent, at.position, at.root.log_time.0));
        if at.settings != settings.fold() {
            say!("settings     another fold than this command's settings");
        }
    }
    if under_way.is_some() || last.is_some() {
        say!("");
    }
    if let Some(work) = under_way {
        say!("under way    {}", in_words(&work));
    }
    if let Some(Ended { command, message, at, .. }) = last {
        say!("before that  {command}: {message} ({})", Time(at).to_rfc3339());
    }
    Ok(())
}

/// The lag behind the log's end, and the age of the last folded event.
fn lag(extent: &Extent, position: u64, log_time: i64) -> String {
    let events = extent.last.saturating_sub(position);
    if events == 0 {
        return counted(0, "event");
    }
    let seconds = (chrono::Utc::now().timestamp_millis() - log_time).max(0) / 1_000;
    let seconds = u64::try_from(seconds).unwrap_or(0);
    format!(
        "{}, {} since the last one folded",
        counted(events, "event"),
        counted(seconds, "second")
    )
}

/// The progress of a rebuild.
fn in_words(work: &Work) -> String {
    let at = format!("{} of generation {}", work.doing, work.generation);
    if work.target == 0 {
        return at;
    }
    let (position, target) = (grouped(work.position), grouped(work.target));
    let left = work.seconds_left().map_or(String::new(), |seconds| {
        format!(", {} events/s, {} left", grouped(work.rate), counted(seconds, "second"))
    });
    format!("{at}: {position} of {target}{left}")
}

/// The commands about generations, with threads and connections of their own, as the fold of a
/// service has.
async fn generations(
    settings: &Settings,
    joined: &Joined,
) -> anyhow::Result<(Generations, Threads)> {
    let threads = Threads::start().context("starting the fold's threads")?;
    let (log, database) = (settings.log(&joined.nats_url), settings.mongodb_db.as_deref());
    let (log, store) = threads.connect(log, &joined.mongodb_uri, database).await?;
    Ok((Generations::new(store, log, settings.fold()), threads))
}

/// Runs the work on those threads until it ends or is told to stop, and prints its progress
/// meanwhile.
async fn watched<T: Send + 'static>(
    (generations, threads): (Generations, Threads),
    work: impl FnOnce(Generations, CancellationToken) -> BoxFuture<'static, Result<T, Error>>,
) -> anyhow::Result<T> {
    let stop = CancellationToken::new();
    let (told, seen) = (stop.clone(), generations.work.subscribe());
    let mut task = threads.handle().spawn(work(generations, told));
    let mut tick = tokio::time::interval(TELL_EVERY);
    let asked = super::stop_asked();
    tokio::pin!(asked);
    loop {
        tokio::select! {
            ended = &mut task => return Ok(ended??),
            asked = &mut asked, if !stop.is_cancelled() => {
                asked?;
                stop.cancel();
            }
            _ = tick.tick() => {
                let work = seen.borrow().clone();
                if work.target > 0 {
                    say!("{}", in_words(&work));
                }
            }
        }
    }
}

async fn rebuild(
    settings: &Settings,
    store: &Store,
    on: (Generations, Threads),
) -> anyhow::Result<()> {
    let number = watched(on, |it, stop| async move { it.rebuild(&stop).await }.boxed()).await?;
    let what = format!("generation {number}");
    remember(settings, store, EventType::ProjectionRebuild, what).await;
    say!(
        "generation {number} has caught up; compare it with `project diff`, then `project switch`"
    );
    Ok(())
}

async fn remember(settings: &Settings, store: &Store, event: EventType, what: String) {
    let event = Event::done(event).by_name("command").to("projections").detail(what);
    Audit::new(Platform::beside(store), settings.audit_days).record(event).await;
}

async fn cancel(settings: &Settings, store: &Store) -> anyhow::Result<()> {
    let work = store.works().await?.under_way;
    let (Some(work), true) = (work, store.ask_to_stop().await?) else {
        say!("nothing is under way");
        return Ok(());
    };
    let what = format!("{} of generation {}", work.doing, work.generation);
    remember(settings, store, EventType::ProjectionCancel, what).await;
    say!("asked to stop: {}", in_words(&work));
    Ok(())
}

async fn diff(store: &Store, on: (Generations, Threads), other: Option<u32>) -> anyhow::Result<()> {
    let compared =
        watched(on, move |it, stop| async move { it.diff(other, &stop).await }.boxed()).await?;
    let Compared { live, other, position, diff, incarnation } = compared;
    for row in &diff.rows {
        let how = match &row.difference {
            Difference::OnlyFirst => format!("only generation {live} has it"),
            Difference::OnlySecond => format!("only generation {other} has it"),
            Difference::Fields(fields) => format!("differ in {}", fields.join(", ")),
        };
        say!("{} {}: {how}", row.model, row.id);
    }
    // A generation that folded events before they were lost has them; one made later has not.
    say_accepted(store, &incarnation).await?;
    let documents = counted(diff.documents, "document");
    let at = format!("generations {live} and {other} at {}", grouped(position));
    if diff.differ > 0 {
        bail!("{at}: {} of {documents} differ", grouped(diff.differ));
    }
    say!("{at}: {documents}, all the same");
    Ok(())
}

async fn switch(
    settings: &Settings,
    store: &Store,
    on: (Generations, Threads),
    to: Option<u32>,
) -> anyhow::Result<()> {
    let Switched { from, to, position } =
        watched(on, move |it, stop| async move { it.switch(to, &stop).await }.boxed()).await?;
    remember(settings, store, EventType::ProjectionSwitch, format!("from {from} to {to}")).await;
    say!(
        "generation {to} is live from {} on; {from} is kept until `project drop {from}`",
        grouped(position)
    );
    Ok(())
}

async fn drop_one(
    settings: &Settings,
    store: &Store,
    on: (Generations, Threads),
    number: u32,
) -> anyhow::Result<()> {
    watched(on, move |it, stop| async move { it.drop(number, &stop).await }.boxed()).await?;
    remember(settings, store, EventType::ProjectionDrop, format!("generation {number}")).await;
    say!("generation {number} is gone");
    Ok(())
}

/// The number of subjects, and whether that is many.
fn subjects(number: u64) -> String {
    let many = "; nats-server keeps each in memory, so let producers publish on 256 of a kind";
    format!("{}{}", grouped(number), if number >= MANY_SUBJECTS { many } else { "" })
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

async fn accept(settings: &Settings, log: &Log, store: &Store) -> anyhow::Result<()> {
    let live = store.live().await?.context("nothing has been folded yet")?;
    let checkpoint =
        store.checkpoint(live).await?.context("the live generation has no checkpoint")?;
    let found = log.extent().await?.incarnation;
    if found == checkpoint.incarnation {
        return accept_holes(settings, log, store, &checkpoint).await;
    }
    if let Some(halt) = verify::matches_position(log, store, &checkpoint).await? {
        bail!("the log cannot be accepted: {halt}; the read models have to be rebuilt");
    }
    if !store.accept_incarnation(&checkpoint, &found).await? {
        bail!("the checkpoint moved meanwhile; look at `project status`");
    }
    let what = format!("at {} of {found}", checkpoint.position);
    remember(settings, store, EventType::ProjectionAccept, what).await;
    say!("accepted: the checkpoint at {} now belongs to {found}", checkpoint.position);
    Ok(())
}

/// Accepts the positions that the log lacks right behind the checkpoint.
async fn accept_holes(
    settings: &Settings,
    log: &Log,
    store: &Store,
    checkpoint: &Checkpoint,
) -> anyhow::Result<()> {
    let incarnation = &checkpoint.incarnation;
    let mut any = false;
    while let Some(halt) = verify::matches_position(log, store, checkpoint).await? {
        let (from, to) = match halt {
            Halt::LogGap { position, first } => (position + 1, first - 1),
            Halt::LogHole { from, to } => (from, to),
            halt => bail!("the log cannot be accepted: {halt}; the read models have to be rebuilt"),
        };
        // A nats-server that could not write counts a message that it did not store, and gives its
        // position to another event once it was started again.
        let extent = log.extent().await?;
        if extent.last == to && extent.first <= to {
            bail!(
                "the log lacks {}, up to its end, where an event may still come; accept that once \
                 there is one behind it",
                range(from, to)
            );
        }
        store.accept_hole(incarnation, from, to).await?;
        let what = format!("without {from} to {to} of {incarnation}");
        remember(settings, store, EventType::ProjectionAccept, what).await;
        say!("accepted: the log lacks {}, and goes on without", range(from, to));
        any = true;
    }
    if !any {
        say!("the log is the one the checkpoint was made from; there is nothing to accept");
    }
    Ok(())
}

/// The positions that the log is accepted to lack, a line each.
async fn say_accepted(store: &Store, incarnation: &str) -> anyhow::Result<()> {
    for AcceptedHole { from, to, at } in store.accepted_holes(incarnation).await? {
        say!("accepted     the log lacks {}, since {}", range(from, to), time::rfc3339(at));
    }
    Ok(())
}

fn range(from: u64, to: u64) -> String {
    format!("{} to {} ({})", grouped(from), grouped(to), counted(to - from + 1, "event"))
}
