//! The fold's own threads, beside those that answer requests: a batch that takes long keeps none of
//! those waiting. They have the niceness of the program: with more of it they yielded to all else
//! that ran on the machine, and queries were no faster.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::store::Store;
use crate::stream::{self, Log};

/// One folds while another commits.
const WORKERS: usize = 2;

/// Threads to fold on. Dropping it leaves the tasks on them to end by themselves.
#[derive(Debug)]
pub struct Threads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Threads {
    /// Starts the threads.
    ///
    /// # Errors
    /// Fails if the system has no threads left.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("fold")
            .enable_all()
            .build()?;
        Ok(Threads { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Connects to the log and the store by connections of their own: a connection is served by the
    /// threads that made it.
    ///
    /// # Errors
    /// Fails if one of them cannot be reached.
    pub async fn connect(
        &self,
        log: stream::LogSettings,
        mongodb_uri: &str,
        database: Option<&str>,
    ) -> anyhow::Result<(Log, Store)> {
        let (uri, database) = (mongodb_uri.to_owned(), database.map(str::to_owned));
        let connecting = async move {
            let log = Log::connect(log).await?;
            Ok((log, Store::connect(&uri, database.as_deref()).await?))
        };
        self.handle.spawn(connecting).await?
    }

    /// The handle of the runtime: tasks that are spawned with it run on these threads.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be waited for on threads of another one.
            runtime.shutdown_background();
        }
    }
}
