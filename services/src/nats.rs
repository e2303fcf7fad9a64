//! Starts nats-server with `JetStream` on a port and a folder, and waits until it answers.

use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time;

use super::child::Launch;
use super::error::Error;
use super::log::Log;
use super::program::Program;
use super::server::Server;
use super::settings::NatsOptions;

/// The largest greeting that is read; the line that a server greets with is far shorter.
const GREETING_BYTES_MAX: u64 = 16 * 1024;
/// The largest answer about its health that is read; it is far shorter, too.
const HEALTH_BYTES_MAX: usize = 64 * 1024;
/// The growth of the server's heap between two collections, in percent. The heap is small beside
/// the messages that go through it, so with Go's own 100 it collects all the time: a sixth of its
/// work.
const GARBAGE_PERCENT: &str = "400";

/// The part of the greeting that is read.
#[derive(Deserialize)]
struct Greeting {
    server_name: String,
    #[serde(default)]
    jetstream: bool,
}

/// The part of `/healthz` that is read.
#[derive(Deserialize)]
struct Health {
    error: Option<String>,
}

/// The launch of nats-server, with its configuration written to `nats.conf`.
pub(super) fn launch(
    program: &Program,
    data: &Path,
    port: u16,
    monitor: u16,
    options: &NatsOptions,
) -> Result<Launch, Error> {
    let store = data.join(Server::Nats.folder());
    fs::create_dir_all(&store).map_err(Error::data("create", &store))?;
    let path = data.join("nats.conf");
    fs::write(&path, configuration(port, monitor, options)).map_err(Error::data("write", &path))?;
    // The folder is an argument, as a path in the file would need quoting.
    let args: Vec<OsString> = vec!["-c".into(), path.into(), "-sd".into(), store.into()];
    let log = Log::of(Server::Nats, data).begin()?;
    let (program, folder) = (program.path.clone(), data.to_owned());
    Ok(Launch { program, args, folder, log, env: vec![("GOGC", GARBAGE_PERCENT.into())] })
}

fn configuration(port: u16, monitor: u16, options: &NatsOptions) -> String {
    let NatsOptions { max_payload_bytes, max_file_bytes, sync_interval } = options;
    let sync = match *sync_interval {
        Duration::ZERO => "always".to_owned(),
        interval => format!("\"{}ms\"", interval.as_millis()),
    };
    let name = name(port);
    format!(
        "# Written at every start; a change made here does not stay.\n\
         server_name: \"{name}\"\n\
         listen: \"127.0.0.1:{port}\"\n\
         http: \"127.0.0.1:{monitor}\"\n\
         max_payload: {max_payload_bytes}\n\
         jetstream {{\n  max_file_store: {max_file_bytes}\n  \
         max_memory_store: 256MB\n  sync_interval: {sync}\n}}\n"
    )
}

/// A name that tells the server started here from others: a port that is lost to another program's
/// nats-server between choosing and binding greets, too.
fn name(port: u16) -> String {
    format!("adaptive-bi-{}-{port}", std::process::id())
}

/// Whether the server on `port` is the one started here and has `JetStream` up. It opens its port
/// last, after its streams are recovered.
pub(super) async fn is_ready(port: u16) -> bool {
    let greeting = time::timeout(Duration::from_secs(1), greeting(port)).await;
    matches!(greeting, Ok(Some(greeting)) if greeting.jetstream && greeting.server_name == name(port))
}

/// Why the server stores nothing any more, if it reports that it could not write. It goes on to
/// answer to everything else, and stays like that however much room there is, until it is started
/// again.
pub(super) async fn write_error(monitor: u16) -> Option<String> {
    let health = time::timeout(Duration::from_secs(5), health(monitor)).await.ok()??;
    health.error.filter(|error| error.contains("write error"))
}

/// The server's report about its health.
async fn health(monitor: u16) -> Option<Health> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, monitor));
    let socket = TcpStream::connect(address).await.ok()?;
    let (mut requests, connection) = http1::handshake(TokioIo::new(socket)).await.ok()?;
    let request = Request::get("/healthz").header(HOST, address.to_string());
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let answer = async {
        let answer = requests.send_request(request).await.ok()?;
        Some(Limited::new(answer, HEALTH_BYTES_MAX).collect().await.ok()?.to_bytes())
    };
    // The connection is driven until the answer is whole, and dropped with this function.
    let answer = tokio::select! {
        biased;
        answer = answer => answer?,
        _ = connection => return None,
    };
    serde_json::from_slice(&answer).ok()
}

async fn greeting(port: u16) -> Option<Greeting> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let mut line = String::new();
    BufReader::new(socket.take(GREETING_BYTES_MAX)).read_line(&mut line).await.ok()?;
    serde_json::from_str(line.strip_prefix("INFO ")?).ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request, and keeps the connection.
    async fn answering(answer: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a client");
            let mut asked = vec![0; 1_024];
            let read = socket.read(&mut asked).await.expect("a request");
            assert!(asked[..read].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            socket.write_all(answer.as_bytes()).await.expect("answered");
            std::future::pending::<()>().await;
        });
        port
    }

    #[tokio::test]
    async fn a_server_that_cannot_write_says_so_and_one_that_can_does_not() {
        let cases = [
            ("{\"status\":\"error\",\"error\":\"write error: no space\"}", true),
            ("{\"status\":\"error\",\"error\":\"no leader\"}", false),
            ("{\"status\":\"ok\"}", false),
            ("oops", false),
        ];
        for (body, expected) in cases {
            let (status, length) = ("HTTP/1.1 503 Service Unavailable", body.len());
            let answer = format!("{status}\r\nContent-Length: {length}\r\n\r\n{body}");
            let port = answering(answer.leak()).await;
            assert_eq!(write_error(port).await.is_some(), expected, "{body}");
        }
    }

    #[test]
    fn what_is_acknowledged_is_on_the_disk_unless_it_is_said() {
        let mut options = NatsOptions::default();
        assert!(configuration(21_000, 21_001, &options).contains("sync_interval: always"));
        options.sync_interval = Duration::from_secs(1);
        assert!(configuration(21_000, 21_001, &options).contains("sync_interval: \"1000ms\""));
    }
}
