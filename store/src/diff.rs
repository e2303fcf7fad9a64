//! Two generations, of one database or of two, document by document. Nobody may write to either
//! meanwhile; the caller ensures that.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;

use futures_util::TryStreamExt;
use mongodb::Cursor;
use mongodb::bson::{self, Document, RawDocumentBuf, doc};
use projections::ledger::Ledger;

use super::generation::Checkpoint;
use super::names::Model;
use super::{Doing, Error, Store};

const DOING: &str = "comparing generations";

/// The difference between a document of one generation and the same of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Only the first has it.
    OnlyFirst,
    /// Only the second has it.
    OnlySecond,
    /// They differ in these fields.
    Fields(Vec<String>),
}

/// A document that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The collection's name, the same in every generation.
    pub model: &'static str,
    /// Its id.
    pub id: String,
    /// The difference.
    pub difference: Difference,
}

/// The comparison of two generations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The number of documents compared, in the generation that has more.
    pub documents: u64,
    /// The number of those that differ.
    pub differ: u64,
    /// The first of those.
    pub rows: Vec<Row>,
}

/// The number of differing documents that are listed.
const ROWS_TOLD: usize = 100;

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.model, self.id)?;
        match &self.difference {
            Difference::OnlyFirst => f.write_str("only the first has it"),
            Difference::OnlySecond => f.write_str("only the second has it"),
            Difference::Fields(fields) => write!(f, "they differ in {}", fields.join(", ")),
        }
    }
}

impl Diff {
    fn note(&mut self, model: &'static str, id: String, difference: Difference) {
        self.differ += 1;
        if self.rows.len() < ROWS_TOLD {
            self.rows.push(Row { model, id, difference });
        }
    }
}

impl Store {
    /// Compares a generation with one of `other`, which may be the same store. The instants and the
    /// numbers of the generations are left out; the rest of their checkpoints is a document like
    /// any other. A table has one form for one content, so its bytes are compared.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::Document`].
    pub async fn diff(
        &self,
        first: &Checkpoint,
        other: &Store,
        second: &Checkpoint,
    ) -> Result<Diff, Error> {
        let mut diff = Diff { documents: 1, ..Diff::default() };
        let (ours, theirs) = (comparable(first)?, comparable(second)?);
        if ours != theirs {
            let fields = differing(&ours, &theirs);
            diff.note("checkpoints", "checkpoint".to_owned(), Difference::Fields(fields));
        }
        for model in Model::all() {
            let ours = self.sorted(model, first.generation).await?;
            let theirs = other.sorted(model, second.generation).await?;
            diff.compare(model.as_str(), ours, theirs).await?;
        }
        Ok(diff)
    }

    /// The ids of all transactions and ratings that a generation counts.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn counted(&self, generation: u32) -> Result<HashSet<String>, Error> {
        const DOING: &str = "reading what is counted";
        let ledger = self.database.collection::<Document>(&Model::of::<Ledger>().name(generation));
        let mut rows = ledger.find(doc! {}).projection(doc! { "_id": 1 }).await.doing(DOING)?;
        let mut ids = HashSet::new();
        while let Some(row) = rows.try_next().await.doing(DOING)? {
            ids.extend(row.get_str("_id").ok().and_then(|id| id.get(2..)).map(str::to_owned));
        }
        Ok(ids)
    }

    async fn sorted(&self, model: Model, generation: u32) -> Result<Cursor<RawDocumentBuf>, Error> {
        self.database
            .collection::<RawDocumentBuf>(&model.name(generation))
            .find(doc! {})
            .sort(doc! { "_id": 1 })
            .batch_size(10_000)
            .await
            .doing(DOING)
    }
}

impl Diff {
    /// Goes through both collections in the order of ids.
    async fn compare(
        &mut self,
        name: &'static str,
        mut ours: Cursor<RawDocumentBuf>,
        mut theirs: Cursor<RawDocumentBuf>,
    ) -> Result<(), Error> {
        let (mut left, mut right) = (next(&mut ours).await?, next(&mut theirs).await?);
        loop {
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((left, _)), Some((right, _))) => left.cmp(right),
            };
            self.documents += 1;
            match order {
                Ordering::Less => {
                    let (id, _) = left.take().unwrap_or_default();
                    self.note(name, id.to_string(), Difference::OnlyFirst);
                }
                Ordering::Greater => {
                    let (id, _) = right.take().unwrap_or_default();
                    self.note(name, id.to_string(), Difference::OnlySecond);
                }
                Ordering::Equal => {
                    if let (Some((id, ours)), Some((_, theirs))) = (left.take(), right.take())
                        && ours.as_bytes() != theirs.as_bytes()
                    {
                        let fields = differing(&parsed(&ours)?, &parsed(&theirs)?);
                        if !fields.is_empty() {
                            self.note(name, id.to_string(), Difference::Fields(fields));
                        }
                    }
                }
            }
            if order.is_le() {
                left = next(&mut ours).await?;
            }
            if order.is_ge() {
                right = next(&mut theirs).await?;
            }
        }
    }
}

/// An id as it sorts: a text, or a position of the quarantine.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Id(i64, String);

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.1.is_empty() { write!(f, "{}", self.0) } else { f.write_str(&self.1) }
    }
}

async fn next(cursor: &mut Cursor<RawDocumentBuf>) -> Result<Option<(Id, RawDocumentBuf)>, Error> {
    let Some(raw) = cursor.try_next().await.doing(DOING)? else { return Ok(None) };
    let id = match raw.get("_id").doing(DOING)? {
        Some(bson::RawBsonRef::String(text)) => Id(0, text.to_owned()),
        Some(bson::RawBsonRef::Int64(number)) => Id(number, String::new()),
        Some(bson::RawBsonRef::Int32(number)) => Id(i64::from(number), String::new()),
        _ => return Err(Error::Missing("a document has an id that no generation gives")),
    };
    Ok(Some((id, raw)))
}

fn parsed(raw: &RawDocumentBuf) -> Result<Document, Error> {
    bson::deserialize_from_slice(raw.as_bytes()).doing(DOING)
}

/// The fields that only one of them has, or that differ.
fn differing(ours: &Document, theirs: &Document) -> Vec<String> {
    let differ = ours.iter().filter(|(name, value)| theirs.get(name) != Some(value));
    let missing = theirs.keys().filter(|name| !ours.contains_key(name.as_str()));
    differ.map(|(name, _)| name).chain(missing).cloned().collect()
}

fn comparable(checkpoint: &Checkpoint) -> Result<Document, Error> {
    let mut document = bson::serialize_to_document(checkpoint).doing(DOING)?;
    for left_out in ["_id", "committedAt", "leftAt"] {
        document.remove(left_out);
    }
    let root = document.remove("root");
    if let Some(bson::Bson::Document(root)) = root {
        document.extend(root.into_iter().map(|(name, value)| (format!("root.{name}"), value)));
    }
    Ok(document)
}
