//! All documents of a generation, for comparison.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use mongodb::bson::{self, Document, RawDocumentBuf, doc};
use projections::collection::Collection;
use projections::customers::{self, Customer, Customers};
use projections::entity::Entity;
use projections::products::{self, Product};
use projections::tally::{Tally, TallyKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;

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

/// Every document of a generation by its collection's name in all of them, and its checkpoint.
pub async fn of_generation(database: &mongodb::Database, generation: u32) -> Documents {
    let prefix = format!("g{generation}_");
    let mut all = Documents::new();
    for name in database.list_collection_names().await.expect("collections") {
        let Some(model) = name.strip_prefix(&prefix) else { continue };
        let found = database.collection::<Document>(&name).find(doc! {}).await;
        let found: Vec<Document> =
            found.expect("documents").try_collect().await.expect("documents");
        let keyed = found.into_iter().map(|mut document| {
            (document.remove("_id").map(|id| id.to_string()).unwrap_or_default(), document)
        });
        all.insert(model.to_owned(), keyed.collect());
    }
    let checkpoints = database.collection::<Document>("checkpoints");
    let found = checkpoints.find_one(doc! { "_id": generation }).await.expect("a checkpoint");
    let mut checkpoint = found.expect("a checkpoint");
    for left_out in ["_id", "committedAt", "leftAt"] {
        checkpoint.remove(left_out);
    }
    all.insert("checkpoint".to_owned(), [(String::new(), checkpoint)].into());
    all
}

/// Customers, each read from its document and its row of a tally.
pub async fn customers(database: &mongodb::Database) -> BTreeMap<String, Customer> {
    let tallies = tallies(database).await;
    let known = known::<customers::CustomerDocument>(database, "g1_customers").await;
    let customer = |(id, record): (String, customers::CustomerDocument)| {
        let key = TallyKey::new(Entity::Customer, record.ordinal).to_id();
        let mut customer = Customers::read(record);
        Customers::take_counts(&mut customer, &tallies[&key]);
        (id, customer)
    };
    known.into_iter().map(customer).collect()
}

/// Products, each read from its document and its row of a tally.
pub async fn products(database: &mongodb::Database) -> BTreeMap<String, Product> {
    let tallies = tallies(database).await;
    let known = known::<products::ProductDocument>(database, "g1_products").await;
    let product = |(id, record): (String, products::ProductDocument)| {
        let key = TallyKey::new(Entity::Product, record.ordinal).to_id();
        let row = tallies[&key].get(record.ordinal);
        (id, Product::of(record, &row))
    };
    known.into_iter().map(product).collect()
}

async fn tallies(database: &mongodb::Database) -> BTreeMap<String, Tally> {
    #[derive(Deserialize)]
    struct Packed {
        t: Tally,
    }
    known::<Packed>(database, "g1_tallies").await.into_iter().map(|(id, it)| (id, it.t)).collect()
}

async fn known<D: DeserializeOwned>(database: &mongodb::Database, name: &str) -> Vec<(String, D)> {
    #[derive(Deserialize)]
    struct Id {
        #[serde(rename = "_id")]
        id: String,
    }
    let found = database.collection::<RawDocumentBuf>(name).find(doc! {}).await;
    let found: Vec<RawDocumentBuf> = found.expect("documents").try_collect().await.expect("them");
    let read = |raw: &RawDocumentBuf| {
        let id: Id = bson::deserialize_from_slice(raw.as_bytes()).expect("an id");
        (id.id, bson::deserialize_from_slice(raw.as_bytes()).expect("a document"))
    };
    found.iter().map(read).collect()
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
