//! The bytes of a file, as programs see them and as they are kept.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::ranges::Ranges;

/// The bytes that are copied at a time.
const PIECE: usize = 1 << 20;

/// The bytes of a file.
#[derive(Debug)]
pub(super) struct Content {
    seen: File,
    kept: File,
    /// Where the two may differ, as far as both reach.
    differs: Ranges,
}

impl Content {
    /// An empty file, in two new files of that name and number.
    pub fn make(folder: &Path, number: u64) -> io::Result<Content> {
        let open = |name: &str| {
            let path = folder.join(format!("{number}-{name}"));
            File::options().read(true).write(true).create_new(true).open(path)
        };
        Ok(Content { seen: open("seen")?, kept: open("kept")?, differs: Ranges::default() })
    }

    /// Removes the two files of that number.
    pub fn remove(folder: &Path, number: u64) -> io::Result<()> {
        std::fs::remove_file(folder.join(format!("{number}-seen")))?;
        std::fs::remove_file(folder.join(format!("{number}-kept")))
    }

    pub fn len(&self) -> io::Result<u64> {
        Ok(self.seen.metadata()?.len())
    }

    /// Reads as much as there is, at most so many bytes.
    pub fn read(&self, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; bytes];
        let mut filled = 0;
        while filled < bytes {
            match self.seen.read_at(&mut piece[filled..], at + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        piece.truncate(filled);
        Ok(piece)
    }

    pub fn write(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.seen.write_all_at(bytes, at)?;
        self.differs.add(at, at + bytes.len() as u64);
        Ok(())
    }

    pub fn set_len(&mut self, len: u64) -> io::Result<()> {
        // Bytes that are cut off and come back are zeros.
        self.differs.add(len, self.len()?);
        self.seen.set_len(len)
    }

    /// Keeps what is seen.
    pub fn sync(&mut self) -> io::Result<()> {
        copy(&self.seen, &self.kept, &self.differs)?;
        self.differs.clear();
        Ok(())
    }

    /// Has what is kept seen; returns the number of bytes that are gone.
    pub fn cut(&mut self) -> io::Result<u64> {
        let lost = self.differs.bytes();
        copy(&self.kept, &self.seen, &self.differs)?;
        self.differs.clear();
        Ok(lost)
    }
}

/// Makes one file as the other, which differs at most in these parts and behind the shorter one's end.
fn copy(from: &File, to: &File, differs: &Ranges) -> io::Result<()> {
    let len = from.metadata()?.len();
    if to.metadata()?.len() != len {
        to.set_len(len)?;
    }
    let mut piece = vec![0; PIECE];
    for (mut at, end) in differs.before(len) {
        while at < end {
            let bytes = PIECE.min(usize::try_from(end - at).unwrap_or(PIECE));
            from.read_exact_at(&mut piece[..bytes], at)?;
            to.write_all_at(&piece[..bytes], at)?;
            at += bytes as u64;
        }
    }
    Ok(())
}
