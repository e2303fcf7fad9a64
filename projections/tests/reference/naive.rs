//! The reference: keeps the statements of every event, as plainly as the documents describe them,
//! and computes every figure from those when it is asked. It knows nothing of the fold's methods.

mod additions;
mod bills;
mod figures;
mod funnel;
mod orders;
mod rates;
mod rows;
mod sales;
mod sessions;
mod statuses;
mod wholes;

use std::collections::{BTreeMap, BTreeSet};

use projections::behaviour::Activity;
use projections::customers::event::Customer;
use projections::event::{self, Adjusted, Event, Kind, Limits};
use projections::feedback::Feedback;
use projections::fold::root::News;
use projections::funnel::{Place, Step};
use projections::products::CatalogueEntry;
use projections::products::event::Product;
use projections::products::stock::Stock;
use projections::quantity::Quantity;
use projections::rate::Rate;
use projections::rates::Foreign;
use projections::testing::Logged;
use projections::text::Text;
use projections::time::Time;

use funnel::Steps;
use orders::{Placed, Refund};
use sales::Sale;
use sessions::Visits;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The producer's version, if there is one, and the event's position in the log.
type Age = (Option<Time>, u64);

/// The age of an entity of age `known` after an event of age `new`: its version is the last one
/// that was stated.
fn after(new: Age, known: Age) -> Age {
    (new.0.or(known.0), new.1)
}

/// Whether an age is older: by the versions if both have one and they differ, else by the log.
fn is_older(new: Age, known: Age) -> bool {
    if let (Some(new), Some(known)) = (new.0, known.0)
        && new != known
    {
        return new < known;
    }
    new.1 < known.1
}

struct Rating {
    event: Feedback<'static>,
    at: Time,
    age: Age,
}

struct Fact {
    event: Activity<'static>,
    at: Time,
    /// The codes of type, device, page and country.
    codes: [u16; 4],
}

struct Person {
    ordinal: u32,
    first_seen: Time,
    last_seen: Time,
    profile: Option<(Customer<'static>, Age)>,
}

#[derive(Default)]
struct Thing {
    ordinal: u32,
    entry: Option<CatalogueEntry>,
    stock: Option<(Quantity, Age)>,
    /// The stock, the name and the age at each location.
    locations: BTreeMap<String, AtLocation>,
}

type AtLocation = (Quantity, Option<Text<'static>>, Age);

pub enum Came {
    Applied,
    Repeated,
    Unchanged,
    Stale,
    Quarantined(Vec<String>),
}

/// All statements that still hold.
#[derive(Default)]
pub struct Naive {
    log_time: Time,
    counts: projections::fold::root::Counts,
    sales: BTreeMap<String, Sale>,
    orders: BTreeMap<String, Placed>,
    refunds: BTreeMap<String, Refund>,
    /// By currency and day.
    rates: BTreeMap<(String, i64), (Rate, Age)>,
    /// Transactions that a refund named while they were no line of an order.
    refunded: BTreeSet<String>,
    /// The earliest and the latest time that sales or returns were ever counted at.
    extent: Option<(Time, Time)>,
    ratings: BTreeMap<String, Rating>,
    facts: Vec<Fact>,
    visits: BTreeMap<String, Visits>,
    steps: BTreeMap<String, Steps>,
    /// The log time at which each activity's id last counted.
    remembered: BTreeMap<String, i64>,
    people: BTreeMap<String, Person>,
    things: BTreeMap<String, Thing>,
    words: BTreeMap<String, Vec<String>>,
    quarantine: BTreeMap<u64, Vec<String>>,
    /// All of them that were ever applied.
    news: Vec<News>,
}

impl Naive {
    /// The statements after a log.
    pub fn of(log: &[Logged]) -> Self {
        let mut naive = Naive::default();
        for logged in log {
            naive.read(logged);
        }
        naive
    }

    fn read(&mut self, logged: &Logged) {
        self.log_time = self.log_time.max(logged.log_time);
        let latest = Time(self.log_time.0 + DAY_MS);
        let limits = Limits { latest, currency: "EUR" };
        let (mut adjusted, mut named) = (Adjusted::default(), None);
        let came = match event::parse(logged.kind, logged.body.as_bytes(), &limits) {
            Ok(event) => {
                (adjusted, named) =
                    (event.adjusted(), Some((event.kind(), event.entity().to_owned())));
                self.take(logged, event.into_owned())
            }
            Err(reasons) => {
                Came::Quarantined(reasons.iter().map(|it| it.field.to_string()).collect())
            }
        };
        self.counts.read += 1;
        let is_money = matches!(
            logged.kind,
            Kind::Transaction | Kind::Order | Kind::OrderStatus | Kind::Refund
        );
        match came {
            Came::Applied => {
                self.counts.applied += 1;
                self.counts.rounded += u64::from(adjusted.rounded);
                self.counts.shortened += u64::from(adjusted.shortened);
                if let Some((kind, id)) = named.filter(|(kind, _)| kind.is_news()) {
                    let (position, at) = (logged.position, self.log_time);
                    let kind = kind.as_str().into();
                    self.news.push(News { kind, id: id.into(), position, at });
                }
                if let Some((first, last)) = is_money.then(|| self.extent()).flatten() {
                    let (begin, end) = self.extent.unwrap_or((first, last));
                    self.extent = Some((begin.min(first), end.max(last)));
                }
            }
            Came::Repeated => self.counts.repeated += 1,
            Came::Unchanged => self.counts.unchanged += 1,
            Came::Stale => self.counts.stale += 1,
            Came::Quarantined(fields) => {
                self.counts.quarantined += 1;
                self.quarantine.insert(logged.position, fields);
            }
        }
    }

    fn take(&mut self, logged: &Logged, event: Event<'static>) -> Came {
        let place = logged.replay_of.unwrap_or(logged.position);
        match event {
            Event::Transaction(event) => self.sale(&event, place),
            Event::Order(event) => self.order(&event, place),
            Event::OrderStatus(event) => self.order_status(&event, place),
            Event::Refund(event) => self.refund(&event, place),
            Event::Rate(event) => self.rate(&event, place),
            Event::Activity(event) => self.fact(event),
            Event::Session(event) => self.session(event, place),
            Event::Feedback(event) => self.rating(event, place),
            Event::Product(event) => self.product(&event, place),
            Event::Stock(event) => self.stock_event(&event, place),
            Event::Customer(event) => self.customer(event, place),
        }
    }

    /// The category of a product in the catalogue.
    fn catalogued(&self, product: Option<&str>) -> Option<String> {
        Some(self.things.get(product?)?.entry.as_ref()?.category.to_string())
    }

    /// The cost of one unit of a product in the catalogue.
    fn catalogued_cost(&self, product: Option<&str>) -> Option<i64> {
        Some(self.things.get(product?)?.entry.as_ref()?.cost?.0)
    }

    fn fact(&mut self, event: Activity<'static>) -> Came {
        let now = self.log_time.0;
        if self.remembered.get(&*event.activity_id).is_some_and(|at| now - at <= DAY_MS) {
            return Came::Repeated;
        }
        self.remembered.insert(event.activity_id.to_string(), now);
        let at = event.at.unwrap_or(self.log_time);
        self.seen(&event.user_id, at);
        if let Some(product) = &event.product_id {
            self.thing(product);
        }
        let codes = [
            self.word("activityType", 256, at, Some(&event.activity_type)),
            self.word("device", 256, at, event.device.as_deref()),
            self.word("page", 512, at, event.page.as_deref()),
            self.word("activityCountry", 256, at, event.country.as_deref()),
        ];
        let category = self.catalogued(event.product_id.as_deref());
        let step = match &*event.activity_type {
            "viewed_product" => {
                let of_shop = [
                    self.shop_word("category", 256, category.as_deref()),
                    self.shop_word("device", 256, event.device.as_deref()),
                ];
                let category = self.word("category", 256, at, category.as_deref());
                Some(Step::Viewed(Place { codes: [category, codes[1]], of_shop }))
            }
            "added_to_cart" => Some(Step::Added),
            "purchased" => Some(Step::Purchased),
            _ => None,
        };
        if let Some(step) = step {
            self.steps.entry(event.user_id.to_string()).or_default().take(at, step);
        }
        self.visit(&event, at, codes);
        self.facts.push(Fact { event, at, codes });
        Came::Applied
    }

    fn rating(&mut self, mut event: Feedback<'static>, place: u64) -> Came {
        let mut age = (event.updated_at, place);
        // A date that is not stated is the known one, or the log's time.
        let known = self.ratings.get(&*event.feedback_id).map(|known| known.at);
        let at = event.at.or(known).unwrap_or(self.log_time);
        event.at = Some(at);
        if let Some(known) = self.ratings.get_mut(&*event.feedback_id) {
            if known.event.user_id != event.user_id {
                return Came::Quarantined(vec!["userId".into()]);
            }
            if is_older(age, known.age) {
                return Came::Stale;
            }
            age = after(age, known.age);
            if (Feedback {
                updated_at: event.updated_at,
                adjusted: event.adjusted,
                ..known.event.clone()
            }) == event
            {
                known.age.0 = age.0;
                return Came::Unchanged;
            }
        }
        self.seen(&event.user_id, at);
        self.thing(&event.product_id);
        self.ratings.insert(event.feedback_id.to_string(), Rating { event, at, age });
        Came::Applied
    }

    fn product(&mut self, event: &Product<'static>, place: u64) -> Came {
        let age = (event.updated_at, place);
        let entry = CatalogueEntry {
            name: event.name.clone(),
            category: (*event.category).into(),
            price: event.price,
            description: event.description.clone(),
            image_url: event.image_url.as_deref().map(Into::into),
            added_date: event.added_date,
            cost: event.cost,
            gone: event.is_gone,
            version: figures::version(age),
        };
        let thing = self.thing(&event.product_id);
        let entered = thing.enter(entry);
        let stocked = event.stock.map(|stock| thing.count_stock(stock, age));
        let mut parts: Vec<Came> = [entered].into_iter().chain(stocked).collect();
        for location in &event.locations {
            parts.push(thing.count_at(&location.id, location.stock, location.name.as_ref(), age));
        }
        orders::strongest(parts)
    }

    fn stock_event(&mut self, event: &Stock<'static>, place: u64) -> Came {
        let age = (event.updated_at, place);
        let thing = self.thing(&event.product_id);
        match &event.location_id {
            Some(id) => thing.count_at(id, event.stock, event.location_name.as_ref(), age),
            None => thing.count_stock(event.stock, age),
        }
    }

    fn customer(&mut self, event: Customer<'static>, place: u64) -> Came {
        let mut age = (event.updated_at, place);
        let known = self.people.get(&*event.user_id).and_then(|person| person.profile.as_ref());
        let mut came = Came::Applied;
        if let Some((known, known_age)) = known {
            if is_older(age, *known_age) {
                return Came::Stale;
            }
            age = after(age, *known_age);
            if (Customer {
                updated_at: event.updated_at,
                adjusted: event.adjusted,
                ..known.clone()
            }) == event
            {
                came = Came::Unchanged;
                age.1 = known_age.1;
            }
        }
        let dated = event.updated_at.or(event.created_at);
        // A repeated statement without a date says nothing about its time.
        let undated = matches!(came, Came::Applied).then_some(self.log_time);
        if let Some(at) = dated.or(undated) {
            self.seen(&event.user_id, at);
        }
        let person = self.people.get_mut(&*event.user_id).unwrap();
        person.profile = Some((event, age));
        came
    }

    fn seen(&mut self, user: &str, at: Time) {
        let ordinal = u32::try_from(self.people.len()).unwrap();
        let person = self.people.entry(user.to_owned()).or_insert(Person {
            ordinal,
            first_seen: at,
            last_seen: at,
            profile: None,
        });
        person.first_seen = person.first_seen.min(at);
        person.last_seen = person.last_seen.max(at);
    }

    fn thing(&mut self, product: &str) -> &mut Thing {
        let ordinal = u32::try_from(self.things.len()).unwrap();
        let fresh = Thing { ordinal, ..Thing::default() };
        self.things.entry(product.to_owned()).or_insert(fresh)
    }

    /// The code of a value: the month's first ones each have their own, in log order.
    fn word(&mut self, dimension: &str, cap: usize, at: Time, value: Option<&str>) -> u16 {
        let value = match value {
            None | Some("(none)") => return 0,
            Some("(other)") => return 1,
            Some(value) => value,
        };
        self.word_of(format!("{dimension}/{}", figures::date(at).format("%Y-%m")), cap, value)
    }

    /// The code of a value among those of all time.
    fn shop_word(&mut self, dimension: &str, cap: usize, value: Option<&str>) -> u16 {
        match value {
            None | Some("(none)") => 0,
            Some("(other)") => 1,
            Some(value) => self.word_of(format!("{dimension}/ever"), cap, value),
        }
    }

    /// The codes of a currency among those of a month and among those of all time.
    fn currency(&mut self, at: Time, foreign: Foreign) -> [u16; 2] {
        let word = Some(foreign.currency.as_str());
        [self.word("currency", 64, at, word), self.shop_word("currency", 64, word)]
    }

    fn word_of(&mut self, id: String, cap: usize, value: &str) -> u16 {
        let words = self.words.entry(id).or_default();
        let place = words.iter().position(|word| word == value).or_else(|| {
            (words.len() < cap).then(|| {
                words.push(value.to_owned());
                words.len() - 1
            })
        });
        self.counts.folded += u64::from(place.is_none());
        place.map_or(1, |place| u16::try_from(place + 2).unwrap())
    }
}

impl Thing {
    fn enter(&mut self, mut entry: CatalogueEntry) -> Came {
        let mut came = Came::Applied;
        if let Some(known) = &self.entry {
            let age = |entry: &CatalogueEntry| (entry.version.updated_at, entry.version.position);
            if is_older(age(&entry), age(known)) {
                return Came::Stale;
            }
            entry.version.updated_at = after(age(&entry), age(known)).0;
            if (CatalogueEntry { version: entry.version, ..known.clone() }) == entry {
                came = Came::Unchanged;
                entry.version.position = known.version.position;
            }
        }
        self.entry = Some(entry);
        came
    }

    /// Units on hand, if they are known, of what is still there.
    fn on_hand(&self) -> Option<i64> {
        if self.is_gone() {
            return None;
        }
        let total = self.stock.map(|(stock, _)| stock.0);
        let of_locations = self.locations.values().map(|(stock, ..)| stock.0);
        if self.locations.is_empty() { total } else { Some(of_locations.sum()) }
    }

    fn is_gone(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.gone)
    }

    fn count_at(
        &mut self,
        location: &str,
        stock: Quantity,
        name: Option<&Text<'static>>,
        age: Age,
    ) -> Came {
        let Some((known, known_name, known_age)) = self.locations.get_mut(location) else {
            self.locations.insert(location.to_owned(), (stock, name.cloned(), age));
            return Came::Applied;
        };
        if is_older(age, *known_age) {
            return Came::Stale;
        }
        let age = after(age, *known_age);
        if *known == stock && name.is_none_or(|name| Some(name) == known_name.as_ref()) {
            known_age.0 = age.0;
            return Came::Unchanged;
        }
        *known_name = name.cloned().or(known_name.take());
        (*known, *known_age) = (stock, age);
        Came::Applied
    }

    fn count_stock(&mut self, stock: Quantity, age: Age) -> Came {
        match self.stock {
            Some((_, known)) if is_older(age, known) => Came::Stale,
            Some((same, known)) if same == stock => {
                self.stock = Some((stock, (after(age, known).0, known.1)));
                Came::Unchanged
            }
            known => {
                let age = known.map_or(age, |(_, known)| after(age, known));
                self.stock = Some((stock, age));
                Came::Applied
            }
        }
    }
}
