//! The `.env` file of the working directory alone.

use std::io;
use std::path::Path;

use anyhow::{Context, anyhow, bail};

/// Sets the variables of the file that the environment lacks, or none where the file is malformed.
/// A missing file is not an error.
///
/// # Errors
/// Fails if the file cannot be read, or a line of it cannot be understood. The error shows no value
/// of the file, since it may be a secret.
pub(super) fn apply(path: &Path) -> anyhow::Result<()> {
    let name = path.display();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{name} cannot be read")),
    };
    let text = text_of(&bytes).map_err(|fault| anyhow!("{fault} of {name}{UNUSED}"))?;
    if let Some(line) = bad_line(text) {
        bail!(
            "line {line} of {name} is not NAME=value; a value with spaces, #, $ or \\ goes into \
             single quotes{UNUSED}"
        );
    }
    dotenvy::from_read(text.as_bytes()).with_context(|| format!("{name} cannot be read"))
}

/// The end of every error about the file.
const UNUSED: &str = ". Nothing of the file was used";

/// The text of the file without the mark that some editors put before it.
///
/// # Errors
/// Fails at the first line that is not UTF-8, or has a character that no variable can hold, at
/// which the library would panic.
fn text_of(bytes: &[u8]) -> Result<&str, String> {
    let line = |before: &[u8]| before.split(|byte| *byte == b'\n').count();
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = line(&bytes[..error.valid_up_to()]);
        format!("the file has to be saved as UTF-8, unlike line {line}")
    })?;
    let is_bad = |it: char| it.is_control() && !"\t\r\n".contains(it);
    if let Some(at) = text.find(is_bad) {
        let line = line(&bytes[..at]);
        return Err(format!("a value cannot have a control character, as in line {line}"));
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The line that the first bad entry begins at, from 1.
fn bad_line(text: &str) -> Option<usize> {
    let parses = |text: &str| dotenvy::from_read_iter(text.as_bytes()).all(|entry| entry.is_ok());
    if parses(text) {
        return None;
    }
    // A value in quotes may span several lines, so a prefix of the file parses only where it ends
    // between entries.
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let whole = (0..lines.len()).rev().find(|&count| parses(&lines[..count].concat()));
    whole.map(|count| count + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_line_is_known() {
        assert_eq!(bad_line(""), None);
        assert_eq!(bad_line("# a comment\n\nA=1\nexport B=\"two\nlines\"\nC='#'\nD="), None);
        assert_eq!(bad_line("A=1\n\n# no\nB=two words\nC=3\n"), Some(4));
        assert_eq!(bad_line("A=\"two\nlines\"\nno equals sign\n"), Some(3));
        assert_eq!(bad_line("A=1\nB=\"open\nC=3\n"), Some(2));
    }

    #[test]
    fn the_text_is_utf_8_without_its_mark_and_without_what_no_variable_holds() {
        assert_eq!(text_of("\u{feff}A=\u{e9}\r\n\tB=2".as_bytes()), Ok("A=\u{e9}\r\n\tB=2"));
        for (bytes, line) in [
            (&b"A=1\nB=\0\n"[..], "line 2"),
            (b"A=\x1b[0m", "line 1"),
            (b"A=1\n\nB=\xff", "line 3"),
            (b"\xff\xfeA\0=\0", "line 1"),
        ] {
            assert!(text_of(bytes).is_err_and(|it| it.ends_with(line)), "{bytes:?}");
        }
    }
}
