//! A source file as far as these rules go: what it names, comments left out and strings apart.

use std::fs;
use std::path::Path;

/// A Rust file.
pub struct Source {
    /// Its path from the root of the repository.
    pub file: String,
    tokens: Vec<Token>,
}

/// A word, a sign or the text of a string, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    line: usize,
    is_string: bool,
    text: String,
}

/// A name in full and its line: `stream::announce::Announcement` for a `use` of it from anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
    /// Whether the path is from the root of the file's crate.
    pub is_from_root: bool,
    /// The name that a `use` gives it here; `*` for all of a module.
    pub used_as: Option<String>,
    /// Whether that `use` is public.
    pub is_handed_on: bool,
}

/// The Rust files below a folder, its subfolders included.
pub fn below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"))
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let file = path.strip_prefix(root).expect("below it").display().to_string();
                found.push(Source::of(file, &fs::read_to_string(&path).expect("text")));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no Rust file");
    found
}

impl Source {
    pub fn of(file: impl Into<String>, text: &str) -> Self {
        Source { file: file.into(), tokens: tokens(text) }
    }

    /// It, with its inline modules of tests left out.
    pub fn without_tests(mut self) -> Self {
        let begin = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
        let is_begin = |at: &[Token]| {
            at.len() > begin.len() + 1
                && begin.iter().zip(at).all(|(text, token)| *text == token.text)
                && at[begin.len() + 1].text == "{"
        };
        while let Some(at) = (0..self.tokens.len()).find(|at| is_begin(&self.tokens[*at..])) {
            let (mut end, mut depth) = (at + begin.len() + 2, 1);
            while depth > 0 && end < self.tokens.len() {
                let token = &self.tokens[end];
                match token.text.as_str() {
                    "{" if !token.is_string => depth += 1,
                    "}" if !token.is_string => depth -= 1,
                    _ => {}
                }
                end += 1;
            }
            self.tokens.drain(at..end);
        }
        self
    }

    /// Whether it is that file, or below that folder.
    pub fn is_in(&self, place: &str) -> bool {
        self.file == place || self.file.starts_with(&format!("{place}/"))
    }

    /// Every word of the code, and its line.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        self.tokens.iter().filter(|it| !it.is_string).map(|it| (it.line, it.text.as_str()))
    }

    /// The text of every string, and its line.
    pub fn strings(&self) -> impl Iterator<Item = (usize, &str)> {
        self.tokens.iter().filter(|it| it.is_string).map(|it| (it.line, it.text.as_str()))
    }

    /// Everything that is named by a path or a `use`. What begins at `crate`, `self` or `super` is given from
    /// the root of the crate; an inline module counts as its file.
    pub fn names(&self) -> Vec<Named> {
        let mut named = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let is_used = at > 0 && self.text(at - 1) == "use";
            if !self.is_word(at) || !(is_used || self.text(at + 1) == "::") {
                at += 1;
                continue;
            }
            let first = named.len();
            let is_handed_on = is_used && at > 1 && ["pub", ")"].contains(&self.text(at - 2));
            at = self.expand(at, &[], &mut named);
            for name in &mut named[first..] {
                let begin = name.path.first().map_or("", |it| it);
                name.is_from_root = ["crate", "self", "super"].contains(&begin);
                name.path = self.absolute(&name.path);
                name.is_handed_on = is_handed_on;
                name.used_as = name.used_as.take().filter(|_| is_used);
            }
        }
        named
    }

    /// Follows a path from the token at `at` into its groups; gives the token after it.
    fn expand(&self, mut at: usize, before: &[String], named: &mut Vec<Named>) -> usize {
        let (line, mut path) = (self.tokens[at].line, before.to_vec());
        loop {
            if self.text(at) == "{" {
                at += 1;
                while at < self.tokens.len() && self.text(at) != "}" {
                    at = match self.text(at) {
                        "," => at + 1,
                        _ => self.expand(at, &path, named),
                    };
                }
                return at + 1;
            }
            path.push(self.text(at).to_owned());
            at += 1;
            if self.text(at) != "::" {
                let is_renamed = self.text(at) == "as";
                let name =
                    if is_renamed { self.text(at + 1) } else { path.last().map_or("", |it| it) };
                let used_as = Some(name.to_owned());
                named.push(Named { line, path, is_from_root: false, used_as, is_handed_on: false });
                return if is_renamed { at + 2 } else { at };
            }
            at += 1;
        }
    }

    fn absolute(&self, path: &[String]) -> Vec<String> {
        let inside = self.file.split_once("src/").map_or("", |(_, inside)| inside);
        let module = inside.trim_end_matches(".rs").trim_end_matches("/mod");
        let mut here: Vec<_> = module.split('/').map(str::to_owned).collect();
        here.retain(|part| !matches!(part.as_str(), "lib" | "main"));
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => here.clear(),
            Some("self" | "super") => {}
            _ => return path.to_vec(),
        }
        while let Some((first, tail)) = rest.split_first() {
            match first.as_str() {
                "crate" | "self" => {}
                "super" => drop(here.pop()),
                _ => break,
            }
            rest = tail;
        }
        here.extend_from_slice(rest);
        here
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| if token.is_string { "\"" } else { &token.text })
    }

    fn is_word(&self, at: usize) -> bool {
        self.text(at).starts_with(|first: char| first == '_' || first.is_ascii_alphabetic())
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let (mut tokens, mut rest, mut line) = (Vec::new(), text, 1);
    while let Some(first) = rest.chars().next() {
        let (length, token) = match first {
            _ if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), None),
            _ if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |it| it + 2), None),
            _ if first.is_whitespace() => (first.len_utf8(), None),
            _ if rest.starts_with("::") => (2, Some((false, "::"))),
            'r' | 'b' | '"' if let Some((length, content)) = string(rest) => {
                (length, Some((true, content)))
            }
            '\'' => (character(rest), None),
            _ if first == '_' || first.is_ascii_alphanumeric() => {
                let is_part = |it: char| it == '_' || it.is_ascii_alphanumeric();
                let length = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
                (length, Some((false, &rest[..length])))
            }
            _ => (first.len_utf8(), Some((false, &rest[..first.len_utf8()]))),
        };
        tokens.extend(token.map(|(is_string, text)| Token {
            line,
            is_string,
            text: text.to_owned(),
        }));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of the string that begins here, its quotes included, and what is between them.
fn string(text: &str) -> Option<(usize, &str)> {
    let prefix = text.len() - text.trim_start_matches(['r', 'b']).len();
    let hashes = text[prefix..].len() - text[prefix..].trim_start_matches('#').len();
    let open = prefix + hashes + 1;
    if prefix > 2 || !text[prefix + hashes..].starts_with('"') {
        return None;
    }
    let (body, is_raw) = (&text[open..], text[..prefix].contains('r'));
    let close = if is_raw {
        body.find(&("\"".to_owned() + &"#".repeat(hashes)))?
    } else {
        let mut escaped = false;
        body.find(|it| {
            let ends = it == '"' && !escaped;
            escaped = it == '\\' && !escaped;
            ends
        })?
    };
    Some((open + close + 1 + hashes, &body[..close]))
}

/// The length of a character in quotes; of a lifetime, that of its quote.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(1, |it| it + 4),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[test]
fn a_source_is_read_past_comments_strings_and_groups() {
    let text = r##"
        //! async_nats in a comment
        /* mongodb */ use crate::{stream::announce::{self, A as B}, store};
        use super::wait::Least; use std::fs; use mongodb;
        fn f<'a>(x: &'a str) -> char { let _ = r#"mongodb "x" "#; crate::stream::go(x); '"' }
        const S: &str = "a \" g1_ledger"; const N: &[u8] = b"\\"; // end
    "##;
    let source = Source::of("src/query/answer.rs", text);
    let names: Vec<_> = source.names().iter().map(|it| (it.line, it.path.join("::"))).collect();
    let expected = [
        (3, "stream::announce::self"),
        (3, "stream::announce::A"),
        (3, "store"),
        (4, "query::wait::Least"),
        (4, "std::fs"),
        (4, "mongodb"),
        (5, "stream::go"),
    ];
    assert_eq!(names, expected.map(|(line, path)| (line, path.to_owned())));
    let strings: Vec<_> = source.strings().collect();
    assert_eq!(strings, [(5, r#"mongodb "x" "#), (6, r#"a \" g1_ledger"#), (6, r"\\")]);
    assert!(
        source.words().all(|(line, word)| line == 4 || (word != "async_nats" && word != "mongodb"))
    );
}
