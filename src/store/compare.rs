//! Two databases, document by document: whether two folds of one log came to the same.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use mongodb::Cursor;
use mongodb::bson::{Document, doc};

use super::names::{CHECKPOINTS, Model};
use super::{Doing, Error, Store};

const DOING: &str = "comparing read models";
/// This many differences tell enough.
const DIFFERENCES: usize = 20;

impl Store {
    /// Where a generation is not the same in `other`, by collection and id, the first few; commit
    /// times left out.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn differences(&self, other: &Store, generation: u32) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        let names = Model::ALL.map(|model| model.name(generation));
        for name in names.iter().map(String::as_str).chain([CHECKPOINTS]) {
            let (mut ours, mut theirs) = (self.by_id(name).await?, other.by_id(name).await?);
            let (mut one, mut another) = (next(&mut ours).await?, next(&mut theirs).await?);
            while (one.is_some() || another.is_some()) && found.len() < DIFFERENCES {
                if one != another {
                    let id = one.as_ref().or(another.as_ref()).and_then(|it| it.get("_id"));
                    found.push(format!(
                        "{name} {}",
                        id.map(ToString::to_string).unwrap_or_default()
                    ));
                }
                (one, another) = (next(&mut ours).await?, next(&mut theirs).await?);
            }
        }
        Ok(found)
    }

    /// The ids of all transactions and ratings that a generation counts.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn counted(&self, generation: u32) -> Result<HashSet<String>, Error> {
        let ledger = self.database.collection::<Document>(&Model::Ledger.name(generation));
        let mut rows = ledger.find(doc! {}).projection(doc! { "_id": 1 }).await.doing(DOING)?;
        let mut ids = HashSet::new();
        while let Some(row) = rows.try_next().await.doing(DOING)? {
            ids.extend(row.get_str("_id").ok().and_then(|id| id.get(2..)).map(str::to_owned));
        }
        Ok(ids)
    }

    async fn by_id(&self, name: &str) -> Result<Cursor<Document>, Error> {
        let collection = self.database.collection::<Document>(name);
        collection.find(doc! {}).sort(doc! { "_id": 1 }).await.doing(DOING)
    }
}

async fn next(documents: &mut Cursor<Document>) -> Result<Option<Document>, Error> {
    let document = documents.try_next().await.doing(DOING)?;
    Ok(document.map(|mut document| {
        document.remove("committedAt");
        document
    }))
}
