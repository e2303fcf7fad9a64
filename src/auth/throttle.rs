//! Failed sign-ins make the next one wait: longer and longer for one account from one address, and,
//! much later, for an account from any address and for an address with any account.
//!
//! An account's own limit does not hold at an address from which it has signed in before:
//! strangers, however many and from whichever addresses, cannot keep its owner out of there. The
//! counts are in the store, so that they hold for all processes together.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::store::platform::Platform;
use crate::store::platform::attempts::Counting;
use crate::store::{self, time};

const HOUR_MS: i64 = 3_600_000;
/// The time for which an address stays known that an account has signed in from.
const KNOWN_MS: i64 = 30 * 24 * HOUR_MS;

/// The account and the address of a sign-in.
#[derive(Debug, Clone)]
pub struct Attempt {
    pair: Counting,
    account: Counting,
    address: Counting,
}

impl Attempt {
    /// An attempt to sign in as `email` from `address`. E-mails are kept as hashes: people type
    /// other things there than their own.
    #[must_use]
    pub fn new(email: &str, address: Option<IpAddr>) -> Self {
        let account = format!("{:x}", Sha256::digest(email));
        let address = network(address);
        let counting = |key, free, base_ms, most_ms| Counting {
            key,
            free,
            base_ms,
            most_ms,
            memory_ms: HOUR_MS,
        };
        Attempt {
            pair: counting(format!("pair/{account}/{address}"), 5, 2_000, HOUR_MS / 4),
            account: counting(Attempt::account(email), 50, 1_000, 60_000),
            address: counting(format!("address/{address}"), 100, 1_000, HOUR_MS / 12),
        }
    }

    /// The key of an account's own limit.
    fn account(email: &str) -> String {
        format!("account/{:x}", Sha256::digest(email))
    }

    /// Whether sign-ins to these accounts have to wait where they are not known.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn are_locked(store: &Platform, emails: &[&str]) -> Result<Vec<bool>, store::Error> {
        let keys: Vec<String> = emails.iter().map(|email| Attempt::account(email)).collect();
        let rows = store.attempts(&keys).await?;
        let until = |key: &String| rows.get(key)?.until.and_then(seconds_until);
        Ok(keys.iter().map(|key| until(key).is_some()).collect())
    }

    /// A request for a link to set a new password: three in an hour, then fewer.
    #[must_use]
    pub fn reset(email: &str) -> Counting {
        let key = format!("reset/{:x}", Sha256::digest(email));
        Counting { key, free: 3, base_ms: HOUR_MS / 4, most_ms: HOUR_MS, memory_ms: 2 * HOUR_MS }
    }

    /// The seconds that it has to wait; `None` where it may go on.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn wait(&self, store: &Platform) -> Result<Option<u32>, store::Error> {
        let keys = [&self.pair, &self.account, &self.address].map(|it| it.key.clone());
        let rows = store.attempts(&keys).await?;
        let is_known = rows.get(&self.pair.key).is_some_and(|row| row.known);
        let counted = rows.iter().filter(|(key, _)| !(is_known && **key == self.account.key));
        let until = counted.filter_map(|(_, row)| row.until).max();
        Ok(until.and_then(seconds_until))
    }

    /// Whether the account has signed in from there lately.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn is_known(&self, store: &Platform) -> Result<bool, store::Error> {
        let rows = store.attempts(std::slice::from_ref(&self.pair.key)).await?;
        Ok(rows.get(&self.pair.key).is_some_and(|row| row.known))
    }

    /// Counts it as a failure.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn failed(&self, store: &Platform) -> Result<(), store::Error> {
        // All three at once, since the next attempt waits for them.
        let [pair, account, address] =
            [&self.pair, &self.account, &self.address].map(|it| store.count_failure(it));
        tokio::try_join!(pair, account, address)?;
        Ok(())
    }

    /// Forgets the failures of this account from there. Those of the account elsewhere and of the
    /// address with other accounts stay.
    ///
    /// # Errors
    /// Fails if the store does not answer.
    pub async fn succeeded(&self, store: &Platform) -> Result<(), store::Error> {
        let until = time::at(time::now().timestamp_millis() + KNOWN_MS);
        store.forget_failures(&self.pair.key, until).await
    }
}

fn seconds_until(until: time::DateTime) -> Option<u32> {
    let ms = until.timestamp_millis() - time::now().timestamp_millis();
    u32::try_from((ms + 999) / 1_000).ok().filter(|seconds| *seconds > 0)
}

/// The network of an address, as far as it tells callers apart: the owner of one IPv6 address has
/// 2⁶⁴ of them.
pub(super) fn network(address: Option<IpAddr>) -> String {
    let Some(address) = address else { return "unknown".to_owned() };
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_a_network_of_ipv6_are_one() {
        let network = |text: &str| network(text.parse().ok());
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2::9"));
        assert_ne!(network("2001:db8:1:2::4"), network("2001:db8:1:3::4"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn no_key_says_an_e_mail() {
        let attempt = Attempt::new("ann@example.org", None);
        let keys = [attempt.pair.key, attempt.account.key, Attempt::reset("ann@example.org").key];
        assert!(keys.iter().all(|key| !key.contains("ann")), "{keys:?}");
    }
}
