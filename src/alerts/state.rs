//! What becomes of the state of a rule by a look at its figure. Nothing here reads anything.
//!
//! Several processes look, and one can be behind another. A look counts where it is later than the state:
//! of a later position of the log, or of the same one some seconds on.

use std::time::Duration;

use crate::store::platform::alerts::{AlertState, Condition, Direction};
use crate::store::time::{self, DateTime};

/// At one position figures change with time alone, as windows roll on, and clocks differ by less.
const SAME_POSITION: Duration = Duration::from_secs(5);
/// Read models of another generation are held against the state for so long before they bring a rule to
/// hold: the switch alone is no news.
const SETTLES: Duration = Duration::from_mins(1);

/// A look at a rule's figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The instant.
    pub at: DateTime,
    /// The generation of the read models.
    pub generation: u32,
    /// Their position.
    pub position: u64,
    /// The figure, where it is a number.
    pub value: Option<f64>,
    /// Whether the condition holds; `None` where nobody can say.
    pub holds: Option<bool>,
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing, until the figure is another.
    Stays,
    /// Nothing yet; the same look counts later.
    Waits,
    /// The state is written; nobody is told.
    Settles(AlertState),
    /// It came to hold; somebody is told where it is no quiet time.
    Crosses(AlertState, bool),
}

/// Whether a condition on a figure holds, given the figure of the window before; `None` where nobody can
/// say.
#[must_use]
pub fn holds(condition: &Condition, value: Option<f64>, before: Option<f64>) -> Option<bool> {
    match *condition {
        Condition::Above { value: bound } => value.map(|value| value > bound),
        Condition::Below { value: bound } => value.map(|value| value < bound),
        Condition::ChangedBy { percent, direction } => {
            let change = change(value?, before?);
            Some(match direction {
                Direction::Up => change >= percent,
                Direction::Down => change <= -percent,
                Direction::Either => change.abs() >= percent,
            })
        }
        Condition::NoEventsFor { .. } => None,
    }
}

/// By how many percent a figure changed. From nothing to something is more than any.
fn change(value: f64, before: f64) -> f64 {
    let difference = value - before;
    if difference == 0.0 { 0.0 } else { difference / before.abs() * 100.0 }
}

/// What becomes of a state by a look.
#[must_use]
pub fn next(state: &AlertState, quiet: Duration, look: &Look) -> Step {
    let is_later = look.position > state.position
        || look.position == state.position && is_since(look.at, Some(state.at), SAME_POSITION);
    let written = AlertState {
        value: look.value,
        position: look.position,
        at: look.at,
        generation: look.generation,
        ..state.clone()
    };
    let is_first = state.generation == 0;
    if !is_first && state.generation != look.generation {
        if !is_later {
            return Step::Waits;
        }
        let since = state.since.filter(|_| look.holds != Some(false));
        return Step::Settles(AlertState { since, switched_at: Some(look.at), ..written });
    }
    match (look.holds, state.since) {
        (Some(true), None) | (Some(false), Some(_)) if !is_later => Step::Waits,
        (Some(true), None) if !is_since(look.at, state.switched_at, SETTLES) => Step::Waits,
        (Some(true), None) => {
            let is_told = is_since(look.at, state.told_at, quiet);
            let told_at = if is_told { Some(look.at) } else { state.told_at };
            let (number, since) = (state.number + 1, Some(look.at));
            Step::Crosses(AlertState { number, since, told_at, ..written }, is_told)
        }
        (Some(false), Some(_)) => Step::Settles(AlertState { since: None, ..written }),
        _ if is_first => Step::Settles(written),
        _ => Step::Stays,
    }
}

/// Whether an instant is so much later than another, if there is one.
fn is_since(at: DateTime, from: Option<DateTime>, by: Duration) -> bool {
    from.is_none_or(|from| at >= time::later(from, by))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_mins(15);

    fn at(second: i64) -> DateTime {
        time::at(1_000_000 + second * 1_000)
    }

    fn look(second: i64, position: u64, holds: bool) -> Look {
        Look { at: at(second), generation: 1, position, value: Some(7.0), holds: Some(holds) }
    }

    /// The state after a look.
    fn after(state: &AlertState, look: &Look) -> AlertState {
        match next(state, QUIET, look) {
            Step::Stays | Step::Waits => state.clone(),
            Step::Settles(state) | Step::Crosses(state, _) => state,
        }
    }

    #[test]
    fn a_bound_itself_is_neither_above_nor_below() {
        let (above, below) = (Condition::Above { value: 5.0 }, Condition::Below { value: 5.0 });
        for (value, expected) in [(4.9, (false, true)), (5.0, (false, false)), (5.1, (true, false))]
        {
            let held = |condition| holds(condition, Some(value), None).unwrap();
            assert_eq!((held(&above), held(&below)), expected, "{value}");
        }
        assert_eq!(holds(&above, None, None), None);
    }

    #[test]
    fn a_change_is_measured_in_percent_of_the_window_before() {
        let held = |direction, value, before| {
            let condition = Condition::ChangedBy { percent: 20.0, direction };
            holds(&condition, Some(value), Some(before)).unwrap()
        };
        let all = |value, before| {
            [Direction::Up, Direction::Down, Direction::Either].map(|it| held(it, value, before))
        };
        assert_eq!(all(120.0, 100.0), [true, false, true]);
        assert_eq!(all(119.0, 100.0), [false, false, false]);
        assert_eq!(all(80.0, 100.0), [false, true, true]);
        assert_eq!(all(-80.0, -100.0), [true, false, true]);
        assert_eq!(all(1.0, 0.0), [true, false, true], "from nothing to something");
        assert_eq!(all(0.0, 0.0), [false, false, false]);
        let condition = Condition::ChangedBy { percent: 20.0, direction: Direction::Up };
        assert_eq!(holds(&condition, Some(1.0), None), None);
    }

    #[test]
    fn only_coming_to_hold_is_a_crossing_and_only_once() {
        let fresh = AlertState::new(0, at(0));
        let calm = after(&fresh, &look(1, 10, false));
        assert_eq!((calm.number, calm.generation), (0, 1), "the first look is kept");
        assert_eq!(next(&calm, QUIET, &look(2, 11, false)), Step::Stays);
        let Step::Crosses(held, true) = next(&calm, QUIET, &look(3, 12, true)) else { panic!() };
        assert_eq!((held.number, held.since, held.position), (1, Some(at(3)), 12));
        assert_eq!(next(&held, QUIET, &look(4, 13, true)), Step::Stays);
        let calm = after(&held, &look(5, 14, false));
        assert_eq!((calm.number, calm.since), (1, None));
        let Step::Crosses(..) = next(&fresh, QUIET, &look(1, 10, true)) else {
            panic!("what holds at the first look came to hold");
        };
    }

    #[test]
    fn in_a_quiet_time_a_crossing_is_recorded_and_nobody_is_told() {
        let first = after(&AlertState::new(0, at(0)), &look(1, 10, true));
        let calm = after(&first, &look(60, 11, false));
        let Step::Crosses(second, false) = next(&calm, QUIET, &look(120, 12, true)) else {
            panic!()
        };
        assert_eq!((second.number, second.told_at), (2, Some(at(1))));
        let calm = after(&second, &look(180, 13, false));
        let Step::Crosses(third, true) = next(&calm, QUIET, &look(901, 14, true)) else { panic!() };
        assert_eq!((third.number, third.told_at), (3, Some(at(901))));
    }

    #[test]
    fn a_process_that_is_behind_changes_nothing() {
        let held = after(&AlertState::new(0, at(0)), &look(10, 20, true));
        assert_eq!(next(&held, QUIET, &look(11, 19, false)), Step::Waits);
        assert_eq!(next(&held, QUIET, &look(11, 20, false)), Step::Waits, "clocks differ");
        assert_ne!(next(&held, QUIET, &look(15, 20, false)), Step::Waits, "the range rolled on");
        let calm = after(&held, &look(30, 21, false));
        assert_eq!(next(&calm, QUIET, &look(31, 20, true)), Step::Waits);
        let old = Look { generation: 7, ..look(31, 20, true) };
        assert_eq!(next(&calm, QUIET, &old), Step::Waits, "nor one of another generation");
    }

    #[test]
    fn another_generation_brings_a_rule_to_hold_only_where_it_stays_so() {
        let calm = after(&AlertState::new(0, at(0)), &look(1, 10, false));
        let other =
            |second, position, holds| Look { generation: 2, ..look(second, position, holds) };
        let Step::Settles(switched) = next(&calm, QUIET, &other(100, 11, true)) else { panic!() };
        assert_eq!((switched.generation, switched.since), (2, None));
        assert_eq!(next(&switched, QUIET, &other(159, 15, true)), Step::Waits);
        let Step::Crosses(..) = next(&switched, QUIET, &other(160, 15, true)) else { panic!() };

        let held = after(&calm, &look(50, 11, true));
        let switched = after(&held, &other(100, 12, true));
        assert_eq!((switched.since, switched.number), (Some(at(50)), 1), "what held still does");
        let switched = after(&held, &other(100, 12, false));
        assert_eq!(switched.since, None);
    }

    #[test]
    fn where_nobody_can_say_nothing_changes() {
        let held = after(&AlertState::new(0, at(0)), &look(1, 10, true));
        let unknown = Look { value: None, holds: None, ..look(60, 20, true) };
        assert_eq!(next(&held, QUIET, &unknown), Step::Stays);
    }
}
