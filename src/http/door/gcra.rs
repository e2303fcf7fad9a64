//! A limit per key by the generic cell rate algorithm: a bucket that fills up evenly over the
//! window and may be emptied at once. It is one number per key: the time at which it will be full.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry;

/// Keys that are remembered, at most: about 2 MB.
const KEYS_MAX: usize = 100_000;

/// An amount per window.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// The amount; at least 1.
    pub limit: u32,
    /// The window.
    pub window: Duration,
}

/// The rest of a key's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The amount that can be taken now.
    pub remaining: u32,
    /// The time until it is the whole quota again.
    pub full_in: Duration,
}

/// Too much was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The amount that is left.
    pub standing: Standing,
    /// The time until there is enough.
    pub retry_in: Duration,
}

/// A quota for each key. Keys are kept as hashes; one in 10¹⁴ is that of another key by accident.
/// When there are too many, the half that is nearest to its full quota is forgotten, which gives
/// away the least; a flood of new keys goes first.
#[derive(Debug)]
pub struct Limiter {
    quota: Quota,
    begun: Instant,
    hasher: RandomState,
    keys_max: usize,
    /// The time at which each key has its whole quota again, in nanoseconds since `begun`.
    full_at: Mutex<HashMap<u64, u64>>,
}

impl Limiter {
    /// A quota that nobody has used yet.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Limiter {
            quota,
            begun: Instant::now(),
            hasher: RandomState::new(),
            keys_max: KEYS_MAX,
            full_at: Mutex::default(),
        }
    }

    /// The quota.
    pub fn quota(&self) -> Quota {
        self.quota
    }

    /// Takes `n`, the whole quota where that is less. Nothing is taken where there is not enough.
    ///
    /// # Errors
    /// Fails if there is not enough.
    pub fn take(&self, key: &impl Hash, n: u32) -> Result<Standing, Refused> {
        self.take_at(nanos(self.begun.elapsed()), self.hasher.hash_one(key), n)
    }

    /// Whether anything can be taken; takes nothing.
    ///
    /// # Errors
    /// Fails if nothing can be taken.
    pub fn check(&self, key: &impl Hash) -> Result<Standing, Refused> {
        let standing = self.take(key, 1)?;
        self.give_back(key, 1);
        Ok(standing)
    }

    /// Gives back an amount that was taken.
    pub fn give_back(&self, key: &impl Hash, n: u32) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = full_at.get_mut(&self.hasher.hash_one(key)) {
            *full_at = full_at.saturating_sub(self.time_for(n));
        }
    }

    /// The amount that is left.
    pub fn look(&self, key: &impl Hash) -> Standing {
        let full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = full_at.get(&self.hasher.hash_one(key)).copied().unwrap_or_default();
        self.standing(full_at.saturating_sub(nanos(self.begun.elapsed())))
    }

    fn take_at(&self, now: u64, key: u64, n: u32) -> Result<Standing, Refused> {
        let (window, taken) = (nanos(self.quota.window), self.time_for(n));
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_in = all.get(&key).map_or(0, |full_at| full_at.saturating_sub(now));
        let after = full_in.saturating_add(taken);
        if after > window {
            let retry_in = Duration::from_nanos(after - window);
            return Err(Refused { standing: self.standing(full_in), retry_in });
        }
        if all.len() >= self.keys_max && !all.contains_key(&key) {
            metrics::counter!(telemetry::LIMIT_KEYS_FORGOTTEN).increment(all.len() as u64 / 2);
            forget_half(&mut all);
        }
        all.insert(key, now.saturating_add(after));
        Ok(self.standing(after))
    }

    /// The nanoseconds until `n` is there again.
    fn time_for(&self, n: u32) -> u64 {
        let limit = self.quota.limit.max(1);
        let time = u128::from(nanos(self.quota.window)) * u128::from(n.min(limit));
        u64::try_from(time / u128::from(limit)).unwrap_or(u64::MAX)
    }

    fn standing(&self, full_in: u64) -> Standing {
        let window = u128::from(nanos(self.quota.window).max(1));
        let left = window.saturating_sub(u128::from(full_in)) * u128::from(self.quota.limit);
        let remaining = u32::try_from(left / window).unwrap_or(u32::MAX);
        Standing { remaining, full_in: Duration::from_nanos(full_in) }
    }
}

/// Forgets the half that is nearest to a full quota.
fn forget_half(all: &mut HashMap<u64, u64>) {
    let mut times: Vec<u64> = all.values().copied().collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    all.retain(|_, full_at| *full_at > median);
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn limiter(limit: u32) -> Limiter {
        Limiter::new(Quota { limit, window: Duration::from_mins(1) })
    }

    #[test]
    fn a_quota_can_be_used_at_once_and_comes_back_evenly() {
        let limiter = limiter(7);
        for left in (0..7).rev() {
            assert_eq!(limiter.take_at(0, 1, 1).map(|it| it.remaining), Ok(left));
        }
        let refused = limiter.take_at(0, 1, 1).unwrap_err();
        assert_eq!(refused.standing.remaining, 0);
        assert_eq!(refused.retry_in.as_secs(), 8, "a seventh of a minute");
        assert!(limiter.take_at(8 * SECOND, 1, 1).is_err());
        assert!(limiter.take_at(9 * SECOND, 1, 1).is_ok());
        assert_eq!(limiter.take_at(9 * 60 * SECOND, 1, 1).map(|it| it.remaining), Ok(6));
    }

    #[test]
    fn what_is_refused_takes_nothing_and_keys_do_not_share() {
        let limiter = limiter(10);
        assert_eq!(limiter.take_at(0, 1, 8).map(|it| it.remaining), Ok(2));
        let refused = limiter.take_at(0, 1, 3).unwrap_err();
        assert_eq!((refused.standing.remaining, refused.retry_in.as_secs()), (2, 6));
        assert_eq!(limiter.take_at(0, 1, 2).map(|it| it.remaining), Ok(0));
        assert_eq!(limiter.take_at(0, 2, 1).map(|it| it.remaining), Ok(9));
    }

    #[test]
    fn more_than_the_quota_is_the_quota_or_it_would_never_pass() {
        let limiter = limiter(10);
        assert_eq!(limiter.take_at(0, 1, 1_000).map(|it| it.remaining), Ok(0));
        assert_eq!(limiter.take_at(0, 1, 1_000).unwrap_err().retry_in.as_secs(), 60);
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let limiter = limiter(1);
        assert!(limiter.take(&"ann", 1).is_ok() && limiter.take(&"ann", 1).is_err());
        limiter.give_back(&"ann", 1);
        assert_eq!(limiter.look(&"ann").remaining, 1);
        assert!(limiter.take(&"ann", 1).is_ok());
        limiter.give_back(&"bob", 1);
        assert_eq!(limiter.look(&"bob"), Standing { remaining: 1, full_in: Duration::ZERO });
    }

    #[test]
    fn a_flood_of_keys_forgets_those_that_used_least_and_takes_no_more_memory() {
        let mut limiter = limiter(10);
        limiter.keys_max = 100;
        assert!(limiter.take_at(0, 0, 10).is_ok());
        for key in 1..10_000 {
            assert!(limiter.take_at(0, key, 1).is_ok());
        }
        assert!(limiter.full_at.lock().unwrap().len() <= 100);
        assert!(limiter.take_at(0, 0, 1).is_err(), "who used all is remembered");
    }
}
