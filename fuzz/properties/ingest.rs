//! Properties of any bytes that are to be events: they are cut into events, none of which is lost,
//! and each is an event or has a reason against it.

use std::io::BufReader;

use adaptive_bi::ingest::body::split;
use adaptive_bi::ingest::envelope::{Edge, of_any_kind, of_kind, without_mark};
use adaptive_bi::ingest::lines::{Line, Lines};
use projections::time::Time;

/// 2026-11-21T04:03:07Z, in a shop of EUR.
const EDGE: Edge<'_> = Edge { now: Time(1_795_233_787_000), currency: "EUR", ids: None };

/// Checks any bytes as the body of a request and as a file.
pub fn of_any_bytes(input: &[u8]) {
    of_a_body(without_mark(input));
    let whole = of_a_file(input, 1 << 16);
    // The result is the same when only a few bytes come at a time.
    assert_eq!(of_a_file(input, 1 + input.len() % 7), whole);
}

fn of_a_body(body: &[u8]) {
    match split(body) {
        Err(error) => {
            assert!(!error.message.is_empty());
            let is_array = body.trim_ascii().starts_with(b"[");
            let lines = body.split(|it| *it == b'\n').filter(|it| !it.trim_ascii().is_empty());
            let events = lines.count();
            assert!(is_array || events == 0 || events > 10_000, "{events} lines: {error:?}");
        }
        Ok(events) => {
            assert!((1..=10_000).contains(&events.len()), "{}", events.len());
            nothing_lies_between(body, &events);
            for event in events {
                of_an_event(event);
            }
        }
    }
}

/// Checks that the events follow each other in the body, with nothing but separators between them.
fn nothing_lies_between(body: &[u8], events: &[&[u8]]) {
    let is_between = |part: &[u8]| {
        let separators = b" \t\r\n\x0c,[]";
        assert!(part.iter().all(|byte| separators.contains(byte)), "lost: {part:?}");
    };
    let mut end = 0;
    for event in events {
        assert!(!event.trim_ascii().is_empty());
        let start = event.as_ptr() as usize - body.as_ptr() as usize;
        is_between(&body[end..start]);
        end = start + event.len();
    }
    is_between(&body[end..]);
}

fn of_an_event(text: &[u8]) {
    match of_any_kind(text, EDGE) {
        Err(reasons) => {
            assert!(!reasons.is_empty() && reasons.iter().all(|it| !it.message.is_empty()));
        }
        Ok(event) => {
            assert!((1..=128).contains(&event.entity.chars().count()), "{:?}", event.entity);
            assert!(event.message_id.is_none_or(|id| id.len() == 64));
            let alone = of_kind(event.kind, &event.body, EDGE).expect("what it said it was");
            assert_eq!((alone.kind, alone.entity), (event.kind, event.entity));
        }
    }
}

/// The numbers of lines that are blank, events and skipped, and the line in which it is cut.
fn of_a_file(input: &[u8], at_a_time: usize) -> [u64; 4] {
    let mut lines = Lines::of(BufReader::with_capacity(at_a_time, input));
    let [mut blank, mut events, mut skipped, mut cut] = [0; 4];
    loop {
        match lines.next(EDGE) {
            Ok(None) => break,
            Ok(Some((_, Line::Blank))) => blank += 1,
            Ok(Some((_, Line::Event(_)))) => events += 1,
            Ok(Some((_, Line::Skipped(reasons)))) => {
                assert!(!reasons.is_empty());
                skipped += 1;
            }
            Err(error) => {
                assert!(error.source.is_none() && !input.ends_with(b"\n"));
                cut = error.line;
                break;
            }
        }
    }
    let lines = input.split_inclusive(|it| *it == b'\n').count() as u64;
    assert_eq!(blank + events + skipped + u64::from(cut > 0), lines, "a line is lost");
    assert!(cut == 0 || cut == lines, "cut in line {cut} of {lines}");
    [blank, events, skipped, cut]
}
