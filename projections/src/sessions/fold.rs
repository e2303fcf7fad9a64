//! The effect of a session event, and that of an activity on the sessions of its id.

use super::document::{Joined, Opening, Session, Sessions, Stated};
use super::event;
use crate::bucket;
use crate::customers::document::{Customers, GUEST_PREFIX};
use crate::family::{Dimension, Family, Slice};
use crate::fold::entry::Entry;
use crate::fold::version::{Stated as Weighed, Version};
use crate::fold::{Ask, EventKind, Fold, NotAtHand, Outcome, Resolved, Stamp};
use crate::json::Reason;
use crate::ledger::{Ledger, LedgerKey, LedgerRow, Row};
use crate::packed::rollup;
use crate::packed::vocabulary::Period;
use crate::table;
use crate::time::Time;
use crate::topic::Topic;

/// The dimensions that a session is counted by, in the order of its codes, and the family of each.
pub const DIMENSIONS: [(Dimension, Family); 3] = [
    (Dimension::Device, Family::SessionDevices),
    (Dimension::Page, Family::EntryPages),
    (Dimension::ActivityCountry, Family::SessionCountries),
];

impl EventKind for event::Session<'_> {
    fn identify(&self, _: &Stamp, ask: &mut Ask<'_>) {
        ask.row::<Sessions>(&self.session_id);
        ask.vocabularies(self.started_at, DIMENSIONS.map(|(dimension, _)| dimension));
    }

    fn names(&self, ask: &mut Ask<'_>) -> Result<(), NotAtHand> {
        if let Some(user) = &self.user_id {
            ask.document::<Customers, _>(&**user);
        }
        Ok(())
    }

    fn fold(
        &self,
        stamp: &Stamp,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Outcome, NotAtHand> {
        fold.replace::<Sessions>(stamp, self, resolved)
    }

    fn is_known(&self, fold: &mut Fold) -> Result<Option<bool>, NotAtHand> {
        fold.knows::<Ledger, _>(&LedgerKey::of::<Sessions>(&self.session_id)).map(Some)
    }
}

impl Entry for Sessions {
    type Event<'a> = event::Session<'a>;

    fn identity<'e>(event: &'e event::Session<'_>) -> (&'e str, Option<Time>) {
        (&event.session_id, event.updated_at)
    }

    fn contradiction(&self, _: &event::Session<'_>) -> Option<Reason> {
        None
    }

    fn weigh(&self, event: &event::Session<'_>, version: Version) -> (Weighed, Version) {
        let Some(known) = &self.stated else { return (Weighed::Applied, version) };
        let same = **known == Stated::of(event, known.opening, known.version);
        version.weigh(Some(known.version), same)
    }

    fn part_version(&mut self, _: &event::Session<'_>) -> Option<&mut Version> {
        self.stated.as_mut().map(|stated| &mut stated.version)
    }

    fn admits(_: Option<&Self>, _: &event::Session<'_>, _: &Fold) -> Result<(), Reason> {
        Ok(())
    }

    fn place(
        event: &event::Session<'_>,
        prior: Option<&Self>,
        version: Version,
        fold: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<Self, NotAtHand> {
        let (user, at) = (event.user_id.as_deref(), event.started_at);
        let customer = user.map(|user| fold.with_customer(user, at, resolved, |_| {}));
        let mut opening = Opening {
            customer: customer.transpose()?,
            identified: user.is_some_and(|user| !user.starts_with(GUEST_PREFIX)),
            codes: [0; 3],
        };
        let month = Period::month_of(at);
        let values = [&event.device, &event.page, &event.country];
        for ((code, (dimension, _)), value) in opening.codes.iter_mut().zip(DIMENSIONS).zip(values)
        {
            *code = fold.code(dimension, month, value.as_deref())?;
        }
        let stated = Some(Box::new(Stated::of(event, opening, version)));
        // Those that settled stay counted.
        let settled = prior.and_then(|prior| prior.settled);
        Ok(Sessions { stated, settled, ..Sessions::default() })
    }

    fn contribute(
        &self,
        sign: i64,
        _: &mut Fold,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let times = |row: table::Row| row.map(|value| sign * value);
        for session in self.iter() {
            count(&session, times(session.sums()), times(session.visits()), resolved);
        }
        Ok(())
    }
}

impl Fold {
    /// Takes an activity into the sessions of the id that it names.
    pub(crate) fn join_session(
        &mut self,
        id: &str,
        at: Time,
        opening: Opening,
        resolved: &mut Resolved,
    ) -> Result<(), NotAtHand> {
        let key = LedgerKey::of::<Sessions>(id);
        let mut is_new = false;
        let row = self.sets.ledger.edit(&key, || {
            is_new = true;
            Sessions::default().into_row()
        })?;
        if let LedgerRow::Sessions(sessions) = row
            && let Some(joined) = sessions.join(at, opening)
        {
            joined.count(resolved);
        }
        if is_new {
            let (place, now) = (&mut self.root.blocks, self.root.log_time);
            self.dedup.note(&mut self.sets.blocks, place, key.as_str(), now)?;
        }
        Ok(())
    }
}

impl Joined {
    /// Counts the one after, and counts those before no more.
    fn count(&self, resolved: &mut Resolved) {
        let (mut sums, mut visits) = (self.after.sums(), self.after.visits());
        for before in self.before.iter().flatten() {
            let (old_sums, old_visits) =
                (before.sums().map(|it| -it), before.visits().map(|it| -it));
            if before.is_counted_as(&self.after) {
                add(&mut sums, old_sums);
                add(&mut visits, old_visits);
            } else {
                count(before, old_sums, old_visits, resolved);
            }
        }
        count(&self.after, sums, visits, resolved);
    }
}

impl Session {
    /// Whether both are counted in the same rows.
    fn is_counted_as(&self, other: &Session) -> bool {
        let quarter = |session: &Session| bucket::quarter_of(session.first);
        quarter(self) == quarter(other) && self.opening.codes == other.opening.codes
    }
}

fn add(sums: &mut table::Row, more: table::Row) {
    sums.iter_mut().zip(more).for_each(|(sum, value)| *sum += value);
}

/// Adds to the rows of a session.
fn count(session: &Session, sums: table::Row, visits: table::Row, resolved: &mut Resolved) {
    let (quarter, whole) = (bucket::quarter_of(session.first), Slice::WHOLE);
    let deltas = &mut resolved.deltas;
    if visits != [0; 3] {
        deltas.push(rollup::by_quarter(Family::Visits, whole, quarter, visits));
    }
    if sums != [0; 3] {
        deltas.push(rollup::by_quarter(Family::Sessions, whole, quarter, sums));
        for ((_, family), code) in DIMENSIONS.into_iter().zip(session.opening.codes) {
            deltas.push(rollup::by_value(family, whole, quarter, code, sums));
        }
    }
    resolved.touched.insert(Topic::Behaviour);
}
