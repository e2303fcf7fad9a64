//! A kind reads its members as it declares them.

use serde_json::{Map, Value, json};

use super::{Declared, Event, ID_CHARS_MAX, Is, Kind, Limits, Reason, Says, parse};
use crate::quantity::Quantity;
use crate::time::Time;

const LIMITS: Limits<'_> = Limits { latest: Time(4_000_000_000_000), currency: "EUR" };

fn example(kind: Kind) -> Map<String, Value> {
    serde_json::from_str(kind.example()).unwrap()
}

fn read(kind: Kind, members: &Map<String, Value>) -> Result<Event<'static>, Vec<Reason>> {
    let body = serde_json::to_string(members).unwrap();
    parse(kind, body.as_bytes(), &LIMITS).map(Event::into_owned)
}

/// The names of a kind's members that are needed, or of those that are not.
fn declared(kind: Kind, is_needed: bool) -> Vec<&'static str> {
    let first_among = kind.members().iter().find(|it| matches!(it.says, Says::Among(_)));
    let is_of = |it: &&Declared| match it.says {
        Says::Needed(_) => is_needed,
        Says::Among(_) => (first_among.map(|it| it.name) == Some(it.name)) == is_needed,
        Says::Optional(_) => !is_needed,
        Says::Alias(_) => false,
    };
    kind.members().iter().filter(is_of).map(|it| it.name).collect()
}

/// Each member with its type, and that for which it stands.
fn types(kind: Kind) -> impl Iterator<Item = (&'static str, Is, Option<&'static str>)> {
    let of = move |name| kind.members().iter().find(|it| it.name == name).unwrap().says;
    kind.members().iter().map(move |member| match member.says {
        Says::Needed(is) | Says::Optional(is) | Says::Among(is) => (member.name, is, None),
        Says::Alias(name) => match of(name) {
            Says::Needed(is) | Says::Optional(is) | Says::Among(is) => {
                (member.name, is, Some(name))
            }
            Says::Alias(_) => panic!("{kind:?}: {} is an alias of an alias", member.name),
        },
    })
}

/// The example with one member of another value, by that name and no other.
fn with(kind: Kind, name: &str, stands_for: Option<&str>, value: Value) -> Map<String, Value> {
    let mut members = example(kind);
    members.retain(|it, _| Some(it.as_str()) != stands_for);
    members.insert(name.to_owned(), value);
    // The end of a session is measured by its beginning.
    match stands_for.unwrap_or(name) {
        "endedAt" => drop(members.insert("startedAt".to_owned(), json!("1970-01-01"))),
        "startedAt" => drop(members.remove("endedAt")),
        _ => {}
    }
    members
}

#[test]
fn what_is_needed_is_said_to_be() {
    for kind in Kind::ALL {
        let reasons = read(kind, &Map::new()).unwrap_err();
        let mut fields: Vec<_> = reasons.iter().map(|it| it.field.to_string()).collect();
        let mut needed = declared(kind, true);
        fields.sort_unstable();
        needed.sort_unstable();
        assert_eq!(fields, needed, "{kind:?}");
        let mut least = example(kind);
        least.retain(|name, _| needed.contains(&name.as_str()));
        assert!(read(kind, &least).is_ok(), "{kind:?}");
        least.extend(declared(kind, false).into_iter().map(|it| (it.to_owned(), Value::Null)));
        assert!(read(kind, &least).is_ok(), "{kind:?}");
    }
}

#[test]
fn every_member_is_read_and_bounded_as_it_is_declared() {
    for kind in Kind::ALL {
        for (name, is, stands_for) in types(kind) {
            for value in outermost(is) {
                let event = read(kind, &with(kind, name, stands_for, value.clone()));
                assert!(event.is_ok(), "{kind:?} {name} {value}: {event:?}");
            }
            for value in just_outside(is) {
                let event = read(kind, &with(kind, name, stands_for, value.clone()));
                let reasons = event.expect_err(name);
                assert_eq!(reasons.len(), 1, "{kind:?} {name} {value}: {reasons:?}");
                let field = reasons[0].field.split(['.', '[']).next();
                assert_eq!(field, Some(name), "{kind:?} {value}");
            }
        }
    }
}

#[test]
fn an_example_has_every_member_that_can_be_there_in_any_shop() {
    for kind in Kind::ALL {
        let mut members: Vec<_> = example(kind).into_iter().map(|(name, _)| name).collect();
        // Another currency than the shop's is none in every shop, and a rate is of one.
        let has_place = |it: &&Declared| match it.says {
            Says::Optional(Is::Currency | Is::Rate) | Says::Alias(_) => false,
            Says::Needed(_) | Says::Optional(_) | Says::Among(_) => true,
        };
        let mut declared: Vec<_> =
            kind.members().iter().filter(has_place).map(|it| it.name).collect();
        members.sort_unstable();
        declared.sort_unstable();
        assert_eq!(members, declared, "{kind:?}");
    }
}

#[test]
fn a_member_that_is_not_declared_changes_nothing() {
    for kind in Kind::ALL {
        let expected = read(kind, &example(kind));
        let others = Kind::ALL.into_iter().flat_map(Kind::members).map(|it| it.name);
        for name in others.chain(["other", "", "specversion"]) {
            if kind.members().iter().all(|it| it.name != name) {
                let more = read(kind, &with(kind, name, None, json!([7])));
                assert_eq!(more, expected, "{kind:?} {name}");
            }
        }
    }
}

/// The values at the bounds of a type.
fn outermost(is: Is) -> Vec<Value> {
    match is {
        Is::Id => vec![json!("x"), json!("é".repeat(ID_CHARS_MAX)), json!(7), json!(7.0)],
        Is::ByLanguage(max) => vec![
            json!("é".repeat(max + 1)),
            json!({ "en": "é".repeat(max + 1), "ar": "كوب", "de": null }),
        ],
        Is::Text(max) | Is::Address(max) => {
            vec![json!("x"), json!("é".repeat(max)), json!("é".repeat(max + 1))]
        }
        Is::Amount => vec![json!(0), json!(1_000_000_000), json!("999999999.9999")],
        Is::Currency => vec![json!(LIMITS.currency), json!("eur"), json!("USD")],
        Is::AnotherCurrency => vec![json!("USD"), json!("gbp")],
        Is::Rate => vec![json!(0.000_000_001), json!(9_000_000_000_i64), json!("0.85")],
        Is::Date => vec![json!("1970-01-01"), json!(LIMITS.latest.to_rfc3339())],
        Is::Whole(min, max) => vec![json!(min), json!(max), json!(max.to_string())],
        Is::Units(min, max) => vec![units(min), units(max), json!(min.to_string())],
        Is::Word(words) => words.iter().map(|it| json!(it)).collect(),
        Is::Flag => vec![json!(true), json!(false), json!("true"), json!(0)],
        Is::Object(members) => of_members(members, outermost),
        Is::List(members, min, max) => {
            let least = Value::Object(least(members));
            let mut lists = vec![json!(vec![&least; min]), json!(vec![&least; max])];
            lists.extend(elements(members, outermost));
            lists
        }
    }
}

/// Values just outside of the bounds of a type.
fn just_outside(is: Is) -> Vec<Value> {
    match is {
        Is::Id => vec![json!("x".repeat(ID_CHARS_MAX + 1)), json!(7.5), json!([7, "Azure"])],
        Is::Text(_) | Is::Address(_) => vec![json!(7)],
        Is::ByLanguage(_) => {
            vec![json!(7), json!({ "en": 7 }), json!({ "English": "Mug", "$": "" })]
        }
        Is::Amount => vec![json!(-0.01), json!(1_000_000_000.01), json!("1,5"), json!([])],
        Is::Currency => vec![json!("US"), json!("EURO"), json!("E\u{20ac}"), json!(7)],
        Is::AnotherCurrency => vec![json!(LIMITS.currency), json!("US"), json!(7)],
        Is::Rate => vec![json!(0), json!(-1), json!(9_000_000_001_i64), json!("1e3"), json!([])],
        Is::Date => vec![json!("1969-12-31"), json!("yesterday"), json!(7)],
        Is::Whole(min, max) => vec![json!(min - 1), json!(max + 1), json!(1.5)],
        Is::Units(min, max) => {
            vec![units(Quantity(min.0 - 1)), units(Quantity(max.0 + 1)), json!([]), json!(true)]
        }
        Is::Word(_) => vec![json!("sold"), json!(7)],
        Is::Object(members) => {
            let mut values = of_members(members, just_outside);
            values.push(json!("1 High St"));
            values
        }
        Is::Flag => vec![json!("yes"), json!(7)],
        Is::List(members, min, max) => {
            let least = Value::Object(least(members));
            let mut lists = vec![json!(7), json!([7])];
            lists.extend(min.checked_sub(1).map(|few| json!(vec![&least; few])));
            lists.push(json!(vec![least; max + 1]));
            lists.extend(elements(members, just_outside));
            lists
        }
    }
}

fn units(quantity: Quantity) -> Value {
    serde_json::from_str(&quantity.to_string()).unwrap()
}

/// An object of the needed members alone.
fn least(members: &[Declared]) -> Map<String, Value> {
    let needed = members.iter().filter_map(|member| match member.says {
        Says::Needed(is) => Some((member.name.to_owned(), outermost(is).swap_remove(0))),
        _ => None,
    });
    needed.collect()
}

/// Lists of one object each, of the needed members and one of another value.
fn elements(members: &[Declared], values: fn(Is) -> Vec<Value>) -> Vec<Value> {
    let of_one = |member: &Declared| match member.says {
        Says::Needed(is) | Says::Optional(is) | Says::Among(is) => {
            let with = |value| {
                let mut element = least(members);
                element.insert(member.name.to_owned(), value);
                json!([element])
            };
            values(is).into_iter().map(with).collect()
        }
        Says::Alias(_) => vec![],
    };
    members.iter().flat_map(of_one).collect()
}

/// Objects of one member each.
fn of_members(members: &[Declared], values: fn(Is) -> Vec<Value>) -> Vec<Value> {
    let of_one = |member: &Declared| match member.says {
        Says::Needed(is) | Says::Optional(is) | Says::Among(is) => {
            let name = member.name;
            values(is).into_iter().map(|it| json!({ name: it })).collect()
        }
        Says::Alias(_) => vec![],
    };
    members.iter().flat_map(of_one).collect()
}
