//! Sessions: all activities of an id, cut where half an hour has none; or what an event states.

use projections::behaviour::Activity;
use projections::ledger::LedgerRow;
use projections::sessions::document::Stated;
use projections::sessions::document::{Opening, Session};
use projections::sessions::{SessionEvent, Sessions};
use projections::time::Time;

use super::figures::version;
use super::rows::text;
use super::{Age, Came, Naive, after, is_older};

const HALF_AN_HOUR_MS: i64 = 1_800_000;

/// The sessions of an id, as events state them and as activities make them.
#[derive(Default)]
pub struct Visits {
    stated: Option<(SessionEvent<'static>, Age, Opening)>,
    /// The activities that count, in log order.
    activities: Vec<(Time, Opening)>,
    /// Those of the sessions that settled.
    settled: Vec<Session>,
}

impl Visits {
    /// The sessions of the activities, in order of time.
    fn derived(&self) -> Vec<Session> {
        let mut activities = self.activities.clone();
        // Those of one time stay in log order.
        activities.sort_by_key(|(at, _)| *at);
        let runs = activities.chunk_by(|(one, _), (next, _)| next.0 - one.0 <= HALF_AN_HOUR_MS);
        let session = |run: &[(Time, Opening)]| Session {
            first: run[0].0,
            last: run[run.len() - 1].0,
            activities: i64::try_from(run.len()).unwrap(),
            opening: run[0].1,
        };
        runs.map(session).collect()
    }

    /// All sessions that count.
    pub fn all(&self) -> Vec<Session> {
        let counted = match &self.stated {
            None => self.derived(),
            Some((event, _, opening)) => vec![Session {
                first: event.started_at,
                last: event.ended_at.unwrap_or(event.started_at),
                activities: event.pages.unwrap_or(0).into(),
                opening: *opening,
            }],
        };
        counted.into_iter().chain(self.settled.iter().copied()).collect()
    }

    pub fn row(&self) -> LedgerRow {
        let stated = self.stated.as_ref().map(|(event, age, opening)| {
            Box::new(Stated {
                started_at: event.started_at,
                ended_at: event.ended_at,
                user: text(event.user_id.as_deref()),
                device: text(event.device.as_deref()),
                country: text(event.country.as_deref()),
                page: text(event.page.as_deref()),
                pages: event.pages,
                opening: *opening,
                version: version(*age),
            })
        });
        let derived = if stated.is_some() { vec![] } else { self.derived() };
        let settled = self.settled.iter().map(|session| session.last).max();
        LedgerRow::Sessions(Sessions { stated, derived: derived.into(), settled })
    }

    fn take(&mut self, at: Time, opening: Opening) {
        let is_late = |session: &Session| at.0 - session.last.0 <= HALF_AN_HOUR_MS;
        if self.stated.is_some() || self.settled.iter().any(is_late) {
            return;
        }
        self.activities.push((at, opening));
        if let [oldest, others @ ..] = &self.derived()[..]
            && others.len() >= 64
        {
            self.activities.retain(|(at, _)| *at > oldest.last);
            self.settled.push(*oldest);
        }
    }
}

impl Naive {
    pub fn visit(&mut self, event: &Activity<'_>, at: Time, codes: [u16; 4]) {
        let Some(id) = &event.session_id else { return };
        let opening = Opening {
            customer: Some(self.people[&*event.user_id].ordinal),
            identified: !event.user_id.starts_with("guest-"),
            codes: [codes[1], codes[2], codes[3]],
        };
        self.visits.entry(id.to_string()).or_default().take(at, opening);
    }

    pub fn session(&mut self, event: SessionEvent<'static>, place: u64) -> Came {
        let mut age = (event.updated_at, place);
        let visits = self.visits.entry(event.session_id.to_string()).or_default();
        if let Some((known, known_age, _)) = &mut visits.stated {
            if is_older(age, *known_age) {
                return Came::Stale;
            }
            age = after(age, *known_age);
            let same = SessionEvent {
                updated_at: event.updated_at,
                adjusted: event.adjusted,
                ..known.clone()
            };
            if same == event {
                known_age.0 = age.0;
                return Came::Unchanged;
            }
        }
        let at = event.started_at;
        let user = event.user_id.as_deref();
        if let Some(user) = user {
            self.seen(user, at);
        }
        let opening = Opening {
            customer: user.map(|user| self.people[user].ordinal),
            identified: user.is_some_and(|user| !user.starts_with("guest-")),
            codes: [
                self.word("device", 256, at, event.device.as_deref()),
                self.word("page", 512, at, event.page.as_deref()),
                self.word("activityCountry", 256, at, event.country.as_deref()),
            ],
        };
        let visits = self.visits.entry(event.session_id.to_string()).or_default();
        visits.activities.clear();
        visits.stated = Some((event, age, opening));
        Came::Applied
    }
}
