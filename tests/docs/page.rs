//! A Markdown file, as far as these tests go.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown file without what stands between fences.
pub struct Page {
    /// Its path from the root of the repository.
    pub file: String,
    lines: Vec<String>,
}

impl Page {
    pub fn read(file: &str) -> Page {
        let text =
            fs::read_to_string(root().join(file)).unwrap_or_else(|it| panic!("{file}: {it}"));
        let mut is_fenced = false;
        let lines = text.lines().filter(|line| {
            let is_fence = line.trim_start().starts_with("```");
            is_fenced ^= is_fence;
            !is_fenced && !is_fence
        });
        let lines = lines.map(str::to_owned).collect();
        assert!(!is_fenced, "{file}: a fence is not closed");
        Page { file: file.to_owned(), lines }
    }

    /// Every Markdown file of the repository.
    pub fn all() -> Vec<Page> {
        let (mut pages, mut folders) = (Vec::new(), vec![PathBuf::new()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
                let entry = entry.expect("an entry");
                let name = entry.file_name().into_string().expect("a name");
                let path = folder.join(&name);
                let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
                if entry.file_type().expect("a type").is_dir() {
                    folders.extend(is_ours.then_some(path));
                } else if path.extension().is_some_and(|it| it == "md") {
                    pages.push(Page::read(path.to_str().expect("a path")));
                }
            }
        }
        pages
    }

    /// The rows of the table behind `<!-- marker -->`, without its head.
    pub fn table(&self, marker: &str) -> Vec<Vec<String>> {
        let behind = self.behind(marker);
        let lines = behind.iter().skip_while(|line| !line.starts_with('|'));
        let lines = lines.take_while(|line| line.starts_with('|')).skip(2);
        let rows: Vec<Vec<String>> = lines.map(|line| cells(line)).collect();
        assert!(!rows.is_empty(), "{}: no table behind {marker}", self.file);
        rows
    }

    /// The paragraph behind `<!-- marker -->`.
    pub fn paragraph(&self, marker: &str) -> String {
        let behind = self.behind(marker);
        let lines: Vec<_> = behind.iter().map(String::as_str).collect();
        lines.into_iter().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn behind(&self, marker: &str) -> &[String] {
        let marker = format!("<!-- {marker} -->");
        let at = self.lines.iter().position(|line| *line == marker);
        &self.lines[at.unwrap_or_else(|| panic!("{} has no {marker}", self.file)) + 1..]
    }

    /// Where its links lead, as they are written.
    pub fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for line in &self.lines {
            for (at, _) in line.match_indices("](") {
                let link = line[at + 2..].split_once(')');
                links.push(link.unwrap_or_else(|| panic!("{}: {line}", self.file)).0.to_owned());
            }
        }
        links
    }

    /// The anchors of its headings.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.lines.iter().filter_map(|line| {
            let text = line.trim_start_matches('#');
            (text.len() < line.len()).then(|| text.strip_prefix(' ')).flatten()
        });
        headings.map(anchor).collect()
    }
}

/// The anchor that a heading has on GitHub.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|it| it.is_alphanumeric() || "-_ ".contains(*it));
    kept.map(|it| if it == ' ' { '-' } else { it.to_ascii_lowercase() }).collect()
}

/// The cells of a table's row. `\|` is no border.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\u{0}");
    let inner = row.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(|cell| cell.trim().replace('\u{0}', "\\|")).collect()
}

/// What a cell has as code, before anything else.
pub fn code(cell: &str) -> Option<String> {
    cell.strip_prefix('`')?.split_once('`').map(|(code, _)| code.to_owned())
}

#[test]
fn a_page_is_read_as_it_is_shown() {
    assert_eq!(anchor("The log takes no events"), "the-log-takes-no-events");
    assert_eq!(anchor("Positions: reading what you wrote"), "positions-reading-what-you-wrote");
    assert_eq!(cells("| `a \\| b` | | c |"), ["`a \\| b`", "", "c"]);
    assert_eq!(code("`X` and more").as_deref(), Some("X"));
    assert_eq!(code("more `X`"), None);
}
