//! The trial of one message: a fold of its own begins at the live generation's checkpoint, is given
//! the documents that the message needs, resolves it, and is thrown away.

use projections::batch::{Batch, Step};
use projections::event::{Kind, Reason};
use projections::fold::root::FOLD_VERSION;
use projections::fold::{Fold, Outcome, Resolved};
use projections::topic::Topics;

use super::Error;
use crate::projector::batch::{self, Decided};
use crate::store::Store;
use crate::store::generation::Checkpoint;
use crate::stream::REPLAY_OF;
use crate::stream::Record;
use crate::stream::publish::Again;

/// The most attempts while commits change the documents that are read.
const ATTEMPTS: usize = 20;

/// The result of a trial.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The position of the read models that it holds for.
    pub position: u64,
    /// Its outcome.
    pub outcome: Outcome,
    /// Its kind; meaningless where it is no event.
    pub kind: Kind,
    /// Its entity; empty where it is no event.
    pub entity: String,
    /// Whether the entity is known. An activity is a fact and has none.
    pub known: Option<bool>,
    /// The kinds of figures that it changes.
    pub touched: Topics,
}

/// Tries a message at the position of the live generation. Several documents are read for it, one
/// after the other: where a commit came between, they are read again.
///
/// # Errors
/// [`Error::Busy`], [`Error::NotThere`], [`Error::AnotherFold`], [`Error::Store`].
pub async fn run(store: &Store, prefix: &str, again: &Again) -> Result<Trial, Error> {
    for _ in 0..ATTEMPTS {
        let checkpoint = live(store).await?;
        let (generation, position) = (checkpoint.generation, checkpoint.position);
        // Documents that are read during a commit may not fit together.
        let tried = at(store, prefix, again, checkpoint).await;
        let after = live(store).await?;
        if (after.generation, after.position) == (generation, position) {
            return tried;
        }
    }
    Err(Error::Busy)
}

async fn live(store: &Store) -> Result<Checkpoint, Error> {
    let generation = store.live().await?.ok_or(Error::NotThere)?;
    store.checkpoint(generation).await?.ok_or(Error::NotThere)
}

async fn at(
    store: &Store,
    prefix: &str,
    again: &Again,
    checkpoint: Checkpoint,
) -> Result<Trial, Error> {
    let Checkpoint { generation, position, settings, root, .. } = checkpoint;
    let (made_by, this) = (settings.fold_version, FOLD_VERSION);
    if made_by != this {
        return Err(Error::AnotherFold { made_by, this });
    }
    let record = record(again, position + 1);
    let records = [record];
    let messages =
        batch::parse(&records, prefix, &settings.currency, root.log_time, &Decided::default());
    let mut fold = Fold::new(settings.clone(), root).asking_for_all_rows();
    let event = match &messages[0].event {
        Ok(event) => event,
        Err(reasons) => return Ok(Trial::none(position, reasons.clone())),
    };
    if event.is_fact() {
        store.restore_activities(generation, &mut fold).await?;
    }
    let mut batch = Batch::of(&messages);
    let mut known = None;
    loop {
        let step = batch.step(&mut fold)?;
        if batch.resolved().is_some() {
            break;
        }
        match step {
            Step::Supply(needs) => {
                store.supply(generation, needs, &mut batch, &mut fold).await?;
            }
            Step::Ready => known = event.is_known(&mut fold)?,
            Step::Purchases | Step::Done => {}
        }
    }
    let Resolved { mut outcomes, touched, .. } = batch.finish();
    let outcome = outcomes.pop().unwrap_or(Outcome::Unchanged);
    let touched = if outcome == Outcome::Applied { touched } else { Topics::default() };
    let (kind, entity) = (event.kind(), event.entity().to_owned());
    Ok(Trial { position, outcome, kind, entity, known, touched })
}

impl Trial {
    fn none(position: u64, reasons: Vec<Reason>) -> Self {
        Trial {
            position,
            outcome: Outcome::Quarantined(reasons),
            kind: Kind::Transaction,
            entity: String::new(),
            known: None,
            touched: Topics::default(),
        }
    }
}

/// The record as the projector will read it.
fn record(again: &Again, position: u64) -> Record {
    let mut headers = again.headers.clone();
    headers.push((REPLAY_OF.to_owned(), again.replay_of.to_string()));
    Record {
        position,
        time: chrono::Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX),
        subject: again.subject.clone(),
        headers,
        payload: again.body.clone(),
        unreadable: None,
    }
}
