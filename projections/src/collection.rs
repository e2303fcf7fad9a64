//! The declaration of a collection of the store.

use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::Hash;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entity::Entity;
use crate::packed::rows::Tally;

/// Names a document of a collection.
pub trait Key: Clone + Ord + Hash + Debug + Send + Sync + 'static {
    /// The document's id.
    fn id(&self) -> Cow<'_, str>;
}

impl Key for Box<str> {
    fn id(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

/// A collection: what its documents are, and how many of them the fold keeps at hand. From this
/// follow its working set, what a batch has to look up of it, and how it is loaded, written, made
/// anew and compared.
///
/// Where it is of an [`Entity`], what is counted of a document is not written with it: it stands in
/// a row of a [`Tally`].
pub trait Collection: Debug + 'static {
    /// Its name in every generation.
    const NAME: &'static str;
    /// About how many documents are kept at hand between batches.
    const AT_HAND: usize;
    /// Where its documents are written as they come while a whole log is folded at once: how many
    /// are kept at hand then. Of any other collection all are.
    const STREAMED: Option<usize> = None;
    /// The entity that its documents are of, where that is counted.
    const ENTITY: Option<Entity> = None;

    /// The name of a document.
    type Key: Key;
    /// A document as the fold changes it.
    type Document: Clone + PartialEq + Debug + Send + Sync;
    /// A document as it is stored, its id apart.
    type Stored: DeserializeOwned;

    /// A document as it is to be stored.
    fn stored(document: &Self::Document) -> impl Serialize + '_;

    /// A document that was stored; what is counted of it is nothing before
    /// [`Collection::take_counts`].
    fn read(stored: Self::Stored) -> Self::Document;

    /// The ordinal of an entity.
    #[must_use]
    fn ordinal(document: &Self::Document) -> u32 {
        let _ = document;
        0
    }

    /// Puts what is counted of an entity into its tally.
    fn put_counts(document: &Self::Document, tally: &mut Tally) {
        let _ = (document, tally);
    }

    /// Takes what is counted of an entity from its tally.
    fn take_counts(document: &mut Self::Document, tally: &Tally) {
        let _ = (document, tally);
    }
}
