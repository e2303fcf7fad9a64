//! The fold as seen from outside: the owner of its lease, its position, and the reason why it does
//! not go on, if its process gives one.

use std::time::Duration;

use mongodb::bson::{self, Document, doc};
use serde::{Deserialize, Serialize};

use super::names::{CHECKPOINTS, LEASES};
use super::owner::{Owner, PROJECTOR, TERM};
use super::{Doing, Error, Store};

/// The time for which a halt counts once it is written; the process that halts writes it again
/// every second.
const HALT_COUNTS: Duration = Duration::from_secs(4);

/// A fault that ended a session of the fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its source in one word, such as `log`.
    pub kind: String,
    /// The error in words.
    pub message: String,
    /// The instant, milliseconds since 1970.
    pub at: i64,
}

/// The fold as seen from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// The live generation; 0 before the first is made.
    pub generation: u32,
    /// Its position.
    pub position: u64,
    /// The identity of its log.
    pub incarnation: String,
    /// The instant of its last commit, milliseconds since 1970.
    pub committed_at: i64,
    /// The owner of the lease, while it renews it.
    pub owner: Option<String>,
    /// Whether a command has the lease, to hold the fold for a moment.
    pub holds: bool,
    /// Why its owner halts, as it wrote it.
    pub halted: Option<String>,
    /// The last fault that ended a session, of any process.
    pub fault: Option<Fault>,
}

#[derive(Debug, Default, Deserialize)]
struct Lease {
    owner: Option<String>,
    #[serde(default)]
    holds: bool,
    halted: Option<String>,
    fault: Option<Fault>,
    lives: bool,
    halts: bool,
}

#[derive(Debug, Deserialize)]
struct Stand {
    position: u64,
    incarnation: String,
    #[serde(rename = "committedAt")]
    committed_at: i64,
}

impl Store {
    /// Reads the state of the fold.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn folder(&self) -> Result<Folder, Error> {
        const DOING: &str = "looking at the fold";
        let within = |field: &str, term: Duration| {
            let term = i64::try_from(term.as_millis()).unwrap_or(i64::MAX);
            doc! { "$gt": [field, { "$subtract": ["$$NOW", term] }] }
        };
        let shown = doc! {
            "owner": 1, "holds": 1, "halted": 1, "fault": 1,
            "lives": within("$renewedAt", TERM), "halts": within("$haltedAt", HALT_COUNTS),
        };
        let lease = self
            .database
            .collection::<Lease>(LEASES)
            .find_one(doc! { "_id": PROJECTOR })
            .projection(shown)
            .await
            .doing(DOING)?
            .unwrap_or_default();
        let lives = lease.lives && lease.owner.is_some();
        let mut folder = Folder {
            owner: lease.owner.filter(|_| lives),
            holds: lease.holds && lives,
            halted: lease.halted.filter(|_| lives && lease.halts),
            fault: lease.fault,
            ..Folder::default()
        };
        let Some(generation) = self.live().await? else { return Ok(folder) };
        let at = self
            .database
            .collection::<Stand>(CHECKPOINTS)
            .find_one(doc! { "_id": generation })
            .projection(doc! { "position": 1, "incarnation": 1, "committedAt": 1 })
            .await
            .doing(DOING)?;
        if let Some(Stand { position, incarnation, committed_at }) = at {
            folder = Folder { generation, position, incarnation, committed_at, ..folder };
        }
        Ok(folder)
    }

    /// Writes why the owner of the fold halts; it counts for [`HALT_COUNTS`]. Writes nothing if
    /// another process has the lease.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn say_halted(&self, owner: &Owner, halted: &str) -> Result<(), Error> {
        let said = doc! { "halted": { "$literal": halted }, "haltedAt": "$$NOW" };
        let of = doc! { "_id": PROJECTOR, "owner": owner.id.as_str() };
        self.say(of, vec![doc! { "$set": said }]).await
    }

    /// Writes the fault that ended a session of the fold, for other processes to read.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn say_fault(&self, fault: &Fault) -> Result<(), Error> {
        let fault = bson::serialize_to_bson(fault).doing("saying what ended a session")?;
        let said = doc! { "fault": { "$literal": fault } };
        self.say(doc! { "_id": PROJECTOR }, vec![doc! { "$set": said }]).await
    }

    async fn say(&self, of: Document, what: Vec<Document>) -> Result<(), Error> {
        let leases = self.database.collection::<Document>(LEASES);
        leases.update_one(of, what).await.doing("saying how the fold does")?;
        Ok(())
    }
}
