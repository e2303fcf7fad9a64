//! The owner of a lease: one start of one process, as others see it.

use std::time::Duration;

use mongodb::bson::{self, Bson};

/// The lease of the process that folds the live generation.
pub const PROJECTOR: &str = "projector";
/// The lease of the command that makes, compares, switches or drops other generations.
pub const REBUILD: &str = "rebuild";
/// A lease that was not renewed for this long can be taken. Taken too early it costs a batch that is
/// folded again, and nothing else; so it need not be long.
pub const TERM: Duration = Duration::from_secs(2);
/// The interval at which its owner renews it, and others ask for it.
pub const RENEWAL: Duration = Duration::from_millis(250);

/// The holder of the lease, as far as this machine can see it.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// Its process, if that is one of this machine.
    pid: Option<i64>,
    /// Whether it does not fold, but holds the fold for a moment.
    pub holds: bool,
}

impl Holder {
    /// Whether it was a process of this machine that has ended.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let Some(pid) = self.pid else { return false };
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            // Ended, and its parent has not noticed yet.
            Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, it)| it.starts_with(['Z', 'X'])),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }
}

/// A process that asks for a lease.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The name of the lease: [`PROJECTOR`] or [`REBUILD`].
    pub lease: &'static str,
    /// Unique to one start of one process.
    pub id: String,
    /// The machine that it runs on, this start of that machine, and the namespace in which its pid
    /// is valid; empty if the system does not tell.
    pub host: String,
    /// Its process there.
    pub pid: u32,
}

impl Owner {
    /// This process, as the owner of the projector's lease.
    #[must_use]
    pub fn this_process() -> Self {
        Owner::of(PROJECTOR)
    }

    /// This process, as the owner of a lease.
    #[must_use]
    pub fn of(lease: &'static str) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let namespace = std::fs::read_link("/proc/self/ns/pid");
        let host = match (boot, namespace) {
            (Ok(boot), Ok(namespace)) => format!("{} {}", boot.trim(), namespace.display()),
            _ => String::new(),
        };
        Owner { lease, id: uuid::Uuid::new_v4().to_string(), host, pid: std::process::id() }
    }

    /// The holder of a lease, as this owner sees it.
    pub(super) fn sees(&self, lease: &bson::Document) -> Holder {
        let is_here =
            !self.host.is_empty() && lease.get_str("host").ok() == Some(self.host.as_str());
        Holder {
            pid: lease.get("pid").and_then(Bson::as_i64).filter(|_| is_here),
            holds: lease.get_bool("holds").unwrap_or(false),
        }
    }
}
