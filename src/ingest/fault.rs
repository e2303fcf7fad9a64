//! Why a piece is no JSON: where it goes wrong, and what may be meant. Never repeats a value.

use serde_json::value::RawValue;

use super::pieces::{End, Piece};

/// The words for what JSON has no word for; the longer ones first.
const WORDS: [(&str, &str); 7] = [
    ("-Infinity", "no number of JSON: leave the member out or send null"),
    ("Infinity", "no number of JSON: leave the member out or send null"),
    ("undefined", "no value of JSON: leave the member out or send null"),
    ("NaN", "no number of JSON: leave the member out or send null"),
    ("None", "no value of JSON: send null"),
    ("True", "no value of JSON: send true"),
    ("False", "no value of JSON: send false"),
];

/// What is wrong with a piece as JSON; nothing, where it is one value.
#[must_use]
pub fn fault(piece: &Piece) -> Option<String> {
    let Piece { line, column, text, end, is_json } = piece;
    if *is_json {
        return None;
    }
    if *end == End::Cut {
        return Some(format!(
            "is cut: it begins at line {line}, column {column}, and ends too early"
        ));
    }
    let error = serde_json::from_slice::<&RawValue>(text).err();
    let Some(error) = error else {
        return (*end == End::Lost).then(|| rest(*line, *column));
    };
    let at = offset(text, error.line(), error.column());
    let (line, column) = match error.line() {
        0 | 1 => (*line, column - 1 + error.column().max(1)),
        further => (line - 1 + further as u64, error.column().max(1)),
    };
    let problem = if error.is_eof() { "ends too early" } else { "goes wrong" };
    let mut said = format!("must be JSON, and {problem} at line {line}, column {column}");
    let is_control = error.to_string().starts_with("control character");
    let control = || Some("within a text a tab is \\t and a line ends with \\n".to_owned());
    if let Some(hint) = if is_control { control() } else { hint(text, at) } {
        said = format!("{said}: {hint}");
    }
    if *end == End::Lost {
        said.push_str("; where it ends cannot be told, so what is behind it was not read");
    }
    Some(said)
}

fn rest(line: u64, column: usize) -> String {
    format!("begins at line {line}, column {column}, and where it ends cannot be told")
}

/// The place of a byte by its line and column, both from 1.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let before: usize =
        text.split_inclusive(|it| *it == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column).saturating_sub(1).min(text.len())
}

fn hint(text: &[u8], at: usize) -> Option<String> {
    // The error is told at the word's beginning or within it.
    let is_word = |it: &u8| it.is_ascii_alphabetic() || *it == b'-';
    let from = at - text[..at].iter().rev().take(10).take_while(|it| is_word(it)).count();
    let word = WORDS.iter().find(|(word, _)| text[from..].starts_with(word.as_bytes()));
    if let Some((word, hint)) = word {
        return Some(format!("{word} is {hint}"));
    }
    let byte = *text.get(at)?;
    let before = text[..at].iter().rev().find(|it| !it.is_ascii_whitespace());
    let hint = match byte {
        b'\'' => "texts and names stand in double quotes",
        b'/' | b'#' => "JSON has no comments",
        b'}' | b']' if before == Some(&b',') => "a comma stands before the end",
        _ if byte.is_ascii_alphabetic() && matches!(before, Some(b'{' | b',')) => {
            "names stand in double quotes"
        }
        b'{' | b'"' if !matches!(before, Some(b'{' | b'[' | b',' | b':') | None) => {
            "a comma is missing before it"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let (line, column, text) = (3, 5, text.as_bytes().to_vec().into());
        fault(&Piece { line, column, text, end: End::Found, is_json: false }).unwrap_or_default()
    }

    #[test]
    fn a_fault_has_its_place_in_the_body_and_says_what_may_be_meant() {
        for (text, place, hint) in [
            (r#"{"p": NaN}"#, "line 3, column 11", "NaN is no number of JSON"),
            (r#"{"p": -Infinity}"#, "line 3", "-Infinity is no number"),
            ("{\n \"p\": Infinity}", "line 4, column 7", "Infinity is no number"),
            (r#"{"p": None}"#, "line 3", "send null"),
            (r#"{"p": True}"#, "line 3", "send true"),
            (r#"{"p": undefined}"#, "line 3", "leave the member out"),
            (r"{'p': 1}", "line 3, column 6", "double quotes"),
            (r"{p: 1}", "line 3, column 6", "names stand in double quotes"),
            (r#"{"p": 1,}"#, "line 3", "a comma stands before the end"),
            ("{\"p\": 1 // one\n}", "line 3", "no comments"),
            ("{\"p\": \"a\tb\"}", "line 3", "\\t"),
            (r#"{"p": 1 "q": 2}"#, "line 3", "a comma is missing"),
            (r#"{"p": 01}"#, "line 3", ""),
        ] {
            let said = of(text);
            assert!(said.contains(place) && said.contains(hint), "{text}: {said}");
        }
        assert_eq!(of("{}"), "");
    }

    #[test]
    fn a_fault_repeats_no_value() {
        for text in [r#"{"p": secret}"#, r#"{"p": 'secret'}"#, "secret"] {
            assert!(!of(text).contains("secret"), "{text}");
        }
    }
}
