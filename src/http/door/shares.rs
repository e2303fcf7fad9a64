//! Bounds on something: on all of it, and on the part of each holder.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The address that an address counts as: itself; for one of IPv6 its network, which is the part
/// that one customer gets.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Why there is no share left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The holder has all that one may have.
    #[error("one caller has all that one may have")]
    OfOne,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    InAll,
}

impl Full {
    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Full::OfOne => "one",
            Full::InAll => "all",
        }
    }
}

/// So many for each, and so many in all. A holder that has none takes no memory.
#[derive(Debug)]
pub struct Shares<K> {
    each: usize,
    all: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

#[derive(Debug)]
struct Taken<K> {
    by: HashMap<K, usize>,
    all: usize,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct Share<K: Eq + Hash> {
    who: K,
    taken: Arc<Mutex<Taken<K>>>,
}

impl<K> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Shares { each: self.each, all: self.all, taken: self.taken.clone() }
    }
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// None taken yet.
    #[must_use]
    pub fn new(each: usize, all: usize) -> Self {
        let taken = Taken { by: HashMap::new(), all: 0 };
        Shares { each, all, taken: Arc::new(Mutex::new(taken)) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// Fails if there is none left.
    pub fn take(&self, who: K) -> Result<Share<K>, Full> {
        let mut taken = lock(&self.taken);
        if taken.by.get(&who).is_some_and(|its| *its >= self.each) || self.each == 0 {
            return Err(Full::OfOne);
        }
        if taken.all >= self.all {
            return Err(Full::InAll);
        }
        taken.all += 1;
        *taken.by.entry(who.clone()).or_default() += 1;
        Ok(Share { who, taken: self.taken.clone() })
    }

    /// The number that is taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        lock(&self.taken).all
    }
}

impl<K: Eq + Hash> Share<K> {
    /// The holder.
    pub fn who(&self) -> &K {
        &self.who
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.all -= 1;
        if let Some(its) = taken.by.get_mut(&self.who) {
            *its -= 1;
            if *its == 0 {
                taken.by.remove(&self.who);
            }
        }
    }
}

fn lock<K>(taken: &Mutex<Taken<K>>) -> MutexGuard<'_, Taken<K>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_so_many_and_all_together_have_so_many() {
        let shares = Shares::new(2, 3);
        let [first, second] = ["ann", "ann"].map(|who| shares.take(who).unwrap());
        assert_eq!(shares.take("ann").unwrap_err(), Full::OfOne);
        let third = shares.take("bob").unwrap();
        assert_eq!(shares.take("cyd").unwrap_err(), Full::InAll);
        drop(first);
        assert_eq!(shares.take("cyd").map(|share| *share.who()), Ok("cyd"));
        drop((second, third));
        assert_eq!(shares.taken(), 0);
        assert!(lock(&shares.taken).by.is_empty(), "who has none is not remembered");
    }

    #[test]
    fn an_address_of_the_new_kind_counts_as_its_network() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(network("2001:db8:1:2:ffff::9"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
