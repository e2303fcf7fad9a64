//! The command line of Adaptive BI: parse arguments, start telemetry, hand over.

use std::process::ExitCode;

use adaptive_bi::command::{admin, demo, ingest, key, project, serve};
use adaptive_bi::config::{self, Settings};
use adaptive_bi::{bench, services};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

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
    /// Servers, a year of a real shop and the service: everything, at one address.
    Demo(demo::Arguments),
    /// The service.
    Serve,
    /// Puts the events of a file on the log.
    Ingest(ingest::Arguments),
    /// Accounts, for who runs the server: the first admin, a link to set a new password.
    #[command(subcommand)]
    Admin(admin::Action),
    /// API keys, for programs that send events or read figures.
    #[command(subcommand)]
    Key(key::Action),
    /// The projector: its state, and ending a halt.
    #[command(subcommand)]
    Project(project::Action),
    /// Measures this machine, servers and load included.
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let arguments = config::arguments(services::to_stderr);
    let cli = Cli::parse_from(arguments);
    if let Err(error) = start_telemetry(&cli.settings, matches!(cli.command, Command::Demo(_))) {
        eprintln!("error: LOG_LEVEL is not understood: {error}");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Cli { command, settings }: Cli) -> anyhow::Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(&settings, &arguments).await,
        Command::Serve => serve::run(&settings).await,
        Command::Ingest(arguments) => ingest::run(&settings, &arguments).await,
        Command::Admin(action) => admin::run(&settings, &action).await,
        Command::Key(action) => key::run(&settings, &action).await,
        Command::Project(action) => project::run(&settings, &action).await,
        Command::Bench(arguments) => bench::run(&settings, &arguments).await,
    }
}

/// Logs to standard error. The demo shows what it does itself, so there only warnings are.
fn start_telemetry(
    settings: &Settings,
    quiet: bool,
) -> Result<(), tracing_subscriber::filter::ParseError> {
    let level = match settings.log_level.as_str() {
        "info" if quiet => "warn",
        level => level,
    };
    // What the NATS client logs of its connection is said in our own words. Socket.IO's libraries
    // log packets, and a packet can have a token in it.
    let others = "async_nats=error,socketioxide=info,engineioxide=info";
    let filter = EnvFilter::builder().parse(format!("{level},{others}"))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}
