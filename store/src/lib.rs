//! The store: the only user of `mongodb`, and the only place that names a collection.
//!
//! # Layout
//!
//! - [`names`]: the collections of a generation;
//! - [`generation`]: the live pointer, checkpoints, and how a generation is made;
//! - [`generations`]: the existing ones; switching and dropping; [`bulk`]: a new one, loaded in
//!   bulk; [`diff`]: two of them, document by document; [`work`]: the commands on them;
//! - [`load`]: the documents that a fold asks for; [`commit`]: the transaction that writes them
//!   back; [`operations`]: the commands of that transaction;
//! - [`lease`]: the leases of the fold and of the work on other generations, each with an
//!   [`owner`]; [`folder`]: the fold as other processes see it;
//! - [`read`]: one consistent snapshot for the query side; [`counted`]: entities of it with their
//!   counts;
//! - [`quarantine`]: the quarantined messages, and the decisions about them;
//! - [`sizes`]: of the database and its collections;
//! - [`notes`]: values remembered beside the read models; [`holes`]: the positions that the log may
//!   lack;
//! - [`platform`]: accounts, sessions, keys and the audit: a store of its own, in the same database;
//! - [`plain`]: documents that people read with tools of their own, in a database beside it;
//! - [`transaction`], [`time`]: the means of all.

pub mod bulk;
pub mod commit;
pub mod counted;
pub mod diff;
pub mod folder;
pub mod generation;
pub mod generations;
pub mod holes;
pub mod lease;
pub mod load;
pub mod names;
pub mod notes;
mod operations;
pub mod owner;
pub mod plain;
pub mod platform;
pub mod quarantine;
pub mod read;
pub mod sizes;
pub mod time;
mod transaction;
pub mod work;

use std::time::Duration;

use mongodb::bson::doc;
use mongodb::error::ErrorKind;
use mongodb::options::{ClientOptions, ConnectionString, ReadConcern, WriteConcern};
use mongodb::{Client, Database};
use projections::fold::root::FOLD_VERSION;

/// The oldest `MongoDB` whose transactions and snapshot reads the program relies on.
const OLDEST_VERSION: (u32, u32) = (6, 0);

/// The database, if neither a setting nor a URI names one.
const DATABASE: &str = "adaptive_bi";

/// A text that is no address of `MongoDB`. Its fault is left out if it may repeat a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "MONGODB_URI is not a MongoDB address; it looks like mongodb://host:27017/?replicaSet=rs0, with \
     what is no letter or digit in a password as %XX{0}"
)]
pub struct NotAnAddress(String);

/// The database that a URI names, if it names one.
///
/// # Errors
/// [`NotAnAddress`].
pub fn database_of(uri: &str) -> Result<Option<String>, NotAnAddress> {
    let parsed = ConnectionString::parse(uri).map_err(|error| {
        NotAnAddress(if uri.contains('@') { String::new() } else { format!(": {}", short(&error)) })
    })?;
    Ok(parsed.default_database)
}

/// Why the store cannot be used or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URI is not one.
    #[error(
        "MONGODB_URI is not a MongoDB address; it looks like \
         mongodb://host:27017/?replicaSet=rs0: {}", short(.0)
    )]
    Uri(mongodb::error::Error),
    /// No server answers there.
    #[error(
        "no MongoDB answers at {host}; is it running, and is MONGODB_URI right? {}",
        short(driver)
    )]
    Unreachable {
        /// The hosts of the URI, without its credentials.
        host: String,
        /// The driver's error. Not a source, as below.
        driver: mongodb::error::Error,
    },
    /// A server without transactions.
    #[error(
        "the MongoDB at {host} is no replica set, so it has no transactions; start it with \
         --replSet rs0 and run rs.initiate() once"
    )]
    NoReplicaSet {
        /// The hosts of the URI, without its credentials.
        host: String,
    },
    /// A server from before [`OLDEST_VERSION`].
    #[error("MongoDB {found} is too old; 6.0 or later is needed")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// The database answered with an error, or did not answer.
    #[error("while {doing}: {}", short(driver))]
    Driver {
        /// The step that failed.
        doing: &'static str,
        /// The driver's error. Not a source: its own text repeats the server's whole answer.
        driver: mongodb::error::Error,
    },
    /// A document is not of the shape that this version writes.
    #[error("while {doing}, a document could not be read")]
    Document {
        /// The step that failed.
        doing: &'static str,
        /// The mismatch.
        #[source]
        source: mongodb::bson::error::Error,
    },
    /// The database takes longer than anyone should wait.
    #[error("while {doing}: no answer in time")]
    TimedOut {
        /// The step that takes so long.
        doing: &'static str,
    },
    /// The live read models were made by a newer version of the fold, and may mean something else.
    #[error(
        "the live read models (generation {generation}) were made by version {made_by} of the fold, \
         and this program has version {FOLD_VERSION}"
    )]
    Newer {
        /// The generation.
        generation: u32,
        /// Its version.
        made_by: u32,
    },
    /// The read models were made by an older version of the fold, which did not count this yet.
    #[error("{what} is counted since version {since} of the fold; these are of version {made_by}")]
    NotYetMade {
        /// The family or the collection.
        what: &'static str,
        /// The version that counted it first.
        since: u32,
        /// The version of the read models.
        made_by: u32,
    },
    /// Something is missing that should be there.
    #[error("{0}")]
    Missing(&'static str),
}

/// Names the step that a driver error happened in.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, mongodb::error::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|driver| Error::Driver { doing, driver })
    }
}

impl<T> Doing<T> for Result<T, mongodb::bson::error::Error> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Document { doing, source })
    }
}

/// The store of one shop: its read models and the data of its projector.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) database: Database,
}

impl Store {
    /// Connects and checks that the server has the features that the program needs. The database is
    /// `name`, else the one in the URI's path, else `adaptive_bi`.
    ///
    /// # Errors
    /// [`Error::Uri`], [`Error::Unreachable`], [`Error::NoReplicaSet`], [`Error::TooOld`].
    pub async fn connect(uri: &str, name: Option<&str>) -> Result<Self, Error> {
        let (client, database) = connect_to(uri, name).await?;
        Ok(Store { client, database })
    }

    /// The database that it is in.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Driver`] if it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.database
            .run_command(doc! { "ping": 1 })
            .await
            .doing("asking whether MongoDB is up")?;
        Ok(())
    }
}

/// See [`Store::connect`].
async fn connect_to(uri: &str, name: Option<&str>) -> Result<(Client, Database), Error> {
    let mut options = ClientOptions::parse(uri).await.map_err(Error::Uri)?;
    let host = options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    options.app_name = Some("adaptive-bi".to_owned());
    options.server_selection_timeout = Some(Duration::from_secs(5));
    options.connect_timeout = Some(Duration::from_secs(5));
    options.max_pool_size = Some(32);
    options.min_pool_size = Some(4);
    options.write_concern = Some(WriteConcern::majority());
    options.read_concern = Some(ReadConcern::majority());
    let name = name
        .map(str::to_owned)
        .or_else(|| options.default_database.clone())
        .unwrap_or_else(|| DATABASE.to_owned());
    let client = Client::with_options(options).map_err(Error::Uri)?;
    let admin = client.database("admin");
    let hello = admin
        .run_command(doc! { "hello": 1 })
        .await
        .map_err(|driver| Error::Unreachable { host: host.clone(), driver })?;
    if hello.get_str("setName").is_err() && hello.get_str("msg").ok() != Some("isdbgrid") {
        return Err(Error::NoReplicaSet { host });
    }
    let build = admin.run_command(doc! { "buildInfo": 1 }).await.doing("asking its version")?;
    let found = build.get_str("version").unwrap_or("0").to_owned();
    if version_of(&found) < OLDEST_VERSION {
        return Err(Error::TooOld { found });
    }
    let database = client.database(&name);
    Ok((client, database))
}

/// The part of a driver's error that a person needs.
fn short(error: &mongodb::error::Error) -> String {
    match &*error.kind {
        ErrorKind::Command(command) => format!("{} ({})", command.message, command.code_name),
        ErrorKind::ServerSelection { message, .. } => cause_of(message).to_owned(),
        kind => kind.to_string(),
    }
}

/// The driver's text has the whole topology, with an error for each server; the first one's cause
/// says enough.
fn cause_of(selection: &str) -> &str {
    let first =
        selection.split_once("Error: Kind: ").and_then(|(_, it)| it.split_once(", labels:"));
    first.map_or_else(|| selection.split(" Topology").next().unwrap_or(selection), |(it, _)| it)
}

fn version_of(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::cause_of;

    #[test]
    fn a_server_that_is_not_there_is_told_by_its_cause() {
        let driver = "Server selection timeout: No available servers. Topology: { Type: Unknown, \
                      Servers: [ { Address: h:1, Type: Unknown, Error: Kind: I/O error: refused, \
                      labels: {\"RetryableError\"}, source: None, server response: None } ] }";
        assert_eq!(cause_of(driver), "I/O error: refused");
        let none = "Server selection timeout: No available servers. Topology: { Type: Unknown }";
        assert_eq!(cause_of(none), "Server selection timeout: No available servers.");
    }
}
