//! A ring and a client of it, with plain values.

use serde_json::{Map, Value, json};

use super::*;
use crate::push::frame::LogId;

/// A reading at a position whose topic changed last there.
fn read(position: u64, data: &Value) -> Reading {
    reading(Cursor { log: None, generation: 1, position }, position, "today", data)
}

fn reading(cursor: Cursor, changed: u64, key: &str, data: &Value) -> Reading {
    let (at, key) = (Time(i64::try_from(cursor.position).unwrap()), key.into());
    let data = data.to_string().into();
    Reading { cursor, changed, key, is_settled: true, at, data }
}

fn at(position: u64) -> Cursor {
    Cursor { log: None, generation: 1, position }
}

/// A client that applies frames as the documents say.
#[derive(Debug, Default)]
struct Client {
    seen: u64,
    has: Option<Cursor>,
    data: Map<String, Value>,
    snapshots: usize,
    applied: usize,
}

impl Client {
    fn apply(&mut self, frame: &Frame) {
        let read: Value = serde_json::from_slice(&frame.json).unwrap();
        let data = read["data"].as_object().unwrap().clone();
        let from = read["from"].as_u64().unwrap();
        self.applied += 1;
        if frame.kind == Kind::Snapshot {
            self.data = data;
            self.snapshots += 1;
        } else {
            let has = self.has.expect("a delta never comes first");
            assert!(from <= has.position && has.position < frame.cursor.position, "{read}");
            self.data.extend(data);
        }
        (self.seen, self.has) = (frame.number, Some(frame.cursor));
    }

    fn follow(&mut self, ring: &mut Ring) {
        while let Some(frame) = ring.after(self.seen) {
            self.apply(&frame);
        }
    }
}

#[test]
fn who_joins_gets_a_snapshot_and_then_what_changes_and_nothing_twice() {
    let mut ring = Ring::new("sales", true);
    assert_eq!(ring.after(0), None, "there is nothing before the first reading");
    ring.take(read(5, &json!({ "orders": 1, "days": [1] })));
    let mut client = Client::default();
    client.follow(&mut ring);
    ring.take(read(9, &json!({ "orders": 2, "days": [1] })));
    let frame = ring.after(client.seen).unwrap();
    let json: Value = serde_json::from_slice(&frame.json).unwrap();
    assert_eq!((&json["data"], &json["from"]), (&json!({ "orders": 2 }), &json!(5)));
    client.follow(&mut ring);
    let mut late = Client::default();
    late.follow(&mut ring);
    assert_eq!((client.applied, client.snapshots, late.applied), (2, 1, 1));
    assert_eq!((&client.data, client.has), (&late.data, late.has));
}

#[test]
fn a_slow_reader_gets_one_snapshot_instead_of_all_that_it_missed() {
    let mut ring = Ring::new("sales", true);
    let figures = |n: u64| json!({ "n": n, "text": "x".repeat(2_000), "odd": n % 2 });
    ring.take(read(1, &figures(1)));
    let (mut slow, mut quick) = (Client::default(), Client::default());
    slow.follow(&mut ring);
    quick.follow(&mut ring);
    for n in 2..=20_000 {
        ring.take(read(n, &figures(n)));
        quick.follow(&mut ring);
        assert!(ring.bytes() <= RING_BYTES);
    }
    slow.follow(&mut ring);
    assert_eq!((quick.applied, quick.snapshots), (20_000, 1), "the slow one delays nobody");
    assert_eq!((slow.applied, slow.snapshots), (2, 2));
    assert_eq!(slow.data, quick.data);
}

#[test]
fn a_way_that_is_longer_than_the_figures_is_not_sent() {
    let mut ring = Ring::new("sales", true);
    for n in 1..=9 {
        ring.take(read(n, &json!({ "n": n })));
    }
    let mut client = Client { seen: 1, has: Some(at(1)), ..Client::default() };
    client.follow(&mut ring);
    assert_eq!((client.applied, client.snapshots), (1, 1));
}

#[test]
fn who_was_away_gets_what_it_missed_or_is_told_that_it_cannot() {
    let mut ring = Ring::new("sales", true);
    let wide = "x".repeat(500);
    for n in [5, 9, 14] {
        ring.take(read(n, &json!({ "n": n, "wide": wide })));
    }
    assert_eq!(ring.resume(at(9)), Resumed::After(2));
    assert_eq!(ring.resume(at(9)), Resumed::After(2), "however often it asks");
    assert_eq!(ring.resume(at(14)), Resumed::After(3));
    for between in [1, 4, 6, 8, 10, 13] {
        assert_eq!(ring.resume(at(between)), Resumed::Lost, "{between}");
    }
    assert_eq!(ring.resume(at(15)), Resumed::Ahead);
    ring.unchanged(at(20), true);
    assert_eq!(ring.resume(at(15)), Resumed::After(3));
    ring.take(read(30, &json!({ "n": 30, "wide": wide })));
    assert_eq!((ring.resume(at(20)), ring.resume(at(21))), (Resumed::After(3), Resumed::Lost));
    let mut client = Client { seen: 3, has: Some(at(20)), ..Client::default() };
    client.follow(&mut ring);
    assert_eq!((client.has, client.snapshots), (Some(at(30)), 0));
}

#[test]
fn a_state_that_another_process_saw_at_another_position_is_the_same_state() {
    let mut ring = Ring::new("sales", true);
    ring.take(reading(at(20), 12, "today", &json!({ "n": 1 })));
    ring.take(reading(at(40), 33, "today", &json!({ "n": 2 })));
    assert_eq!(ring.resume(at(33)), Resumed::After(2));
    assert_eq!(ring.resume(at(32)), Resumed::Lost, "it may have changed there and back");
}

#[test]
fn another_generation_is_a_snapshot_and_nobody_goes_on_from_the_one_before() {
    let mut ring = Ring::new("sales", true);
    ring.take(read(50, &json!({ "n": 1 })));
    let mut client = Client::default();
    client.follow(&mut ring);
    assert!(ring.is_due(Cursor { log: None, generation: 2, position: 50 }, 50, "today"));
    ring.take(reading(
        Cursor { log: None, generation: 2, position: 50 },
        50,
        "today",
        &json!({ "n": 2 }),
    ));
    client.follow(&mut ring);
    assert_eq!((client.snapshots, &client.data["n"]), (2, &json!(2)));
    assert_eq!(ring.resume(at(50)), Resumed::Lost);
    assert_eq!(ring.resume(Cursor { log: None, generation: 3, position: 1 }), Resumed::Ahead);
}

#[test]
fn a_client_of_another_log_gets_a_snapshot_at_once_whatever_its_position() {
    let log = |incarnation| Some(LogId::of(incarnation));
    let of = |incarnation, position| Cursor { log: log(incarnation), ..at(position) };
    let mut ring = Ring::new("sales", true);
    ring.take(reading(of("one", 20), 12, "today", &json!({ "n": 1 })));
    assert_eq!(ring.resume(of("one", 20)), Resumed::After(1));
    for position in [1, 12, 20, 99] {
        assert_eq!(ring.resume(of("other", position)), Resumed::Lost, "{position}");
    }
    let mut client = Client::default();
    client.follow(&mut ring);
    assert!(ring.is_due(of("other", 3), 3, "today"), "positions begin anew");
    assert!(ring.take(reading(of("other", 3), 3, "today", &json!({ "n": 2 }))));
    client.follow(&mut ring);
    assert_eq!((client.snapshots, &client.data["n"]), (2, &json!(2)));
}

#[test]
fn a_range_that_rolled_on_is_a_snapshot_at_the_same_position() {
    let mut ring = Ring::new("sales", true);
    ring.take(read(5, &json!({ "days": ["mon", "tue"] })));
    assert!(!ring.is_due(at(5), 5, "today") && ring.is_due(at(5), 5, "tomorrow"));
    let rolled = reading(at(5), 5, "tomorrow", &json!({ "days": ["tue", "wed"] }));
    assert!(ring.take(Reading { is_settled: false, ..rolled }));
    assert_eq!(ring.after(1).map(|frame| frame.kind), Some(Kind::Snapshot));
    assert_eq!(ring.resume(at(5)), Resumed::Lost, "it may have the days of before");
    ring.unchanged(at(8), true);
    assert_eq!(ring.resume(at(8)), Resumed::After(2));
    assert_eq!(ring.resume(at(7)), Resumed::Lost);
}

#[test]
fn what_is_older_than_the_newest_is_left_out() {
    let mut ring = Ring::new("sales", true);
    ring.take(read(9, &json!({ "n": 9 })));
    assert!(!ring.is_due(at(5), 5, "today"));
    assert!(!ring.take(read(5, &json!({ "n": 5 }))));
    assert!(!ring.take(read(9, &json!({ "n": 9 }))), "nor is the same one again a frame");
    assert_eq!(ring.after(0).map(|frame| frame.cursor), Some(at(9)));
}

#[test]
fn a_snapshot_is_of_the_last_position_at_which_it_is_known() {
    let mut ring = Ring::new("sales", true);
    ring.take(read(9, &json!({ "n": 9 })));
    let mut client = Client::default();
    ring.unchanged(at(15), true);
    client.follow(&mut ring);
    assert_eq!(client.has, Some(at(15)));
    ring.unchanged(at(20), true);
    assert_eq!(ring.after(0).map(|frame| frame.cursor), Some(at(20)));
    ring.take(read(30, &json!({ "n": 30 })));
    client.follow(&mut ring);
    assert_eq!((client.has, client.snapshots), (Some(at(30)), 1));
}

#[test]
fn a_member_that_is_gone_makes_a_snapshot() {
    let mut ring = Ring::new("sales", true);
    ring.take(read(1, &json!({ "a": 1, "b": 2 })));
    ring.take(read(2, &json!({ "a": 1 })));
    assert_eq!(ring.after(1).map(|frame| frame.kind), Some(Kind::Snapshot));
}

#[test]
fn a_view_is_sent_whole_and_not_again_while_it_is_the_same() {
    let mut ring = Ring::new("view:/api/orders", false);
    ring.take(read(1, &json!({ "a": 1 })));
    assert!(!ring.take(read(4, &json!({ "a": 1 }))));
    assert_eq!((ring.resume(at(4)), ring.resume(at(1))), (Resumed::After(1), Resumed::Lost));
    assert!(ring.take(read(6, &json!({ "a": 2 }))));
    assert_eq!(
        ring.after(1).map(|frame| (frame.kind, frame.cursor)),
        Some((Kind::Snapshot, at(6)))
    );
    assert_eq!(ring.resume(at(4)), Resumed::Lost);
}
