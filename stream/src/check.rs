//! Whether the log is still the one that a checkpoint was made from.

use sha2::{Digest, Sha256};

use super::record::Record;
use super::{Error, Log};

/// The fingerprint of a message in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The instant when the log stored it, nanoseconds since 1970.
    pub time: i64,
    /// SHA-256 of its subject and payload, hexadecimal.
    pub hash: String,
}

impl From<&Record> for Fingerprint {
    fn from(record: &Record) -> Self {
        let digest = Sha256::new().chain_update(&record.subject).chain_update([0]);
        let digest = digest.chain_update(&record.payload);
        Fingerprint { time: record.time, hash: format!("{:x}", digest.finalize()) }
    }
}

impl Log {
    /// The fingerprint of the message at a position, as the stream's leader has it. `None` if it
    /// has none.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn fingerprint(&self, position: u64) -> Result<Option<Fingerprint>, Error> {
        Ok(self.message(position).await?.as_ref().map(Fingerprint::from))
    }
}
