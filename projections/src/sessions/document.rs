//! The stored form of the sessions of an id.
//!
//! The activities of an id that are at most 30 minutes apart are a session. The sessions of an id
//! lie in order of time, more than 30 minutes apart, so an activity joins the one or two that it
//! is near, or is one by itself; any order of the same activities makes the same sessions.
//!
//! An id keeps its newest 64. An older one settles: it is counted as it was then, and an activity
//! that is not more than 30 minutes later than its last one counts in no session.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::event;
use crate::fold::version::Version;
use crate::packed::{Bytes, put_varint, take_varint};
use crate::time::Time;

/// The longest time between two activities of a session, in milliseconds.
pub const GAP_MS: i64 = 30 * 60 * 1000;
/// The most sessions that are kept of an id.
pub const KEPT: usize = 64;

/// The sessions of an id: the one that an event states, else those that its activities make.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sessions {
    /// The statements of its newest event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<Box<Stated>>,
    /// The newest sessions of its activities, in order of time.
    #[serde(skip_serializing_if = "Derived::is_empty")]
    pub derived: Derived,
    /// The last activity of those that settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<Time>,
}

/// Sessions in order of time; stored as a few bytes each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Derived(Vec<Session>);

/// A session as it is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Session {
    /// The time of its first activity, which it is counted at.
    pub first: Time,
    /// The time of its last activity.
    pub last: Time,
    /// The number of its activities; of a stated session, of its pages.
    pub activities: i64,
    /// The statements of its first activity.
    pub opening: Opening,
}

/// The statements of the first activity of a session about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// The ordinal of the customer, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<u32>,
    /// Whether that is one with an account.
    pub identified: bool,
    /// The codes of device, page and country in the vocabularies of its month.
    pub codes: [u16; 3],
}

/// A session as its newest event states it, and where it is counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stated {
    /// Its beginning.
    pub started_at: Time,
    /// Its end, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// The customer, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Box<str>>,
    /// If stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Box<str>>,
    /// The page that it began on, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Box<str>>,
    /// The number of pages, if stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Where it is counted.
    pub opening: Opening,
    /// The version of the event that stated this.
    #[serde(flatten)]
    pub version: Version,
}

/// The change by an activity: the sessions that it joined, and the one that they became.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joined {
    /// Those before, at most two.
    pub before: [Option<Session>; 2],
    /// The one after.
    pub after: Session,
}

impl Stated {
    /// The statements of an event, counted at `opening`.
    pub(super) fn of(event: &event::Session<'_>, opening: Opening, version: Version) -> Self {
        Stated {
            started_at: event.started_at,
            ended_at: event.ended_at,
            user: event.user_id.as_deref().map(Into::into),
            device: event.device.as_deref().map(Into::into),
            country: event.country.as_deref().map(Into::into),
            page: event.page.as_deref().map(Into::into),
            pages: event.pages,
            opening,
            version,
        }
    }

    fn session(&self) -> Session {
        Session {
            first: self.started_at,
            last: self.ended_at.unwrap_or(self.started_at),
            activities: i64::from(self.pages.unwrap_or_default()),
            opening: self.opening,
        }
    }
}

impl Session {
    /// Sessions, bounces, milliseconds.
    #[must_use]
    pub fn sums(&self) -> [i64; 3] {
        [1, i64::from(self.activities == 1), self.last.0 - self.first.0]
    }

    /// Activities, sessions of customers with an account.
    #[must_use]
    pub fn visits(&self) -> [i64; 3] {
        [self.activities, i64::from(self.opening.identified), 0]
    }
}

impl Sessions {
    /// The sessions that are counted, those that settled apart.
    pub fn iter(&self) -> impl Iterator<Item = Session> + '_ {
        let stated = self.stated.iter().map(|stated| stated.session());
        let derived = self.derived.0.iter().copied().filter(|_| self.stated.is_none());
        stated.chain(derived)
    }

    /// Takes an activity in. None if it changes no session: one is stated, or its time is that of
    /// those that settled.
    pub(crate) fn join(&mut self, at: Time, opening: Opening) -> Option<Joined> {
        let is_late = self.settled.is_some_and(|settled| at.0 <= settled.0 + GAP_MS);
        if self.stated.is_some() || is_late {
            return None;
        }
        let sessions = &mut self.derived.0;
        let from = sessions.partition_point(|session| session.last.0 + GAP_MS < at.0);
        let near = sessions[from..].iter().take_while(|session| session.first.0 <= at.0 + GAP_MS);
        let near = from..from + near.count();
        let mut joined = Joined {
            before: [None; 2],
            after: Session { first: at, last: at, activities: 1, opening },
        };
        for (before, session) in joined.before.iter_mut().zip(&sessions[near.clone()]) {
            *before = Some(*session);
            let after = &mut joined.after;
            // Of two activities at one time the earlier on the log is the first.
            if session.first <= after.first {
                (after.first, after.opening) = (session.first, session.opening);
            }
            after.last = after.last.max(session.last);
            after.activities += session.activities;
        }
        sessions.splice(near, [joined.after]);
        if sessions.len() > KEPT {
            self.settled = Some(sessions.remove(0).last);
        }
        Some(joined)
    }
}

impl Derived {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn packed(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(16 * self.0.len());
        let mut before = Time(0);
        for Session { first, last, activities, opening } in &self.0 {
            let Opening { customer, identified, codes } = opening;
            let customer =
                customer.map_or(0, |it| (u64::from(it) << 1 | u64::from(*identified)) + 1);
            put_varint(&mut bytes, (first.0 - before.0).unsigned_abs());
            put_varint(&mut bytes, (last.0 - first.0).unsigned_abs());
            put_varint(&mut bytes, activities.unsigned_abs());
            put_varint(&mut bytes, customer);
            for code in codes {
                put_varint(&mut bytes, u64::from(*code));
            }
            before = *last;
        }
        Bytes(bytes)
    }

    fn unpacked(mut bytes: &[u8]) -> Option<Self> {
        let mut sessions = Vec::new();
        let mut before = Time(0);
        while !bytes.is_empty() {
            let first = Time(before.0.checked_add_unsigned(take_varint(&mut bytes)?)?);
            let last = Time(first.0.checked_add_unsigned(take_varint(&mut bytes)?)?);
            let activities = i64::try_from(take_varint(&mut bytes)?).ok()?;
            let customer = take_varint(&mut bytes)?.checked_sub(1);
            let mut opening = Opening {
                customer: customer.map(|it| u32::try_from(it >> 1)).transpose().ok()?,
                identified: customer.is_some_and(|it| it & 1 == 1),
                codes: [0; 3],
            };
            for code in &mut opening.codes {
                *code = u16::try_from(take_varint(&mut bytes)?).ok()?;
            }
            sessions.push(Session { first, last, activities, opening });
            before = last;
        }
        Some(Derived(sessions))
    }
}

impl From<Vec<Session>> for Derived {
    fn from(sessions: Vec<Session>) -> Self {
        Derived(sessions)
    }
}

impl Serialize for Derived {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.packed().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Derived {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        Derived::unpacked(&bytes).ok_or_else(|| serde::de::Error::custom("no sessions"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sessions_of(times: &[i64]) -> Sessions {
        let mut sessions = Sessions::default();
        for at in times {
            sessions.join(Time(*at), Opening::default());
        }
        sessions
    }

    fn spans(sessions: &Sessions) -> Vec<(i64, i64, i64)> {
        sessions.iter().map(|it| (it.first.0, it.last.0, it.activities)).collect()
    }

    #[test]
    fn half_an_hour_apart_is_one_session_and_a_millisecond_more_is_two() {
        assert_eq!(spans(&sessions_of(&[0, GAP_MS])), [(0, GAP_MS, 2)]);
        let two = [(0, 0, 1), (GAP_MS + 1, GAP_MS + 1, 1)];
        assert_eq!(spans(&sessions_of(&[GAP_MS + 1, 0])), two);
        assert_eq!(spans(&sessions_of(&[0, GAP_MS + 1, 5])), [(0, GAP_MS + 1, 3)]);
    }

    #[test]
    fn of_more_than_64_the_oldest_settles_and_what_comes_late_for_it_counts_in_none() {
        let hour = 2 * GAP_MS;
        let times: Vec<i64> = (0..=64).map(|n| n * hour).collect();
        let mut sessions = sessions_of(&times);
        assert_eq!((sessions.iter().count(), sessions.settled), (KEPT, Some(Time(0))));
        assert_eq!(sessions.join(Time(GAP_MS), Opening::default()), None);
        let joined = sessions.join(Time(GAP_MS + 1), Opening::default()).unwrap();
        assert_eq!((joined.after.first.0, joined.after.last.0), (GAP_MS + 1, hour));
        assert_eq!(sessions.iter().count(), KEPT);
    }

    proptest! {
        #[test]
        fn any_order_of_activities_makes_the_same_sessions_which_read_back(
            times in prop::collection::btree_set(0..40_i64, 1..30).prop_map(|ticks| {
                ticks.into_iter().map(|tick| tick * GAP_MS * 3 / 4).collect::<Vec<_>>()
            }),
            codes in any::<[u16; 3]>(), customer in any::<Option<u32>>(),
            turn in any::<prop::sample::Index>(),
        ) {
            let opening = Opening { customer, identified: customer.is_some(), codes };
            let mut shuffled = times.clone();
            shuffled.rotate_left(turn.index(times.len()));
            shuffled.reverse();
            let [one, other] = [&times, &shuffled].map(|times| {
                let mut sessions = Sessions::default();
                for at in times {
                    sessions.join(Time(*at), opening);
                }
                sessions
            });
            prop_assert_eq!(&one, &other);
            let text = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sessions>(&text).unwrap(), one);
        }
    }
}
