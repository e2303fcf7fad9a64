//! The environment and the arguments of the process, before any setting is read from them.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::builder::Resettable;

use super::file;

/// Names of the Node services, and ours.
const OLD_NAMES: [(&str, &str, &str); 5] = [
    ("JWT_EXPIRE", "JWT_EXPIRES_IN", "--jwt-expires-in"),
    ("MONGO_URI", "MONGODB_URI", "--mongodb-uri"),
    ("MONGODB_DB_NAME", "MONGODB_DB", "--mongodb-db"),
    ("CORS_ORIGINS", "CORS_ORIGIN", "--cors-origin"),
    ("FRONTEND_URL", "CORS_ORIGIN", "--cors-origin"),
];
/// Names of the Node services that mean nothing here.
const IGNORED: [&str; 3] = ["NODE_ENV", "LOG_FILE", "JWT_REFRESH_SECRET"];

/// The arguments of the process, and those that old names in the environment stand for. Reads
/// `.env` first, and says which settings mean nothing here.
///
/// # Errors
/// Fails if `.env` cannot be read or has a malformed line (nothing of it counts then), or a port is
/// malformed.
pub fn arguments(say: impl Fn(&str)) -> anyhow::Result<Vec<OsString>> {
    file::apply(Path::new(".env"))?;
    // An empty variable counts as not set.
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let given = |arguments: &[OsString], flag: &str| {
        arguments.iter().any(|argument| argument.to_string_lossy().starts_with(flag))
    };
    let add = |arguments: &mut Vec<OsString>, flag: &str, value: OsString| {
        let mut argument = OsString::from(format!("{flag}="));
        argument.push(value);
        arguments.push(argument);
    };
    for (old, new, flag) in OLD_NAMES {
        if let Some(value) = set(old)
            && set(new).is_none()
            && !given(&arguments, flag)
        {
            add(&mut arguments, flag, value);
        }
    }
    let port = ["PORT", "BACKEND_PORT"].into_iter().find_map(|name| Some((name, set(name)?)));
    if let Some((name, port)) = port
        && set("BIND").is_none()
        && !given(&arguments, "--bind")
    {
        add(&mut arguments, "--bind", bind_of(name, &port)?);
    }
    for name in IGNORED.into_iter().filter(|name| set(name).is_some()) {
        say(&format!("{name} is set but has no meaning here"));
    }
    Ok(arguments)
}

/// A command line that takes an empty variable as not set.
///
/// # Errors
/// Fails if a variable is not a text.
pub fn without_empty_variables(command: clap::Command) -> anyhow::Result<clap::Command> {
    are_texts(&command)?;
    Ok(command.mut_args(|argument| {
        let empty = argument
            .get_env()
            .is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()));
        if empty { argument.env(Resettable::<clap::builder::OsStr>::Reset) } else { argument }
    }))
}

/// Refuses a variable that is not UTF-8, which the command line would not name.
///
/// # Errors
/// Fails if there is one; its value is not shown, since it may be a secret.
fn are_texts(command: &clap::Command) -> anyhow::Result<()> {
    for argument in command.get_arguments() {
        let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let Some(name) = argument.get_env().filter(|_| !is_path) else { continue };
        if std::env::var_os(name).is_some_and(|value| value.to_str().is_none()) {
            bail!("{} is not text; it has to be UTF-8", name.display());
        }
    }
    Ok(())
}

/// The address that an old name of a port stands for.
///
/// # Errors
/// Fails if the value is not a port.
fn bind_of(name: &str, port: &OsStr) -> anyhow::Result<OsString> {
    match port.to_str().and_then(|port| port.trim().parse::<u16>().ok()) {
        Some(port) => Ok(format!("127.0.0.1:{port}").into()),
        None => bail!("{name} is {}, and must be a port, 0..=65535", port.display()),
    }
}
