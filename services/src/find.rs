//! Finds a suitable program: on the PATH, else in the cache folder, else fetched.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use super::error::Error;
use super::fetch;
use super::path::{candidates, is_program};
use super::program::{Program, Verdict, probe};
use super::say::Say;
use super::server::Server;

/// Finds `server`, or fetches it. Reports every program that is passed over, with the reason.
pub(super) async fn program(server: Server, cache: &Path, say: Say<'_>) -> Result<Program, Error> {
    let path_variable = env::var_os("PATH").unwrap_or_default();
    if let Some(program) = on_path(server, &path_variable, say).await {
        return Ok(program);
    }
    let cached = fetch::place(server, cache);
    if !is_program(&cached) {
        fetch::fetch(server, cache, say).await?;
    }
    // The pinned version is new enough; it may only lack a library or a processor's feature.
    match probe(server, &cached).await {
        Verdict::Good(version) | Verdict::TooOld(version) => {
            say(&format!("{server} {version}: {}", cached.display()));
            Ok(Program { path: cached, version })
        }
        Verdict::MissingLibrary(library) => Err(Error::MissingLibrary { server, library }),
        Verdict::Unusable(reason) => Err(Error::Unusable { server, path: cached, reason }),
    }
}

async fn on_path(server: Server, path_variable: &OsStr, say: Say<'_>) -> Option<Program> {
    for path in candidates(server.program(), path_variable) {
        let shown = path.display();
        match probe(server, &path).await {
            Verdict::Good(version) => {
                say(&format!("{server} {version}: {shown}"));
                return Some(Program { path, version });
            }
            Verdict::TooOld(version) => {
                let oldest = server.oldest();
                say(&format!("passed over {shown}: it is {version}, and {oldest} is needed"));
            }
            Verdict::MissingLibrary(library) => {
                say(&format!("passed over {shown}: it needs the library {library}"));
            }
            Verdict::Unusable(reason) => say(&format!("passed over {shown}: {reason}")),
        }
    }
    None
}
