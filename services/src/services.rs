//! The two servers together: found, started side by side, watched, stopped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time;

use super::error::Error;
use super::folder::{self, Folder, ServicesFile};
use super::say::Say;
use super::server::Server;
use super::settings::ServicesSettings;
use super::unit::{Kind, Unit};
use super::{files, find, leash, mend};

/// The interval at which [`Services::failed`] looks at the servers.
const WATCH: Duration = Duration::from_millis(250);

/// The addresses of another process of this program, and of the servers that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The process that runs the servers.
    pub pid: u32,
    /// Its nats-server, if it runs one.
    pub nats_url: Option<String>,
    /// Its mongod, if it runs one.
    pub mongodb_uri: Option<String>,
    /// The address at which it answers HTTP itself, if it does.
    pub serves: Option<SocketAddr>,
}

/// The two servers, each given by its address or started here. Dropping it kills those started
/// here; [`Services::stop`] is kinder.
pub struct Services {
    nats_url: String,
    mongodb_uri: String,
    // The order of drops: the folder's lock goes after the servers.
    nats: Option<Unit>,
    mongod: Option<Unit>,
    folder: Option<Folder>,
}

impl Services {
    /// Starts the servers that are not given by their address. Both are ready when this returns:
    /// the log has its streams recovered, mongod is a primary.
    ///
    /// # Errors
    ///
    /// Fails if a server is not found and cannot be fetched, does not start, or the data folder is
    /// in use. A server that was started by then is killed.
    pub async fn start(settings: &ServicesSettings, say: Say<'_>) -> Result<Self, Error> {
        let (nats_url, mongodb_uri) = (settings.nats_url.clone(), settings.mongodb_uri.clone());
        if let (Some(nats_url), Some(mongodb_uri)) = (&nats_url, &mongodb_uri) {
            let (nats_url, mongodb_uri) = (nats_url.clone(), mongodb_uri.clone());
            return Ok(Self { nats_url, mongodb_uri, nats: None, mongod: None, folder: None });
        }
        files::are_enough()?;
        let folder = Folder::hold(&settings.data_dir, say).await?;
        if !leash::is_there() {
            say("setpriv is missing (apt install util-linux): if this program is killed, its \
                 servers stay until it next starts");
        }
        let nats = nats_url.is_none().then(|| Kind::Nats(settings.nats.clone()));
        let mongod = mongodb_uri.is_none();
        let mongod = mongod.then_some(Kind::Mongod { cache_gb: settings.mongo_cache_gb });
        let (nats, mongod) = run_both(nats, mongod, &settings.cache_dir, &folder, say).await?;
        let address = |unit: &Option<Unit>| unit.as_ref().map(Unit::address).unwrap_or_default();
        Ok(Self {
            nats_url: nats_url.unwrap_or_else(|| address(&nats)),
            mongodb_uri: mongodb_uri.unwrap_or_else(|| address(&mongod)),
            nats,
            mongod,
            folder: Some(folder),
        })
    }

    /// The addresses of another process of this program on the same data folder, if there is one,
    /// so that a command can join it. Servers that were given to that process are not among them.
    #[must_use]
    pub fn find_running(data_dir: &Path) -> Option<Addresses> {
        let mut record = ServicesFile::read(data_dir);
        let pid = record.holder()?;
        let nats_url = record.address(Server::Nats);
        let mongodb_uri = record.address(Server::Mongod);
        Some(Addresses { pid, nats_url, mongodb_uri, serves: record.serves() })
    }

    /// Notes the address at which the program itself answers in the data folder, if there is one,
    /// so that a command can tell it.
    ///
    /// # Errors
    ///
    /// Fails if the data folder cannot be written to.
    pub fn note_serving(&self, address: SocketAddr) -> Result<(), Error> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.serve(address))
    }

    /// The file of a server's program, found or fetched as for a start, for whoever runs servers in
    /// another way.
    ///
    /// # Errors
    ///
    /// Fails if there is none and none can be fetched.
    pub async fn program(server: Server, cache: &Path, say: Say<'_>) -> Result<PathBuf, Error> {
        Ok(find::program(server, cache, say).await?.path)
    }

    /// Whether a server that the program ran has kept data in this folder.
    #[must_use]
    pub fn have_data(data_dir: &Path) -> bool {
        [Server::Nats, Server::Mongod].iter().any(|server| folder::has_data(data_dir, *server))
    }

    /// Creates a data folder if need be, for its owner alone.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be created.
    pub fn make_folder(data_dir: &Path) -> Result<(), Error> {
        folder::make(data_dir)
    }

    /// Removes the data of the program's servers from a folder, and no other files.
    ///
    /// # Errors
    ///
    /// Fails if the folder is in use, or a file cannot be removed.
    pub async fn remove_data(data_dir: &Path, say: Say<'_>) -> Result<(), Error> {
        Folder::hold(data_dir, say).await?.clear()
    }

    /// The address of nats-server; it stays over a restart.
    #[must_use]
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// The address of mongod; it stays over a restart.
    #[must_use]
    pub fn mongodb_uri(&self) -> &str {
        &self.mongodb_uri
    }

    /// Waits until a server started here ends without being asked to, and returns the error. Never
    /// returns if none was started here.
    pub async fn failed(&self) -> Error {
        loop {
            let failure = |unit: &Option<Unit>| unit.as_ref().and_then(Unit::failure);
            if let Some(error) = failure(&self.nats).or_else(|| failure(&self.mongod)) {
                return error;
            }
            time::sleep(WATCH).await;
        }
    }

    /// Stops the servers that were started, both at the same time, killing one that takes over 15
    /// s.
    ///
    /// # Errors
    ///
    /// Fails if the data folder cannot be written to; the servers are stopped even so.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { nats, mongod, folder, .. } = self;
        let stop = async |unit: Option<Unit>| {
            if let Some(unit) = unit {
                unit.stop().await;
            }
        };
        tokio::join!(stop(nats), stop(mongod));
        folder.map_or(Ok(()), |folder| folder.vacate())
    }

    /// Kills (SIGKILL) a server started here and returns when it is gone: for tests of faults.
    ///
    /// # Errors
    ///
    /// Fails if the server was not started here, or the data folder cannot be written to.
    pub async fn kill(&self, server: Server) -> Result<(), Error> {
        let (unit, folder) = self.ours(server)?;
        unit.kill(folder).await
    }

    /// Starts a server again on the same port and data, after a [`kill`](Self::kill) or a failure;
    /// one that runs is killed first. It is ready when this returns.
    ///
    /// # Errors
    ///
    /// Fails as [`start`](Self::start) does; and if the server was not started here.
    pub async fn restart(&self, server: Server, say: Say<'_>) -> Result<(), Error> {
        let (unit, folder) = self.ours(server)?;
        unit.restart(folder, say).await
    }

    /// Restarts the nats-server started here whenever it stores nothing any more although its disk
    /// has room. Never returns.
    pub async fn mend(&self) {
        match self.ours(Server::Nats) {
            Ok((unit, folder)) => mend::mend(unit, folder).await,
            Err(_) => std::future::pending().await,
        }
    }

    fn ours(&self, server: Server) -> Result<(&Unit, &Folder), Error> {
        let unit = match server {
            Server::Nats => self.nats.as_ref(),
            Server::Mongod => self.mongod.as_ref(),
        };
        unit.zip(self.folder.as_ref()).ok_or(Error::NotOurs { server })
    }
}

/// Finds both before either is started, one after the other: a fetch shows one bar.
async fn run_both(
    nats: Option<Kind>,
    mongod: Option<Kind>,
    cache: &Path,
    folder: &Folder,
    say: Say<'_>,
) -> Result<(Option<Unit>, Option<Unit>), Error> {
    let found = async |kind: Option<Kind>, server| match kind {
        Some(kind) => find::program(server, cache, say).await.map(|program| Some((kind, program))),
        None => Ok(None),
    };
    let nats = found(nats, Server::Nats).await?;
    let mongod = found(mongod, Server::Mongod).await?;
    let run = async |found| match found {
        Some((kind, program)) => Unit::start(kind, program, folder, say).await.map(Some),
        None => Ok(None),
    };
    tokio::try_join!(run(nats), run(mongod))
}
