//! Chooses ports of 127.0.0.1 for the servers.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};

/// Below the range from which systems take the ports of outgoing connections (32768 and up on
/// Linux). In that range a client that keeps trying to reach a server that is down can be given
/// the server's own port, is then connected to itself, and the server cannot come back.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Whether a server could listen on `port` now.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A port that is free now: `preferred`, else one at random, so that two programs that start at
/// the same time seldom choose the same.
pub(super) fn choose(preferred: Option<u16>) -> u16 {
    if let Some(port) = preferred.filter(|port| is_free(*port)) {
        return port;
    }
    let width = u64::from(RANGE.end - RANGE.start);
    let random = || RandomState::new().build_hasher().finish();
    let within = |random: u64| RANGE.start + u16::try_from(random % width).unwrap_or_default();
    let tries = std::iter::repeat_with(|| within(random())).take(1000);
    // With a thousand ports taken, the server's own bind reports the fault.
    tries.into_iter().find(|port| is_free(*port)).unwrap_or(RANGE.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_given_up_for_a_free_one() {
        let port = choose(None);
        assert!(RANGE.contains(&port));
        assert_eq!(choose(Some(port)), port);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
        assert_ne!(choose(Some(port)), port);
    }
}
