//! The funnel of a customer: its latest steps and its open attempt, in a few bytes of the row of its
//! counts.
//!
//! The first view of a customer begins an attempt. An addition to the cart, and then a purchase, later
//! and within 7 days of the view, take the attempt on; a purchase without an addition before it does not.
//! The next view after the purchase, or after 7 days, begins the next attempt.
//!
//! Steps of the last 24 hours before the newest are kept in order, at most 32 of them, so that they may
//! come in any order. Older ones settle: of them the attempt that was open stays. A step that comes
//! later than that is out of order. A view is then an attempt of its own, which gets no further; any
//! other step is none.

use serde::{Deserialize, Serialize};

use crate::packed::{put_varint, take_varint};
use crate::table::Row;
use crate::time::Time;

/// The longest time from the view to the purchase, in milliseconds.
pub const WINDOW_MS: i64 = 7 * 24 * 3600 * 1000;
/// The time before the newest step in which steps are put in order, in milliseconds.
pub const ORDERED_MS: i64 = 24 * 3600 * 1000;
/// The most steps that are kept in order.
pub const KEPT: usize = 32;

/// The funnel of a customer, packed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel(Vec<u8>);

/// The funnel of a customer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The attempt that the settled steps left open.
    pub open: Option<Attempt>,
    /// The time of the last step that settled for want of room, while that is less than 24 hours before
    /// the newest.
    pub settled: Option<Time>,
    /// The steps that are kept, in order of time; of one time in log order.
    pub newest: Vec<(Time, Step)>,
}

/// A step of the funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A product was viewed; counted there.
    Viewed(Place),
    /// Something was added to the cart.
    Added,
    /// Something was purchased.
    Purchased,
}

/// Where a view is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// The codes of the product's category and of the device in the vocabularies of the view's month.
    pub codes: [u16; 2],
    /// The same in the vocabularies of the shop.
    pub of_shop: [u16; 2],
}

/// Whether a customer got from the first view to a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The time of the view.
    pub at: Time,
    /// Where it is counted.
    pub place: Place,
    /// Whether something was added to the cart after the view.
    pub added: bool,
    /// Whether something was purchased after that.
    pub purchased: bool,
}

/// An addition to the figures of the attempts that began at a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: Time,
    pub(crate) place: Place,
    /// Viewed, added, purchased.
    pub(crate) row: Row,
}

impl Step {
    /// The step that an activity of a type is, if it is any but a view.
    #[must_use]
    pub fn of(activity_type: &str) -> Option<Step> {
        match activity_type {
            "added_to_cart" => Some(Step::Added),
            "purchased" => Some(Step::Purchased),
            _ => None,
        }
    }
}

/// The type of an activity that is a view.
pub(crate) const VIEWED: &str = "viewed_product";

impl Attempt {
    fn new(at: Time, place: Place) -> Self {
        Attempt { at, place, added: false, purchased: false }
    }

    fn row(&self) -> Row {
        [1, i64::from(self.added), i64::from(self.purchased)]
    }
}

impl Funnel {
    /// Takes a step, and says what it changes.
    pub(crate) fn take(&mut self, at: Time, step: Step) -> Vec<Change> {
        if let Some((current, newest)) = self.followed_by(at) {
            let mut after = current;
            let over = follow(&mut after, at, step);
            put_step(&mut self.0, at.0 - newest.0, step);
            let before = if over.is_some() { None } else { current };
            return since(before.as_slice(), after.as_slice());
        }
        let mut state = State::from(&*self);
        let changes = state.take(at, step);
        *self = state.into();
        changes
    }

    /// The newest attempt and the time of the newest step, if a step of this time can be put behind all
    /// that is kept, and none of that settles then.
    fn followed_by(&self, at: Time) -> Option<(Option<Attempt>, Time)> {
        let mut packed = Packed::of(&self.0)?;
        let oldest = packed.at;
        let (mut current, mut kept) = (packed.open, 0);
        for (at, step) in packed.by_ref() {
            follow(&mut current, at, step);
            kept += 1;
        }
        let newest = packed.at;
        let fits = packed.settled.is_none() && (1..KEPT).contains(&kept);
        let is_next = newest <= at && at.0 - oldest.0 <= ORDERED_MS;
        (fits && is_next && packed.bytes.is_empty()).then_some((current, newest))
    }

    /// The packed form; empty, if nothing is kept.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The one of that packed form.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Funnel(bytes.to_vec())
    }
}

impl State {
    fn take(&mut self, at: Time, step: Step) -> Vec<Change> {
        let newest = self.newest.last().map_or(at, |(newest, _)| at.max(*newest));
        let from = Time(newest.0 - ORDERED_MS);
        if at < from || self.settled.is_some_and(|settled| at < settled) {
            return match step {
                Step::Viewed(place) => vec![Change { at, place, row: [1, 0, 0] }],
                Step::Added | Step::Purchased => vec![],
            };
        }
        let before = self.attempts();
        let place = self.newest.partition_point(|(known, _)| *known <= at);
        self.newest.insert(place, (at, step));
        let after = self.attempts();
        self.settle(from);
        since(&before, &after)
    }

    /// Settles the steps before a time, and the oldest while there are too many.
    fn settle(&mut self, from: Time) {
        let old = self.newest.partition_point(|(at, _)| *at < from);
        let surplus = self.newest.len().saturating_sub(KEPT);
        if let Some(last) = surplus.checked_sub(1).filter(|last| *last >= old) {
            self.settled = Some(self.newest[last].0);
        }
        self.settled = self.settled.filter(|settled| *settled > from);
        for (at, step) in self.newest.drain(..old.max(surplus)) {
            follow(&mut self.open, at, step);
        }
        self.open = self.open.filter(|attempt| !attempt.purchased);
    }

    /// The attempts since the open one.
    fn attempts(&self) -> Vec<Attempt> {
        let (mut attempts, mut current) = (vec![], self.open);
        for (at, step) in &self.newest {
            if let Some(before) = follow(&mut current, *at, *step) {
                attempts.push(before);
            }
        }
        attempts.extend(current);
        attempts
    }
}

/// Takes the next step in order into the newest attempt. Where the step begins another one, that takes
/// the place of the one that is returned.
fn follow(current: &mut Option<Attempt>, at: Time, step: Step) -> Option<Attempt> {
    let is_open = |attempt: &&mut Attempt| !attempt.purchased && at.0 - attempt.at.0 <= WINDOW_MS;
    match (step, current.as_mut().filter(is_open)) {
        (Step::Viewed(place), None) => return current.replace(Attempt::new(at, place)),
        (Step::Added, Some(attempt)) => attempt.added = true,
        (Step::Purchased, Some(attempt)) => attempt.purchased = attempt.added,
        _ => {}
    }
    None
}

/// The stages of the funnel, in the order of [`Attempt`]'s row.
pub(crate) const STAGES: &[&str] = &["viewed", "added", "purchased"];

/// The additions by which the figures of the attempts before become those after.
fn since(before: &[Attempt], after: &[Attempt]) -> Vec<Change> {
    let same = before.iter().zip(after).take_while(|(before, after)| before == after).count();
    let mut changes: Vec<Change> = Vec::new();
    let mut add = |attempt: &Attempt, sign: i64| {
        let Attempt { at, place, .. } = *attempt;
        let known = changes.iter_mut().find(|it| it.at == at && it.place == place);
        let row = attempt.row().map(|value| sign * value);
        match known {
            Some(known) => known.row.iter_mut().zip(row).for_each(|(sum, value)| *sum += value),
            None => changes.push(Change { at, place, row }),
        }
    };
    for attempt in &after[same..] {
        add(attempt, 1);
    }
    for attempt in &before[same..] {
        add(attempt, -1);
    }
    changes.retain(|change| change.row != [0; 3]);
    changes
}

/// The low bits of a time: the kind of a step, how far an attempt is, or the parts that follow.
mod tag {
    pub const VIEWED: u64 = 0;
    pub const ADDED: u64 = 1;
    pub const PURCHASED: u64 = 2;
    pub const OPEN: u64 = 1;
    pub const SETTLED: u64 = 2;
}

/// Packed: the time of the first step, with the parts that follow besides the steps; the open attempt, as
/// the time before that and whether something was added; the settled time; then each step as the time
/// since the one before and its kind. A view is followed by its codes.
impl From<State> for Funnel {
    fn from(State { open, settled, newest }: State) -> Self {
        let mut bytes = Vec::with_capacity(16 + 8 * newest.len());
        let first = newest.first().map_or(0, |(at, _)| at.0);
        let is_there = |is: bool, tag: u64| if is { tag } else { 0 };
        let with = is_there(open.is_some(), tag::OPEN) | is_there(settled.is_some(), tag::SETTLED);
        put_varint(&mut bytes, first.unsigned_abs() << 2 | with);
        if let Some(open) = open {
            let added = is_there(open.added, tag::ADDED);
            put_varint(&mut bytes, (first - open.at.0).unsigned_abs() << 2 | added);
            put_place(&mut bytes, open.place);
        }
        if let Some(settled) = settled {
            put_varint(&mut bytes, (first - settled.0).unsigned_abs());
        }
        let mut before = first;
        for (at, step) in newest {
            put_step(&mut bytes, at.0 - before, step);
            before = at.0;
        }
        Funnel(bytes)
    }
}

/// Reads until the end, or until bytes that are no funnel.
impl From<&Funnel> for State {
    fn from(Funnel(bytes): &Funnel) -> Self {
        let Some(packed) = Packed::of(bytes) else { return State::default() };
        let Packed { open, settled, .. } = packed;
        State { open, settled, newest: packed.collect() }
    }
}

/// The packed form, read step by step.
struct Packed<'a> {
    open: Option<Attempt>,
    settled: Option<Time>,
    /// The time of the step that was read last; before that, of the first.
    at: Time,
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    fn of(mut bytes: &'a [u8]) -> Option<Self> {
        let (first, with) = take_tagged(&mut bytes)?;
        let (mut open, mut settled) = (None, None);
        if with & tag::OPEN != 0 {
            let (before, added) = take_tagged(&mut bytes)?;
            let at = Time(first.checked_sub(before)?);
            let place = take_place(&mut bytes)?;
            open = Some(Attempt { added: added == tag::ADDED, ..Attempt::new(at, place) });
        }
        if with & tag::SETTLED != 0 {
            let before = i64::try_from(take_varint(&mut bytes)?).ok()?;
            settled = Some(Time(first.checked_sub(before)?));
        }
        Some(Packed { open, settled, at: Time(first), bytes })
    }
}

impl Iterator for Packed<'_> {
    type Item = (Time, Step);

    fn next(&mut self) -> Option<(Time, Step)> {
        let (since, tag) = take_tagged(&mut self.bytes)?;
        self.at.0 = self.at.0.checked_add(since)?;
        let step = match tag {
            tag::VIEWED => Step::Viewed(take_place(&mut self.bytes)?),
            tag::ADDED => Step::Added,
            _ => Step::Purchased,
        };
        Some((self.at, step))
    }
}

fn put_step(bytes: &mut Vec<u8>, since: i64, step: Step) {
    let tag = match step {
        Step::Viewed(_) => tag::VIEWED,
        Step::Added => tag::ADDED,
        Step::Purchased => tag::PURCHASED,
    };
    put_varint(bytes, since.unsigned_abs() << 2 | tag);
    if let Step::Viewed(place) = step {
        put_place(bytes, place);
    }
}

fn take_tagged(bytes: &mut &[u8]) -> Option<(i64, u64)> {
    let value = take_varint(bytes)?;
    Some(((value >> 2).cast_signed(), value & 3))
}

fn put_place(bytes: &mut Vec<u8>, place: Place) {
    for code in place.codes.into_iter().chain(place.of_shop) {
        put_varint(bytes, u64::from(code));
    }
}

fn take_place(bytes: &mut &[u8]) -> Option<Place> {
    let mut place = Place::default();
    for code in place.codes.iter_mut().chain(&mut place.of_shop) {
        *code = u16::try_from(take_varint(bytes)?).ok()?;
    }
    Some(place)
}
