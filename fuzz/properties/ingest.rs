//! Properties of any bytes that are to be events: they are cut into events, none of which is lost,
//! and each is an event or has a reason against it.

use std::io::BufReader;

use adaptive_bi::ingest::body::{Part, split};
use adaptive_bi::ingest::envelope::{Edge, of_any_kind, of_kind, wrapped};
use adaptive_bi::ingest::fault::fault;
use adaptive_bi::ingest::pieces::{End, Piece, Pieces};
use projections::time::Time;

/// 2026-11-21T04:03:07Z, in a shop of EUR.
const EDGE: Edge<'_> = Edge { now: Time(1_795_233_787_000), currency: "EUR", ids: None };

/// Checks any bytes as the body of a request and as a file.
pub fn of_any_bytes(input: &[u8]) {
    let pieces = of_pieces(input, 1 << 16);
    // The result is the same when only a few bytes come at a time, where no piece is at hand for the
    // parser when it begins.
    let unparsed = |it: Piece| Piece { is_json: false, ..it };
    let by_few = of_pieces(input, 1 + input.len() % 7).into_iter().map(unparsed);
    let by_few: Vec<Piece> = by_few.collect();
    assert_eq!(by_few, pieces.iter().cloned().map(unparsed).collect::<Vec<_>>());
    for piece in pieces.iter().filter(|it| it.is_json) {
        assert_eq!(fault(&unparsed(piece.clone())), None);
    }
    nothing_lies_between(input, &pieces);
    of_a_body(input, &pieces);
}

fn of_pieces(input: &[u8], at_a_time: usize) -> Vec<Piece> {
    let mut pieces = Pieces::of(BufReader::with_capacity(at_a_time, input));
    std::iter::from_fn(|| pieces.read().expect("bytes can be read")).collect()
}

/// Checks that the pieces follow each other in the input, with nothing but separators between them.
fn nothing_lies_between(input: &[u8], pieces: &[Piece]) {
    let is_kept = |byte: &u8| !b" \t\r\n\x0c,[]\x1e".contains(byte);
    let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let expected: Vec<u8> = input.iter().copied().filter(is_kept).collect();
    let texts = pieces.iter().flat_map(|it| &it.text).copied();
    let found: Vec<u8> = texts.filter(is_kept).collect();
    if pieces.iter().any(|it| it.end == End::Lost) {
        assert!(
            expected.starts_with(&found) && pieces.last().is_some_and(|it| it.end == End::Lost)
        );
    } else {
        assert_eq!(found, expected, "something is lost, or there twice");
    }
    let mut place = (0, 0);
    for Piece { line, column, text, end, .. } in pieces {
        assert!((*line, *column) > place, "at {line}:{column} after {place:?}");
        assert!(!text.is_empty() || *end != End::Found);
        place = (*line, *column);
    }
}

fn of_a_body(input: &[u8], pieces: &[Piece]) {
    match split(input) {
        Err(error) => {
            assert!(!error.message.is_empty());
            let is_wrapper = |it: &Piece| wrapped(&it.text).is_some();
            let is_many = pieces.len() > 10_000 || pieces.iter().any(is_wrapper);
            assert!(pieces.is_empty() || is_many, "{} pieces: {error:?}", pieces.len());
        }
        Ok(parts) => {
            assert!((1..=10_000).contains(&parts.len()), "{}", parts.len());
            for part in parts {
                assert!(part.fault.as_ref().is_none_or(|fault| !fault.is_empty()));
                of_an_event(&part);
            }
            let told = pieces.iter().filter_map(fault);
            assert!(told.into_iter().all(|it| it.contains("line")));
        }
    }
}

fn of_an_event(part: &Part) {
    match of_any_kind(&part.text, EDGE) {
        Err(reasons) => {
            assert!(!reasons.is_empty() && reasons.iter().all(|it| !it.message.is_empty()));
        }
        Ok(event) => {
            assert!((1..=128).contains(&event.entity.chars().count()), "{:?}", event.entity);
            assert!(event.message_id.is_none_or(|id| id.len() == 64));
            let alone = of_kind(event.kind, event.body, EDGE).expect("what it said it was");
            assert_eq!((alone.kind, alone.entity), (event.kind, event.entity));
        }
    }
}
