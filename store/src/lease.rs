//! Leases: that of the process that folds, and that of the command that works on other generations.
//! They spare work; safety is the compare-and-set's.
//!
//! A lease records the driver session that commits run in, so that its next owner can end it: a
//! transaction that the owner left open would otherwise hold every document it wrote.

use mongodb::bson::{self, Bson, doc};
use mongodb::options::ReturnDocument;

use super::commit::CommitSession;
use super::names::LEASES;
use super::owner::{Holder, Owner, PROJECTOR, TERM};
use super::work::Work;
use super::{Doing, Error, Store};

/// The result of asking for the lease.
#[derive(Debug)]
pub enum Lease {
    /// It is this process's.
    Ours,
    /// Another holds it.
    Anothers(Holder),
}

/// The result of renewing a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// It is this process's for another [`TERM`].
    Ours,
    /// Another process has it.
    Lost,
    /// It is this process's, and somebody asks it to stop.
    ToStop,
}

impl Store {
    /// Takes the lease if it is free, this process's, run out, or left by a process that is gone;
    /// then ends the session that its last owner committed in.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn take_lease(&self, owner: &Owner, session: &CommitSession) -> Result<Lease, Error> {
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
        let holder = owner.sees(&held);
        if holder.is_gone()
            && let Ok(gone) = held.get_str("owner")
        {
            free.push(doc! { "owner": gone });
        }
        let free = doc! { "_id": owner.lease, "$or": free };
        let taken = self.take_where(owner, session, free, false).await?;
        Ok(if taken { Lease::Ours } else { Lease::Anothers(holder) })
    }

    /// Takes the lease from its owner, and ends its session: for a moment in which nobody is to
    /// fold. The previous owner notices at its next renewal, and may have begun a commit before.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn seize_lease(&self, owner: &Owner, session: &CommitSession) -> Result<(), Error> {
        // There is a lease if any process ever folded.
        self.take_where(owner, session, doc! { "_id": owner.lease }, true).await.map(|_| ())
    }

    async fn take_where(
        &self,
        owner: &Owner,
        session: &CommitSession,
        filter: bson::Document,
        holds: bool,
    ) -> Result<bool, Error> {
        let leases = self.database.collection::<bson::Document>(LEASES);
        let take = vec![doc! { "$set": {
            "owner": { "$literal": owner.id.as_str() },
            "host": { "$literal": owner.host.as_str() },
            "pid": i64::from(owner.pid),
            "session": { "$literal": session.0.id().clone() },
            "renewedAt": "$$NOW",
            "holds": holds,
            // The work of the last owner.
            "work": "$$REMOVE",
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

    /// Writes the session in which the owner commits from now on, so that its successor can end it.
    /// False if the lease was lost.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn commit_in(&self, owner: &Owner, session: &CommitSession) -> Result<bool, Error> {
        let said = self
            .database
            .collection::<bson::Document>(LEASES)
            .update_one(
                doc! { "_id": owner.lease, "owner": owner.id.as_str() },
                doc! { "$set": { "session": session.0.id().clone() } },
            )
            .await
            .doing("saying which session commits")?;
        Ok(said.matched_count == 1)
    }

    /// Writes that the owner is alive, and the progress of the work that it has the lease for.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn renew_lease(&self, owner: &Owner, work: Option<&Work>) -> Result<Renewed, Error> {
        const DOING: &str = "renewing the lease";
        let mut set = doc! { "renewedAt": "$$NOW" };
        if let Some(work) = work {
            let work = bson::serialize_to_document(work).doing(DOING)?;
            set.insert("work", doc! { "$literal": work });
        }
        let lease = self
            .database
            .collection::<bson::Document>(LEASES)
            .find_one_and_update(
                doc! { "_id": owner.lease, "owner": owner.id.as_str() },
                vec![doc! { "$set": set }],
            )
            .projection(doc! { "toStop": 1 })
            .await
            .doing(DOING)?;
        Ok(match lease {
            None => Renewed::Lost,
            Some(it) if it.get_str("toStop").is_ok_and(|it| it == owner.id) => Renewed::ToStop,
            Some(_) => Renewed::Ours,
        })
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

    /// The pid of the process that holds the projector's lease, on whichever machine it runs.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn lease_pid(&self) -> Result<Option<u32>, Error> {
        let leases = self.database.collection::<bson::Document>(LEASES);
        let lease = leases.find_one(doc! { "_id": PROJECTOR }).await.doing("reading the lease")?;
        let held = lease.filter(|lease| lease.get_str("owner").is_ok());
        let pid = held.and_then(|lease| lease.get("pid").and_then(Bson::as_i64));
        Ok(pid.and_then(|pid| u32::try_from(pid).ok()))
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
