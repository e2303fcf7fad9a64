//! Starts mongod on a port and a folder, and makes it the primary of a replica set of one:
//! transactions need a replica set.
//!
//! The only user of `mongodb` in this crate, apart from `error`, which wraps the driver's error: it
//! names no collection and sends administrative commands alone.

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind, Result as DriverResult};
use mongodb::options::{ClientOptions, ServerAddress};
use tokio::net::TcpStream;

use super::child::Launch;
use super::error::Error;
use super::log::Log;
use super::program::Program;
use super::server::Server;

const REPLICA_SET: &str = "rs0";

/// A transaction left open by a projector that died delays its successor for at most this long.
const TRANSACTION_SECONDS_MAX: u32 = 10;

/// The time for which the versions behind a snapshot are kept. A query reads for milliseconds; the
/// default of five minutes keeps every version of the documents that each batch writes again.
const SNAPSHOT_SECONDS: u32 = 10;

/// The default is 5 % of the disk. Nobody replicates from this node, so the oplog only has to hold
/// the entries that a transaction and a checkpoint need.
const OPLOG_MB: u32 = 1024;

// The server's error codes, from its error_codes.yml.
const ALREADY_INITIALIZED: i32 = 23;
const INVALID_REPLICA_SET_CONFIG: i32 = 93;
const NOT_YET_INITIALIZED: i32 = 94;
const CONFIGURATION_IN_PROGRESS: i32 = 109;

/// The launch of mongod. `cache_gb` bounds `WiredTiger`'s cache, which is half of the memory
/// otherwise.
pub(super) fn launch(
    program: &Program,
    data: &Path,
    port: u16,
    cache_gb: f64,
) -> Result<Launch, Error> {
    let files = data.join(Server::Mongod.folder());
    fs::create_dir_all(&files).map_err(Error::data("create", &files))?;
    let mut args: Vec<OsString> = vec!["--dbpath".into(), files.into()];
    let cache_gb = cache_gb.max(0.25); // the least that the server accepts
    let flags = format!(
        "--replSet {REPLICA_SET} --bind_ip 127.0.0.1 --port {port} --nounixsocket --quiet \
         --wiredTigerCacheSizeGB {cache_gb} --oplogSize {OPLOG_MB} --slowms 1000 \
         --setParameter transactionLifetimeLimitSeconds={TRANSACTION_SECONDS_MAX} \
         --setParameter minSnapshotHistoryWindowInSeconds={SNAPSHOT_SECONDS} \
         --setParameter diagnosticDataCollectionEnabled=false"
    );
    args.extend(flags.split_whitespace().map(OsString::from));
    let log = Log::of(Server::Mongod, data).begin()?;
    let (program, folder) = (program.path.clone(), data.to_owned());
    Ok(Launch { program, args, folder, log, env: Vec::new() })
}

/// A connection for administration; `None` until the server listens. It is not made before, as the
/// driver waits long after a refused connection.
pub(super) async fn connect(port: u16) -> Result<Option<Client>, Error> {
    if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        return Ok(None);
    }
    let host = ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(port) };
    let options = ClientOptions::builder()
        .hosts(vec![host])
        .direct_connection(true)
        .server_selection_timeout(Duration::from_secs(5))
        .app_name("adaptive-bi services".to_owned())
        .build();
    Client::with_options(options).map(Some).map_err(Error::ReplicaSet)
}

/// Takes one step towards a primary; returns whether it is one. `pid` is the child's, so that the
/// mongod of another program is not taken for this one: for that the result is `false`, and the
/// child will end, since its port is taken.
pub(super) async fn is_ready(client: &Client, port: u16, pid: u32) -> Result<bool, Error> {
    match step(client, port, pid).await {
        Ok(primary) => Ok(primary),
        // While it starts up or changes its state it may cut the connection; the next step sees.
        Err(error) if code(&error).is_none() => {
            tracing::debug!(%error, "mongod is not ready");
            Ok(false)
        }
        Err(error) => Err(Error::ReplicaSet(error)),
    }
}

async fn step(client: &Client, port: u16, pid: u32) -> DriverResult<bool> {
    let admin = client.database("admin");
    let hello = admin.run_command(doc! { "hello": 1 }).await?;
    if hello.get_bool("isWritablePrimary").unwrap_or(false) {
        return is_ours(client, pid).await;
    }
    match admin.run_command(doc! { "replSetGetStatus": 1 }).await {
        Ok(_) => Ok(false), // it has a configuration and is about to elect itself
        Err(error) if code(&error) == Some(NOT_YET_INITIALIZED) && is_ours(client, pid).await? => {
            passing(admin.run_command(doc! { "replSetInitiate": configuration(port) }).await)
        }
        Err(error)
            if code(&error) == Some(INVALID_REPLICA_SET_CONFIG) && is_ours(client, pid).await? =>
        {
            reconfigure(client, port).await
        }
        Err(error) => passing(Err(error)),
    }
}

async fn is_ours(client: &Client, pid: u32) -> DriverResult<bool> {
    let status = client.database("admin").run_command(doc! { "serverStatus": 1 }).await?;
    Ok(status.get_i64("pid").is_ok_and(|found| found == i64::from(pid)))
}

fn configuration(port: u16) -> Document {
    let host = format!("127.0.0.1:{port}");
    doc! { "_id": REPLICA_SET, "members": [{ "_id": 0, "host": host }] }
}

/// The configuration kept in the data names the port of an earlier run, at which this node does not
/// find itself any more. No other node exists that could object to force.
async fn reconfigure(client: &Client, port: u16) -> DriverResult<bool> {
    let admin = client.database("admin");
    let answer = admin.run_command(doc! { "replSetGetConfig": 1 }).await?;
    let mut config = answer.get_document("config").cloned().unwrap_or_default();
    config.extend(configuration(port));
    passing(admin.run_command(doc! { "replSetReconfig": config, "force": true }).await)
}

/// Not ready yet, unless the command failed for a lasting reason.
fn passing(answer: DriverResult<Document>) -> DriverResult<bool> {
    match answer {
        Ok(_) => Ok(false),
        Err(error) => match code(&error) {
            // The configuration in the data is being loaded while the server already answers.
            Some(ALREADY_INITIALIZED | NOT_YET_INITIALIZED | CONFIGURATION_IN_PROGRESS) => {
                Ok(false)
            }
            _ => Err(error),
        },
    }
}

fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(failure) => Some(failure.code),
        _ => None,
    }
}
