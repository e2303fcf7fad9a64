//! The connection to the log, made anew if it has ended for good.
//!
//! The client reconnects by itself after a fault of the line. Its task can end all the same: a
//! message of another client may make the library panic while it reads it. Then nothing is sent or
//! received any more, so the connection is replaced by another one.

use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, ConnectErrorKind, Event};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::address::Address;
use super::answers::Answers;
use super::error::Error;
use super::settings::LogSettings;
use super::subject;
use super::writes::Writes;

/// The first and the last pause between attempts to connect anew; they double in between.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(2);

/// The interval of questions whether the server is there. One that leaves three of them unanswered,
/// as a machine that is cut off does, is given up for another one of its cluster.
const PING: Duration = Duration::from_secs(2);

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The client.
    pub client: Client,
    /// Its `JetStream`.
    pub context: jetstream::Context,
    /// The log's answers to events that this connection sent.
    pub answers: Answers,
}

/// The present connection.
#[derive(Debug)]
pub(super) struct Link {
    now: RwLock<Arc<Connection>>,
    _keeping: AbortOnDropHandle<()>,
}

impl Link {
    /// Connects, and keeps connected for as long as the link is held.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::NotLetIn`], [`Error::Unreachable`], [`Error::Stream`].
    pub async fn open(settings: &LogSettings, writes: &Arc<Writes>) -> Result<Arc<Self>, Error> {
        let first = Connection::open(settings, writes).await?;
        let ended = first.answers.ended();
        let (settings, writes) = (settings.clone(), Arc::clone(writes));
        Ok(Arc::new_cyclic(|link| Link {
            now: RwLock::new(Arc::new(first)),
            _keeping: AbortOnDropHandle::new(tokio::spawn(keep(
                link.clone(),
                settings,
                writes,
                ended,
            ))),
        }))
    }

    /// The connection to use now.
    pub fn get(&self) -> Arc<Connection> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, by: Connection) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(by);
    }
}

/// Replaces each connection that has ended by another one.
async fn keep(
    link: Weak<Link>,
    settings: LogSettings,
    writes: Arc<Writes>,
    mut ended: CancellationToken,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        ended.cancelled().await;
        warn!("the connection to NATS ended; connecting anew");
        let connection = loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
            match Connection::open(&settings, &writes).await {
                Ok(connection) => break connection,
                Err(error) => warn!(%error, "NATS cannot be reached"),
            }
        };
        ended = connection.answers.ended();
        let Some(link) = link.upgrade() else { return };
        link.replace(connection);
        info!("connected to NATS again");
        pause = FIRST_PAUSE;
    }
}

impl Connection {
    async fn open(settings: &LogSettings, writes: &Arc<Writes>) -> Result<Self, Error> {
        let client = connect(settings, watch::Sender::default()).await?;
        let context = jetstream::new(client.clone());
        let answers = Answers::listen(&client, Arc::clone(writes)).await;
        let answers = answers.map_err(|error| Error::Stream {
            doing: "listening to the answers of",
            stream: settings.stream.clone(),
            reason: error.to_string(),
        })?;
        Ok(Connection { client, context, answers })
    }
}

/// Connects a client of its own, which tells in `lost` whether it lost the connection.
///
/// # Errors
/// [`Error::Address`], [`Error::NotLetIn`], [`Error::Unreachable`].
pub(super) async fn connect(
    settings: &LogSettings,
    lost: watch::Sender<bool>,
) -> Result<Client, Error> {
    let address = Address::parse(&settings.url)?;
    let url = address.to_string();
    let options = async_nats::ConnectOptions::new()
        .name("adaptive-bi")
        .connection_timeout(Duration::from_secs(5))
        .ping_interval(PING)
        .subscription_capacity(256 * 1024)
        .client_capacity(4096)
        .custom_inbox_prefix(subject::of_inboxes(&settings.stream))
        .event_callback(move |event| {
            note(&event, &lost);
            std::future::ready(())
        });
    let connected = address.sign_in(options).connect(address.servers()).await;
    connected.map_err(|source| match source.kind() {
        ConnectErrorKind::AuthorizationViolation => Error::NotLetIn { url },
        _ => Error::Unreachable { url, source },
    })
}

/// A server reports a refusal beside the answers, once: otherwise a missing permission would look
/// like a server that does not answer.
fn note(event: &Event, lost: &watch::Sender<bool>) {
    match event {
        Event::ServerError(error) => warn!(%error, "NATS refuses something"),
        Event::Disconnected => {
            lost.send_replace(true);
        }
        _ => {}
    }
}
