//! The limit on files that the process may have open: the most that the system allows, and a least
//! number.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The least number: half of them are the program's own (its connections to the servers, logs, a
/// server's files), half are for clients' connections.
pub const LEAST: u64 = 512;

/// The system lets the process have too few files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit on open files is {limit}, and at least {LEAST} are needed; raise it (ulimit -Hn {LEAST}, \
     LimitNOFILE= of systemd, --ulimit nofile= of docker)"
)]
pub struct TooFew {
    /// The number that it allows.
    pub limit: u64,
}

/// Raises the soft limit to the hard one: the soft one is for programs that cannot count further
/// than 1,024.
pub fn raise() {
    let mut files = getrlimit(Resource::Nofile);
    if files.current != files.maximum {
        files.current = files.maximum;
        // If this is not allowed, the present limit stays.
        let _ = setrlimit(Resource::Nofile, files);
    }
}

/// Whether the limit is high enough.
///
/// # Errors
/// [`TooFew`].
pub fn are_enough() -> Result<(), TooFew> {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < LEAST => Err(TooFew { limit }),
        _ => Ok(()),
    }
}
