//! Traces, from publish to push, in programs that are built with the feature `otlp`.
//!
//! An event carries a `traceparent` (W3C Trace Context) in a header of its message, or as the
//! `CloudEvents` extension of that name. Spans of an event's own trace:
//!
//! ```text
//! POST /api/events ─▶ publish ─▶ fold ─▶ push
//!                                 ⇅ links
//!                               commit
//! ```
//!
//! `fold` is from the first message of the batch that was read to the end of the commit. A batch
//! holds events of many traces, so it has a trace of its own, `commit`, and one `fold` in each of
//! theirs. The commit's announcement carries the `traceparent`s of the `fold`s, and every process
//! that pushes has a `push` in their traces.
//!
//! # Layout
//!
//! - [`parent`]: `traceparent`, read and written;
//! - `otlp`: spans; `otlp/export`: their export;
//! - `none`: the same face with nothing behind it, for builds without the feature. This choice is
//!   the only place that asks for it.

pub mod parent;

#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
pub use otlp::*;

#[cfg(not(feature = "otlp"))]
mod none;
#[cfg(not(feature = "otlp"))]
pub use none::*;

/// A message of the log, as far as traces look at it.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its headers.
    pub headers: &'a [(String, String)],
    /// Its body.
    pub payload: &'a [u8],
}

/// The header of a request or a message that carries it.
pub const TRACEPARENT: &str = "traceparent";
