//! `adaptive-bi quarantine list|show|replay|discard`: the quarantine from the command line.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use projections::event::Kind;
use services::Services;

use super::Joined;
use crate::auth::audit::Audit;
use crate::config::Settings;
use crate::http::client::Origin;
use crate::http::parameters::values::Word;
use crate::quarantine::http::REASON_CHARACTERS_MAX;
use crate::quarantine::parameters::Waits;
use crate::quarantine::shown::{Because, Outcome, Shown, ShownWhole};
use crate::quarantine::{Edit, Error, Quarantine, Replay, Who};
use crate::store::Store;
use crate::store::platform::Platform;
use crate::store::quarantine::{QuarantineWanted, Which};
use crate::stream::{Log, subject};

/// The number of messages that are looked up at once.
const PAGE: u32 = 100;

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Lists quarantined messages, the oldest first.
    List {
        /// Lists messages of this kind.
        #[arg(long, value_parser = kind)]
        kind: Option<Kind>,
        /// Lists messages with a reason about this field.
        #[arg(long)]
        field: Option<String>,
        /// Lists messages with a reason of this word.
        #[arg(long, value_parser = word)]
        reason: Option<String>,
        /// Lists messages that were replayed or discarded as well.
        #[arg(long)]
        all: bool,
        /// Lists messages from this position on.
        #[arg(long, value_name = "POSITION")]
        from: Option<u64>,
        /// The most messages to list.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Shows one message with its headers, its body and every reason.
    Show {
        /// Its position.
        position: u64,
    },
    /// Sends messages again: as they were, or one of them with another body or kind.
    Replay {
        /// Their positions.
        #[arg(required_unless_present = "reason")]
        positions: Vec<u64>,
        /// All that have a reason of this word, the oldest first, instead of positions.
        #[arg(long, value_parser = word)]
        #[arg(conflicts_with_all = ["positions", "payload", "kind"])]
        reason: Option<String>,
        /// A file with the body to send instead, or - for standard input.
        #[arg(long, value_name = "FILE")]
        payload: Option<PathBuf>,
        /// The kind of the event, where the subject names none or a wrong one.
        #[arg(long, value_parser = kind)]
        kind: Option<Kind>,
        /// Only says what the replay would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Discards messages.
    Discard {
        /// Their positions.
        #[arg(required = true)]
        positions: Vec<u64>,
        /// The reason for it.
        #[arg(long, value_parser = reason)]
        reason: String,
        /// Only says whether the messages could be discarded.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Runs the subcommand. Starts no servers and makes nothing where there is no data.
///
/// # Errors
/// Fails if the log or the store cannot be used, or a message could not be replayed or discarded.
pub async fn run(settings: &Settings, action: &Action) -> anyhow::Result<()> {
    let data_dir = &settings.data_dir;
    let given = settings.nats_url.is_some() && settings.mongodb_uri.is_some();
    if !given && !Services::have_data(data_dir) {
        bail!("there is no data in {} yet", data_dir.display());
    }
    let joined = Joined::servers(settings).await?;
    let outcome = async {
        let log = Log::find(settings.log(&joined.nats_url)).await?;
        let log =
            log.with_context(|| format!("there is no stream {} yet", settings.nats_stream))?;
        let store = Store::connect(&joined.mongodb_uri, settings.mongodb_db.as_deref()).await?;
        let audit = Audit::new(Platform::beside(&store), settings.audit_days);
        let prefix = settings.subject_prefix.clone();
        act(&Quarantine { store, log, prefix, audit }, action).await
    }
    .await;
    joined.leave().await?;
    outcome
}

async fn act(quarantine: &Quarantine, action: &Action) -> anyhow::Result<()> {
    let who = Who { name: "command".to_owned(), origin: Origin::default() };
    let mut failed = 0;
    match action {
        Action::List { kind, field, reason, all, from, limit } => {
            let of_kind = |it: Kind| (vec![subject::of_kind(&quarantine.prefix, it)], false);
            let wanted = QuarantineWanted {
                subjects: kind.map(of_kind),
                field: field.clone(),
                reason: reason.clone(),
                which: if *all { Which::All } else { Which::Open },
                from_position: *from,
                limit: *limit,
                ..QuarantineWanted::default()
            };
            list(quarantine, &wanted).await?;
        }
        Action::Show { position } => show(quarantine, *position).await?,
        Action::Replay { reason: Some(reason), dry_run, .. } => {
            failed = replay_all(quarantine, reason, *dry_run, &who).await?;
        }
        Action::Replay { positions, payload, kind, dry_run, .. } => {
            if positions.len() > 1 && (payload.is_some() || kind.is_some()) {
                bail!("one message is edited at a time");
            }
            let payload = payload.as_deref().map(read).transpose()?;
            for &position in positions {
                let edit = Edit { payload: payload.clone().map(Into::into), kind: *kind };
                match quarantine.replay(position, edit, *dry_run, &who).await {
                    Ok(replay) => say!("{position}: {}", told(&Outcome::from(replay))),
                    Err(error) => {
                        failed += 1;
                        say!("{position}: {error}");
                    }
                }
            }
        }
        Action::Discard { positions, reason, dry_run } => {
            for &position in positions {
                match quarantine.discard(position, reason, *dry_run, &who).await {
                    Ok(()) if *dry_run => say!("{position}: can be discarded"),
                    Ok(()) => say!("{position}: discarded"),
                    Err(error) => {
                        failed += 1;
                        say!("{position}: {error}");
                    }
                }
            }
        }
    }
    if failed > 0 {
        bail!("{failed} could not be done");
    }
    Ok(())
}

/// Sends all that wait again, page by page. Returns the number of those that could not be sent.
async fn replay_all(
    quarantine: &Quarantine,
    reason: &str,
    dry: bool,
    who: &Who,
) -> anyhow::Result<u64> {
    let last = quarantine.last().await?;
    let (mut sent, mut refused, mut after) = (0, 0, None);
    loop {
        let wanted = QuarantineWanted {
            reason: Some(reason.to_owned()),
            after,
            to_position: Some(last),
            limit: PAGE,
            ..QuarantineWanted::default()
        };
        let tell = |position, replay: &Result<Replay, Error>| match replay {
            Ok(replay) => say!("{position}: {}", told(&Outcome::from(replay.clone()))),
            Err(error) => say!("{position}: {error}"),
        };
        let page = quarantine.replay_page(wanted, dry, who, tell).await?;
        sent += page.sent;
        refused += page.refused;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let how = if dry { "would be replayed" } else { "replayed" };
    say!("{sent} {how}, {refused} not");
    Ok(refused)
}

async fn list(quarantine: &Quarantine, wanted: &QuarantineWanted) -> anyhow::Result<()> {
    let kept = quarantine.list(wanted).await?;
    if kept.is_empty() {
        say!("there is none");
    }
    for it in kept {
        let shown = Shown::of(it, &quarantine.prefix);
        say!("{}  {}  {}  {}", shown.position, shown.at, shown.subject, shown.state);
        shown.reasons.iter().for_each(because);
    }
    Ok(())
}

async fn show(quarantine: &Quarantine, position: u64) -> anyhow::Result<()> {
    let kept = quarantine.show(position).await?;
    let ShownWhole { shown, whole } = Shown::whole(kept, &quarantine.prefix);
    say!("position  {}", shown.position);
    say!("subject   {}", shown.subject);
    say!("at        {}", shown.at);
    say!("state     {}", shown.state);
    if let Some(it) = &shown.resolution {
        say!("by        {}, {}", it.by, it.at);
        if let Some(at) = it.replayed_at {
            say!("now at    {at}{}", if it.edited { ", edited" } else { "" });
        }
        if let Some(reason) = &it.reason {
            say!("because   {reason}");
        }
    }
    shown.reasons.iter().for_each(because);
    for (name, value) in &whole.headers {
        say!("{name}: {value}");
    }
    if let Some(block) = &whole.headers_base64 {
        say!("headers in base64: {block}");
    }
    say!("");
    let base64 = whole.payload_base64.as_deref().unwrap_or_default();
    say!("{}", whole.payload.as_deref().unwrap_or(base64));
    Ok(())
}

fn because(Because { field, message, .. }: &Because) {
    let field = if field.is_empty() { "the message" } else { field };
    say!("    {field} {message}");
}

fn told(outcome: &Outcome) -> String {
    let figures = match &outcome.touched[..] {
        [] => String::new(),
        touched => format!(" ({})", touched.join(", ")),
    };
    let event = format!("{} {}", outcome.kind, outcome.entity);
    match outcome.position {
        Some(position) => format!("replayed at {position}: {event}, {}{figures}", outcome.outcome),
        None => {
            format!("would be {} at {}: {event}{figures}", outcome.outcome, outcome.as_of)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).context("reading standard input")?;
        return Ok(bytes);
    }
    std::fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn kind(name: &str) -> Result<Kind, String> {
    let kinds = || format!("must be one of {}", Kind::ALL.map(Kind::as_str).join(", "));
    Kind::parse(name).ok_or_else(kinds)
}

fn word(name: &str) -> Result<String, &'static str> {
    let word = Waits::of_word(name).ok_or("must be no-rate")?;
    Ok(word.word().to_owned())
}

fn reason(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let fits = (1..=REASON_CHARACTERS_MAX).contains(&text.chars().count());
    if fits { Ok(text.to_owned()) } else { Err("must have 1 to 200 characters") }
}
