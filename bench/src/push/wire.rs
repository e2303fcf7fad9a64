//! The messages on the wire, as far as a subscriber needs them: messages are told apart and looked into at
//! their beginning, and no JSON is read. Reading has to cost little, as the service shares the machine.

/// The way in which a subscriber is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Socket.IO, by a `WebSocket`.
    SocketIo,
    /// Server-sent events.
    Sse,
    /// A `WebSocket` with JSON texts.
    WebSocket,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 3] = [Transport::SocketIo, Transport::Sse, Transport::WebSocket];

    /// Their number.
    pub const COUNT: u32 = 3;

    /// Its name in figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Transport::SocketIo => "socketIo",
            Transport::Sse => "sse",
            Transport::WebSocket => "webSocket",
        }
    }

    /// The head of the request that opens a connection, and the lines that every request has.
    #[must_use]
    pub fn head(self, target: &str, host: &str, key: &str) -> String {
        let upgrade = match self {
            Transport::Sse => "",
            Transport::SocketIo | Transport::WebSocket => {
                "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                 sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
        };
        format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\n{upgrade}\r\n")
    }

    /// The status of its answer.
    #[must_use]
    pub fn opened(self) -> &'static [u8] {
        match self {
            Transport::Sse => b"HTTP/1.1 200",
            Transport::SocketIo | Transport::WebSocket => b"HTTP/1.1 101",
        }
    }

    /// The message that is sent then, and the one that is received once the sales are followed.
    #[must_use]
    pub fn hello(self) -> (Option<&'static str>, &'static [u8]) {
        match self {
            Transport::SocketIo => (Some("40"), b"\"authenticated\""),
            Transport::Sse => (None, b"event: subscribed"),
            Transport::WebSocket => {
                (Some(r#"{"type":"subscribe","topics":["sales"]}"#), b"\"subscribed\"")
            }
        }
    }

    /// The position of a frame, or of an update of Socket.IO.
    #[must_use]
    pub fn position(self, contents: &[u8]) -> Option<u64> {
        let rest = match self {
            Transport::SocketIo => update(contents)?,
            Transport::Sse | Transport::WebSocket => after(contents, b"\"from\":")?,
        };
        let digits = after(rest, POSITION)?;
        let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
        str::from_utf8(&digits[..end]).ok()?.parse().ok()
    }

    /// The first message in a buffer, if it is there as a whole, and how many bytes it takes.
    #[must_use]
    pub fn message(self, buffer: &[u8]) -> Option<(Message<'_>, usize)> {
        match self {
            Transport::Sse => chunk(buffer),
            Transport::SocketIo | Transport::WebSocket => {
                let (message, took) = frame(buffer)?;
                match message {
                    Message::Text(PING) if self == Transport::SocketIo => {
                        Some((Message::Asks(PONG), took))
                    }
                    _ => Some((message, took)),
                }
            }
        }
    }
}

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text, or a part of an event stream.
    Text(&'a [u8]),
    /// A ping, and the answer to it.
    Asks(&'static [u8]),
    /// The end.
    Over,
    /// Nothing that matters.
    Other,
}

const POSITION: &[u8] = b"\"position\":";
const UPDATE: &[u8] = b"42[\"realtimeSalesUpdate\",";
/// The ping of Engine.IO, and the answer as a masked text.
const PING: &[u8] = b"2";
const PONG: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'3'];
/// The answer to the ping of a `WebSocket`.
const WEB_SOCKET_PONG: &[u8] = &[0x8a, 0x80, 0, 0, 0, 0];
/// The bytes within which the searched text stands.
const LOOKED_INTO: usize = 400;

/// The contents of an update of Socket.IO, and the bracket behind them.
fn update(packet: &[u8]) -> Option<&[u8]> {
    packet.strip_prefix(UPDATE)
}

/// The contents of an update at another position.
#[must_use]
pub fn update_at(packet: &[u8], position: u64) -> Option<Vec<u8>> {
    let contents = update(packet)?.strip_suffix(b"]")?;
    let digits = contents.strip_prefix(b"{")?.strip_prefix(POSITION)?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    Some([format!("{{\"position\":{position}").as_bytes(), &digits[end..]].concat())
}

/// The text behind the first `needle`.
#[must_use]
pub fn after<'a>(contents: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    let looked_into = &contents[..contents.len().min(LOOKED_INTO)];
    let at = looked_into.windows(needle.len()).position(|part| part == needle)?;
    Some(&contents[at + needle.len()..])
}

/// A text of a client, of less than 126 bytes, behind a mask of zeros.
#[must_use]
pub fn masked(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or_default() & 0x7f;
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// The first frame of a `WebSocket`. A server's is not masked.
fn frame(buffer: &[u8]) -> Option<(Message<'_>, usize)> {
    let [kind, length, rest @ ..] = buffer else { return None };
    let (length, at) = match length & 0x7f {
        126 => (u64::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(rest.get(..8)?.try_into().ok()?), 10),
        length => (u64::from(length), 2),
    };
    let end = at + usize::try_from(length).ok()?;
    let contents = buffer.get(at..end)?;
    let message = match kind & 0x0f {
        1 => Message::Text(contents),
        8 => Message::Over,
        9 => Message::Asks(WEB_SOCKET_PONG),
        _ => Message::Other,
    };
    Some((message, end))
}

/// The first chunk of an answer.
fn chunk(buffer: &[u8]) -> Option<(Message<'_>, usize)> {
    let line = buffer.iter().take(16).position(|byte| *byte == b'\r')?;
    let length = usize::from_str_radix(str::from_utf8(&buffer[..line]).ok()?, 16).ok()?;
    let contents = buffer.get(line + 2..line + 2 + length)?;
    let end = line + 2 + length + 2;
    if buffer.len() < end {
        return None;
    }
    Some((if length == 0 { Message::Over } else { Message::Text(contents) }, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_as_a_whole_or_not_yet() {
        let text = |length: &[u8], contents: &[u8]| [&[0x81], length, contents].concat();
        let long = vec![b'x'; 70_000];
        for whole in [
            text(&[3], b"abc"),
            text(&[126, 1, 44], &long[..300]),
            text(&[127, 0, 0, 0, 0, 0, 1, 0x11, 0x70], &long),
        ] {
            let more = [&*whole, b"\x81"].concat();
            let (message, took) = Transport::WebSocket.message(&more).unwrap();
            assert!(matches!(message, Message::Text(text) if whole.ends_with(text)));
            assert_eq!(took, whole.len());
            assert_eq!(Transport::WebSocket.message(&whole[..whole.len() - 1]), None);
        }
        let chunk = b"5\r\nabc\n\n\r\n2";
        assert_eq!(Transport::Sse.message(chunk), Some((Message::Text(b"abc\n\n"), 10)));
        assert_eq!(Transport::Sse.message(&chunk[..9]), None);
        assert_eq!(Transport::Sse.message(b"0\r\n\r\n"), Some((Message::Over, 5)));
    }

    #[test]
    fn pings_have_an_answer() {
        assert_eq!(Transport::SocketIo.message(b"\x81\x012"), Some((Message::Asks(PONG), 3)));
        assert_eq!(
            Transport::WebSocket.message(b"\x89\x00"),
            Some((Message::Asks(WEB_SOCKET_PONG), 2))
        );
    }

    #[test]
    fn a_frame_has_a_position_and_a_word_has_none() {
        let frame =
            br#"{"topic":"sales","generation":1,"from":5,"position":42,"at":"x","data":{}}"#;
        let event = [b"id: 1-42\ndata: ", &frame[..], b"\n\n"].concat();
        assert_eq!(Transport::WebSocket.position(frame), Some(42));
        assert_eq!(Transport::Sse.position(&event), Some(42));
        assert_eq!(Transport::WebSocket.position(br#"{"kind":"pong","position":7}"#), None);
        let update = br#"42["realtimeSalesUpdate",{"position":42,"totalSales":1}]"#;
        assert_eq!(Transport::SocketIo.position(update), Some(42));
        assert_eq!(Transport::SocketIo.position(br#"42["welcome",{"position":42}]"#), None);
        assert_eq!(update_at(update, 7).unwrap(), br#"{"position":7,"totalSales":1}"#);
    }

    #[test]
    fn a_clients_text_is_masked_with_zeros() {
        assert_eq!(masked("40"), [0x81, 0x82, 0, 0, 0, 0, b'4', b'0']);
    }
}
