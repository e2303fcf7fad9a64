//! Leases: who folds, and who sees to other generations. They spare work; safety is the
//! compare-and-set's.
//!
//! It records the driver session that commits run in, so that whoever takes over can end it: a
//! transaction that its owner left open would otherwise hold every document it wrote.

use std::time::Duration;

use mongodb::bson::{self, Bson, doc};
use mongodb::options::ReturnDocument;

use super::commit::CommitSession;
use super::names::LEASES;
use super::{Doing, Error, Store};

/// The lease of who folds the live generation.
pub const PROJECTOR: &str = "projector";
/// The lease of who makes, compares, switches or drops other generations.
pub const REBUILD: &str = "rebuild";
/// A lease that was not renewed for this long can be taken.
pub const TERM: Duration = Duration::from_secs(4);
/// How often its owner renews it.
pub const RENEWAL: Duration = Duration::from_millis(500);

/// Who asks for a lease.
#[derive(Debug, Clone)]
pub struct Owner {
    /// Which lease: [`PROJECTOR`] or [`REBUILD`].
    pub lease: &'static str,
    /// Unique to one start of one process.
    pub id: String,
    /// The machine it runs on, this start of it, and the namespace that its pid means something
    /// in; empty where the system does not tell.
    pub host: String,
    /// Its process there.
    pub pid: u32,
}

impl Owner {
    /// This process, as the owner of the projector's lease.
    #[must_use]
    pub fn this_process() -> Self {
        Owner::of(PROJECTOR)
    }

    /// This process, as the owner of a lease.
    #[must_use]
    pub fn of(lease: &'static str) -> Self {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let namespace = std::fs::read_link("/proc/self/ns/pid");
        let host = match (boot, namespace) {
            (Ok(boot), Ok(namespace)) => format!("{} {}", boot.trim(), namespace.display()),
            _ => String::new(),
        };
        Owner { lease, id: uuid::Uuid::new_v4().to_string(), host, pid: std::process::id() }
    }

    /// Whether the holder of a lease was a process of this machine that is gone.
    fn outlives(&self, lease: &bson::Document) -> bool {
        let pid = lease.get("pid").and_then(Bson::as_i64);
        !self.host.is_empty()
            && lease.get_str("host").ok() == Some(self.host.as_str())
            && pid.is_some_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
    }
}

impl Store {
    /// Takes the lease where it is free, ours, run out, or left by a process that is gone; then
    /// ends the session that its last owner committed in. False where another holds it.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn take_lease(&self, owner: &Owner, session: &CommitSession) -> Result<bool, Error> {
        let leases = self.database.collection::<bson::Document>(LEASES);
        let held = leases
            .find_one_and_update(
                doc! { "_id": owner.lease },
                doc! { "$setOnInsert": { "owner": Bson::Null } },
            )
            .upsert(true)
            .return_document(ReturnDocument::After)
            .await
            .doing("reading the lease")?
            .unwrap_or_default();
        let run_out = doc! { "$lt": [
            "$renewedAt",
            { "$subtract": ["$$NOW", i64::try_from(TERM.as_millis()).unwrap_or(i64::MAX)] },
        ] };
        let mut free = vec![
            doc! { "owner": owner.id.as_str() },
            doc! { "owner": Bson::Null },
            doc! { "$expr": run_out },
        ];
        if owner.outlives(&held)
            && let Ok(gone) = held.get_str("owner")
        {
            free.push(doc! { "owner": gone });
        }
        self.take_where(owner, session, doc! { "_id": owner.lease, "$or": free }).await
    }

    /// Takes the lease from whoever has it, and ends its session: for a moment in which nobody is
    /// to fold. The one who had it notices at its next renewal, and may have begun a commit before.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn seize_lease(&self, owner: &Owner, session: &CommitSession) -> Result<(), Error> {
        // There is one where anybody ever folded.
        self.take_where(owner, session, doc! { "_id": owner.lease }).await.map(|_| ())
    }

    async fn take_where(
        &self,
        owner: &Owner,
        session: &CommitSession,
        filter: bson::Document,
    ) -> Result<bool, Error> {
        let leases = self.database.collection::<bson::Document>(LEASES);
        let take = vec![doc! { "$set": {
            "owner": { "$literal": owner.id.as_str() },
            "host": { "$literal": owner.host.as_str() },
            "pid": i64::from(owner.pid),
            "session": { "$literal": session.0.id().clone() },
            "renewedAt": "$$NOW",
        } }];
        let before = leases
            .find_one_and_update(filter, take)
            .return_document(ReturnDocument::Before)
            .await
            .doing("taking the lease")?;
        let Some(before) = before else { return Ok(false) };
        if let Ok(left) = before.get_document("session")
            && left != session.0.id()
        {
            self.end_session(left).await?;
        }
        Ok(true)
    }

    /// Says that the owner is alive. False where the lease was lost.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn renew_lease(&self, owner: &Owner) -> Result<bool, Error> {
        let renew = vec![doc! { "$set": { "renewedAt": "$$NOW" } }];
        self.database
            .collection::<bson::Document>(LEASES)
            .update_one(doc! { "_id": owner.lease, "owner": owner.id.as_str() }, renew)
            .await
            .doing("renewing the lease")
            .map(|renewed| renewed.matched_count == 1)
    }

    /// Gives the lease back, so that the next owner need not wait for it to run out.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn leave_lease(&self, owner: &Owner) -> Result<(), Error> {
        self.database
            .collection::<bson::Document>(LEASES)
            .update_one(
                doc! { "_id": owner.lease, "owner": owner.id.as_str() },
                doc! { "$set": { "owner": Bson::Null } },
            )
            .await
            .doing("leaving the lease")?;
        Ok(())
    }

    async fn end_session(&self, session: &bson::Document) -> Result<(), Error> {
        self.client
            .database("admin")
            .run_command(doc! { "killSessions": [session.clone()] })
            .await
            .doing("ending the session of the last projector")?;
        Ok(())
    }
}
