//! The declaration of a collection of the store.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entity::Entity;
use crate::packed::rows::Tally;

/// The name of a document of a collection.
pub trait Key: Clone + Ord + Hash + Debug + Send + Sync + 'static {
    /// The document's id.
    fn id(&self) -> Cow<'_, str>;
}

impl Key for Box<str> {
    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

/// A collection: the form of its documents, and the number of them that the fold keeps at hand.
/// From this follow its working set, the look-ups of a batch in it, and how it is loaded, written,
/// made anew and compared.
///
/// If it is of an [`Entity`], the counts of a document are not written with it: they are in a row
/// of a [`Tally`].
pub trait Collection: Debug + 'static {
    /// Its name in every generation.
    const NAME: &'static str;
    /// About the number of documents that are kept at hand between batches.
    const AT_HAND: usize;
    /// The number of documents that are kept at hand while a whole log is folded at once, if they
    /// are written as they come. Of any other collection all are kept.
    const STREAMED: Option<usize> = None;
    /// The version of the fold that wrote it first; generations of earlier ones lack it.
    const SINCE: u32 = 1;
    /// The entity that its documents are of, if that is counted.
    const ENTITY: Option<Entity> = None;

    /// The name of a document.
    type Key: Key;
    /// A document as the fold changes it.
    type Document: Clone + PartialEq + Debug + Send + Sync;
    /// A document as it is stored, its id apart.
    type Stored: DeserializeOwned;

    /// A document as it is to be stored.
    fn stored(document: &Self::Document) -> impl Serialize + '_;

    /// A document as it was stored; its counts are zero before [`Collection::take_counts`].
    fn read(stored: Self::Stored) -> Self::Document;

    /// The ordinal of an entity.
    #[must_use]
    fn ordinal(document: &Self::Document) -> u32 {
        let _ = document;
        0
    }

    /// Puts the counts of an entity into its tally.
    fn put_counts(document: &Self::Document, tally: &mut Tally) {
        let _ = (document, tally);
    }

    /// Takes the counts of an entity from its tally.
    fn take_counts(document: &mut Self::Document, tally: &Tally) {
        let _ = (document, tally);
    }
}
