//! The command line: parse arguments, start telemetry, hand over.
//!
//! All that runs is started from here and not from the program's `main`, so that it is compiled once,
//! with the library: an `async fn` is compiled where it is first polled.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use services::{files, pages};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::causes::describe;
use crate::command::{admin, demo, ingest, key, project, quarantine, serve};
use crate::config::{self, Settings};
use crate::failpoint;
use crate::telemetry::traces;

/// A shop's events, folded exactly once into live read models.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the servers, a year of a real shop and the service, at one address.
    Demo(demo::Arguments),
    /// Runs the service.
    Serve,
    /// Puts the events of a file on the log.
    Ingest(ingest::Arguments),
    /// Makes the first admin, or a link to set a new password; for operators.
    #[command(subcommand)]
    Admin(admin::Action),
    /// Makes, lists and revokes API keys, for programs that send events or read figures.
    #[command(subcommand)]
    Key(key::Action),
    /// Shows the projector's state, ends a halt, and makes and exchanges generations.
    #[command(subcommand)]
    Project(project::Action),
    /// Shows, replays and discards messages that were not understood.
    #[command(subcommand)]
    Quarantine(quarantine::Action),
}

/// Runs the program on the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    failpoint::set_up();
    files::raise();
    pages::keep_small();
    let ended = config::arguments(services::to_stderr).and_then(|arguments| {
        let command = config::without_empty_variables(Cli::command())?;
        let cli = Cli::from_arg_matches(&command.get_matches_from(arguments));
        let cli = cli.unwrap_or_else(|error| error.exit());
        cli.settings.check()?;
        start_telemetry(&cli.settings, &cli.command)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("the runtime does not start")?;
        let ended = runtime.block_on(traced(cli));
        // It is left to the end of the process: tasks that the MongoDB driver still has under way
        // panic if the runtime drops the one task before the other.
        std::mem::forget(runtime);
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            services::to_stderr(&format!("error: {}", describe(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

async fn traced(cli: Cli) -> anyhow::Result<()> {
    let traces = traces::start()?;
    let ended = obey(cli).await;
    traces.stop().await;
    ended
}

async fn obey(Cli { command, settings }: Cli) -> anyhow::Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(&settings, &arguments).await,
        Command::Serve => serve::run(&settings).await,
        Command::Ingest(arguments) => ingest::run(&settings, &arguments).await,
        Command::Admin(action) => admin::run(&settings, &action).await,
        Command::Key(action) => key::run(&settings, &action).await,
        Command::Project(action) => project::run(&settings, &action).await,
        Command::Quarantine(action) => quarantine::run(&settings, &action).await,
    }
}

/// Logs to standard error. The demo shows its progress itself, so only its warnings are logged.
fn start_telemetry(settings: &Settings, command: &Command) -> anyhow::Result<()> {
    log(match (settings.log_level.as_str(), command) {
        ("info", Command::Demo(_)) => "warn",
        (level, _) => level,
    })
}

/// Logs to standard error, in colours if that is a terminal; `level` is a level, or pairs of
/// `target=level`.
///
/// # Errors
/// Fails if it is neither.
pub fn log(level: &str) -> anyhow::Result<()> {
    // The program logs the state of the NATS connection in its own words. Socket.IO's libraries log
    // packets, and a packet can have a token in it.
    let nats = if level == "off" { "off" } else { "error" };
    let others = format!("async_nats={nats},socketioxide=info,engineioxide=info");
    let filter: Targets =
        format!("{level},{others}").parse().context("LOG_LEVEL is not understood")?;
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(!plain && std::io::stderr().is_terminal())
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(())
}
