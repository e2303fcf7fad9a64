//! The accept loop: a place for each connection, a short answer for clients that find none, and an
//! end in which the requests that were begun are answered.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::Door;
use super::connection::{self, Manner};
use super::places::{Given, Places};
use super::settings::{DoorSettings, Timeouts};
use super::shares::Full;

/// The time in which clients that find no place have to send their request.
const TOLD_WITHIN: Duration = Duration::from_secs(2);
/// Files that are not connections: the database, NATS, logs.
const OTHER_FILES: u64 = 256;
/// The pause when the system has no more files for us.
const AGAIN: Duration = Duration::from_secs(1);

/// Serves `router` until `stop`; then waits for the requests that are being answered, for as long
/// as [`Timeouts::drain`] allows.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    door: Door,
    settings: DoorSettings,
    stop: CancellationToken,
) {
    let (timeouts, kill) = (settings.timeouts, CancellationToken::new());
    let manner =
        Manner { router, keep_alive: true, timeouts, stop: stop.clone(), kill: kill.clone() };
    let told = |full: Full| Manner {
        router: door.full(full, TOLD_WITHIN),
        keep_alive: false,
        timeouts: Timeouts { head: TOLD_WITHIN, idle: TOLD_WITHIN, ..timeouts },
        ..manner.clone()
    };
    let (full, one_is_full) = (told(Full::InAll), told(Full::OfOne));
    let connections = TaskTracker::new();
    let of_an_address = usize::try_from(settings.max_address_connections).unwrap_or(usize::MAX);
    let mut places = Places::new(places(settings.max_connections), of_an_address);
    while let Some((stream, peer)) = accept(&listener, &stop).await {
        let is_trusted = settings.trusted_proxies.trusts(peer.ip().to_canonical());
        let (place, manner) = match places.take(peer.ip(), is_trusted) {
            Given::Served(place) => (place, &manner),
            Given::Told(place, Full::InAll) => (place, &full),
            Given::Told(place, Full::OfOne) => (place, &one_is_full),
            Given::Nothing => continue,
        };
        connections.spawn(connection::serve(stream, peer, place, manner.clone()));
    }
    drop(listener);
    connections.close();
    if timeout(timeouts.drain, connections.wait()).await.is_err() {
        warn!(connections = connections.len(), "some connections did not end in time");
        kill.cancel();
        connections.wait().await;
    }
}

/// The next connection; `None` at the end.
async fn accept(
    listener: &TcpListener,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                error!(%error, "no connection can be accepted");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Whether the client ended the connection that was being accepted.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The number of places: as many as were asked for, if the process may have so many files.
fn places(wanted: u32) -> usize {
    let mut files = getrlimit(Resource::Nofile);
    let needed = u64::from(wanted) + OTHER_FILES;
    if files.current.is_some_and(|current| current < needed) {
        files.current = Some(files.maximum.map_or(needed, |maximum| maximum.min(needed)));
        // If this is not allowed, the limit stays as it is.
        let _ = setrlimit(Resource::Nofile, files);
    }
    let possible = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let possible = possible.saturating_sub(OTHER_FILES).max(1);
    if u64::from(wanted) > possible {
        warn!(wanted, possible, "the limit on open files is below MAX_CONNECTIONS");
    }
    usize::try_from(possible.min(u64::from(wanted))).unwrap_or(Semaphore::MAX_PERMITS)
}
