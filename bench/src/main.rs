//! The command line of the benchmark and of the soak.

use std::path::PathBuf;
use std::process::ExitCode;

use adaptive_bi::{causes, cli, config, failpoint};
use adaptive_bi_bench::arguments::Arguments;
use adaptive_bi_bench::{parts, power_cut, soak};
use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use services::{files, pages};

/// The allocator of the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the service on this machine, servers and load included.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    parts: Arguments,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts faults on a service of its own and checks that no event is lost or counted twice.
    Soak(soak::Arguments),
    /// Cuts the power of a service's servers, again and again, and looks for every event that was
    /// acknowledged: with a log that is synced before it acknowledges, and with one that is not.
    PowerCut(power_cut::Arguments),
}

#[derive(Debug, Args)]
struct Settings {
    /// The level of the log: error, warn, info, debug, trace, off, or `target=level` pairs. The
    /// default is info, and off for a soak, since it breaks things all the time.
    #[arg(long, env = "LOG_LEVEL", global = true)]
    log_level: Option<String>,
    /// The folder of fetched servers. The default is the user's cache folder.
    #[arg(long, env = "CACHE_DIR", global = true)]
    cache_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    // The service that a soak kills is this program again, with the same failpoints.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "serve") {
        return cli::run();
    }
    failpoint::set_up();
    files::raise();
    pages::keep_small();
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            services::to_stderr(&format!("error: {}", causes::describe(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn run(Cli { command, parts, settings }: Cli) -> anyhow::Result<()> {
    let usual = if command.is_some() { "off" } else { "info" };
    cli::log(settings.log_level.as_deref().unwrap_or(usual))?;
    let cache_dir = settings.cache_dir.unwrap_or_else(config::cache_dir);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("the runtime does not start")?;
    let ended = runtime.block_on(async {
        match &command {
            Some(Command::Soak(arguments)) => soak::run(&cache_dir, arguments).await,
            Some(Command::PowerCut(arguments)) => power_cut::run(&cache_dir, arguments).await,
            None => parts::run(&cache_dir, &parts).await,
        }
    });
    // The runtime is left to the end of the process, as in the program.
    std::mem::forget(runtime);
    ended
}
