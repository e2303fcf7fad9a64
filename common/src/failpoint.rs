//! Places in the commit where the program can be told to kill itself, as a machine that loses its
//! power would: SIGKILL, and nothing is tidied up.
//!
//! They are there in tests and with the feature `failpoints`, and nowhere else. `FAILPOINTS` names
//! the place: `commit-written=return`, or with two commits let by first,
//! `commit-written=2*off->return`.

/// Those of a commit, in their order. Rebuilds, switches, removals and plain models have some
/// as well.
pub const ALL: [&str; 7] = [
    "commit-not-begun",
    "commit-compared-and-set",
    "commit-command-written",
    "commit-written",
    "commit-committed",
    "commit-not-announced",
    "commit-announced",
];

/// Reads `FAILPOINTS`. Once, before anything runs.
pub fn set_up() {
    if fail::has_failpoints() {
        // Kept to the end of the process: dropping it takes the points away.
        std::mem::forget(fail::FailScenario::setup());
    }
}

/// Whether this build has them.
#[must_use]
pub fn are_there() -> bool {
    fail::has_failpoints()
}

/// Goes past a place; or dies there, where it was told to.
pub fn pass(place: &str) {
    let _ = place; // which a build without them has no other use for
    fail::fail_point!(place, |_| die());
}

#[allow(dead_code)] // of a build without failpoints
fn die() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is there by now, on whichever thread; none may go on.
    loop {
        std::thread::park();
    }
}
