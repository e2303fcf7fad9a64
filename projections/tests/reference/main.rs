//! The fold against a reference that keeps every event and recomputes everything, on random logs
//! over few ids. One binary: `generate` makes logs, `naive` is the reference, the others state the
//! properties.

mod agreement;
mod bounds;
mod generate;
mod journeys;
mod naive;
mod properties;
mod ranges;
