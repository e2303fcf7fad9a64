//! The settings of the door.

use std::time::Duration;

use clap::Args;

use super::client::TrustedProxies;
use super::cors::Origins;
use super::gcra::Quota;
use crate::number::whole;

/// The largest limit that can be counted; more is none.
const LIMIT_MAX: u64 = u32::MAX as u64;

/// The settings of the door. A limit of 0 is none.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
#[group(id = "door")]
pub struct DoorSettings {
    /// Proxies whose X-Forwarded-For, X-Forwarded-Proto and Forwarded are believed: addresses and
    /// networks, separated by commas.
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "", hide_default_value = true)]
    #[arg(global = true)]
    pub trusted_proxies: TrustedProxies,
    /// Origins whose pages may read answers with credentials, separated by commas; * for any
    /// origin, without credentials.
    #[arg(long, env = "CORS_ORIGIN", default_value = "", hide_default_value = true)]
    #[arg(global = true)]
    pub cors_origin: Origins,
    /// Connections at a time. Further ones are answered 503.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000, global = true)]
    #[arg(value_parser = whole::<u32, 1, 1_000_000>)]
    pub max_connections: u32,
    /// Connections of an address at a time, not counting those signed in by Socket.IO and those of
    /// trusted proxies. Further ones are answered 429. 0 is no limit.
    #[arg(long, env = "MAX_ADDRESS_CONNECTIONS", default_value_t = 1_000, global = true)]
    pub max_address_connections: u32,
    /// The window of the limits on requests, in milliseconds.
    #[arg(long, env = "RATE_LIMIT_WINDOW_MS", default_value_t = 60_000, global = true)]
    #[arg(value_parser = whole::<u64, 1_000, 86_400_000>)]
    pub rate_limit_window_ms: u64,
    /// API requests per window and caller.
    #[arg(long, env = "RATE_LIMIT_MAX_REQUESTS", default_value_t = 600, global = true)]
    #[arg(value_parser = whole::<u32, 0, LIMIT_MAX>)]
    pub rate_limit_max_requests: u32,
    /// Requests of every kind per window and address, whoever the caller is.
    #[arg(long, env = "RATE_LIMIT_MAX_ADDRESS_REQUESTS", default_value_t = 6_000, global = true)]
    #[arg(value_parser = whole::<u32, 0, LIMIT_MAX>)]
    pub rate_limit_max_address_requests: u32,
    /// Events taken over HTTP per minute and caller.
    #[arg(long, env = "RATE_LIMIT_MAX_EVENTS", default_value_t = 600_000, global = true)]
    #[arg(value_parser = whole::<u32, 0, LIMIT_MAX>)]
    pub rate_limit_max_events: u32,
    /// Failed sign-ins per 15 minutes and address.
    #[arg(long, env = "RATE_LIMIT_MAX_SIGN_IN_FAILURES", default_value_t = 30, global = true)]
    #[arg(value_parser = whole::<u32, 0, LIMIT_MAX>)]
    pub rate_limit_max_sign_in_failures: u32,
    /// Accounts that people register per hour and address.
    #[arg(long, env = "RATE_LIMIT_MAX_REGISTRATIONS", default_value_t = 20, global = true)]
    pub rate_limit_max_registrations: u32,
    /// The timeouts of a connection.
    #[arg(skip)]
    pub timeouts: Timeouts,
}

/// Settings as from the command line.
#[cfg(test)]
pub(in crate::http) fn parse(flags: &[&str]) -> DoorSettings {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        settings: DoorSettings,
    }
    let arguments = std::iter::once(&"test").chain(flags);
    <Cli as clap::Parser>::parse_from(arguments).settings
}

const MINUTE: Duration = Duration::from_mins(1);
const SIGN_IN_WINDOW: Duration = Duration::from_mins(15);
const HOUR: Duration = Duration::from_hours(1);

impl DoorSettings {
    /// API requests by caller.
    pub(super) fn api(&self) -> Option<Quota> {
        quota(self.rate_limit_max_requests, Duration::from_millis(self.rate_limit_window_ms))
    }

    /// Requests by address.
    pub(super) fn address(&self) -> Option<Quota> {
        let window = Duration::from_millis(self.rate_limit_window_ms);
        quota(self.rate_limit_max_address_requests, window)
    }

    /// Events by caller.
    pub(super) fn ingest(&self) -> Option<Quota> {
        quota(self.rate_limit_max_events, MINUTE)
    }

    /// Failed sign-ins by address.
    pub(super) fn sign_in(&self) -> Option<Quota> {
        quota(self.rate_limit_max_sign_in_failures, SIGN_IN_WINDOW)
    }

    /// Accounts made, by address.
    pub(super) fn register(&self) -> Option<Quota> {
        quota(self.rate_limit_max_registrations, HOUR)
    }
}

fn quota(limit: u32, window: Duration) -> Option<Quota> {
    (limit > 0).then_some(Quota { limit, window })
}

/// The timeouts of a connection, after which it is closed.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// The head of a request, from its first byte; the first one from the connection's start.
    pub head: Duration,
    /// The body of a request, from its head.
    pub body: Duration,
    /// Nothing, between two requests. It is longer than the minute for which proxies keep
    /// connections, so that the proxies close them.
    pub idle: Duration,
    /// A write that does not move on.
    pub write: Duration,
    /// The requests that are being answered while the server stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(30),
            drain: Duration::from_secs(20),
        }
    }
}
