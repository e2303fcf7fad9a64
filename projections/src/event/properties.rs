//! Properties of every body, whatever the kind.

use proptest::prelude::*;

use super::{Kind, Limits, parse, parse_message};
use crate::time::Time;

const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

/// A kind and its example.
fn example() -> impl Strategy<Value = (Kind, &'static str)> {
    prop::sample::select(&Kind::ALL[..]).prop_map(|kind| (kind, kind.example()))
}

/// A JSON value; if it is a text, no message would contain it by chance.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\"[ -!#-\\[\\]-~]{0,3}Q[ -!#-\\[\\]-~]{0,80}Q\"",
        Just("\"\"".to_owned()),
        Just("null".to_owned()),
        Just("[{\"a\":[]}]".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,8})?([eE][-+]?[0-9]{1,12})?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes_are_read_or_refused_with_a_reason(
        (kind, _) in example(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Err(reasons) = parse(kind, &body, &LIMITS) {
            prop_assert!(!reasons.is_empty());
        }
    }

    #[test]
    fn an_event_with_bytes_changed_is_read_or_refused_with_a_reason(
        (kind, body) in example(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut body = body.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if is_cut {
            body.truncate(cut.index(body.len()));
        }
        match parse(kind, &body, &LIMITS) {
            Ok(event) => prop_assert!(!event.entity().is_empty()),
            Err(reasons) => prop_assert!(!reasons.is_empty()),
        }
    }

    #[test]
    fn a_field_with_any_value_is_read_or_refused_alone_and_not_repeated(
        (kind, body) in example(),
        at in any::<prop::sample::Index>(),
        json in value(),
    ) {
        let key = at.get(kind.members()).name;
        // The last of two counts, so that this replaces the value.
        let body = format!(r#"{},"{key}":{json}}}"#, &body[..body.len() - 1]);
        if let Err(reasons) = parse(kind, body.as_bytes(), &LIMITS) {
            // Of an element of an array every member has reasons of its own.
            let of_field = |field: &str| field.split(['.', '[']).next() == Some(key);
            prop_assert!(reasons.iter().all(|it| of_field(&it.field)), "{}: {:?}", key, reasons);
            prop_assert!(reasons.len() == 1 || reasons[0].field.contains('['));
            let text = json.trim_matches('"');
            prop_assert!(!text.contains('Q') || !reasons[0].message.contains(text));
        }
    }

    #[test]
    fn an_event_is_the_same_in_every_wrapping((kind, body) in example()) {
        let plain = parse(kind, body.as_bytes(), &LIMITS);
        let structured = format!(r#"{{"specversion":"1.0","type":"x","time":"y","data":{body}}}"#);
        prop_assert_eq!(&parse(kind, structured.as_bytes(), &LIMITS), &plain);
        let binary = parse_message(kind, [("Ce-SpecVersion", "1.0")], body.as_bytes(), &LIMITS);
        prop_assert_eq!(&binary, &plain);
        prop_assert!(plain.is_ok());
    }
}
