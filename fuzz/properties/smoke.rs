//! The corpus of a target, and inputs that are close to it, the same at every run: for the tests,
//! which have no fuzzer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The number of inputs besides the corpus.
const MUTANTS: usize = 20_000;

/// Checks a property for the corpus of a target and inputs that are close to it.
pub fn run(target: &str, property: impl Fn(&[u8])) {
    let corpus = corpus_of(target);
    assert!(!corpus.is_empty(), "{target} has a corpus");
    for input in corpus.iter().cloned().chain(mutants(&corpus, MUTANTS)) {
        let held = catch_unwind(AssertUnwindSafe(|| property(&input)));
        assert!(held.is_ok(), "it does not hold for {}", input.escape_ascii());
    }
}

/// The corpus, sorted, so that it is the same everywhere.
fn corpus_of(target: &str) -> Vec<Vec<u8>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut above = package.ancestors().map(|it| it.join("fuzz/corpus").join(target));
    let folder = above.find(|it| it.is_dir()).expect("a corpus");
    let mut paths: Vec<_> =
        folder.read_dir().expect("a folder").map(|it| it.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("an input")).collect()
}

/// `count` inputs, each one of `corpus` changed in one to four places.
fn mutants(corpus: &[Vec<u8>], count: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    (0..count).map(move |_| {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            change(&mut input, corpus, &mut random);
        }
        input
    })
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    const TOKENS: [&str; 12] =
        ["\"", "\\u", "\\", "{", "}", "[", "]", "\n", "e9", "null", "\u{e9}", "\u{feff}"];
    let (from, to) = (random.below(input.len() + 1), random.below(input.len() + 1));
    let (from, to) = (from.min(to), from.max(to));
    match random.below(6) {
        0 => input.truncate(to),
        1 => drop(input.drain(from..to)),
        2 => input.insert(from, random.below(256).to_le_bytes()[0]),
        3 => drop(input.splice(from..from, TOKENS[random.below(TOKENS.len())].bytes())),
        4 => {
            let other = &corpus[random.below(corpus.len())];
            let start = random.below(other.len() + 1);
            let end = other.len().min(start + 64);
            input.splice(from..from, other[start..end].iter().copied());
        }
        _ => {
            if let Some(byte) = input.get_mut(from) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

/// An xorshift, whose numbers are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % bound.max(1)
    }
}
