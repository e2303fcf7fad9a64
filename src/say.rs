//! The output of commands.

/// Prints a line to standard output, as `println!` does, but does not panic if nobody reads on:
/// `adaptive-bi project status | head -1` is no fault, and an `ingest` goes on to its end.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($argument)*);
    }};
}
