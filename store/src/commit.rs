//! The commit: a batch's changes, in one transaction with the checkpoint that counts them.
//!
//! First the compare-and-set on the checkpoint, so that a projector that is not the newest finds
//! out before it writes; then one command for each collection. A crash before the commit is
//! answered leaves everything or nothing, and the checkpoint says which.

use std::time::Duration;

use common::failpoint;
use mongodb::ClientSession;
use mongodb::bson::{self, rawdoc};
use mongodb::error::{ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::options::WriteConcern;
use projections::collection::{Collection, Key};
use projections::fold::dedup::{BlockKey, BlockKind, SeenIds};
use projections::fold::working_set::Change;
use projections::fold::{Fold, Resolved};
use projections::for_each_collection;
use serde::Serialize;

use super::generation::Checkpoint;
use super::names::{CHECKPOINTS, Model};
use super::operations::{Command, ENCODING, Verb, Writes};
use super::{Doing, Error, Store};

/// The time for which a commit with an unknown result is sent again.
const UNKNOWN_RESULT_PATIENCE: Duration = Duration::from_secs(10);
/// The database's code for an operation whose session was ended.
const INTERRUPTED: i32 = 11_601;

/// A message that could not be understood or admitted, as kept in `quarantine`.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quarantined {
    /// Its position.
    #[serde(rename = "_id")]
    pub position: u64,
    /// Its subject.
    pub subject: String,
    /// The instant when the log stored it, milliseconds since 1970.
    pub at: i64,
    /// Its body, byte for byte, or the first 8 MB of it.
    pub payload: Payload,
    /// The number of bytes of its body that the log alone has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes_left_out: u64,
    /// Its headers; none if they cannot be read.
    pub headers: Vec<(String, String)>,
    /// Its block of headers, byte for byte, if that or the subject cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_block: Option<Payload>,
    /// Every reason.
    pub reasons: Vec<QuarantineReason>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// A part of a quarantined message, byte for byte.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Payload(bson::Binary);

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        let subtype = bson::spec::BinarySubtype::Generic;
        Payload(bson::Binary { subtype, bytes: bytes.to_vec() })
    }
}

impl Payload {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// One reason why a message was quarantined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct QuarantineReason {
    /// The field, or empty for the whole message.
    pub field: String,
    /// The fault, and the values that are allowed.
    pub message: String,
    /// A word for it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Why a commit failed.
#[derive(Debug)]
pub enum CommitError {
    /// Another projector has moved the checkpoint, or has ended the session of this one to fold
    /// itself.
    Overtaken,
    /// The transaction was aborted for a passing reason, or its result is unknown.
    Passing(Error),
    /// The transaction was refused; the same one would be refused again.
    Refused(Error),
}

/// A batch's writes, encoded: independent of the fold, which may go on.
#[derive(Debug)]
pub struct Commit {
    checkpoint: Checkpoint,
    previous: u64,
    commands: Vec<Command>,
    /// The number of documents that it writes, the checkpoint included.
    pub writes: usize,
}

/// A session to commit in.
#[derive(Debug)]
pub struct CommitSession(pub(super) ClientSession);

impl Store {
    /// Begins a session to commit in.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn begin_session(&self) -> Result<CommitSession, Error> {
        self.client.start_session().await.doing("beginning a session").map(CommitSession)
    }
}

impl Commit {
    /// Encodes the changes of `fold` since it last settled.
    ///
    /// # Errors
    /// [`Error::Document`] if a document cannot be encoded.
    pub fn encode(
        fold: &Fold,
        previous: u64,
        checkpoint: Checkpoint,
        quarantined: &[Quarantined],
        resolved: &Resolved,
    ) -> Result<Self, Error> {
        let mut writes = Writes { generation: checkpoint.generation, commands: vec![], count: 1 };
        macro_rules! changes {
            ($($set:ident: $Collection:ty,)*) => {
                $(writes.changes::<$Collection>(fold.sets.$set.changes())?;)*
            };
        }
        for_each_collection!(changes);
        let mut names = writes.collect(Model::NAMES, Verb::Insert);
        for named in &resolved.named {
            let id = named.entity.name_id(named.ordinal);
            names.push(&rawdoc! { "_id": id, "id": named.id.as_ref() });
        }
        names.end();
        writes.quarantine(quarantined)?;
        if resolved.forget_blocks {
            let kind = BlockKind::Activity;
            let first = BlockKey { kind, number: fold.root.blocks.activity_first }.to_id();
            let zero = BlockKey { kind, number: 0 }.to_id();
            let mut delete = writes.collect(Model::of::<SeenIds>(), Verb::Delete);
            delete.push(&rawdoc! { "q": { "_id": { "$gte": zero, "$lt": first } }, "limit": 0 });
            delete.end();
        }
        let (commands, writes) = (writes.commands, writes.count);
        Ok(Commit { checkpoint, previous, commands, writes })
    }

    /// The checkpoint after it.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The position that the checkpoint must still be at.
    #[must_use]
    pub fn previous(&self) -> u64 {
        self.previous
    }

    /// Runs the transaction. Must not be dropped half-way: run it in a task of its own.
    ///
    /// # Errors
    /// [`CommitError`]; unless it is [`CommitError::Overtaken`], the checkpoint must be read again
    /// to know the generation's position.
    pub async fn run(self, store: &Store, session: &mut CommitSession) -> Result<(), CommitError> {
        let session = &mut session.0;
        failpoint::pass("commit-not-begun");
        let majority = WriteConcern::majority();
        session
            .start_transaction()
            .write_concern(majority)
            .await
            .doing("beginning a commit")
            .map_err(CommitError::Refused)?;
        let written = self.write(store, session).await;
        if let Err(error) = written {
            // The server ends a transaction by itself once one of its statements failed.
            let _ = session.abort_transaction().await;
            return Err(error);
        }
        failpoint::pass("commit-written");
        // Committing again is safe, since the server remembers its result; so an unknown result is
        // asked for until there is an answer. If there is none, the caller reads the checkpoint.
        let patience = tokio::time::Instant::now() + UNKNOWN_RESULT_PATIENCE;
        loop {
            match session.commit_transaction().await {
                Ok(()) => {
                    failpoint::pass("commit-committed");
                    return Ok(());
                }
                Err(driver) => {
                    let unknown = driver.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
                    let error = Error::Driver { doing: "committing", driver };
                    if !unknown {
                        return Err(classify(error));
                    }
                    if tokio::time::Instant::now() > patience {
                        return Err(CommitError::Passing(error));
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn write(self, store: &Store, session: &mut ClientSession) -> Result<(), CommitError> {
        const DOING: &str = "writing a commit";
        let document = bson::serialize_to_raw_document_buf(&self.checkpoint)
            .doing(DOING)
            .map_err(CommitError::Refused)?;
        let matched = store
            .database
            .run_raw_command(rawdoc! {
                "update": CHECKPOINTS,
                "updates": [{
                    "q": {
                        "_id": i64::from(self.checkpoint.generation),
                        "position": i64::try_from(self.previous).unwrap_or(i64::MAX),
                        "incarnation": self.checkpoint.incarnation.as_str(),
                        "leftAt": self.checkpoint.left_at.map_or(bson::RawBson::Null, Into::into),
                    },
                    "u": document,
                }],
            })
            .session(&mut *session)
            .await
            .doing(DOING)
            .map_err(classify)?;
        if number(&matched, "n") != 1 {
            return Err(CommitError::Overtaken);
        }
        failpoint::pass("commit-compared-and-set");
        for Command { body, operations } in self.commands {
            let answer = store
                .database
                .run_raw_command(body)
                .session(&mut *session)
                .await
                .doing(DOING)
                .map_err(classify)?;
            if answer.contains_key("writeErrors")
                || operations.is_some_and(|n| n != number(&answer, "n"))
            {
                return Err(CommitError::Refused(Error::Missing(
                    "a write of the batch was refused by the database",
                )));
            }
            failpoint::pass("commit-command-written");
        }
        Ok(())
    }
}

pub(super) fn number(answer: &bson::Document, key: &str) -> i64 {
    match answer.get(key) {
        Some(bson::Bson::Int32(n)) => i64::from(*n),
        Some(bson::Bson::Int64(n)) => *n,
        _ => 0,
    }
}

fn classify(error: Error) -> CommitError {
    match &error {
        Error::Driver { driver, .. }
            if driver.contains_label(TRANSIENT_TRANSACTION_ERROR)
                || matches!(*driver.kind, ErrorKind::Io(_) | ErrorKind::ServerSelection { .. }) =>
        {
            CommitError::Passing(error)
        }
        Error::Driver { driver, .. }
            if matches!(&*driver.kind,
            ErrorKind::Command(refused) if refused.code == INTERRUPTED) =>
        {
            CommitError::Overtaken
        }
        _ => CommitError::Refused(error),
    }
}

impl Writes {
    /// Adds the changes of a collection. An entity of which only counts changed is not written: its
    /// tally has them.
    pub(super) fn changes<'a, C: Collection>(
        &mut self,
        changes: impl Iterator<Item = Change<'a, C>> + Clone,
    ) -> Result<(), Error> {
        let model = Model::of::<C>();
        let changes = changes.filter(Change::is_written);
        let mut inserts = self.collect(model, Verb::Insert);
        for change in changes.clone().filter(|change| change.new) {
            inserts.insert(&change.key.id(), &C::stored(change.document))?;
        }
        inserts.end();
        let mut updates = self.collect(model, Verb::Update);
        for change in changes.filter(|change| !change.new) {
            updates.replace(&change.key.id(), &C::stored(change.document))?;
        }
        updates.end();
        Ok(())
    }

    pub(super) fn quarantine(&mut self, rows: &[Quarantined]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = self.collect(Model::QUARANTINE, Verb::Insert);
        for row in rows {
            insert.push(&bson::serialize_to_raw_document_buf(row).doing(ENCODING)?);
        }
        insert.end();
        Ok(())
    }
}
