//! A few writes that happen together or not at all.

use std::time::Duration;

use futures_util::future::BoxFuture;
use mongodb::{Client, ClientSession};

use super::{Doing, Error};

/// The time that the caller waits; the transaction itself goes on to its end.
const WITHIN: Duration = Duration::from_secs(10);

/// The writes: given the session that they have to name, and their context.
pub(super) type Writes<C, R> =
    for<'a> fn(&'a mut ClientSession, &'a mut C) -> BoxFuture<'a, mongodb::error::Result<R>>;

/// Runs `writes` in one transaction, again if it met another one. It runs in a task of its own: a
/// driver future that is dropped half-way leaves its transaction open.
///
/// # Errors
/// [`Error::Driver`], [`Error::TimedOut`].
pub(super) async fn transact<C, R>(
    client: &Client,
    doing: &'static str,
    context: C,
    writes: Writes<C, R>,
) -> Result<R, Error>
where
    C: Send + 'static,
    R: Send + 'static,
{
    let client = client.clone();
    let task = tokio::spawn(async move {
        let mut session = client.start_session().await?;
        session.start_transaction().and_run(context, writes).await
    });
    match tokio::time::timeout(WITHIN, task).await {
        Ok(Ok(done)) => done.doing(doing),
        // It panicked, or the program ends.
        Ok(Err(_)) => Err(Error::Missing("a transaction did not come to its end")),
        Err(_) => Err(Error::TimedOut { doing }),
    }
}
