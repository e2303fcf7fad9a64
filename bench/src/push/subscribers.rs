//! Subscribers of sales by every transport, read on a thread of their own, whose processor time can be
//! told from that of the rest.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::wire::{Message, Transport, after, masked};
use crate::cpu;
use crate::service::Service;

/// The name of the thread.
const THREAD: &str = "subscribers";
/// So many are connected at the same time: the service has a bound on those that have shown no key yet.
const AT_ONCE: usize = 32;
/// The time in which one is connected.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much is read at a time.
const READ_BYTES: usize = 16 * 1024;
const SALES: &str = "/api/stream?topics=sales";

/// The address and key that a subscriber connects with.
#[derive(Debug, Clone)]
pub struct Target {
    /// The server.
    pub address: SocketAddr,
    /// An API key of it.
    pub key: String,
    /// The transport.
    pub transport: Transport,
}

impl Target {
    /// So many of a service by one transport.
    #[must_use]
    pub fn of(service: &Service, transport: Transport, count: u32) -> Vec<Target> {
        let first = Transport::ALL.iter().position(|it| *it == transport).unwrap_or_default();
        let keys = service.keys().skip(first * count as usize).take(count as usize);
        let address = service.address;
        keys.map(|key| Target { address, key: key.to_owned(), transport }).collect()
    }
}

/// An update that came: to which subscriber, the position that it reflects, and when.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// The number of the subscriber: they are counted from 0 as they are named.
    pub subscriber: usize,
    /// The position.
    pub position: u64,
    /// The instant.
    pub at: Instant,
}

/// The frames that all subscribers have received since they were taken last.
#[derive(Debug, Default)]
pub struct Record {
    /// The updates, in the order in which they came.
    pub heard: Vec<Heard>,
    /// Their bytes, without what the transport has around them.
    pub bytes: u64,
    /// The last one by Socket.IO.
    pub update: Vec<u8>,
    /// The position that each subscriber has reached.
    reached: Vec<u64>,
    /// Why one was disconnected.
    lost: Option<String>,
}

/// Subscribers that are connected. They are disconnected when this is dropped.
pub struct Subscribers {
    runtime: Handle,
    record: Arc<Mutex<Record>>,
    stop: CancellationToken,
    over: oneshot::Receiver<()>,
}

impl Subscribers {
    /// Starts their thread.
    ///
    /// # Errors
    /// Fails if the system has no thread for it.
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (handle, stop) = (runtime.handle().clone(), CancellationToken::new());
        let (stopped, (end, over)) = (stop.clone(), oneshot::channel());
        let run = move || {
            runtime.block_on(stopped.cancelled());
            drop(runtime);
            let _ = end.send(());
        };
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(run)?;
        Ok(Subscribers { runtime: handle, record: Arc::default(), stop, over })
    }

    /// The processor time of all subscribers until now.
    #[must_use]
    pub fn cpu() -> Duration {
        cpu::of_threads(THREAD)
    }

    /// Connects subscribers, which go on until the end.
    ///
    /// # Errors
    /// Fails if one is not connected.
    pub async fn connect(&self, targets: Vec<Target>) -> anyhow::Result<()> {
        let first = {
            let mut record = lock(&self.record);
            let first = record.reached.len();
            record.reached.resize(first + targets.len(), 0);
            first
        };
        let record = self.record.clone();
        let connect = async move {
            let open = |(number, target): (usize, Target)| {
                let record = record.clone();
                async move {
                    let opened = Connection::open(&target, SALES, None);
                    let connection = timeout(PATIENCE, opened).await.context("no answer")??;
                    tokio::spawn(connection.follow(first + number, record));
                    anyhow::Ok(())
                }
            };
            stream::iter(targets.into_iter().enumerate())
                .map(open)
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await
        };
        self.runtime.spawn(connect).await?
    }

    /// Connects another one by an event stream that follows so many views besides; it reads until
    /// the returned token is cancelled, and nothing from then on. The network between holds little.
    ///
    /// # Errors
    /// Fails if it is not connected.
    pub async fn connect_one_of(
        &self,
        target: Target,
        views: u32,
    ) -> anyhow::Result<CancellationToken> {
        let (stall, stop) = (CancellationToken::new(), self.stop.clone());
        let stalls = stall.clone();
        let views = (1..=views).map(|n| format!("&views=/api/metrics/sales%3Flimit%3D{n}"));
        let path: String = std::iter::once(SALES.to_owned()).chain(views).collect();
        let connect = async move {
            let mut connection = Connection::open(&target, &path, Some(READ_BYTES)).await?;
            tokio::spawn(async move {
                let reading = async { while connection.read(|_| ()).await.is_ok() {} };
                tokio::select! {
                    () = reading => {}
                    () = stalls.cancelled() => {}
                }
                stop.cancelled().await;
            });
            anyhow::Ok(())
        };
        self.runtime.spawn(connect).await??;
        Ok(stall)
    }

    /// The frames that were received since this was taken last.
    ///
    /// # Errors
    /// Fails if a subscriber was disconnected.
    pub fn take(&self) -> anyhow::Result<Record> {
        let mut record = lock(&self.record);
        if let Some(why) = &record.lost {
            bail!("a subscriber was disconnected: {why}");
        }
        let (reached, update) = (record.reached.clone(), record.update.clone());
        Ok(std::mem::replace(&mut *record, Record { update, reached, ..Record::default() }))
    }

    /// Waits until all of them have reached a position.
    ///
    /// # Errors
    /// Fails if one does not.
    pub async fn reach(&self, position: u64) -> anyhow::Result<()> {
        let reached = async {
            loop {
                let missing = lock(&self.record)
                    .reached
                    .iter()
                    .filter(|reached| **reached < position)
                    .count();
                if missing == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, reached).await.context("an update is lost")
    }

    /// Disconnects them.
    pub async fn end(self) {
        self.stop.cancel();
        let _ = self.over.await;
    }
}

/// A record is whole at every step.
fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection.
struct Connection {
    stream: TcpStream,
    transport: Transport,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects, and waits until the sales are followed.
    async fn open(target: &Target, stream: &str, buffer: Option<usize>) -> anyhow::Result<Self> {
        let Target { address, key, transport } = target;
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(u32::try_from(bytes)?)?;
        }
        let stream_of = socket.connect(*address).await?;
        let path = match transport {
            Transport::SocketIo => "/socket.io/?EIO=4&transport=websocket",
            Transport::Sse => stream,
            Transport::WebSocket => "/api/ws",
        };
        let mut it = Connection { stream: stream_of, transport: *transport, buffer: Vec::new() };
        it.stream.write_all(transport.head(path, &address.to_string(), key).as_bytes()).await?;
        it.read_head().await?;
        let (said, answer) = transport.hello();
        if let Some(said) = said {
            it.stream.write_all(&masked(said)).await?;
        }
        let (mut is_there, mut refused) = (false, None);
        while !is_there {
            it.read(|contents| {
                is_there |= after(contents, answer).is_some();
                if after(contents, b"authentication_error").is_some() {
                    refused = Some(String::from_utf8_lossy(contents).into_owned());
                }
            })
            .await?;
            ensure!(refused.is_none(), "the key was refused: {refused:?}");
        }
        Ok(it)
    }

    async fn read_head(&mut self) -> anyhow::Result<()> {
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "closed without an answer");
            let end = self.buffer.windows(4).position(|part| part == b"\r\n\r\n");
            let Some(end) = end else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
            ensure!(self.buffer.starts_with(self.transport.opened()), "refused: {head}");
            self.buffer.drain(..end + 4);
            return Ok(());
        }
    }

    /// Reads what has come, hands over each message, and answers pings.
    async fn read(&mut self, mut heard: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let (mut at, mut answers) = (0, Vec::new());
        while let Some((message, took)) = self.transport.message(&self.buffer[at..]) {
            at += took;
            match message {
                Message::Text(contents) => heard(contents),
                Message::Asks(answer) => answers.extend_from_slice(answer),
                Message::Over => bail!("the server ended it"),
                Message::Other => {}
            }
        }
        self.buffer.drain(..at);
        if !answers.is_empty() {
            self.stream.write_all(&answers).await?;
        }
        if at == 0 {
            self.buffer.reserve(READ_BYTES);
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed it");
        }
        Ok(())
    }

    /// Reads until the end, and notes what comes.
    async fn follow(mut self, number: usize, record: Arc<Mutex<Record>>) {
        let transport = self.transport;
        let lost = loop {
            let read = self.read(|contents| {
                let Some(position) = transport.position(contents) else { return };
                let at = Instant::now();
                let mut record = lock(&record);
                record.heard.push(Heard { subscriber: number, position, at });
                record.bytes += contents.len() as u64;
                record.reached[number] = record.reached[number].max(position);
                if number == 0 && transport == Transport::SocketIo {
                    record.update.clear();
                    record.update.extend_from_slice(contents);
                }
            });
            if let Err(error) = read.await {
                break error;
            }
        };
        lock(&record).lost.get_or_insert_with(|| format!("{}: {lost:#}", transport.name()));
    }
}
