//! What the fold makes of one message now: a fold of its own that begins at the live generation's
//! checkpoint, is given what the message needs, resolves it, and is thrown away.

use projections::event::{Event, Kind, Reason};
use projections::fold::{Fold, Message, Needs, Touched};
use projections::ledger::LedgerKey;
use projections::root::Counts;

use super::Error;
use crate::projector::batch;
use crate::store::Store;
use crate::store::generation::Checkpoint;
use crate::stream::REPLAY_OF;
use crate::stream::publish::Again;
use crate::stream::read::Record;

/// How often it is tried while commits change what it reads.
const ATTEMPTS: usize = 20;

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It changes figures.
    Applied,
    /// An activity that is remembered.
    Repeated,
    /// It says what is known.
    Unchanged,
    /// Something newer of its entity was applied.
    Stale,
    /// It is no event, or cannot be admitted.
    Quarantined(Vec<Reason>),
}

/// What the fold makes of a message.
#[derive(Debug, Clone)]
pub struct Trial {
    /// At this position of the log: that of the read models.
    pub position: u64,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Its kind; meaningless where it is no event.
    pub kind: Kind,
    /// Its entity; empty where it is no event.
    pub entity: String,
    /// Whether the entity is known. An activity is a fact and has none.
    pub known: Option<bool>,
    /// What kinds of figures it changes.
    pub touched: Touched,
}

impl Verdict {
    /// Its name, as the counts have it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Verdict::Applied => "applied",
            Verdict::Repeated => "repeated",
            Verdict::Unchanged => "unchanged",
            Verdict::Stale => "stale",
            Verdict::Quarantined(_) => "quarantined",
        }
    }
}

/// Tries a message at the position of the live generation. Several documents are read for it, one
/// after the other: where a commit came between, they are read again.
///
/// # Errors
/// [`Error::Busy`], [`Error::NotThere`], [`Error::Store`].
pub async fn run(store: &Store, prefix: &str, again: &Again) -> Result<Trial, Error> {
    for _ in 0..ATTEMPTS {
        let checkpoint = live(store).await?;
        let (generation, position) = (checkpoint.generation, checkpoint.position);
        // What is read while a commit is made may fit together in no way.
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
    let record = record(again, position + 1);
    let records = [record];
    let messages = batch::parse(&records, prefix, &settings.currency, root.log_time);
    let mut fold = Fold::new(settings.clone(), root);
    let event = match &messages[0].event {
        Ok(event) => event,
        Err(reasons) => return Ok(Trial::none(position, reasons.clone())),
    };
    if event.kind() == Kind::Activity {
        store.restore_activities(generation, &mut fold).await?;
    }
    supply(store, generation, &mut fold, &messages, event).await?;
    let known = is_known(&mut fold, event)?;
    let before = fold.root.counts;
    let mut resolved = fold.resolve(&messages)?;
    let verdict = match resolved.quarantined.pop() {
        Some((_, reasons)) => Verdict::Quarantined(reasons),
        None => verdict(before, fold.root.counts),
    };
    let touched = if verdict == Verdict::Applied { resolved.touched } else { Touched::default() };
    let (kind, entity) = (event.kind(), event.entity().to_owned());
    Ok(Trial { position, verdict, kind, entity, known, touched })
}

impl Trial {
    fn none(position: u64, reasons: Vec<Reason>) -> Self {
        Trial {
            position,
            verdict: Verdict::Quarantined(reasons),
            kind: Kind::Transaction,
            entity: String::new(),
            known: None,
            touched: Touched::default(),
        }
    }
}

/// As the projector will read it.
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

/// The fold is told of the ledger's row before it asks: it remembers no ids, and would take every
/// entity for a new one.
async fn supply(
    store: &Store,
    generation: u32,
    fold: &mut Fold,
    messages: &[Message<'_>],
    event: &Event<'_>,
) -> Result<(), Error> {
    let ledger = ledger_key(event).into_iter().collect();
    store.supply(generation, Needs { ledger, ..Needs::default() }, fold).await?;
    let needs = fold.needs_identity(messages);
    store.supply(generation, needs, fold).await?;
    let needs = fold.needs_entities(messages)?;
    Ok(store.supply(generation, needs, fold).await?)
}

fn ledger_key(event: &Event<'_>) -> Option<LedgerKey> {
    match event {
        Event::Transaction(sale) => Some(LedgerKey::transaction(&sale.transaction_id)),
        Event::Feedback(rating) => Some(LedgerKey::feedback(&rating.feedback_id)),
        _ => None,
    }
}

fn is_known(fold: &mut Fold, event: &Event<'_>) -> Result<Option<bool>, Error> {
    Ok(match event {
        Event::Activity(_) => None,
        Event::Customer(it) => Some(fold.customers.get(&*it.user_id)?.is_some()),
        Event::Product(_) | Event::Stock(_) => Some(fold.products.get(event.entity())?.is_some()),
        Event::Transaction(_) | Event::Feedback(_) => match ledger_key(event) {
            Some(key) => Some(fold.ledger.get(&key)?.is_some()),
            None => None,
        },
    })
}

/// Of one message that was not quarantined, one count moved.
fn verdict(before: Counts, after: Counts) -> Verdict {
    if after.repeated > before.repeated {
        Verdict::Repeated
    } else if after.unchanged > before.unchanged {
        Verdict::Unchanged
    } else if after.stale > before.stale {
        Verdict::Stale
    } else {
        Verdict::Applied
    }
}
