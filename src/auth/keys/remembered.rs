//! The keys that were found valid, each for a second. A program shows the same key with each of its
//! thousands of events a second, and a look at the database costs more than an event does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use sha2::{Digest, Sha256};

use crate::auth::key;
use crate::http::gate::KEY_PREFIX;
use crate::rights::caller::KeyHolder;
use crate::store::platform::Platform;
use crate::store::{self, time};

/// The time for which a look at the database counts.
const COUNTS_FOR: Duration = Duration::from_secs(1);
/// The most keys that are remembered; there are about half as many.
pub const KEYS_MAX: u64 = 1_000;

/// The keys that were found valid. A clone has the same ones.
#[derive(Debug, Clone)]
pub struct Remembered {
    store: Platform,
    found: Cache<Shown, Found>,
    /// How often this process has revoked a key. What was found before counts no more, and neither
    /// does a look that was begun before and is not over.
    revoked: Arc<AtomicU64>,
}

/// A key as it is remembered: by its SHA-256, as in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shown {
    revoked: u64,
    hash: [u8; 32],
}

#[derive(Debug, Clone)]
struct Found {
    holder: KeyHolder,
    until: Instant,
}

/// Why nobody was found. Those who are not found are not remembered.
enum Missed {
    Nobody,
    Store(Arc<store::Error>),
}

struct Until;

impl Expiry<Shown, Found> for Until {
    fn expire_after_create(&self, _: &Shown, found: &Found, now: Instant) -> Option<Duration> {
        Some(found.until.saturating_duration_since(now))
    }
}

impl Remembered {
    /// Remembers none yet and at most so many, and looks into `store`.
    #[must_use]
    pub fn new(store: Platform, keys_max: u64) -> Self {
        let found = Cache::builder().max_capacity(keys_max).expire_after(Until).build();
        Remembered { store, found, revoked: Arc::default() }
    }

    /// The holder of a key, as of a second ago at most; `None` where the key is unknown, revoked or
    /// expired. Many who ask at once share one look.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn holder(&self, text: &str) -> Result<Option<KeyHolder>, Arc<store::Error>> {
        if !text.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let revoked = self.revoked.load(Ordering::Acquire);
        let shown = Shown { revoked, hash: Sha256::digest(text).into() };
        if let Some(Found { holder, .. }) = self.found.get(&shown).await {
            return Ok(Some(holder));
        }
        // Boxed: what talks to the database is large, and most requests are over by now.
        match Box::pin(self.found.try_get_with(shown, self.look(text))).await {
            Ok(Found { holder, .. }) => Ok(Some(holder)),
            Err(missed) => match &*missed {
                Missed::Nobody => Ok(None),
                Missed::Store(error) => Err(Arc::clone(error)),
            },
        }
    }

    /// The holder of a key as it is now.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn holder_now(&self, text: &str) -> Result<Option<KeyHolder>, store::Error> {
        key::holder(&self.store, text).await
    }

    /// Forgets all of them, as one was revoked. Requests that come from now on are judged by what
    /// the database has now.
    pub fn forget(&self) {
        self.revoked.fetch_add(1, Ordering::AcqRel);
    }

    /// The number of keys that are remembered.
    pub async fn count(&self) -> u64 {
        self.found.run_pending_tasks().await;
        self.found.entry_count()
    }

    async fn look(&self, text: &str) -> Result<Found, Missed> {
        let begun = Instant::now();
        let row = key::row_of(&self.store, text).await;
        let row = row.map_err(|error| Missed::Store(Arc::new(error)))?.ok_or(Missed::Nobody)?;
        let left = row.expires_at.map(|end| {
            let left = end.timestamp_millis() - time::now().timestamp_millis();
            Duration::from_millis(u64::try_from(left).unwrap_or_default())
        });
        let until = begun + left.map_or(COUNTS_FOR, |left| left.min(COUNTS_FOR));
        Ok(Found { holder: key::holder_of(row), until })
    }
}
