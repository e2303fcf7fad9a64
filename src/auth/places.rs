//! Places that few hold at a time, and the queue for them: addresses take turns, so an address that
//! asks often waits behind itself and not before others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// The most requests of one address that are under way, or wait for a place.
const OF_ONE_MAX: usize = 16;
/// The most requests that wait in all.
const WAITING_MAX: usize = 1_024;
/// A request that waits longer is refused.
const WITHIN: Duration = Duration::from_secs(5);

/// A number of places, and the queue for them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Mutex<Queue>>);

#[derive(Debug)]
struct Queue {
    free: usize,
    waiting: usize,
    /// Each address with somebody who waits, once, in the order of turns.
    turns: VecDeque<String>,
    of: HashMap<String, VecDeque<oneshot::Sender<Place>>>,
}

/// A place; it is free again when this is dropped.
#[derive(Debug)]
pub struct Place(Option<Places>);

/// No place was found: too many wait, or it took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The requests under way of each address; further ones wait before anything is done for them. So
/// an address that asks often takes nothing that others need, the database included.
#[derive(Clone, Debug, Default)]
pub struct UnderWay(Arc<Mutex<HashMap<String, Arc<Semaphore>>>>);

/// A request under way; it ends when this is dropped.
#[derive(Debug)]
pub struct Begun {
    // It is given back before the address is forgotten.
    _permit: OwnedSemaphorePermit,
    _address: Remembered,
}

/// An address that is remembered for as long as anything is under way of it.
#[derive(Debug)]
struct Remembered {
    all: UnderWay,
    address: String,
}

impl UnderWay {
    /// Waits until one more of an address may begin.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn begin(&self, address: String) -> Result<Begun, Full> {
        let new = || Arc::new(Semaphore::new(OF_ONE_MAX));
        let of_it = self.all().entry(address.clone()).or_insert_with(new).clone();
        // It stands before the waiting ones, so that it is dropped after them.
        let remembered = Remembered { all: self.clone(), address };
        let permit = tokio::time::timeout(WITHIN, of_it.acquire_owned()).await;
        let permit = permit.map_err(|_| Full)?.map_err(|_| Full)?;
        Ok(Begun { _permit: permit, _address: remembered })
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Remembered {
    fn drop(&mut self) {
        let mut all = self.all.all();
        if all.get(&self.address).is_some_and(|of_it| Arc::strong_count(of_it) == 1) {
            all.remove(&self.address);
        }
    }
}

impl Places {
    /// That number of places.
    #[must_use]
    pub fn new(number: usize) -> Self {
        let (turns, of) = (VecDeque::new(), HashMap::new());
        Places(Arc::new(Mutex::new(Queue { free: number, waiting: 0, turns, of })))
    }

    /// Waits for a place, on behalf of an address.
    ///
    /// # Errors
    /// [`Full`].
    pub async fn take(&self, address: &str) -> Result<Place, Full> {
        let turn = {
            let mut queue = self.queue();
            if queue.free > 0 {
                queue.free -= 1;
                return Ok(Place(Some(self.clone())));
            }
            queue.wait(address)?
        };
        match tokio::time::timeout(WITHIN, turn).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Full),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn wait(&mut self, address: &str) -> Result<oneshot::Receiver<Place>, Full> {
        if self.waiting >= WAITING_MAX {
            self.forget_the_gone();
        }
        let of_it = self.of.get(address).map_or(0, VecDeque::len);
        if self.waiting >= WAITING_MAX || of_it >= OF_ONE_MAX {
            return Err(Full);
        }
        let (turn, wait) = oneshot::channel();
        if of_it == 0 {
            self.turns.push_back(address.to_owned());
        }
        self.of.entry(address.to_owned()).or_default().push_back(turn);
        self.waiting += 1;
        Ok(wait)
    }

    /// Requests that do not wait any more make room.
    fn forget_the_gone(&mut self) {
        self.of.retain(|_, waiting| {
            waiting.retain(|turn| !turn.is_closed());
            !waiting.is_empty()
        });
        self.turns.retain(|address| self.of.contains_key(address));
        self.waiting = self.of.values().map(VecDeque::len).sum();
    }

    /// The next request that waits; its address moves to the end.
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let address = self.turns.pop_front()?;
        let waiting = self.of.get_mut(&address)?;
        let turn = waiting.pop_front()?;
        self.waiting -= 1;
        if waiting.is_empty() {
            self.of.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        Some(turn)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(places) = self.0.take() else { return };
        let mut queue = places.queue();
        while let Some(turn) = queue.next() {
            match turn.send(Place(Some(places.clone()))) {
                Ok(()) => return,
                // The request is gone meanwhile. The place stays with this one, and is not given
                // back twice.
                Err(mut place) => drop(place.0.take()),
            }
        }
        queue.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn addresses_take_turns_however_often_one_asks() {
        let places = Places::new(1);
        let held = places.take("mallory").await.unwrap();
        let (order, mut tasks) = (Arc::new(Mutex::new(Vec::new())), Vec::new());
        for address in ["mallory", "mallory", "mallory", "ann", "bob"] {
            let (places, order) = (places.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let place = places.take(address).await.unwrap();
                order.lock().unwrap().push(address);
                drop(place);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["mallory", "ann", "bob", "mallory", "mallory"]);
        assert!(places.take("ann").now_or_never().is_some(), "free again");
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_waits_so_often_and_another_still_may() {
        let places = Places::new(1);
        let held = places.take("ann").await.unwrap();
        let mut waiting: Vec<_> =
            (0..OF_ONE_MAX).map(|_| Box::pin(places.take("mallory"))).collect();
        for turn in &mut waiting {
            assert!(turn.now_or_never().is_none());
        }
        assert_eq!(places.take("mallory").await.unwrap_err(), Full);
        let other = places.take("bob");
        drop(held);
        drop(waiting);
        assert!(other.await.is_ok(), "who has gone has no place");
    }

    #[tokio::test(start_paused = true)]
    async fn of_one_address_so_many_are_under_way_and_none_is_remembered() {
        let all = UnderWay::default();
        let mut begun = Vec::new();
        for _ in 0..OF_ONE_MAX {
            begun.push(all.begin("eve".to_owned()).await.unwrap());
        }
        assert_eq!(all.begin("eve".to_owned()).await.unwrap_err(), Full);
        assert!(all.begin("ann".to_owned()).now_or_never().is_some_and(|it| it.is_ok()));
        let mut next = Box::pin(all.begin("eve".to_owned()));
        assert!((&mut next).now_or_never().is_none());
        begun.pop();
        assert!(next.await.is_ok());
        drop(begun);
        assert!(all.all().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_sent_away() {
        let places = Places::new(1);
        let held = places.take("ann").await.unwrap();
        assert_eq!(places.take("bob").await.unwrap_err(), Full);
        drop(held);
        assert!(places.take("bob").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_have_gone_make_room() {
        let places = Places::new(1);
        let held = places.take("ann").await.unwrap();
        for n in 0..WAITING_MAX {
            assert!(Box::pin(places.take(&n.to_string())).now_or_never().is_none());
        }
        assert_eq!(places.queue().waiting, WAITING_MAX);
        let bob = places.clone();
        let bob = tokio::spawn(async move { bob.take("bob").await.is_ok() });
        tokio::task::yield_now().await;
        assert_eq!(places.queue().waiting, 1);
        drop(held);
        assert!(bob.await.unwrap());
    }
}
