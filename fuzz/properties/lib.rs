//! Properties of any input, whoever sends it. The fuzzer's targets call this, and so do ordinary
//! tests (`projections/tests/corpus.rs`, `tests/it/corpus.rs`), which include these files and check
//! the same for the corpus.

pub mod cloud_event;
pub mod event;
#[cfg(feature = "service")]
pub mod ingest;
#[cfg(feature = "service")]
pub mod log;
#[cfg(feature = "service")]
pub mod query;
