//! Engine.IO, below Socket.IO: the contents of its requests and packets, read as it reads them.

use axum::http::Uri;
use socketioxide::socket::Sid;

/// No message of a client is longer, and nothing that Socket.IO repeats of one: the name of an
/// unknown namespace.
pub(super) const PAYLOAD_BYTES_MAX: usize = 4 * 1024;
/// The byte that Engine.IO sets between two packets.
const BETWEEN_PACKETS: u8 = 0x1e;

/// The packets of a body.
pub(super) fn packets(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|it| *it == BETWEEN_PACKETS)
}

/// Their number.
pub(super) fn number(body: &[u8]) -> u32 {
    u32::try_from(packets(body).count()).unwrap_or(u32::MAX)
}

/// The session that Engine.IO says it has opened.
pub(super) fn opened(body: &[u8]) -> Option<Sid> {
    #[derive(serde::Deserialize)]
    struct Open<'a> {
        sid: &'a str,
    }
    let open: Open<'_> = serde_json::from_slice(body.strip_prefix(b"0")?).ok()?;
    open.sid.parse().ok()
}

/// The session that a request is of, read as Engine.IO reads it.
pub(super) fn session(uri: &Uri) -> Option<Sid> {
    parameter(uri, "sid=")?.parse().ok()
}

/// Whether a request that begins a session begins it as a `WebSocket`, read as Engine.IO reads it:
/// to it `transport=websocket=x` is one.
pub(super) fn begins_web_socket(uri: &Uri) -> bool {
    parameter(uri, "transport=").and_then(|it| it.split('=').next()) == Some("websocket")
}

/// Whether a request says that it is of a session.
pub(super) fn is_of_a_session(uri: &Uri) -> bool {
    parameter(uri, "sid=").is_some()
}

fn parameter<'a>(uri: &'a Uri, begin: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_engine_io_reads_it() {
        let uri = |query: &str| format!("/socket.io/?{query}").parse::<Uri>().unwrap();
        for query in ["transport=websocket", "EIO=4&transport=websocket=&transport=polling"] {
            assert!(begins_web_socket(&uri(query)), "{query}");
        }
        for query in ["transport=polling", "transport=polling&transport=websocket", "websocket"] {
            assert!(!begins_web_socket(&uri(query)), "{query}");
        }
        let (one, two) = (Sid::new(), Sid::new());
        assert_eq!(session(&uri(&format!("EIO=4&sid={one}&sid={two}"))), Some(one));
        assert_eq!(session(&uri("sid=7")), None);
    }

    #[test]
    fn packets_are_counted_and_a_session_that_is_opened_is_found() {
        assert_eq!((number(b""), number(b"2"), number(b"2\x1e3\x1e")), (1, 1, 3));
        let id = Sid::new();
        let body = format!("0{{\"sid\":\"{id}\",\"upgrades\":[\"websocket\"]}}");
        assert_eq!(opened(body.as_bytes()), Some(id));
        assert_eq!(opened(b"{\"code\":\"1\"}"), None);
    }
}
