//! The file system as the kernel asks for it.

use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::OFlags;

use super::tree::{Facts, Shown, Tree};

/// The time for which the kernel may remember an answer. All changes go through it.
const REMEMBERED: Duration = Duration::from_mins(1);
const BLOCK: u32 = 4_096;
/// The room that is told: a terabyte.
const BLOCKS: u64 = 1 << 28;

/// The tree, mounted.
pub(super) struct Mounted(pub Arc<Mutex<Tree>>);

impl Mounted {
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(
        &self,
        request: &Request,
        folder: INodeNo,
        name: &OsStr,
        is_folder: bool,
        mode: u32,
    ) -> io::Result<FileAttr> {
        let rights = u16::try_from(mode & 0o7777).unwrap_or_default();
        let facts = Facts::new(rights, request.uid(), request.gid());
        let mut tree = self.tree();
        let number = tree.make(folder.0, name, is_folder, facts)?;
        Ok(attributes(&tree.show(number)?))
    }

    fn shown(&self, number: u64) -> io::Result<FileAttr> {
        Ok(attributes(&self.tree().show(number)?))
    }
}

fn attributes(shown: &Shown) -> FileAttr {
    let Facts { rights, user, group, read_at, written_at } = shown.facts;
    FileAttr {
        ino: INodeNo(shown.number),
        size: shown.bytes,
        blocks: shown.bytes.div_ceil(512),
        atime: read_at,
        mtime: written_at,
        ctime: written_at,
        crtime: written_at,
        kind: if shown.is_folder { FileType::Directory } else { FileType::RegularFile },
        perm: rights,
        nlink: shown.names,
        uid: user,
        gid: group,
        rdev: 0,
        blksize: BLOCK,
        flags: 0,
    }
}

fn entry(reply: ReplyEntry, made: io::Result<FileAttr>) {
    match made {
        Ok(attributes) => reply.entry(&REMEMBERED, &attributes, Generation(0)),
        Err(error) => reply.error(error.into()),
    }
}

fn done(reply: ReplyEmpty, done: io::Result<()>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

fn time(it: TimeOrNow) -> SystemTime {
    match it {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}

/// Whether a write to a file that was opened like this is synced.
fn is_synced(flags: OpenFlags) -> bool {
    let flags = OFlags::from_bits_retain(flags.0.cast_unsigned());
    flags.intersects(OFlags::DSYNC | OFlags::SYNC)
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.tree().find(parent.0, name);
        entry(reply, found.and_then(|number| self.shown(number)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.shown(ino.0) {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(error) => reply.error(error.into()),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let change = || {
            let mut tree = self.tree();
            if let Some(size) = size {
                tree.set_len(ino.0, size)?;
            }
            let facts = tree.facts(ino.0)?;
            if let Some(mode) = mode {
                facts.rights = u16::try_from(mode & 0o7777).unwrap_or_default();
            }
            (facts.user, facts.group) = (uid.unwrap_or(facts.user), gid.unwrap_or(facts.group));
            facts.read_at = atime.map_or(facts.read_at, time);
            facts.written_at = mtime.map_or(facts.written_at, time);
            drop(tree);
            self.shown(ino.0)
        };
        match change() {
            Ok(attributes) => reply.attr(&REMEMBERED, &attributes),
            Err(error) => reply.error(error.into()),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        entry(reply, self.made(request, parent, name, true, mode & !umask));
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: u32,
        reply: ReplyEntry,
    ) {
        entry(reply, self.made(request, parent, name, false, mode & !umask));
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let file = self.made(request, parent, name, false, mode & !umask);
        let opened = file.and_then(|file| self.tree().open(file.ino.0).map(|()| file));
        match opened {
            Ok(file) => {
                let flags = FopenFlags::empty();
                reply.created(&REMEMBERED, &file, Generation(0), FileHandle(0), flags);
            }
            Err(error) => reply.error(error.into()),
        }
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let linked = self.tree().link(ino.0, newparent.0, newname);
        entry(reply, linked.and_then(|()| self.shown(ino.0)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.tree().remove(parent.0, name, false);
        done(reply, removed);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.tree().remove(parent.0, name, true);
        done(reply, removed);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let moved = self.tree().rename((parent.0, name), (newparent.0, newname));
        done(reply, moved);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let opened = self.tree().open(ino.0);
        match opened {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(error) => reply.error(error.into()),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self.tree().read(ino.0, offset, usize::try_from(size).unwrap_or_default());
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error.into()),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut tree = self.tree();
        let mut written = tree.write(ino.0, offset, data);
        if is_synced(flags) {
            written = written.and_then(|()| tree.sync(ino.0));
        }
        drop(tree);
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or_default()),
            Err(error) => reply.error(error.into()),
        }
    }

    // A file that is closed is not synced.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        let closed = self.tree().close(ino.0);
        done(reply, closed);
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.tree().sync(ino.0);
        done(reply, synced);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.tree().sync(ino.0);
        done(reply, synced);
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = || {
            let tree = self.tree();
            let mut listed =
                vec![(ino.0, true, ".".into()), (tree.above(ino.0)?, true, "..".into())];
            for (name, number) in tree.names(ino.0)? {
                listed.push((*number, tree.show(*number)?.is_folder, name.clone()));
            }
            io::Result::Ok(listed)
        };
        match listed() {
            Ok(listed) => {
                let first = usize::try_from(offset).unwrap_or(usize::MAX);
                for ((number, is_folder, name), next) in listed.into_iter().zip(1..).skip(first) {
                    let kind = if is_folder { FileType::Directory } else { FileType::RegularFile };
                    if reply.add(INodeNo(number), next, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error.into()),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, 1 << 20, 1 << 20, BLOCK, 255, BLOCK);
    }
}
