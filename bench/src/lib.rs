//! A program beside the program: it measures the service, and puts faults on it. What runs in
//! production has nothing of it.
//!
//! # Layout
//!
//! - [`parts`]: figures that anyone can repeat, servers and load generator on one machine;
//! - [`load`]: the mixed load; [`stand`]: servers of its own; [`cpu`]: whose time it took;
//!   [`rate`] and [`latency`]: what is measured;
//! - one file for each part: [`publish`], [`live`], [`catch_up`], [`naive`], [`rebuild`],
//!   [`queries`], [`versus`], [`push`], [`growth`], [`durability`];
//! - [`yardstick`]: what [`naive`] and [`versus`] do, to compare with;
//! - [`soak`]: faults on a service of its own, and what is left after them.

pub mod catch_up;
pub mod cpu;
pub mod durability;
pub mod growth;
pub mod latency;
pub mod live;
pub mod load;
pub mod naive;
pub mod parts;
pub mod publish;
pub mod push;
pub mod queries;
pub mod rate;
pub mod rebuild;
pub mod soak;
pub mod stand;
pub mod versus;
pub mod yardstick;

use parts::Arguments;
