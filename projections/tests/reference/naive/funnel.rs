//! The funnel: all steps of a customer that came in time, in order, walked from view to view.

use projections::funnel::{Attempt, Funnel, Place, State, Step};
use projections::time::Time;

use super::DAY_MS;

/// The most steps before the newest that others are put in order with.
const KEPT: usize = 32;

/// The steps of a customer.
#[derive(Default)]
pub struct Steps {
    /// Those that came in time, in log order.
    in_time: Vec<(Time, Step)>,
    /// Views that came too late.
    late: Vec<(Time, Place)>,
}

impl Steps {
    fn in_order(&self) -> Vec<(Time, Step)> {
        let mut steps = self.in_time.clone();
        // Those of one time stay in log order.
        steps.sort_by_key(|(at, _)| *at);
        steps
    }

    pub fn take(&mut self, at: Time, step: Step) {
        let steps = self.in_order();
        let newest = steps.last().map_or(at, |(newest, _)| at.max(*newest));
        let last_settled = steps.len().checked_sub(KEPT + 1).map(|last| steps[last].0);
        let is_late = newest.0 - at.0 > DAY_MS || last_settled.is_some_and(|last| at < last);
        match step {
            Step::Viewed(place) if is_late => self.late.push((at, place)),
            _ if is_late => {}
            step => self.in_time.push((at, step)),
        }
    }

    /// Every attempt.
    pub fn attempts(&self) -> Vec<Attempt> {
        let late = self.late.iter().map(|(at, place)| attempt(*at, *place));
        walked(&self.in_order()).into_iter().chain(late).collect()
    }

    /// The funnel as the fold stores it.
    pub fn kept(&self) -> Funnel {
        let steps = self.in_order();
        let Some((newest, _)) = steps.last() else { return Funnel::default() };
        let from = Time(newest.0 - DAY_MS);
        let old = steps.iter().filter(|(at, _)| *at < from).count();
        let kept = old.max(steps.len().saturating_sub(KEPT));
        let last = kept.checked_sub(1).map(|last| steps[last].0);
        let open = walked(&steps[..kept]).pop().filter(|attempt| !attempt.purchased);
        let settled = last.filter(|last| *last > from);
        State { open, settled, newest: steps[kept..].to_vec() }.into()
    }
}

fn attempt(at: Time, place: Place) -> Attempt {
    Attempt { at, place, added: false, purchased: false }
}

/// The attempts of steps in order.
fn walked(steps: &[(Time, Step)]) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut rest = steps;
    while let Some((&(at, step), behind)) = rest.split_first() {
        rest = behind;
        let Step::Viewed(place) = step else { continue };
        let within = behind.partition_point(|(other, _)| other.0 - at.0 <= 7 * DAY_MS);
        let place_of = |wanted: Step, from: usize| {
            let found = behind[from..within].iter().position(|(_, step)| *step == wanted);
            found.map(|found| from + found)
        };
        let added = place_of(Step::Added, 0);
        let purchased = added.and_then(|added| place_of(Step::Purchased, added));
        let (is_added, is_purchased) = (added.is_some(), purchased.is_some());
        attempts.push(Attempt { added: is_added, purchased: is_purchased, ..attempt(at, place) });
        rest = &behind[purchased.map_or(within, |purchased| purchased + 1)..];
    }
    attempts
}
