//! The fold's own threads, beside those that answer requests: a batch that takes long keeps none of
//! those waiting. They have the niceness of the program: with more of it they yielded to whatever else
//! ran on the machine, and queries were no faster.

use tokio::runtime::{Builder, Handle, Runtime};

use crate::store::Store;
use crate::stream::{self, Log};

/// One folds while another commits.
const WORKERS: usize = 2;

/// Threads to fold on. Dropping it leaves what runs there to end by itself.
#[derive(Debug)]
pub struct Threads {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Threads {
    /// Starts them.
    ///
    /// # Errors
    /// Where the system has no threads left.
    pub fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("fold")
            .enable_all()
            .build()?;
        Ok(Threads { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// The log and the store by connections of their own: a connection is served by the threads
    /// that made it.
    ///
    /// # Errors
    /// Where one cannot be reached.
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

    /// What is spawned with it runs there.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime must not be waited for where others run.
            runtime.shutdown_background();
        }
    }
}
