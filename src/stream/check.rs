//! Whether the log is still the one a checkpoint was made from.

use sha2::{Digest, Sha256};

use super::{Error, Log};

/// A message as it is remembered at a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// When the log stored it, nanoseconds since 1970.
    pub time: i64,
    /// SHA-256 of its subject and payload, hexadecimal.
    pub hash: String,
}

impl Fingerprint {
    /// Of a message.
    #[must_use]
    pub fn of(time: i64, subject: &str, payload: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(subject).chain_update([0]).chain_update(payload);
        Fingerprint { time, hash: format!("{:x}", digest.finalize()) }
    }
}

impl Log {
    /// The message at a position, as the stream's leader has it. `None` where it has none.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub async fn fingerprint(&self, position: u64) -> Result<Option<Fingerprint>, Error> {
        let stream = self.stream("reading").await?;
        // Not a direct get: a replica may answer that, and a replica may be behind.
        match stream.get_raw_message(position).await {
            Ok(message) => {
                let time = i64::try_from(message.time.unix_timestamp_nanos()).unwrap_or(i64::MAX);
                Ok(Some(Fingerprint::of(time, &message.subject, &message.payload)))
            }
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(self.failed("reading", &error)),
        }
    }
}

fn is_not_found(error: &async_nats::jetstream::stream::RawMessageError) -> bool {
    matches!(error.kind(), async_nats::jetstream::stream::RawMessageErrorKind::NoMessageFound)
}
