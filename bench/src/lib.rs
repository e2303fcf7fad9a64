//! A program beside the program: it measures the service, and puts faults on it. The program that
//! runs in production contains none of it.
//!
//! # Layout
//!
//! - [`parts`]: figures that anyone can repeat, servers and load generator on one machine; the
//!   [`arguments`] name the parts and their sizes;
//! - [`load`]: the mixed load; [`feed`]: its way to the log; [`year`]: a year of transactions;
//!   [`ask`]: queries; [`stand`]: servers of its own; [`process`]: a server that is
//!   started; [`service`]: the program as one; [`cpu`]: processor time by process; [`rate`]
//!   and [`latency`]: the figures;
//! - one file for each part: [`publish`], [`live`], [`catch_up`], [`naive`], [`rebuild`],
//!   [`kinds`], [`families`], [`queries`], [`versus`], [`views`], [`push`], [`growth`],
//!   [`durability`], [`subjects`]; [`bare`]: publishers without the program; [`caller`]: callers of the
//!   service that cost little; [`held`]: a fold that waits;
//! - [`yardstick`]: the upserts and aggregations of [`naive`] and [`versus`], for comparison;
//! - [`soak`]: faults on a service of its own or beside a cluster, and checks after them; [`layer`]: a file system that
//!   loses at a power cut what was not synced; [`power_cut`]: what comes of acknowledged events then.

pub mod arguments;
pub mod ask;
pub mod bare;
pub mod caller;
pub mod catch_up;
pub mod cpu;
pub mod durability;
pub mod families;
pub mod feed;
pub mod growth;
pub mod held;
pub mod kinds;
pub mod latency;
pub mod layer;
pub mod live;
pub mod load;
pub mod naive;
pub mod parts;
pub mod power_cut;
pub mod process;
pub mod publish;
pub mod push;
pub mod queries;
pub mod rate;
pub mod rebuild;
pub mod service;
pub mod soak;
pub mod stand;
pub mod subjects;
pub mod versus;
pub mod views;
pub mod yardstick;
pub mod year;
