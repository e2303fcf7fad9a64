//! The ends of JSON values, by their brackets and texts alone: so those of values that are almost
//! JSON are found as well. What JSON does not have (texts in single quotes, comments) cannot stand
//! in it outside of a text, so reading it here mistakes nothing that is JSON.

/// What a byte was to the value that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    Within,
    /// It closed the value's first bracket.
    Closed,
    /// A comma or a bracket that closes, outside of the value.
    Behind,
    /// No end can be found from here: a bracket closes another one, or a line ends in a text.
    Lost,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Between,
    Text(u8),
    Escape(u8),
    Slash,
    LineComment,
    Comment,
    Star,
}

/// A value that is being scanned, byte by byte.
#[derive(Debug, Default)]
pub struct Scan {
    open: Vec<u8>,
    state: State,
    /// The last byte that is no white space.
    before: u8,
}

impl Scan {
    /// Takes the next byte.
    pub fn take(&mut self, byte: u8) -> Step {
        self.state = match (self.state, byte) {
            (State::Between, _) => return self.between(byte),
            (State::Text(_), b'\n') => return Step::Lost,
            (State::Text(quote), b'\\') => State::Escape(quote),
            (State::Text(quote), _) if byte == quote => {
                self.before = byte;
                State::Between
            }
            (State::Escape(quote), _) => State::Text(quote),
            (State::Slash, b'/') => State::LineComment,
            (State::Slash, b'*') => State::Comment,
            (State::Slash, _) => {
                self.state = State::Between;
                return self.between(byte);
            }
            (State::LineComment, b'\n') | (State::Star, b'/') => State::Between,
            (State::Comment | State::Star, b'*') => State::Star,
            (State::Star, _) => State::Comment,
            (state, _) => state,
        };
        Step::Within
    }

    fn between(&mut self, byte: u8) -> Step {
        match byte {
            b'"' => self.state = State::Text(byte),
            // Elsewhere it is an apostrophe.
            b'\'' if matches!(self.before, 0 | b'{' | b'[' | b',' | b':') => {
                self.state = State::Text(byte);
            }
            b'/' => self.state = State::Slash,
            b'{' | b'[' => self.open.push(byte),
            b',' if self.open.is_empty() => return Step::Behind,
            b'}' | b']' => match self.open.pop() {
                None => return Step::Behind,
                Some(open) if (open == b'{') != (byte == b'}') => return Step::Lost,
                Some(_) if self.open.is_empty() => return Step::Closed,
                Some(_) => {}
            },
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.before = byte;
        }
        Step::Within
    }
}

/// The parts between the commas of an array or an object, each as it stands there; none if the text
/// is neither, or its parts cannot be told apart.
#[must_use]
pub fn parts(text: &[u8]) -> Option<Vec<&[u8]>> {
    let ([b'[', inner @ .., b']'] | [b'{', inner @ .., b'}']) = text else { return None };
    let (mut parts, mut from, mut scan) = (Vec::new(), 0, Scan::default());
    for (at, byte) in inner.iter().enumerate() {
        match scan.take(*byte) {
            Step::Within | Step::Closed => {}
            Step::Behind if *byte == b',' => {
                parts.push(inner[from..at].trim_ascii());
                (from, scan) = (at + 1, Scan::default());
            }
            Step::Behind | Step::Lost => return None,
        }
    }
    parts.push(inner[from..].trim_ascii());
    // A comma before the end separates nothing.
    if parts.last().is_some_and(|last| last.is_empty()) {
        parts.pop();
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Option<usize> {
        let mut scan = Scan::default();
        text.bytes().position(|byte| scan.take(byte) == Step::Closed).map(|at| at + 1)
    }

    #[test]
    fn a_value_ends_with_its_first_bracket_whatever_its_texts_hold() {
        for value in [
            r#"{"a":"}\"","b":[{}]}"#,
            r#"{'a': 'it"s }', "b": "it's {"}"#,
            "{\"a\":1, // it's }\n\"b\":2 /* } **/}",
            r#"{"a": NaN, "b": -Infinity,}"#,
            r#"{"a": 1 / 2}"#,
        ] {
            assert_eq!(end(&format!("{value} rest }}")), Some(value.len()), "{value}");
        }
    }

    #[test]
    fn a_bracket_that_closes_another_and_a_text_over_two_lines_have_no_end() {
        for value in [r#"{"a":[1}"#, "{\"a\":\"x\ny\"}"] {
            let mut scan = Scan::default();
            assert!(value.bytes().any(|byte| scan.take(byte) == Step::Lost), "{value}");
        }
    }

    #[test]
    fn parts_stand_between_commas() {
        let text = br#"[ {"a":[1,2]}, NaN ,"x,y", ]"#;
        let found = parts(text).unwrap();
        assert_eq!(found, [&br#"{"a":[1,2]}"#[..], b"NaN", br#""x,y""#]);
        assert_eq!(parts(b"[]"), Some(vec![]));
        assert_eq!(parts(b"[[}]"), None);
        assert_eq!(parts(b"7"), None);
    }
}
