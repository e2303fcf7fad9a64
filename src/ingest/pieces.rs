//! What a body or a file has as events, piece by piece: the elements of arrays, the lines, or objects
//! over several lines, one behind the other. Nothing between them is left out, and a piece that is
//! no event costs no other where its end can be found.
//!
//! An object that does not end with its line goes on in the next ones, as a pretty-printed one does. If
//! that makes no JSON and one of those lines is an object by itself, each line is a piece: then the
//! first was cut.

use std::io::{self, BufRead};

use bytes::{Buf, Bytes, BytesMut};
use serde_json::value::RawValue;

use super::scan::{Scan, Step};

/// The longest piece: the log takes no event of that size.
const BYTES_MAX: usize = 16 << 20;
/// Bytes that were read are thrown away once they are so many.
const DROPPED_FROM: usize = 1 << 18;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// The place in that line of its first byte, from 1.
    pub column: usize,
    /// Its text, which keeps all that was read with it in memory.
    pub text: Bytes,
    /// Whether its end was found.
    pub end: End,
    /// Whether it is known to be one value of JSON.
    pub is_json: bool,
}

impl Piece {
    /// A part of its text as a piece.
    #[must_use]
    pub fn part(&self, text: &[u8]) -> Piece {
        let before = (text.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = &self.text[..before.min(self.text.len())];
        let lines = before.split(|it| *it == b'\n').skip(1).count();
        let column = match before.iter().rposition(|it| *it == b'\n') {
            None => self.column + before.len(),
            Some(last) => before.len() - last,
        };
        let (line, text) = (self.line + lines as u64, self.text.slice_ref(text));
        Piece { line, column, text, end: self.end, is_json: false }
    }
}

/// Whether the end of a piece was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was.
    Found,
    /// The input ends before.
    Cut,
    /// It cannot be told where it ends, so the rest of its array was not read.
    Lost,
}

/// The input cannot be read on.
#[derive(Debug)]
pub struct Unreadable {
    /// The line it happened in, from 1.
    pub line: u64,
    /// The error.
    pub source: io::Error,
}

/// Reads an input piece by piece.
#[derive(Debug)]
pub struct Pieces<R> {
    input: R,
    buffer: BytesMut,
    /// The bytes of the buffer that were read.
    at: usize,
    is_over: bool,
    line: u64,
    column: usize,
    is_in_array: bool,
    /// So many bytes from here are taken line by line.
    by_line: usize,
}

impl<R: BufRead> Pieces<R> {
    /// The pieces of an input.
    pub fn of(input: R) -> Self {
        let (buffer, at, is_over) = (BytesMut::new(), 0, false);
        let (line, column) = (1, 1);
        Pieces { input, buffer, at, is_over, line, column, is_in_array: false, by_line: 0 }
    }

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// [`Unreadable`]; nothing can be read after it.
    pub fn read(&mut self) -> Result<Option<Piece>, Unreadable> {
        let line = self.line;
        self.advance_to_piece().map_err(|source| Unreadable { line: line.max(self.line), source })
    }

    fn advance_to_piece(&mut self) -> io::Result<Option<Piece>> {
        if self.line == 1 && self.column == 1 && self.begins_with(b"\xef\xbb\xbf")? {
            self.at += 3;
        }
        loop {
            let Some(byte) = self.byte(0)? else {
                let is_open = std::mem::take(&mut self.is_in_array);
                return Ok(is_open.then(|| self.piece(0, End::Cut)));
            };
            match byte {
                // Records may begin with the separator of RFC 7464.
                b',' | 0x1e => self.pass(1),
                _ if byte.is_ascii_whitespace() => self.pass(1),
                b']' if self.is_in_array => {
                    self.is_in_array = false;
                    self.pass(1);
                }
                _ if self.is_in_array => return self.element().map(Some),
                b'[' if self.by_line == 0 => {
                    self.is_in_array = true;
                    self.pass(1);
                }
                b'{' if self.by_line == 0 => {
                    if let Some(piece) = self.object()? {
                        return Ok(Some(piece));
                    }
                }
                _ => return self.rest_of_line(0).map(Some),
            }
        }
    }

    /// The element of an array that begins here.
    fn element(&mut self) -> io::Result<Piece> {
        if let Some(mut len) = self.json() {
            while self.byte(len)?.is_some_and(|it| it.is_ascii_whitespace()) {
                len += 1;
            }
            if matches!(self.byte(len)?, Some(b',' | b']')) {
                return Ok(Piece { is_json: true, ..self.piece(len, End::Found) });
            }
        }
        let mut scan = Scan::default();
        for len in 0.. {
            let Some(byte) = self.byte(len)? else {
                self.is_in_array = false;
                return Ok(self.piece(len, End::Cut));
            };
            match scan.take(byte) {
                Step::Within | Step::Closed if len < BYTES_MAX => {}
                Step::Behind if byte != b'}' => return Ok(self.piece(len, End::Found)),
                _ => {
                    let piece = self.piece(len, End::Lost);
                    self.discard()?;
                    return Ok(piece);
                }
            }
        }
        unreachable!("a length has a bound")
    }

    /// The object that begins here; nothing where its lines are to be taken one by one.
    fn object(&mut self) -> io::Result<Option<Piece>> {
        if let Some(len) = self.json() {
            return self.closed(len, true);
        }
        let mut scan = Scan::default();
        for len in 0.. {
            let Some(byte) = self.byte(len)? else {
                return Ok(self.unless_lines(len).then(|| self.piece(len, End::Cut)));
            };
            match scan.take(byte) {
                Step::Within if len < BYTES_MAX => {}
                Step::Closed => return self.closed(len + 1, false),
                _ if self.buffer[self.at..self.at + len].contains(&b'\n') => {
                    return Ok(self.unless_lines(len).then(|| self.piece(len, End::Found)));
                }
                _ => return self.rest_of_line(0).map(Some),
            }
        }
        unreachable!("a length has a bound")
    }

    /// The length of the object that begins here, where all of it is at hand and it is JSON, as nearly
    /// all are: a parser is faster than a scan.
    fn json(&self) -> Option<usize> {
        let text = &self.buffer[self.at..];
        if !text.starts_with(b"{") {
            return None;
        }
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<&RawValue>();
        let is_one = values.next()?.is_ok();
        Some(values.byte_offset()).filter(|len| is_one && *len <= BYTES_MAX)
    }

    /// The object of that length, and what is behind it in its last line if that is no event.
    fn closed(&mut self, len: usize, known: bool) -> io::Result<Option<Piece>> {
        let mut behind = len;
        while self.byte(behind)?.is_some_and(|it| matches!(it, b' ' | b'\t' | b'\r' | b',')) {
            behind += 1;
        }
        if !matches!(self.byte(behind)?, None | Some(b'\n' | b'{' | b'[' | 0x1e)) {
            return self.rest_of_line(behind).map(Some);
        }
        let text = &self.buffer[self.at..self.at + len];
        let is_fine = known || !text.contains(&b'\n') || is_json(text) || self.unless_lines(len);
        Ok(is_fine.then(|| Piece { is_json: known, ..self.piece(len, End::Found) }))
    }

    /// Whether no line behind the first of so many bytes is an object by itself. Else they are to be
    /// taken line by line.
    fn unless_lines(&mut self, len: usize) -> bool {
        let text = &self.buffer[self.at..self.at + len];
        let mut lines = text.split(|it| *it == b'\n').skip(1).map(<[u8]>::trim_ascii);
        if lines.any(|line| line.starts_with(b"{") && is_json(line)) {
            self.by_line = len;
        }
        self.by_line == 0
    }

    /// All up to the end of the line in which the byte is that is so far away.
    fn rest_of_line(&mut self, from: usize) -> io::Result<Piece> {
        let mut len = from;
        while self.byte(len)?.is_some_and(|it| it != b'\n') && len < BYTES_MAX {
            len += 1;
        }
        Ok(self.piece(len, End::Found))
    }

    /// Reads and throws away what is left.
    fn discard(&mut self) -> io::Result<()> {
        self.is_in_array = false;
        while self.byte(0)?.is_some() {
            self.pass(self.buffer.len() - self.at);
        }
        Ok(())
    }

    fn piece(&mut self, len: usize, end: End) -> Piece {
        let (line, column) = (self.line, self.column);
        self.buffer.advance(std::mem::take(&mut self.at));
        self.pass(len);
        self.at = 0;
        let mut text = self.buffer.split_to(len).freeze();
        text.truncate(text.trim_ascii_end().len());
        Piece { line, column, text, end, is_json: false }
    }

    fn pass(&mut self, len: usize) {
        let passed = &self.buffer[self.at..self.at + len];
        if passed.contains(&b'\n') {
            let last = passed.iter().rposition(|it| *it == b'\n').unwrap_or_default();
            self.line += passed.split(|it| *it == b'\n').skip(1).count() as u64;
            self.column = len - last;
        } else {
            self.column += len;
        }
        self.at += len;
        self.by_line = self.by_line.saturating_sub(len);
    }

    fn begins_with(&mut self, text: &[u8]) -> io::Result<bool> {
        for (at, expected) in text.iter().enumerate() {
            if self.byte(at)? != Some(*expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The byte that is so far away.
    #[inline]
    fn byte(&mut self, ahead: usize) -> io::Result<Option<u8>> {
        loop {
            if let Some(byte) = self.buffer.get(self.at + ahead) {
                return Ok(Some(*byte));
            }
            if self.is_over {
                return Ok(None);
            }
            if self.at >= DROPPED_FROM || self.at == self.buffer.len() {
                self.buffer.advance(std::mem::take(&mut self.at));
            }
            let more = self.input.fill_buf()?;
            self.is_over = more.is_empty();
            self.buffer.extend_from_slice(more);
            let len = more.len();
            self.input.consume(len);
        }
    }
}

/// Whether a text is one JSON value.
#[must_use]
pub fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Each piece with its place; those whose end is not found are marked.
    fn pieces(text: &str) -> Vec<String> {
        let mut pieces = Pieces::of(BufReader::with_capacity(3, text.as_bytes()));
        std::iter::from_fn(|| pieces.read().unwrap())
            .map(|Piece { line, column, text, end, .. }| {
                let end = match end {
                    End::Found => "",
                    End::Cut => " cut",
                    End::Lost => " lost",
                };
                format!("{line}:{column} {}{end}", String::from_utf8(text.into()).unwrap())
            })
            .collect()
    }

    #[test]
    fn lines_objects_and_arrays_are_pieces_in_any_order() {
        assert_eq!(pieces(""), [""; 0]);
        assert_eq!(pieces(" [ ] \n"), [""; 0]);
        assert_eq!(pieces("\u{feff}{\"a\":1}"), [r#"1:1 {"a":1}"#]);
        assert_eq!(pieces("{\"a\":1}\r\n\n{\"b\":2}"), [r#"1:1 {"a":1}"#, r#"3:1 {"b":2}"#]);
        assert_eq!(
            pieces("{\"a\":1}{\"b\":2},{}"),
            [r#"1:1 {"a":1}"#, r#"1:8 {"b":2}"#, "1:16 {}"]
        );
        assert_eq!(pieces("[{\"a\":[1,\n2]},{}]\n{}"), ["1:2 {\"a\":[1,\n2]}", "2:5 {}", "3:1 {}"]);
        assert_eq!(pieces("{\n \"a\": {\n }\n}\n{\n}"), ["1:1 {\n \"a\": {\n }\n}", "5:1 {\n}"]);
        assert_eq!(pieces("\u{1e}{}\n\u{1e}{}\n"), ["1:2 {}", "2:2 {}"]);
        assert_eq!(pieces("[{},]"), ["1:2 {}"]);
    }

    #[test]
    fn what_is_no_json_costs_no_other_piece() {
        assert_eq!(pieces("[{\"p\": NaN}, {}]"), ["1:2 {\"p\": NaN}", "1:14 {}"]);
        assert_eq!(pieces("{'p': '}'}\n{}"), ["1:1 {'p': '}'}", "2:1 {}"]);
        assert_eq!(pieces("oops\n{}\n7 8\n"), ["1:1 oops", "2:1 {}", "3:1 7 8"]);
        assert_eq!(pieces("{\"a\":\"x\n{}\n"), ["1:1 {\"a\":\"x", "2:1 {}"]);
        assert_eq!(pieces("{}}\n{}"), ["1:1 {}}", "2:1 {}"]);
        assert_eq!(pieces("{\n\"p\": NaN\n}\n{}"), ["1:1 {\n\"p\": NaN\n}", "4:1 {}"]);
    }

    #[test]
    fn a_line_that_is_cut_takes_no_other_line_with_it() {
        let lines = "{\"a\":{\n{\"b\":1}\n{\"c\":2}\n";
        assert_eq!(pieces(lines), ["1:1 {\"a\":{", "2:1 {\"b\":1}", "3:1 {\"c\":2}"]);
        let closed = "{\"a\":{\n{\"b\":1}\n}}\n{\"c\":2}";
        assert_eq!(pieces(closed), ["1:1 {\"a\":{", "2:1 {\"b\":1}", "3:1 }}", "4:1 {\"c\":2}"]);
    }

    #[test]
    fn an_end_that_is_not_there_is_told() {
        assert_eq!(pieces("{\"a\":1}\n{\"b\""), ["1:1 {\"a\":1}", "2:1 {\"b\" cut"]);
        assert_eq!(pieces("[{},{\"b\""), ["1:2 {}", "1:5 {\"b\" cut"]);
        assert_eq!(pieces("[{},"), ["1:2 {}", "1:5  cut"]);
        assert_eq!(pieces("[{},{\"a\":\"x\ny\"},{}]"), ["1:2 {}", "1:5 {\"a\":\"x lost"]);
        assert_eq!(pieces("[{\"a\":[1},{}]\n{}"), ["1:2 {\"a\":[1 lost"]);
    }
}
