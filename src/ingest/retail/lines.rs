//! The text of an Online Retail file: one line at a time, split into its eight fields.
//!
//! A record is exactly one line here, because no field of this data set holds a line break. A
//! general CSV reader would let one stray quote swallow the lines up to the next, and would take
//! a last line cut in the middle of `France` for a sale to `Fra`.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};

use super::error::{Error, HEADER};

/// The longest line taken, in bytes; the longest of the real file has under 150.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// What is said of a line that is not UTF-8, by the commas before the first byte that is not.
const NOT_UTF_8: [&str; 8] = [
    "InvoiceNo is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "StockCode is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "Description is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "Quantity is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "InvoiceDate is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "UnitPrice is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "CustomerID is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
    "Country is not UTF-8: iconv -f WINDOWS-1252 -t UTF-8 may make it so",
];

/// The eight fields of a line, unquoted and trimmed.
pub type Fields<'a> = [Cow<'a, str>; 8];

/// Reads whole lines and knows their numbers.
pub struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Starts before line 1.
    pub fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), line: Vec::new(), number: 0 }
    }

    /// The next line without its line end, and its number from 1; `None` at the end of the file.
    pub fn read(&mut self) -> Result<Option<(u64, &[u8])>, Error> {
        self.line.clear();
        self.number += 1;
        let line = self.number;
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
        match read {
            Err(source) => return Err(Error::Read { line, source }),
            Ok(0) => return Ok(None),
            Ok(_) => {}
        }
        match self.line.strip_suffix(b"\n") {
            Some(text) => Ok(Some((line, text.strip_suffix(b"\r").unwrap_or(text)))),
            None if self.line.len() as u64 == LINE_BYTES_MAX => Err(Error::TooLong { line }),
            None => Err(Error::Cut { line }),
        }
    }

    /// Takes line 1 and insists that it names the columns.
    pub fn header(&mut self) -> Result<(), Error> {
        let (_, line) = self.read()?.ok_or(Error::Header)?;
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if line == HEADER.as_bytes() { Ok(()) } else { Err(Error::Header) }
    }
}

/// Splits a line at its commas; the error says what is wrong with it.
pub fn split(line: &[u8]) -> Result<Fields<'_>, &'static str> {
    let mut rest = Some(std::str::from_utf8(line).map_err(|error| {
        let before = &line[..error.valid_up_to()];
        let commas = before.split(|it| *it == b',').skip(1).count();
        NOT_UTF_8[commas.min(NOT_UTF_8.len() - 1)]
    })?);
    let mut fields = Fields::default();
    for field in &mut fields {
        let text = rest.ok_or("fewer than 8 fields")?;
        (*field, rest) = next_field(text)?;
    }
    if rest.is_some() { Err("more than 8 fields") } else { Ok(fields) }
}

/// The first field of `text` and the text behind its comma, if there is one.
fn next_field(text: &str) -> Result<(Cow<'_, str>, Option<&str>), &'static str> {
    let Some(quoted) = text.strip_prefix('"') else {
        return Ok(match text.split_once(',') {
            Some((field, rest)) => (field.trim().into(), Some(rest)),
            None => (text.trim().into(), None),
        });
    };
    let end = closing_quote(quoted).ok_or("a quote is not closed")?;
    let field = match &quoted[..end] {
        raw if raw.contains('"') => raw.replace("\"\"", "\"").trim().to_owned().into(),
        raw => raw.trim().into(),
    };
    match &quoted[end + 1..] {
        "" => Ok((field, None)),
        rest => Ok((field, Some(rest.strip_prefix(',').ok_or("text after a closing quote")?))),
    }
}

/// The place of the quote that ends a quoted field: the first that is not doubled.
fn closing_quote(quoted: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + quoted[from..].find('"')?;
        if !quoted[at + 1..].starts_with('"') {
            return Some(at);
        }
        from = at + 2;
    }
}
