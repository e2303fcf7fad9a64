//! A question: a view with its parameters, for a caller with these rights. Whatever its view is, it
//! is known by its key, and its answer by its `ETag`.

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::http::Uri;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use projections::time::Time;
use projections::topic::Topics;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::READ_WITHIN;
use super::error::Error;
use super::memory::ReadContext;
use super::view::View;
use crate::http::envelope::Envelope;
use crate::http::parameters::Parameters;
use crate::rights::role::Rights;
use crate::store::read::Snapshot;

/// The beginning of every answer, up to its figures; behind these is a brace.
const BEFORE_DATA: &[u8] = br#"{"success":true,"data":"#;

/// A view with its parameters, resolved. Two that are equal have one answer.
#[derive(Clone)]
pub struct Question {
    /// All that changes the answer beside the read models.
    key: Arc<str>,
    /// The topics that the answer is made of.
    topics: Topics,
    read: Read,
}

/// Reads the answer to a question, whatever its view and parameters are.
type Read =
    Arc<dyn for<'a> Fn(ReadContext<'a>) -> BoxFuture<'a, Result<Bytes, Error>> + Send + Sync>;

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Question").field(&self.key).finish()
    }
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Question {}

impl Question {
    /// A question to a view, as its path and query say at this time, answered in this language.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn to<V: View>(
        uri: &Uri,
        rights: Rights,
        now: Time,
        language: &str,
    ) -> Result<Self, Error> {
        let parameters = V::Parameters::parse(uri, now).map_err(Error::Invalid)?;
        let (version, path) = (env!("CARGO_PKG_VERSION"), V::ROUTE.path);
        let key = format!("{version}|{language}|{path}|{}|{parameters:?}", rights.bits());
        let parameters = Arc::new(parameters);
        let read: Read = Arc::new(move |from| {
            let parameters = parameters.clone();
            async move { read::<V>(from, &parameters).await }.boxed()
        });
        Ok(Question { key: key.into(), topics: V::TOPICS, read })
    }

    /// Its key: the same for the same question alone.
    #[must_use]
    pub fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// The topics that the answer is made of: a commit that touches none of these leaves it as it is.
    #[must_use]
    pub fn topics(&self) -> Topics {
        self.topics
    }

    /// The `ETag` of the answer of a snapshot: the same for the same answer alone, to this question, of
    /// this generation, since the last change of its topics. Weak, for it may be compressed.
    #[must_use]
    pub fn etag(&self, snapshot: &Snapshot) -> String {
        let checkpoint = &snapshot.checkpoint;
        let (generation, incarnation) = (checkpoint.generation, &checkpoint.incarnation);
        let changed = snapshot.changed().of(self.topics);
        hashed(&format!("{incarnation}|{generation}|{changed}|{}", self.key))
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// As the view's.
    pub async fn read(&self, from: ReadContext<'_>) -> Result<Bytes, Error> {
        (self.read)(from).await
    }

    #[cfg(test)]
    pub(super) fn of_nothing(key: &str) -> Self {
        let read: Read = Arc::new(|_| std::future::pending().boxed());
        Question { key: key.into(), topics: Topics::ALL, read }
    }
}

async fn read<V: View>(from: ReadContext<'_>, parameters: &V::Parameters) -> Result<Bytes, Error> {
    let view = timeout(READ_WITHIN, V::read(from, parameters)).await;
    let view = view.map_err(|_| Error::TimedOut)??;
    serde_json::to_vec(&Envelope::of(view)).map(Bytes::from).map_err(Error::Unwritable)
}

/// The figures of an answer.
#[must_use]
pub fn figures(answer: &Bytes) -> Bytes {
    answer.slice(BEFORE_DATA.len()..answer.len() - 1)
}

/// A weak `ETag` for a text.
#[must_use]
pub fn hashed(text: &str) -> String {
    let mut etag = String::from("W/\"");
    for byte in &Sha256::digest(text)[..16] {
        // Writing to a string does not fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_short_and_changes_with_its_text() {
        assert_eq!(hashed("a").len(), 36);
        assert_eq!(hashed("a"), hashed("a"));
        assert_ne!(hashed("a"), hashed("b"));
    }

    #[test]
    fn figures_are_what_stands_between_the_beginning_and_the_last_brace() {
        let answer = serde_json::to_vec(&Envelope::of([1, 2])).map(Bytes::from).unwrap();
        assert_eq!(figures(&answer), &b"[1,2]"[..]);
    }
}
