//! The `.env` file of the working directory, and of no other.

use std::io;
use std::path::Path;

use anyhow::{Context, bail};

/// Sets what the file says and the environment does not, or nothing at all. No file is no error.
///
/// # Errors
/// Where the file cannot be read, or a line of it cannot be understood. The error has no value of
/// the file's: it may be a secret.
pub(super) fn apply(path: &Path) -> anyhow::Result<()> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    if let Some(line) = bad_line(&text) {
        bail!(
            "line {line} of {} is not NAME=value; a value with spaces or # goes into quotes. \
             Nothing of the file was used",
            path.display()
        );
    }
    dotenvy::from_path(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// The line that the first bad entry begins at, from 1.
fn bad_line(text: &str) -> Option<usize> {
    let parses = |text: &str| dotenvy::from_read_iter(text.as_bytes()).all(|entry| entry.is_ok());
    if parses(text) {
        return None;
    }
    // A value in quotes may go over several lines, so what is before it can only be told from
    // what is whole.
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
}
