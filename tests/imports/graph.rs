//! Which file imports which, and where that goes round in a circle.
//!
//! A name counts for the file that defines it, whoever hands it on by `pub use`. Tests may look at
//! everything, so they are left out.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Named, below};

/// The crates of the workspace, and where their files are.
const CRATES: [(&str, &str); 9] = [
    ("adaptive_bi", "src"),
    ("adaptive_bi_bench", "bench/src"),
    ("common", "common/src"),
    ("projections", "projections/src"),
    ("rights", "rights/src"),
    ("services", "services/src"),
    ("store", "store/src"),
    ("stream", "stream/src"),
    ("telemetry", "telemetry/src"),
];

/// A module or an item: its crate, and its path from the root of that.
type Path = (&'static str, Vec<String>);

/// Who imports whom: for each node the others that it takes names from, and one such name.
#[derive(Debug, Default)]
pub struct Graph(BTreeMap<String, BTreeMap<String, String>>);

/// A file as a node of its own.
pub fn file(file: &str) -> String {
    file.to_owned()
}

/// The room of a file: the folder below `src`, or the member of the workspace.
pub fn room(file: &str) -> String {
    let mut parts = file.split('/');
    match (parts.next(), parts.next()) {
        (Some("src"), Some(inside)) => format!("src/{}", inside.trim_end_matches(".rs")),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

/// The files by module, and what each of them names.
struct Workspace {
    files: BTreeMap<Path, String>,
    /// What a module hands on, by the name that it gives it.
    handed_on: BTreeMap<(Path, String), Path>,
}

impl Graph {
    /// The graph of all crates, each file being part of the node that `node` gives it.
    pub fn of_the_workspace(node: fn(&str) -> String) -> Self {
        let mut sources = Vec::new();
        for (name, folder) in CRATES {
            let files = below(folder).into_iter().filter(|it| !it.file.contains("/tests"));
            sources.extend(files.map(|it| (module(name, folder, &it.file), it.without_tests())));
        }
        let mut workspace = Workspace { files: BTreeMap::new(), handed_on: BTreeMap::new() };
        for (module, source) in &sources {
            workspace.files.insert(module.clone(), source.file.clone());
        }
        let named: Vec<_> = sources.iter().map(|(at, source)| (at, source.names())).collect();
        for (module, names) in &named {
            for it in names.iter().filter(|it| it.is_handed_on) {
                if let (Some(path), Some(name)) = (workspace.absolute(module, it), &it.used_as) {
                    workspace.handed_on.insert(((*module).clone(), name.clone()), path);
                }
            }
        }
        let mut graph = Graph::default();
        for ((module, names), (_, source)) in named.iter().zip(&sources) {
            for (found, item) in workspace.taken(module, names) {
                let (from, to) = (node(&source.file), node(&found));
                if from != to {
                    graph.0.entry(from).or_default().entry(to).or_insert(item);
                }
            }
        }
        graph
    }

    /// The circles, each as the names that tie it.
    pub fn circles(&self) -> Vec<String> {
        let mut left: BTreeSet<&String> = self.0.keys().collect();
        let mut circles = Vec::new();
        while let Some(node) = left.pop_first() {
            let ahead = self.reached(node);
            let circle: BTreeSet<_> =
                ahead.iter().copied().filter(|it| self.reached(it).contains(node)).collect();
            left.retain(|it| !circle.contains(it));
            let ties = circle.iter().flat_map(|from| {
                let to = self.0[*from].iter().filter(|(to, _)| circle.contains(to));
                to.map(move |(to, item)| format!("  {from} takes {item} of {to}"))
            });
            let ties: Vec<_> = ties.collect();
            if !ties.is_empty() {
                circles.push(ties.join("\n"));
            }
        }
        circles
    }

    fn reached<'a>(&'a self, from: &'a String) -> BTreeSet<&'a String> {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(node) = next.pop() {
            for to in self.0.get(node).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(to) {
                    next.push(to);
                }
            }
        }
        reached
    }
}

/// The module of a file.
fn module(name: &'static str, folder: &str, file: &str) -> Path {
    let inside = file[folder.len() + 1..].trim_end_matches(".rs");
    let mut path: Vec<_> = inside.split('/').map(str::to_owned).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    (name, path)
}

impl Workspace {
    /// The files that a module takes names from, and one name of each.
    fn taken(&self, module: &Path, names: &[Named]) -> Vec<(String, String)> {
        let locals: BTreeMap<_, _> = names
            .iter()
            .filter_map(|it| Some((it.used_as.as_ref()?, self.absolute(module, it)?)))
            .collect();
        let all = names.iter().filter(|it| !it.is_handed_on).filter_map(|it| {
            // `error::Error` where `error` was imported.
            let is_local = it.used_as.is_none() && !it.is_from_root;
            let local = it.path.split_first().filter(|_| is_local);
            let local = local.and_then(|(first, rest)| Some((locals.get(first)?, rest)));
            match local {
                Some(((name, path), rest)) => Some((*name, [path.as_slice(), rest].concat())),
                None => self.absolute(module, it),
            }
        });
        all.filter_map(|path| self.defined(&path, 0)).collect()
    }

    /// A path from the root of a crate of the workspace; `None` for one of another crate.
    fn absolute(&self, module: &Path, named: &Named) -> Option<Path> {
        let ((name, here), path) = (module, &named.path);
        if named.is_from_root {
            return Some((*name, path.clone()));
        }
        let first = path.first()?;
        if let Some((other, _)) = CRATES.iter().find(|(it, _)| it == first) {
            return Some((other, path[1..].to_vec()));
        }
        let child = [here.as_slice(), &path[..1]].concat();
        let is_child = self.files.contains_key(&(*name, child));
        is_child.then(|| (*name, [here.as_slice(), path].concat()))
    }

    /// The file that defines an item, and the item; `None` for a module as a whole.
    fn defined(&self, (name, path): &Path, depth: usize) -> Option<(String, String)> {
        let mut lengths = (0..=path.len()).rev();
        let length = lengths.find(|it| self.files.contains_key(&(*name, path[..*it].to_vec())))?;
        let module = (*name, path[..length].to_vec());
        let item = path.get(length).filter(|it| *it != "self")?;
        let handed_on = self.handed_on.get(&(module.clone(), item.clone()));
        if let Some((name, to)) = handed_on.filter(|_| depth < 8) {
            let to = to.strip_suffix(&["self".to_owned()]).unwrap_or(to);
            return self.defined(&(*name, [to, &path[length + 1..]].concat()), depth + 1);
        }
        Some((self.files[&module].clone(), item.clone()))
    }
}

#[test]
fn a_name_counts_for_the_file_that_defines_it() {
    let graph = Graph::of_the_workspace(file);
    for (from, to, how) in [
        ("src/quarantine/mod.rs", "stream/src/log.rs", "handed on by its room and its crate"),
        ("store/src/load.rs", "store/src/lib.rs", "by super"),
        ("src/query/answer.rs", "src/query/wait.rs", "by a module that is imported"),
        ("src/app/mod.rs", "services/src/files.rs", "of another crate"),
        ("bench/src/main.rs", "bench/src/arguments.rs", "of the program's own library"),
    ] {
        assert!(graph.0[from].contains_key(to), "{from} takes nothing of {to}, {how}");
    }
    let rooms = Graph::of_the_workspace(room);
    assert!(rooms.0["src/shop"].contains_key("store") && !rooms.0.contains_key("projections"));
}

#[test]
fn a_circle_is_found_by_what_ties_it() {
    let tie = |item: &str| item.to_owned();
    let mut graph = Graph::default();
    for (from, to) in [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "a")] {
        graph.0.entry(from.to_owned()).or_default().insert(to.to_owned(), tie("X"));
    }
    let circles = graph.circles();
    assert_eq!(circles, ["  a takes X of b\n  b takes X of c\n  c takes X of a"]);
    graph.0.get_mut("c").unwrap().remove("a");
    assert!(graph.circles().is_empty());
}
