//! Everything that a generation says, to compare.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, doc};

/// Every document of a generation by collection and id.
pub type Documents = BTreeMap<String, BTreeMap<String, Document>>;

/// Every document of generation 1 and its checkpoint, commit time left out.
pub async fn of(database: &mongodb::Database) -> Documents {
    let mut all = Documents::new();
    for name in database.list_collection_names().await.expect("collections") {
        if !name.starts_with("g1_") && name != "checkpoints" {
            continue;
        }
        let found = database.collection::<Document>(&name).find(doc! {}).await;
        let found: Vec<Document> =
            found.expect("documents").try_collect().await.expect("documents");
        let keyed = found.into_iter().map(|mut document| {
            let id = document.remove("_id").map(|id| id.to_string()).unwrap_or_default();
            document.remove("committedAt");
            (id, document)
        });
        all.insert(name, keyed.collect());
    }
    all
}

/// Fails with the first document that differs, not with both databases.
pub fn assert_same(ours: &Documents, theirs: &Documents) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (name, documents) in ours {
        let others = &theirs[name];
        for id in documents.keys().chain(others.keys()) {
            assert_eq!(documents.get(id), others.get(id), "{name} {id}");
        }
    }
}
