//! The names and files of the file system, as programs see them and as they are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::io::Errno;

use super::content::Content;

/// The number of the folder that all is in.
pub(super) const ROOT: u64 = 1;

/// The names of a folder, and the numbers of what they are the names of.
type Names = BTreeMap<OsString, u64>;
/// The folders and names at which something is.
type Places = BTreeSet<(u64, OsString)>;

/// The file system.
#[derive(Debug)]
pub struct Tree {
    folder: PathBuf,
    nodes: HashMap<u64, Node>,
    last: u64,
}

/// A file or a folder.
#[derive(Debug)]
struct Node {
    facts: Facts,
    body: Body,
    seen_at: Places,
    kept_at: Places,
    opened: u64,
}

#[derive(Debug)]
enum Body {
    Folder { seen: Names, kept: Names },
    File(Content),
}

/// The rights, owner and times of a file or a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// The rights, as in `chmod`.
    pub rights: u16,
    pub user: u32,
    pub group: u32,
    pub read_at: SystemTime,
    pub written_at: SystemTime,
}

/// A file or a folder, as programs are told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    pub number: u64,
    pub is_folder: bool,
    pub bytes: u64,
    pub names: u32,
    pub facts: Facts,
}

/// The bytes and names that a power cut took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost {
    /// Bytes that were written or cut off and not synced.
    pub bytes: u64,
    /// Names that were made, moved or removed and not synced.
    pub names: u64,
}

impl Facts {
    pub fn new(rights: u16, user: u32, group: u32) -> Facts {
        let now = SystemTime::now();
        Facts { rights, user, group, read_at: now, written_at: now }
    }
}

impl Tree {
    /// An empty one, with its bytes in files of that folder.
    #[must_use]
    pub fn empty(folder: &Path) -> Tree {
        let root = Node {
            facts: Facts::new(0o755, 0, 0),
            body: Body::Folder { seen: Names::new(), kept: Names::new() },
            seen_at: Places::new(),
            kept_at: Places::new(),
            opened: 0,
        };
        Tree { folder: folder.to_owned(), nodes: HashMap::from([(ROOT, root)]), last: ROOT }
    }

    /// The file or folder of that name.
    pub(super) fn find(&self, folder: u64, name: &OsStr) -> io::Result<u64> {
        self.names(folder)?.get(name).copied().ok_or_else(not_there)
    }

    pub(super) fn show(&self, number: u64) -> io::Result<Shown> {
        let node = self.node(number)?;
        let (is_folder, bytes) = match &node.body {
            Body::Folder { .. } => (true, 4_096),
            Body::File(content) => (false, content.len()?),
        };
        let names = if is_folder { 2 } else { u32::try_from(node.seen_at.len()).unwrap_or(1) };
        Ok(Shown { number, is_folder, bytes, names, facts: node.facts })
    }

    /// The names of a folder.
    pub(super) fn names(&self, folder: u64) -> io::Result<&Names> {
        match &self.node(folder)?.body {
            Body::Folder { seen, .. } => Ok(seen),
            Body::File(_) => Err(Errno::NOTDIR.into()),
        }
    }

    /// The folder that a folder is in.
    pub(super) fn above(&self, folder: u64) -> io::Result<u64> {
        Ok(self.node(folder)?.seen_at.first().map_or(ROOT, |(above, _)| *above))
    }

    /// Makes a file or a folder.
    pub(super) fn make(
        &mut self,
        folder: u64,
        name: &OsStr,
        is_folder: bool,
        facts: Facts,
    ) -> io::Result<u64> {
        if self.names(folder)?.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        self.last += 1;
        let number = self.last;
        let body = if is_folder {
            Body::Folder { seen: Names::new(), kept: Names::new() }
        } else {
            Body::File(Content::make(&self.folder, number)?)
        };
        let (seen_at, kept_at) = (Places::new(), Places::new());
        self.nodes.insert(number, Node { facts, body, seen_at, kept_at, opened: 0 });
        self.place(number, folder, name)?;
        Ok(number)
    }

    /// Gives a file a further name.
    pub(super) fn link(&mut self, number: u64, folder: u64, name: &OsStr) -> io::Result<()> {
        if self.names(folder)?.contains_key(name) {
            return Err(Errno::EXIST.into());
        }
        self.place(number, folder, name)
    }

    /// Removes a name: of a file, or of an empty folder.
    pub(super) fn remove(&mut self, folder: u64, name: &OsStr, of_folder: bool) -> io::Result<()> {
        let number = self.find(folder, name)?;
        match &self.node(number)?.body {
            Body::Folder { seen, .. } if of_folder && !seen.is_empty() => {
                return Err(Errno::NOTEMPTY.into());
            }
            Body::Folder { .. } if !of_folder => return Err(Errno::ISDIR.into()),
            Body::File(_) if of_folder => return Err(Errno::NOTDIR.into()),
            Body::Folder { .. } | Body::File(_) => {}
        }
        self.displace(number, folder, name)?;
        self.forget_unused(number)
    }

    /// Moves what has a name to another one; what had that is removed.
    pub(super) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> io::Result<()> {
        let number = self.find(from.0, from.1)?;
        match self.find(to.0, to.1) {
            Ok(there) if there == number => return Ok(()),
            Ok(there) => {
                let of_folder = self.show(there)?.is_folder;
                self.remove(to.0, to.1, of_folder)?;
            }
            Err(_) => {}
        }
        self.displace(number, from.0, from.1)?;
        self.place(number, to.0, to.1)
    }

    /// Notes that a file was opened.
    pub(super) fn open(&mut self, number: u64) -> io::Result<()> {
        self.node_mut(number)?.opened += 1;
        Ok(())
    }

    /// Notes that a file was closed.
    pub(super) fn close(&mut self, number: u64) -> io::Result<()> {
        let node = self.node_mut(number)?;
        node.opened = node.opened.saturating_sub(1);
        self.forget_unused(number)
    }

    pub(super) fn read(&self, number: u64, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        match &self.node(number)?.body {
            Body::File(content) => content.read(at, bytes),
            Body::Folder { .. } => Err(Errno::ISDIR.into()),
        }
    }

    pub(super) fn write(&mut self, number: u64, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.content(number)?.write(at, bytes)?;
        self.node_mut(number)?.facts.written_at = SystemTime::now();
        Ok(())
    }

    pub(super) fn set_len(&mut self, number: u64, len: u64) -> io::Result<()> {
        self.content(number)?.set_len(len)?;
        self.node_mut(number)?.facts.written_at = SystemTime::now();
        Ok(())
    }

    pub(super) fn facts(&mut self, number: u64) -> io::Result<&mut Facts> {
        Ok(&mut self.node_mut(number)?.facts)
    }

    /// Keeps the bytes of a file and its names, or the names of a folder.
    pub(super) fn sync(&mut self, number: u64) -> io::Result<()> {
        let moved = match &mut self.node_mut(number)?.body {
            Body::File(content) => {
                content.sync()?;
                Vec::new()
            }
            Body::Folder { seen, kept } => differences(seen, kept),
        };
        for other in moved {
            self.keep_places(other)?;
        }
        self.keep_places(number)
    }

    /// Loses what was not kept. No file may be open.
    ///
    /// # Errors
    /// Fails if a file of the bytes cannot be written.
    pub fn cut(&mut self) -> io::Result<Lost> {
        let mut lost = Lost::default();
        for node in self.nodes.values_mut() {
            match &mut node.body {
                Body::Folder { seen, kept } => {
                    let changed = |a: &Names, b: &Names| {
                        a.iter().filter(|(name, number)| b.get(*name) != Some(number)).count()
                    };
                    let gone = kept.keys().filter(|name| !seen.contains_key(*name)).count();
                    lost.names += (changed(seen, kept) + gone) as u64;
                    seen.clone_from(kept);
                }
                Body::File(content) => lost.bytes += content.cut()?,
            }
            node.seen_at.clone_from(&node.kept_at);
            node.opened = 0;
        }
        let unused: Vec<u64> = self.nodes.keys().copied().filter(|it| *it != ROOT).collect();
        for number in unused {
            self.forget_unused(number)?;
        }
        Ok(lost)
    }

    /// Keeps the names of a file or a folder, and of the folders that it is in.
    fn keep_places(&mut self, number: u64) -> io::Result<()> {
        // One that had its name taken by another may be gone.
        let Some(node) = self.nodes.get_mut(&number) else { return Ok(()) };
        let (seen_at, kept_at) = (node.seen_at.clone(), node.kept_at.clone());
        node.kept_at.clone_from(&seen_at);
        for (folder, name) in kept_at.difference(&seen_at) {
            let names = self.kept_names(*folder)?;
            if names.get(name) == Some(&number) {
                names.remove(name);
            }
        }
        for (folder, name) in &seen_at {
            let before = self.kept_names(*folder)?.insert(name.clone(), number);
            if let Some(before) = before.filter(|before| *before != number) {
                self.node_mut(before)?.kept_at.remove(&(*folder, name.clone()));
                self.forget_unused(before)?;
            }
            if *folder != ROOT {
                self.keep_places(*folder)?;
            }
        }
        self.forget_unused(number)
    }

    fn place(&mut self, number: u64, folder: u64, name: &OsStr) -> io::Result<()> {
        self.seen_names(folder)?.insert(name.to_owned(), number);
        self.node_mut(number)?.seen_at.insert((folder, name.to_owned()));
        Ok(())
    }

    fn displace(&mut self, number: u64, folder: u64, name: &OsStr) -> io::Result<()> {
        self.seen_names(folder)?.remove(name);
        self.node_mut(number)?.seen_at.remove(&(folder, name.to_owned()));
        Ok(())
    }

    /// Removes the bytes of what has no name any more, not even one that a power cut would bring
    /// back.
    fn forget_unused(&mut self, number: u64) -> io::Result<()> {
        let Some(node) = self.nodes.get(&number) else { return Ok(()) };
        let has_name = !node.seen_at.is_empty() || !node.kept_at.is_empty();
        if number == ROOT || has_name || node.opened > 0 {
            return Ok(());
        }
        let is_file = matches!(node.body, Body::File(_));
        self.nodes.remove(&number);
        if is_file { Content::remove(&self.folder, number) } else { Ok(()) }
    }

    fn node(&self, number: u64) -> io::Result<&Node> {
        self.nodes.get(&number).ok_or_else(not_there)
    }

    fn node_mut(&mut self, number: u64) -> io::Result<&mut Node> {
        self.nodes.get_mut(&number).ok_or_else(not_there)
    }

    fn content(&mut self, number: u64) -> io::Result<&mut Content> {
        match &mut self.node_mut(number)?.body {
            Body::File(content) => Ok(content),
            Body::Folder { .. } => Err(Errno::ISDIR.into()),
        }
    }

    fn seen_names(&mut self, folder: u64) -> io::Result<&mut Names> {
        match &mut self.node_mut(folder)?.body {
            Body::Folder { seen, .. } => Ok(seen),
            Body::File(_) => Err(Errno::NOTDIR.into()),
        }
    }

    fn kept_names(&mut self, folder: u64) -> io::Result<&mut Names> {
        match &mut self.node_mut(folder)?.body {
            Body::Folder { kept, .. } => Ok(kept),
            Body::File(_) => Err(Errno::NOTDIR.into()),
        }
    }
}

/// The files and folders that one of the two has by another name than the other.
fn differences(seen: &Names, kept: &Names) -> Vec<u64> {
    let of = |a: &Names, b: &Names| -> Vec<u64> {
        let other = a.iter().filter(|(name, number)| b.get(*name) != Some(number));
        other.map(|(_, number)| *number).collect()
    };
    let mut moved = of(seen, kept);
    moved.extend(of(kept, seen));
    moved
}

fn not_there() -> io::Error {
    Errno::NOENT.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand::Scratch;

    fn tree(name: &str) -> (Tree, Scratch) {
        let folder = Scratch::named(&format!("tree-{name}"));
        std::fs::create_dir_all(&folder.0).unwrap();
        (Tree::empty(&folder.0), folder)
    }

    fn file(tree: &mut Tree, folder: u64, name: &str, bytes: &[u8]) -> u64 {
        let number = tree.make(folder, name.as_ref(), false, Facts::new(0o600, 0, 0)).unwrap();
        tree.write(number, 0, bytes).unwrap();
        number
    }

    fn bytes(tree: &Tree, folder: u64, name: &str) -> Option<Vec<u8>> {
        let number = tree.find(folder, name.as_ref()).ok()?;
        Some(tree.read(number, 0, 100).unwrap())
    }

    #[test]
    fn what_is_synced_stays_with_its_names_and_the_rest_goes() {
        let (mut tree, _folder) = tree("bytes");
        let inner = tree.make(ROOT, "inner".as_ref(), true, Facts::new(0o700, 0, 0)).unwrap();
        let kept = file(&mut tree, inner, "kept", b"one two");
        tree.sync(kept).unwrap();
        tree.write(kept, 4, b"TWO three").unwrap();
        file(&mut tree, inner, "gone", b"never synced");
        let short = file(&mut tree, ROOT, "short", b"long enough");
        tree.sync(short).unwrap();
        tree.set_len(short, 4).unwrap();
        tree.set_len(short, 6).unwrap();
        assert_eq!(bytes(&tree, ROOT, "short").unwrap(), b"long\0\0");

        let lost = tree.cut().unwrap();
        assert_eq!(lost, Lost { bytes: 9 + 12 + 7, names: 1 });
        assert_eq!(bytes(&tree, inner, "kept").unwrap(), b"one two");
        assert_eq!(bytes(&tree, inner, "gone"), None);
        assert_eq!(bytes(&tree, ROOT, "short").unwrap(), b"long enough");
        assert_eq!(tree.cut().unwrap(), Lost::default(), "nothing is lost twice");
    }

    #[test]
    fn a_name_is_kept_by_its_file_or_its_folder_and_a_move_as_a_whole() {
        let (mut tree, _folder) = tree("names");
        let old = file(&mut tree, ROOT, "state", b"old");
        tree.sync(old).unwrap();
        let new = file(&mut tree, ROOT, "state.tmp", b"new");
        tree.sync(new).unwrap();
        tree.rename((ROOT, "state.tmp".as_ref()), (ROOT, "state".as_ref())).unwrap();
        assert_eq!(bytes(&tree, ROOT, "state").unwrap(), b"new");
        assert_eq!(tree.cut().unwrap().names, 2);
        assert_eq!(bytes(&tree, ROOT, "state").unwrap(), b"old");
        assert_eq!(bytes(&tree, ROOT, "state.tmp").unwrap(), b"new");

        tree.rename((ROOT, "state.tmp".as_ref()), (ROOT, "state".as_ref())).unwrap();
        tree.sync(ROOT).unwrap();
        assert_eq!(tree.cut().unwrap(), Lost::default());
        assert_eq!(bytes(&tree, ROOT, "state").unwrap(), b"new");
        assert_eq!(bytes(&tree, ROOT, "state.tmp"), None);

        tree.remove(ROOT, "state".as_ref(), false).unwrap();
        tree.cut().unwrap();
        assert_eq!(bytes(&tree, ROOT, "state").unwrap(), b"new", "it was not removed for good");
        tree.remove(ROOT, "state".as_ref(), false).unwrap();
        tree.sync(ROOT).unwrap();
        tree.cut().unwrap();
        assert_eq!(bytes(&tree, ROOT, "state"), None);
        assert_eq!(std::fs::read_dir(&tree.folder).unwrap().count(), 0, "no bytes stay behind");
    }

    #[test]
    fn the_name_of_an_unsynced_file_may_be_kept_without_its_bytes() {
        let (mut tree, _folder) = tree("empty");
        file(&mut tree, ROOT, "empty", b"not synced");
        tree.sync(ROOT).unwrap();
        tree.cut().unwrap();
        assert_eq!(bytes(&tree, ROOT, "empty").unwrap(), b"");
    }
}
