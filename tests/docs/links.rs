//! Every link leads somewhere, every page is led to, and the README stays short.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::page::{Page, root};

/// The README, in bytes.
const README_BYTES_MAX: u64 = 8 * 1024;

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut led_to = BTreeSet::new();
    let pages = Page::all();
    for page in &pages {
        for link in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = Path::new(&page.file).parent().expect("a folder");
            let target = match file {
                "" => PathBuf::from(&page.file),
                file => plain(&folder.join(file)),
            };
            let name = target.to_str().expect("a path").to_owned();
            let is_there = root().join(&target).exists();
            let has_anchor = || Page::read(&name).anchors().iter().any(|it| it == anchor);
            if !is_there || !anchor.is_empty() && !has_anchor() {
                broken.push(format!("{}: {link}", page.file));
            }
            if name != page.file {
                led_to.insert(name);
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n  {}", broken.join("\n  "));
    let docs = pages.iter().filter(|page| page.file.starts_with("docs/"));
    let lost: Vec<_> = docs.map(|it| &it.file).filter(|it| !led_to.contains(*it)).collect();
    assert!(lost.is_empty(), "no link leads to {lost:?}");
    assert!(led_to.len() > 10, "{led_to:?}");
}

#[test]
fn the_readme_is_read_in_a_few_minutes() {
    let bytes = std::fs::metadata(root().join("README.md")).expect("it is there").len();
    assert!(bytes <= README_BYTES_MAX, "README.md has {bytes} bytes of {README_BYTES_MAX}");
}
