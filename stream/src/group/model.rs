//! The committer against a model of the server, with everything in any order: what is pushed,
//! answered, lost, refused, woken and closed.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { messages: 5, bytes: 40, in_flight: 3, few: 2 };
const LANES: usize = 3;

/// An event: its lane's place, its number there, and its entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Event {
    lane: usize,
    number: u32,
    entity: u8,
    /// The log refuses it.
    is_bad: bool,
    /// The log has it already, and a batch with it is refused.
    is_known: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Push {
        lane: usize,
        entity: u8,
        bytes: usize,
        is_bad: bool,
        is_known: bool,
    },
    /// The server answers one of the shipments.
    Answer {
        which: usize,
        how: How,
    },
    Wake {
        which: usize,
    },
    Close {
        lane: usize,
    },
}

#[derive(Debug, Clone, Copy)]
enum How {
    AsItIs,
    Busy,
    /// The server has it, and the answer is lost.
    LostAnswer,
    /// It did not arrive.
    LostBatch,
    RefusesAll,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push =
        (0..LANES, 0..6_u8, 1..30_usize, 0..12_u8).prop_map(|(lane, entity, bytes, what)| {
            Step::Push { lane, entity, bytes, is_bad: what == 0, is_known: what == 1 }
        });
    let how = prop_oneof![
        12 => Just(How::AsItIs),
        2 => Just(How::Busy),
        1 => Just(How::LostAnswer),
        1 => Just(How::LostBatch),
        1 => Just(How::RefusesAll),
    ];
    let answer = (0..8_usize, how).prop_map(|(which, how)| Step::Answer { which, how });
    let wake = (0..8_usize).prop_map(|which| Step::Wake { which });
    let close = (0..LANES).prop_map(|lane| Step::Close { lane });
    let step = prop_oneof![24 => push, 14 => answer, 4 => wake, 1 => close].boxed();
    (1..160_usize).prop_flat_map(move |steps| vec![step.clone(); steps])
}

struct Model {
    group: Group<Event>,
    lanes: Vec<(LaneId, bool)>,
    pushed: Vec<Event>,
    /// The server's log.
    log: Vec<Event>,
    /// The events that are sent and not answered, and whether they are a batch.
    out: BTreeMap<u64, (Vec<Event>, bool)>,
    paused: Vec<u64>,
    told: HashMap<Event, Result<Stored, Refusal>>,
    withdrawn: HashSet<Event>,
}

impl Model {
    fn new() -> Self {
        let mut group = Group::new(LIMITS);
        let lanes = (0..LANES).map(|_| (group.open(), true)).collect();
        Model {
            group,
            lanes,
            pushed: Vec::new(),
            log: Vec::new(),
            out: BTreeMap::new(),
            paused: Vec::new(),
            told: HashMap::new(),
            withdrawn: HashSet::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push { lane, entity, bytes, is_bad, is_known } => {
                let (id, true) = self.lanes[lane] else { return };
                let number = u32::try_from(self.pushed.len()).expect("few");
                let event = Event { lane, number, entity, is_bad, is_known };
                if is_known {
                    self.log.push(event);
                }
                self.pushed.push(event);
                let entity = Entity(Kind::Product, entity.to_string().into());
                self.group.push(id, entity, bytes, event);
            }
            Step::Answer { which, how } => {
                let number = self.out.keys().nth(which % self.out.len().max(1)).copied();
                if let Some(number) = number {
                    self.answer(number, how);
                }
            }
            Step::Wake { which } => {
                if !self.paused.is_empty() {
                    let number = self.paused.remove(which % self.paused.len());
                    self.group.woken(number);
                }
            }
            Step::Close { lane } => {
                let (id, is_open) = &mut self.lanes[lane];
                *is_open = false;
                self.withdrawn.extend(self.group.close(*id));
            }
        }
        self.settle();
    }

    /// Sends what may go, and checks it.
    fn settle(&mut self) {
        loop {
            let may_send = self.group.may_send();
            let Some(Shipment { number, events, is_batch, .. }) = self.group.next() else { break };
            assert!(may_send, "nobody would have asked for it");
            assert!(!events.is_empty() && events.len() <= LIMITS.messages);
            let under_way: HashSet<u8> =
                self.out.values().flat_map(|(it, _)| it).map(|event| event.entity).collect();
            assert!(!events.iter().any(|it| under_way.contains(&it.entity)), "an entity twice");
            for event in &events {
                assert!(!self.told.contains_key(event) && !self.withdrawn.contains(event));
            }
            let different: HashSet<u8> = events.iter().map(|event| event.entity).collect();
            let are_few = events.len() <= LIMITS.few && different.len() == events.len();
            assert_eq!(is_batch, !are_few);
            self.out.insert(number, (events, is_batch));
            assert!(self.out.len() + self.paused.len() <= LIMITS.in_flight);
        }
        for (event, outcome) in self.group.take_told() {
            if self.lanes[event.lane].1 {
                assert!(self.told.insert(event, outcome).is_none(), "told twice: {event:?}");
            }
        }
    }

    fn answer(&mut self, number: u64, how: How) {
        let (events, is_batch) = self.out.remove(&number).expect("it is under way");
        if !is_batch {
            // Each has an answer of its own: every other one's is another than was asked for.
            let each = events.iter().enumerate().map(|(place, event)| {
                self.answer_to_one(*event, if place % 2 == 0 { how } else { How::AsItIs })
            });
            let answer = Answer::Each(each.collect());
            self.group.answered(number, answer);
            return;
        }
        let answer = match how {
            How::Busy => {
                self.paused.push(number);
                Answer::Busy
            }
            How::LostBatch => Answer::Unknown,
            How::RefusesAll => Answer::Refused { reason: "full".to_owned(), of_all: true },
            How::AsItIs | How::LostAnswer => {
                let answer = self.take(&events);
                if matches!(how, How::LostAnswer) { Answer::Unknown } else { answer }
            }
        };
        self.group.answered(number, answer);
    }

    /// The server answers to an event that goes by itself.
    fn answer_to_one(&mut self, event: Event, how: How) -> Answer {
        match how {
            How::LostBatch => Answer::Unknown,
            How::RefusesAll => Answer::Refused { reason: "full".to_owned(), of_all: true },
            How::LostAnswer => {
                self.take(&[event]);
                Answer::Unknown
            }
            How::AsItIs | How::Busy => self.take(&[event]),
        }
    }

    /// The server takes a batch or one event.
    fn take(&mut self, events: &[Event]) -> Answer {
        let position = |log: &[Event], event: &Event| {
            log.iter().position(|it| it == event).map(|index| index as u64 + 1)
        };
        if let [Event { is_known: true, .. }] = events {
            let position = position(&self.log, &events[0]).expect("it is known");
            return Answer::Stored(Stored { position, duplicate: true });
        }
        if events.iter().any(|it| it.is_bad || it.is_known) {
            return Answer::Refused { reason: "bad".to_owned(), of_all: false };
        }
        self.log.extend(events);
        Answer::Stored(Stored { position: self.log.len() as u64, duplicate: false })
    }

    /// Answers everything, and checks what came of each event.
    fn end(mut self) {
        self.settle();
        while !self.out.is_empty() || !self.paused.is_empty() {
            for number in std::mem::take(&mut self.paused) {
                self.group.woken(number);
            }
            self.settle();
            if let Some(number) = self.out.keys().next().copied() {
                self.answer(number, How::AsItIs);
            }
            self.settle();
        }
        self.everything_is_told();
        self.the_log_has_what_was_told();
        self.entities_are_in_order();
        let Group { queued, queued_bytes, held, parked, flights, broken, .. } = &self.group;
        assert_eq!((*queued, *queued_bytes), (0, 0));
        assert!(held.is_empty() && parked.is_empty() && flights.is_empty() && broken.is_empty());
    }

    fn everything_is_told(&self) {
        for event in self.pushed.iter().filter(|event| self.lanes[event.lane].1) {
            assert!(self.told.contains_key(event), "nobody was told of {event:?}");
        }
    }

    fn the_log_has_what_was_told(&self) {
        let times = |event: &Event| self.log.iter().filter(|it| *it == event).count();
        for (event, outcome) in &self.told {
            match outcome {
                Ok(Stored { position, duplicate }) => {
                    let there = &self.log[usize::try_from(*position).expect("small") - 1];
                    assert_eq!((there, *duplicate), (event, event.is_known));
                    assert_eq!(times(event), 1);
                }
                Err(Refusal::Unknown) => assert!(times(event) <= 1),
                Err(_) => assert_eq!(times(event), usize::from(event.is_known), "{event:?}"),
            }
        }
        for event in &self.withdrawn {
            assert_eq!(times(event), usize::from(event.is_known), "{event:?} was taken back");
        }
    }

    /// A lane's events of an entity are on the log in order, and nothing is behind one that was not
    /// taken.
    fn entities_are_in_order(&self) {
        let mut last: HashMap<(usize, u8), Option<u64>> = HashMap::new();
        for event in &self.pushed {
            let Some(outcome) = self.told.get(event) else { continue };
            let before = last.entry((event.lane, event.entity)).or_insert(Some(0));
            match outcome {
                Ok(Stored { duplicate: true, .. }) => assert!(before.is_some(), "{event:?}"),
                Ok(Stored { position, .. }) => {
                    assert!(before.is_some_and(|it| it < *position), "{event:?} {before:?}");
                    *before = Some(*position);
                }
                // Several may be unknown together, and nothing is stored behind them.
                Err(_) => *before = None,
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn each_event_has_its_answer_once_and_the_log_has_what_was_told(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        model.end();
    }
}
