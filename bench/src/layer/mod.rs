//! A file system that loses at a power cut what was not synced.
//!
//! # Model
//!
//! Programs see a file system as any other. Beside it is kept what a disk would have of it for sure;
//! [`Layer::cut`] makes that all there is. So it loses the most that a disk may lose:
//!
//! - bytes that were written, and lengths that were changed, since the last sync of their file. A
//!   sync is `fsync`, `fdatasync`, or a write to a file that was opened with `O_SYNC` or `O_DSYNC`;
//! - names that were made, moved or removed since the last sync of their file or their folder. The
//!   sync of a file keeps all its names, and those of the folders that they are in; the sync of a
//!   folder keeps its names and nothing of the files behind them. A move is kept as a whole or not at
//!   all. (That of ext4 and XFS, where the sync of a file keeps its names as well; there one may keep
//!   more than that, never less.)
//!
//! It never keeps a part of what was not synced, and writes nothing in another order than it was
//! written in; a disk may. `sync` and `syncfs` are not passed to it. Owners, rights and times are
//! kept at once.
//!
//! # Layout
//!
//! - `ranges`: parts of a file; `content`: its bytes, as they are seen and as they are kept;
//! - [`tree`]: names and files; `mount`: the file system for the kernel; here: mounted and cut.

mod content;
mod mount;
mod ranges;
pub mod tree;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fuser::{BackgroundSession, Config, MountOption};

use mount::Mounted;
use tree::{Lost, Tree};

/// A mounted file system. Dropping it unmounts it.
pub struct Layer {
    at: PathBuf,
    tree: Arc<Mutex<Tree>>,
    session: Option<BackgroundSession>,
}

impl Layer {
    /// Mounts an empty one at a folder; its bytes are in files in another one.
    ///
    /// # Errors
    /// Fails if a folder cannot be made, or nothing can be mounted here.
    pub fn mount(at: &Path, bytes_in: &Path) -> io::Result<Layer> {
        std::fs::create_dir_all(at)?;
        std::fs::create_dir_all(bytes_in)?;
        let tree = Arc::new(Mutex::new(Tree::empty(bytes_in)));
        let mut layer = Layer { at: at.to_owned(), tree, session: None };
        layer.begin()?;
        Ok(layer)
    }

    /// Cuts the power: what was not synced is gone. No program may have a file of it open; those
    /// that have are in the way.
    ///
    /// # Errors
    /// Fails if it is in use, or a file of the bytes cannot be written.
    pub fn cut(&mut self) -> io::Result<Lost> {
        if let Some(session) = self.session.take() {
            session.umount_and_join()?;
        }
        let lost = self.tree.lock().unwrap_or_else(PoisonError::into_inner).cut()?;
        self.begin()?;
        Ok(lost)
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("adaptive-bi-layer".to_owned())];
        let mounted = Mounted(Arc::clone(&self.tree));
        self.session = Some(fuser::spawn_mount(mounted, &self.at, &config)?);
        Ok(())
    }
}
