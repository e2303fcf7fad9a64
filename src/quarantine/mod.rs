//! The quarantine: listing messages, trying them, sending them again as they were or edited, and
//! discarding them. Both [`http`] and the command line use it.
//!
//! Nothing here changes a read model. A replay is an event like any other, which the projector
//! reads off the log; it names the position that it stood at first and ranks there. Decisions are
//! noted beside the generations: a replay before it is sent and again when the log has it, so that
//! a crash between the two leaves a note that says so.
//!
//! # Layout
//!
//! - [`trial`]: one message against a fold that is thrown away;
//! - [`error`]: why an operation failed; [`http`]: the endpoints, [`parameters`] of the list,
//!   [`shown`]: a message as it is shown.

pub mod error;
pub mod http;
pub mod parameters;
pub mod shown;
pub mod trial;

use bytes::Bytes;
use projections::event::Kind;
use projections::fold::Outcome;
use sha2::{Digest, Sha256};

pub use self::error::Error;
use self::trial::Trial;
use crate::auth::audit::{Audit, Event, EventType};
use crate::http::client::Origin;
use crate::store::generation::Checkpoint;
use crate::store::quarantine::{Kept, QuarantineWanted, Resolution, State, Which};
use crate::store::{Store, time};
use crate::stream::acknowledgement::Refusal;
use crate::stream::publish::Again;
use crate::stream::{Log, REPLAY_OF, subject};

/// The prefix of headers that the log itself acts on; they were for the message as it was sent
/// first.
const OF_THE_LOG: &str = "nats-";

/// The quarantine of a shop.
#[derive(Debug, Clone)]
pub struct Quarantine {
    /// The store.
    pub store: Store,
    /// The log.
    pub log: Log,
    /// The prefix of the subjects of events.
    pub prefix: String,
    /// The audit.
    pub audit: Audit,
}

/// The changes of a message before it is sent again; none, where it is sent as it was.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    /// Another body.
    pub payload: Option<Bytes>,
    /// Another kind.
    pub kind: Option<Kind>,
}

/// The caller, for the audit.
#[derive(Debug, Clone)]
pub struct Who {
    /// The name in the audit.
    pub name: String,
    /// The address and the request.
    pub origin: Origin,
}

/// The result of a replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The result of the trial, at its position.
    pub trial: Trial,
    /// Its position on the log now; `None` if it was only tried.
    pub position: Option<u64>,
}

/// What became of a page of messages that were sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// The number of those that were sent, or would be.
    pub sent: u64,
    /// The number of those that would be quarantined again, or are decided meanwhile.
    pub refused: u64,
    /// The last position, if there are more behind it.
    pub next: Option<u64>,
}

impl Quarantine {
    /// The messages that fit, the oldest first; none, where nothing was folded yet.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(&self, wanted: &QuarantineWanted) -> Result<Vec<Kept>, Error> {
        let Some(checkpoint) = self.checkpoint().await? else { return Ok(Vec::new()) };
        let (generation, log) = (checkpoint.generation, &checkpoint.incarnation);
        Ok(self.store.quarantined(generation, log, wanted).await?)
    }

    /// The message at a position.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::Store`].
    pub async fn show(&self, position: u64) -> Result<Kept, Error> {
        Ok(self.find(position).await?.0)
    }

    /// Sends a message again, as it was or edited; a `dry` replay is only tried.
    ///
    /// # Errors
    /// [`Error`]. Nothing was sent, but for [`Error::Unknown`].
    pub async fn replay(
        &self,
        position: u64,
        edit: Edit,
        dry: bool,
        who: &Who,
    ) -> Result<Replay, Error> {
        let (kept, checkpoint) = self.undecided(position).await?;
        let (mut again, edited) = self.again(&kept, edit)?;
        let trial = trial::run(&self.store, &self.prefix, &again).await?;
        if edited {
            again.subject = subject::of_event(&self.prefix, trial.kind, &trial.entity);
        }
        if let Outcome::Quarantined(reasons) = trial.outcome {
            return Err(Error::StillInvalid(reasons));
        }
        if dry {
            return Ok(Replay { trial, position: None });
        }
        self.is_the_log_of(&checkpoint).await?;
        again.message_id = message_id(position, &again);
        let begun = Resolution {
            position,
            incarnation: checkpoint.incarnation,
            state: State::Begun,
            at: time::now(),
            by: who.name.clone(),
            replayed_at: None,
            edited,
            message_id: Some(again.message_id.clone()),
            reason: None,
        };
        self.note(&begun).await?;
        let kind = again.subject.clone();
        let at = self.send(&begun, again, &trial).await?;
        let how = if edited { "edited" } else { "as it was" };
        let detail = format!("{how}, to {kind} at {at}");
        self.remember(EventType::QuarantineReplay, position, detail, who).await;
        Ok(Replay { trial, position: Some(at) })
    }

    /// Sends the first page of the open messages that fit again as they were, the oldest first; a `dry`
    /// replay is only tried. What became of each is told.
    ///
    /// # Errors
    /// [`Error`], other than that a message cannot be sent. Those before were sent.
    pub async fn replay_page(
        &self,
        wanted: QuarantineWanted,
        dry: bool,
        who: &Who,
        mut tell: impl FnMut(u64, &Result<Replay, Error>),
    ) -> Result<Swept, Error> {
        let limit = wanted.limit as usize;
        let wanted = QuarantineWanted { which: Which::Open, limit: wanted.limit + 1, ..wanted };
        let mut positions: Vec<u64> =
            self.list(&wanted).await?.into_iter().map(|kept| kept.row.position).collect();
        let has_more = positions.len() > limit;
        positions.truncate(limit);
        let mut swept =
            Swept { next: positions.last().copied().filter(|_| has_more), ..Swept::default() };
        for position in positions {
            let replay = self.replay(position, Edit::default(), dry, who).await;
            tell(position, &replay);
            match replay {
                Ok(_) => swept.sent += 1,
                Err(error) if error.is_of_the_message() => swept.refused += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(swept)
    }

    /// The last position of the log.
    ///
    /// # Errors
    /// [`Error::Log`].
    pub async fn last(&self) -> Result<u64, Error> {
        Ok(self.log.extent().await?.last)
    }

    /// Discards a message; a `dry` call only says whether that could be done.
    ///
    /// # Errors
    /// [`Error::NotThere`], [`Error::Decided`], [`Error::UnderWay`], [`Error::Store`].
    pub async fn discard(
        &self,
        position: u64,
        reason: &str,
        dry: bool,
        who: &Who,
    ) -> Result<(), Error> {
        let (kept, checkpoint) = self.undecided(position).await?;
        if kept.resolution.is_some_and(|it| it.state == State::Begun) {
            return Err(Error::UnderWay);
        }
        if dry {
            return Ok(());
        }
        let resolution = Resolution {
            position,
            incarnation: checkpoint.incarnation,
            state: State::Discarded,
            at: time::now(),
            by: who.name.clone(),
            replayed_at: None,
            edited: false,
            message_id: None,
            reason: Some(reason.to_owned()),
        };
        self.note(&resolution).await?;
        self.remember(EventType::QuarantineDiscard, position, reason.to_owned(), who).await;
        Ok(())
    }

    async fn checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        match self.store.live().await? {
            Some(generation) => Ok(self.store.checkpoint(generation).await?),
            None => Ok(None),
        }
    }

    async fn find(&self, position: u64) -> Result<(Kept, Checkpoint), Error> {
        let checkpoint = self.checkpoint().await?.ok_or(Error::NotThere)?;
        let (generation, log) = (checkpoint.generation, &checkpoint.incarnation);
        let kept = self.store.quarantined_at(generation, log, position).await?;
        Ok((kept.ok_or(Error::NotThere)?, checkpoint))
    }

    async fn undecided(&self, position: u64) -> Result<(Kept, Checkpoint), Error> {
        let (kept, checkpoint) = self.find(position).await?;
        match &kept.resolution {
            Some(it) if it.state != State::Begun => Err(Error::Decided(it.state)),
            _ => Ok((kept, checkpoint)),
        }
    }

    /// The message to send, and whether it is edited. A message that was a replay itself ranks
    /// where the first one stood.
    fn again(&self, kept: &Kept, edit: Edit) -> Result<(Again, bool), Error> {
        let row = &kept.row;
        let is_replay_of = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(REPLAY_OF);
        let first = row.headers.iter().find(is_replay_of).and_then(|(_, it)| it.parse().ok());
        let first = first.filter(|first| (1..row.position).contains(first));
        let edited = edit.payload.is_some() || edit.kind.is_some();
        let is_cut = row.bytes_left_out > 0 && edit.payload.is_none();
        if is_cut || row.header_block.is_some() && !edited {
            return Err(Error::NotAsItWas);
        }
        let kind = edit.kind.or_else(|| subject::kind_of(&self.prefix, &row.subject));
        let mut again = Again {
            subject: row.subject.clone(),
            headers: Vec::new(),
            body: edit.payload.unwrap_or_else(|| Bytes::copy_from_slice(row.payload.bytes())),
            message_id: String::new(),
            replay_of: first.unwrap_or(row.position),
        };
        if edited {
            let kind = kind.ok_or(Error::KindNeeded)?;
            again.subject = subject::of_kind(&self.prefix, kind);
        } else {
            // Headers make a message a CloudEvent; an edited body is plain.
            let kept = |(name, _): &&(String, String)| {
                !name.eq_ignore_ascii_case(REPLAY_OF)
                    && !name.to_ascii_lowercase().starts_with(OF_THE_LOG)
            };
            again.headers = row.headers.iter().filter(kept).cloned().collect();
        }
        Ok((again, edited))
    }

    /// A projector that halts must not get more events: the log is another one.
    async fn is_the_log_of(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        let extent = self.log.extent().await?;
        let is_it =
            extent.incarnation == checkpoint.incarnation && extent.last >= checkpoint.position;
        if is_it { Ok(()) } else { Err(Error::AnotherLog) }
    }

    async fn note(&self, resolution: &Resolution) -> Result<(), Error> {
        if self.store.resolve(resolution).await? {
            return Ok(());
        }
        match self.find(resolution.position).await?.0.resolution {
            Some(it) if it.state != State::Begun => Err(Error::Decided(it.state)),
            _ => Err(Error::UnderWay),
        }
    }

    /// Runs to its end even where the caller is gone.
    async fn send(&self, begun: &Resolution, again: Again, trial: &Trial) -> Result<u64, Error> {
        let (store, log, begun) = (self.store.clone(), self.log.clone(), begun.clone());
        let (kind, entity) = (trial.kind, trial.entity.clone());
        let sending = tokio::spawn(async move {
            match log.publish_again(again, kind, &entity).await {
                Ok(stored) => {
                    store.end_replay(&begun, Some(stored.position)).await?;
                    Ok(stored.position)
                }
                // Nobody knows whether the log has it, so the note stays.
                Err(Refusal::Unknown) => Err(Error::Unknown),
                Err(refusal) => {
                    store.end_replay(&begun, None).await?;
                    Err(Error::Refused(refusal))
                }
            }
        });
        sending.await.unwrap_or(Err(Error::Unknown))
    }

    async fn remember(&self, event: EventType, position: u64, detail: String, who: &Who) {
        let event = Event::done(event).by_name(&who.name).to(format!("event:{position}"));
        self.audit.record(event.detail(detail).from(&who.origin)).await;
    }
}

/// The id is equal for the same message sent again, so that a replay that was begun and not noted
/// is on the log once.
fn message_id(position: u64, again: &Again) -> String {
    let hash = Sha256::new().chain_update(&again.subject).chain_update([0]);
    format!("replay-{position}-{:x}", hash.chain_update(&again.body).finalize())
}
