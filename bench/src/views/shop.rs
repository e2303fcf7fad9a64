//! A year of a shop: orders of 1 to 3 lines with their statuses and refunds, what visitors do, and
//! ratings. The same seed gives the same events.

use std::collections::VecDeque;

use adaptive_bi::stream::publish::Outgoing;
use projections::time::Time;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::load::Load;
use crate::year::DAY_MS;

const YEAR_MS: i64 = 365 * DAY_MS;
/// The activities that come in a burst, which has sessions that go on at the same time.
const BURST: u64 = 128;
/// The time between two activities of a burst.
const APART_MS: i64 = 4_000;
/// The activities for each order.
const ACTIVITIES: u64 = 2;
/// One of so many orders brings a rating.
const RATING_EACH: u64 = 5;
/// The statuses of orders and of their payments: most are paid, some wait, failed or came back.
const STATUSES: [[&str; 2]; 10] = [
    ["processing", "paid"],
    ["processing", "paid"],
    ["processing", "paid"],
    ["processing", "paid"],
    ["processing", "paid"],
    ["processing", "paid"],
    ["processing", "paid"],
    ["pending", "pending"],
    ["processing", "failed"],
    ["cancelled", "paid"],
];

/// The events of a year with so many orders, until `end`. A refund comes directly after its order.
pub fn year(orders: u64, end: i64) -> impl Iterator<Item = Outgoing> {
    let mut shop = Shop {
        load: Load::new("views", 21),
        random: SmallRng::seed_from_u64(22),
        end,
        activities: 0,
        burst: 0,
    };
    Load::catalogue().chain((0..orders).flat_map(move |number| {
        let at = i128::from(YEAR_MS) * i128::from(number) / i128::from(orders);
        shop.next(number, end - YEAR_MS + i64::try_from(at).unwrap_or_default())
    }))
}

struct Shop {
    load: Load,
    random: SmallRng,
    end: i64,
    /// The number of activities so far.
    activities: u64,
    /// The time of the first activity of the present burst.
    burst: i64,
}

impl Shop {
    /// An order, and all that comes with it.
    fn next(&mut self, number: u64, at: i64) -> VecDeque<Outgoing> {
        let mut events = VecDeque::new();
        let lines = self.random.random_range(1..=3);
        let statuses = STATUSES[self.random.random_range(0..STATUSES.len())];
        let order = self.load.basket(Time(at), lines, statuses);
        events.push_back(order.clone());
        if statuses == STATUSES[0] {
            // A line that is refunded is the second.
            if lines > 1 && self.random.random_bool(0.1) {
                let later = at + self.random.random_range(0..40 * DAY_MS);
                events.push_back(Load::refund(&order, Time(later.min(self.end))));
            }
            events.push_back(Load::shipped(&order, Time((at + 2 * DAY_MS).min(self.end))));
        }
        for _ in 0..ACTIVITIES {
            events.push_back(self.activity(at));
        }
        if number.is_multiple_of(RATING_EACH) {
            events.push_back(self.load.feedback(Time(at)));
        }
        events
    }

    /// The activities of a session are within minutes of each other.
    fn activity(&mut self, at: i64) -> Outgoing {
        let place = self.activities % BURST;
        if place == 0 {
            self.burst = at.min(self.end - i64::try_from(BURST).unwrap_or_default() * APART_MS);
        }
        self.activities += 1;
        let offset = i64::try_from(place).unwrap_or_default() * APART_MS;
        self.load.activity(Time(self.burst + offset))
    }
}
