//! Changes on a person's request: each is made in a transaction that relies on the session of the
//! request, so it is judged on the person's rights at the time of the write, and not of the
//! request.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mongodb::bson::{self, doc};
use mongodb::{ClientSession, Database};
use rights::caller::Person;
use serde::Serialize;

use super::Platform;
use super::refused::Refused;
use super::standing::{Standing, standing};
use crate::names::SESSIONS;
use crate::{Doing, Error, time};

/// The caller of a change, and their session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The account.
    pub user_id: String,
    /// The session.
    pub session: String,
}

impl From<&Person> for By {
    fn from(person: &Person) -> By {
        By { user_id: person.user_id.clone(), session: person.session.clone() }
    }
}

/// The writes: given the session of the database, the context, and the caller's standing at that
/// time.
pub(super) type WritesBy<C, R> = for<'a> fn(
    &'a mut ClientSession,
    &'a mut C,
    &'a Standing,
) -> BoxFuture<'a, mongodb::error::Result<R>>;

impl Platform {
    /// Runs `writes` in one transaction with a look at the caller; `None` if their session has
    /// ended.
    ///
    /// # Errors
    /// [`Error::Driver`], [`Error::TimedOut`].
    pub(super) async fn transact_by<C, R>(
        &self,
        doing: &'static str,
        by: By,
        context: C,
        writes: WritesBy<C, R>,
    ) -> Result<Option<R>, Error>
    where
        C: Send + 'static,
        R: Send + 'static,
    {
        let context = (self.database.clone(), by, context, writes);
        self.transact(doing, context, |session, (database, by, context, writes)| {
            async move {
                match rely_on(database, session, by).await? {
                    Some(standing) => writes(session, context, &standing).await.map(Some),
                    None => Ok(None),
                }
            }
            .boxed()
        })
        .await
    }

    /// Adds a document for a caller, if `judge` lets them.
    ///
    /// # Errors
    /// The judge's error, and [`Refused`].
    pub(super) async fn insert_by<T, E, J>(
        &self,
        collection: &'static str,
        doing: &'static str,
        document: &T,
        by: By,
        judge: J,
    ) -> Result<(), E>
    where
        T: Serialize,
        E: From<Refused> + Send + 'static,
        J: Fn(&Standing) -> Result<(), E> + Send + Sync + 'static,
    {
        let document = bson::serialize_to_document(document).doing(doing);
        let document = document.map_err(|error| E::from(error.into()))?;
        let rows = self.database.collection::<bson::Document>(collection);
        let context = (rows, document, judge);
        let inserted = self.transact_by(doing, by, context, |session, context, by| {
            async move {
                let (rows, document, judge) = context;
                if let Err(refused) = judge(by) {
                    return Ok(Err(refused));
                }
                rows.insert_one(&*document).session(session).await?;
                Ok(Ok(()))
            }
            .boxed()
        });
        done(inserted.await)
    }
}

/// The result of writes on a caller's request.
pub(super) fn done<R, E: From<Refused>>(
    outcome: Result<Option<Result<R, E>>, Error>,
) -> Result<R, E> {
    match outcome {
        Ok(Some(done)) => done,
        Ok(None) => Err(Refused::SessionEnded.into()),
        Err(error) => Err(Refused::from(error).into()),
    }
}

/// A session as it is now. It is written to, which orders the transaction with every write that
/// ends the session or changes the rights of its account: of the two one meets the other, and
/// begins anew.
async fn rely_on(
    database: &Database,
    session: &mut ClientSession,
    by: &By,
) -> mongodb::error::Result<Option<Standing>> {
    let alive = doc! {
        "_id": by.session.as_str(),
        "userId": by.user_id.as_str(),
        "expiresAt": { "$gt": time::now() },
    };
    database
        .collection::<Standing>(SESSIONS)
        .find_one_and_update(alive, doc! { "$inc": { "reliedOn": 1_i64 } })
        .projection(standing())
        .session(session)
        .await
}
