//! The two servers together: found, started side by side, watched, stopped.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::time;

use super::error::Error;
use super::folder::{self, Folder, ServicesFile};
use super::say::Say;
use super::server::Server;
use super::settings::ServicesSettings;
use super::unit::{Kind, Unit};
use super::{files, find, leash, mend};

/// How often the servers are looked at by [`Services::failed`].
const WATCH: Duration = Duration::from_millis(250);

/// The addresses at which another process of this program, and the servers it runs, are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The process that runs the servers.
    pub pid: u32,
    /// Its nats-server, if it runs one.
    pub nats_url: Option<String>,
    /// Its mongod, if it runs one.
    pub mongodb_uri: Option<String>,
    /// Where it answers HTTP itself, if it does.
    pub serves: Option<SocketAddr>,
}

/// The two servers, given or ours. Dropping it kills ours; [`Services::stop`] is kinder.
pub struct Services {
    nats_url: String,
    mongodb_uri: String,
    // Dropped in this order: the folder's lock goes after the servers.
    nats: Option<Unit>,
    mongod: Option<Unit>,
    folder: Option<Folder>,
}

impl Services {
    /// Starts what is not given by its address. Both servers are ready when this returns: the log
    /// has its streams recovered, mongod is a primary.
    ///
    /// # Errors
    ///
    /// If a server is not found and cannot be fetched, does not start, or the data folder is in
    /// use. Whatever was started by then is killed.
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

    /// What another process of this program runs on the same data folder, if one does, so that a
    /// command can join it. Servers that were given to that process are not among them.
    #[must_use]
    pub fn find_running(data_dir: &Path) -> Option<Addresses> {
        let mut record = ServicesFile::read(data_dir);
        let pid = record.holder()?;
        let nats_url = record.address(Server::Nats);
        let mongodb_uri = record.address(Server::Mongod);
        Some(Addresses { pid, nats_url, mongodb_uri, serves: record.serves() })
    }

    /// Notes in the data folder, where there is one, at which address the program itself answers, so
    /// that a command can say it.
    ///
    /// # Errors
    ///
    /// If the data folder cannot be written to.
    pub fn note_serving(&self, address: SocketAddr) -> Result<(), Error> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.serve(address))
    }

    /// Whether a server of ours has kept data in this folder.
    #[must_use]
    pub fn have_data(data_dir: &Path) -> bool {
        [Server::Nats, Server::Mongod].iter().any(|server| folder::has_data(data_dir, *server))
    }

    /// Creates a data folder if need be, for its owner alone.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn make_folder(data_dir: &Path) -> Result<(), Error> {
        folder::make(data_dir)
    }

    /// Removes the data of our servers from a folder, and nothing that is not ours.
    ///
    /// # Errors
    ///
    /// If the folder is in use, or something cannot be removed.
    pub async fn remove_data(data_dir: &Path, say: Say<'_>) -> Result<(), Error> {
        Folder::hold(data_dir, say).await?.clear()
    }

    /// Where nats-server is, given or ours; it stays over a restart.
    #[must_use]
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// Where mongod is, given or ours; it stays over a restart.
    #[must_use]
    pub fn mongodb_uri(&self) -> &str {
        &self.mongodb_uri
    }

    /// Waits until a server of ours ends without being asked to, and says how. Never returns if
    /// none is ours.
    pub async fn failed(&self) -> Error {
        loop {
            let failure = |unit: &Option<Unit>| unit.as_ref().and_then(Unit::failure);
            if let Some(error) = failure(&self.nats).or_else(|| failure(&self.mongod)) {
                return error;
            }
            time::sleep(WATCH).await;
        }
    }

    /// Stops what was started, both at the same time, killing what takes over 15 s.
    ///
    /// # Errors
    ///
    /// If the data folder cannot be written to; the servers are stopped even so.
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

    /// Kills (SIGKILL) a server of ours and returns when it is gone: for tests of faults.
    ///
    /// # Errors
    ///
    /// If the server is not ours, or the data folder cannot be written to.
    pub async fn kill(&self, server: Server) -> Result<(), Error> {
        let (unit, folder) = self.ours(server)?;
        unit.kill(folder).await
    }

    /// Starts a server of ours again on the same port and data, after a [`kill`](Self::kill) or a
    /// failure; one that runs is killed first. It is ready when this returns.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start); and if the server is not ours.
    pub async fn restart(&self, server: Server, say: Say<'_>) -> Result<(), Error> {
        let (unit, folder) = self.ours(server)?;
        unit.restart(folder, say).await
    }

    /// Starts our nats-server again whenever it stores nothing any more although its disk has room.
    /// Never returns.
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

/// Finds both before either is started, one after the other: what is fetched shows one bar.
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
