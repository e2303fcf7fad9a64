//! A file of events, one a line, read a line at a time.

use std::io::{self, BufRead};

use projections::event::Reason;

use super::envelope::{self, Edge};
use crate::stream::publish::Outgoing;

/// Reads events line by line.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    text: Vec<u8>,
    number: u64,
}

/// The kinds of lines.
#[derive(Debug)]
pub enum Line {
    /// Only white space.
    Blank,
    /// An event.
    Event(Outgoing),
    /// Not an event, for these reasons.
    Skipped(Vec<Reason>),
}

/// The input ends in the middle of an event, or cannot be read on.
#[derive(Debug)]
pub struct Cut {
    /// The line it happened in, from 1.
    pub line: u64,
    /// The error, unless it just ends.
    pub source: Option<io::Error>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of an input.
    pub fn of(input: R) -> Self {
        Lines { input, text: Vec::new(), number: 0 }
    }

    /// The next line and its number, from 1; nothing at the end.
    ///
    /// # Errors
    /// [`Cut`]; nothing can be read after it.
    pub fn next(&mut self, edge: Edge<'_>) -> Result<Option<(u64, Line)>, Cut> {
        self.text.clear();
        self.number += 1;
        let line = self.number;
        let read = self
            .input
            .read_until(b'\n', &mut self.text)
            .map_err(|source| Cut { line, source: Some(source) })?;
        if read == 0 {
            return Ok(None);
        }
        let text = if line == 1 { envelope::without_mark(&self.text) } else { &self.text };
        let text = text.trim_ascii();
        if text.is_empty() {
            return Ok(Some((line, Line::Blank)));
        }
        match envelope::of_any_kind(text, edge) {
            Ok(event) => Ok(Some((line, Line::Event(event)))),
            // The last line, and it does not even end.
            Err(_) if !self.text.ends_with(b"\n") => Err(Cut { line, source: None }),
            Err(reasons) => Ok(Some((line, Line::Skipped(reasons)))),
        }
    }
}
