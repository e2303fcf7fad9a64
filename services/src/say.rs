//! The receiver of progress messages, one line per step.

use std::io::{self, Write as _};

/// Takes one line per step: the program that was found, the file that is fetched, the server that
/// is up and its port.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// The usual [`Say`]: a line on standard error.
///
/// It does not use `eprintln!`, whose output `cargo test` holds back.
pub fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
