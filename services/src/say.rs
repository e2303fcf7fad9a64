//! Telling a person what is going on, one line per step.

use std::io::{self, Write as _};

/// Takes one line per step: what was found where, what is fetched, what is up on which port.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// The usual [`Say`]: a line on standard error.
///
/// Written past `eprintln!`, whose output `cargo test` holds back.
pub fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
