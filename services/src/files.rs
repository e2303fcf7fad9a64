//! How many files the process may have open: as many as the system lets it, and not too few.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The least: half of them are the program's own (its lines to the servers, logs, a server's files),
/// half are places for connections.
pub const LEAST: u64 = 512;

/// The system lets the process have too few files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit on open files is {limit}, and at least {LEAST} are needed; raise it (ulimit -Hn {LEAST}, \
     LimitNOFILE= of systemd, --ulimit nofile= of docker)"
)]
pub struct TooFew {
    /// How many it lets it have.
    pub limit: u64,
}

/// Raises the limit to the most that is allowed without asking anybody: the soft one is for programs
/// that cannot count further than 1,024.
pub fn raise() {
    let mut files = getrlimit(Resource::Nofile);
    if files.current != files.maximum {
        files.current = files.maximum;
        // Where this is not allowed, what is now is what there is.
        let _ = setrlimit(Resource::Nofile, files);
    }
}

/// Whether there are enough.
///
/// # Errors
/// [`TooFew`].
pub fn are_enough() -> Result<(), TooFew> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < LEAST => Err(TooFew { limit }),
        _ => Ok(()),
    }
}
