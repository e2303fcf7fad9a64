//! The program.

use std::process::ExitCode;

/// The fold and the log's client allocate for every event; glibc's allocator took a fifth of their
/// time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    adaptive_bi::cli::run()
}
