//! Section "Who may know whom" of docs/architecture/overview.md, held against every source file.
//!
//! # Layout
//!
//! - [`source`]: a source file as far as these rules go; [`graph`]: which file imports which;
//! - here: the rules. A failure says which file breaks which one.

mod graph;
mod source;

use graph::{Graph, file, room};
use source::{Named, Source, below};

/// What breaks a rule, one line each: file, line, what it names.
#[derive(Default)]
struct Breaches(Vec<String>);

impl Breaches {
    fn note(&mut self, source: &Source, line: usize, what: &str) {
        self.0.push(format!("{}:{line} names {what}", source.file));
    }

    /// Notes every word of `words` in the code.
    fn note_words(&mut self, source: &Source, words: &[&str]) {
        for (line, word) in source.words().filter(|(_, word)| words.contains(word)) {
            self.note(source, line, word);
        }
    }

    /// Notes every path that `is_breach`.
    fn note_names(&mut self, source: &Source, is_breach: impl Fn(&[&str]) -> bool) {
        for Named { line, path, .. } in source.names() {
            if is_breach(&path.iter().map(String::as_str).collect::<Vec<_>>()) {
                self.note(source, line, &path.join("::"));
            }
        }
    }

    fn none(self, rule: &str) {
        assert!(self.0.is_empty(), "{rule}:\n  {}", self.0.join("\n  "));
    }
}

/// The files of the program outside of a member of the workspace. `services` and `bench` may ask the servers
/// themselves.
fn outside(member: &str) -> impl Iterator<Item = Source> {
    let folders = ["src", "common/src", "rights/src", "store/src", "stream/src", "telemetry/src"];
    let own = format!("{member}/src");
    folders.into_iter().filter(move |it| *it != own).flat_map(below)
}

/// The lines of one table of a Cargo.toml.
fn table<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
    let lines = manifest.lines().skip_while(|line| *line != name).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_core_knows_nothing_but_its_arguments() {
    let outside = ["env", "fs", "io", "net", "os", "process", "thread"];
    let clocks = ["SystemTime", "Instant", "UNIX_EPOCH"];
    let shell = ["tokio", "async_nats", "mongodb", "bson", "rand", "tracing"];
    let print = ["println", "eprintln", "print", "eprint", "dbg"];
    let mut breaches = Breaches::default();
    for source in below("projections/src") {
        breaches.note_words(&source, &clocks);
        breaches.note_names(&source, |path| shell.contains(&path[0]));
        breaches.note_words(&source, &print);
        breaches.note_names(&source, |path| match path {
            ["std", module, ..] => outside.contains(module),
            ["Utc" | "Local", "now", ..] | ["chrono", "Local", ..] => true,
            _ => false,
        });
    }
    breaches.none("projections has no I/O, no environment, no clock and no async");
}

#[test]
fn the_core_depends_on_pure_crates_alone() {
    let manifest = include_str!("../../projections/Cargo.toml");
    let names = |table: Vec<&'static str>| -> Vec<&str> {
        table.iter().filter_map(|line| line.split([' ', '=', '.']).next()).collect()
    };
    let pure = [
        "serde",
        "serde_json",
        "chrono",
        "foldhash",
        "fastbloom",
        "hashbrown",
        "strsim",
        "xxhash-rust",
    ];
    assert_eq!(names(table(manifest, "[dependencies]")), pure, "projections/Cargo.toml");
    assert_eq!(names(table(manifest, "[dev-dependencies]")), ["proptest"]);
    for line in table(manifest, "[dependencies]") {
        let has_clock = line.starts_with("chrono")
            && (line.contains("clock") || line.contains("now") || !line.contains("false"));
        assert!(!has_clock, "projections/Cargo.toml: chrono without its clock: {line}");
    }
}

/// That only `stream` uses `async_nats`, the compiler holds: no other member depends on it, but for `bench`, which has
/// publishers of its own to compare with.
#[test]
fn only_stream_names_a_subject() {
    let mut breaches = Breaches::default();
    for source in outside("stream") {
        for (line, text) in source.strings() {
            let is_subject = ["events.", "adaptive-bi.", "$JS."].map(|it| text.starts_with(it));
            if is_subject.contains(&true) {
                breaches.note(&source, line, &format!("the subject {text:?}"));
            }
        }
    }
    breaches.none("only stream names a subject");
}

/// That only `store` names `mongodb`, the compiler holds; but `Store::database` hands out a value of it.
#[test]
fn only_store_names_a_collection() {
    let mut breaches = Breaches::default();
    for source in outside("store") {
        let access = ["run_command", "collection", "collection_with_options", "create_collection"];
        breaches.note_words(&source, &access);
        for (line, text) in source.strings() {
            let of_a_generation = text.strip_prefix('g').is_some_and(|rest| {
                let rest = rest.trim_start_matches(|it: char| it.is_ascii_digit());
                rest.len() + 1 < text.len() && rest.starts_with('_')
            });
            if of_a_generation || ["checkpoints", "leases"].contains(&text) {
                breaches.note(&source, line, &format!("the collection {text:?}"));
            }
        }
    }
    breaches.none("only store sends commands and names a collection");
}

#[test]
fn ingest_knows_no_store() {
    let mut breaches = Breaches::default();
    for source in below("src/ingest") {
        breaches.note_names(&source, |path| path[0] == "store");
    }
    breaches.none("src/ingest puts events on the log and knows no store");
}

#[test]
fn query_and_push_know_no_log() {
    let mut breaches = Breaches::default();
    for source in below("src").iter().filter(|it| it.is_in("src/query") || it.is_in("src/push")) {
        breaches.note_names(source, |path| {
            path[0] == "stream" && !path.starts_with(&["stream", "announce"])
        });
    }
    let rule = "src/query and src/push get the log's end and the announcements from app as channels \
                and know no more of stream than stream::announce";
    breaches.none(rule);
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let circles = Graph::of_the_workspace(file).circles();
    assert!(circles.is_empty(), "files that import each other:\n{}", circles.join("\n"));
}

/// A room is a folder of `src` or a member of the workspace.
#[test]
fn no_room_imports_one_that_stands_above_it() {
    let circles = Graph::of_the_workspace(room).circles();
    assert!(circles.is_empty(), "rooms that import each other:\n{}", circles.join("\n"));
}
