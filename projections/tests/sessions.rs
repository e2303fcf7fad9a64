//! Sessions, on the smallest logs.

use projections::bucket::Level;
use projections::event::Kind;
use projections::family::{Family, Slice};
use projections::ledger::LedgerRow;
use projections::testing::{Documents, Shop};

/// An activity of session `s` at a time of 2026-11-20.
fn activity(id: &str, time: &str) -> String {
    format!(
        r#"{{"activityId":"{id}","userId":"u","activityType":"waved","sessionId":"s",
        "timestamp":"2026-11-20T{time}","device":"{id}","page":"/{id}"}}"#
    )
}

/// Sessions, bounces, milliseconds.
fn sessions(documents: &Documents) -> [i64; 3] {
    documents.total(Family::Sessions, None, Level::Month)
}

/// Activities of sessions, sessions of customers with an account.
fn visits(documents: &Documents) -> [i64; 3] {
    documents.total(Family::Visits, None, Level::Month)
}

/// The rows of the devices of a day that are not zero.
fn devices(documents: &Documents) -> usize {
    let id = "sessiondevices/-/day/2026-11-20/00000000";
    documents.rollups.get(id).map_or(0, projections::table::Table::len)
}

fn after(activities: &[(&str, &str)]) -> Shop {
    activities.iter().fold(Shop::default(), |shop, (id, time)| {
        shop.when(&[(Kind::Activity, &activity(id, time))])
    })
}

#[test]
fn activities_at_most_half_an_hour_apart_are_one_session() {
    let _ = after(&[("a", "10:00:00Z"), ("b", "10:30:00Z"), ("c", "11:00:00.001Z")]).then(|it| {
        assert_eq!(sessions(it), [2, 1, 1_800_000]);
        assert_eq!(visits(it), [3, 2, 0]);
    });
}

#[test]
fn a_late_activity_joins_two_sessions_into_one() {
    let _ = after(&[("a", "10:00:00Z"), ("c", "11:00:00Z")])
        .then(|it| assert_eq!((sessions(it), devices(it)), ([2, 2, 0], 2)))
        .when(&[(Kind::Activity, &activity("b", "10:30:00Z"))])
        .then(|it| assert_eq!((sessions(it), devices(it)), ([1, 0, 3_600_000], 1)));
}

#[test]
fn the_earliest_activity_gives_a_session_its_place() {
    let _ = after(&[("b", "10:20:00Z"), ("a", "09:59:00Z")]).then(|it| {
        assert_eq!(devices(it), 1);
        // 09:45 is the 39th quarter hour of the day; code 3 was learnt second.
        let table = &it.rollups["sessiondevices/-/day/2026-11-20/00000000"];
        assert_eq!(table.iter().next(), Some((3 * 128 + 39, [1, 0, 1_260_000])));
    });
    // Of two at one time the one that stands first on the log does.
    let _ = after(&[("b", "10:00:00Z"), ("a", "10:00:00Z")]).then(|it| {
        let table = &it.rollups["entrypages/-/day/2026-11-20/00000000"];
        assert_eq!(table.iter().next(), Some((2 * 128 + 40, [1, 0, 0])));
    });
}

#[test]
fn an_activity_without_a_session_counts_in_none() {
    let body = activity("a", "10:00:00Z").replace(r#""sessionId":"s","#, "");
    let _ = Shop::default()
        .when(&[(Kind::Activity, &body)])
        .then(|it| assert_eq!((sessions(it), it.ledger.len()), ([0; 3], 0)));
}

#[test]
fn what_a_session_event_states_replaces_what_activities_say_whatever_comes_first() {
    let stated = r#"{"sessionId":"s","startedAt":"2026-11-19T08:00:00Z","endedAt":"2026-11-19T08:00:05Z",
        "userId":"guest-1","pages":1}"#;
    let a = activity("a", "10:00:00Z");
    for events in [
        [(Kind::Session, stated), (Kind::Activity, &a)],
        [(Kind::Activity, &a), (Kind::Session, stated)],
    ] {
        let _ = Shop::default().given(&events).then(|it| {
            assert_eq!((sessions(it), visits(it)), ([1, 1, 5_000], [1, 0, 0]));
            assert_eq!(devices(it), 0);
            assert!(it.customers.contains_key("guest-1"));
            assert!(matches!(&it.ledger["s:s"], LedgerRow::Sessions(it) if it.stated.is_some()));
        });
    }
}

#[test]
fn a_session_is_corrected_by_its_newest_event() {
    let stated = |started: &str, more: &str| {
        format!(r#"{{"sessionId":"s","startedAt":"2026-11-20T{started}"{more}}}"#)
    };
    let newer = stated("10:00:00Z", r#","pages":3,"updatedAt":"2026-11-20T12:00:00Z""#);
    let older = stated("09:00:00Z", r#","pages":1,"updatedAt":"2026-11-20T11:00:00Z""#);
    let _ = Shop::default()
        .given(&[(Kind::Session, &newer), (Kind::Session, &older), (Kind::Session, &newer)])
        .then_untouched()
        .then_counted([1, 0, 1, 1, 0])
        .then(|it| assert_eq!((sessions(it), visits(it)), ([1, 0, 0], [3, 0, 0])))
        .when(&[(Kind::Session, &stated("10:00:00Z", r#","endedAt":"2026-11-20T10:01:00Z""#))])
        .then(|it| assert_eq!((sessions(it), visits(it)), ([1, 0, 60_000], [0, 0, 0])));
}

#[test]
fn a_session_that_ends_before_it_begins_is_refused() {
    let body = r#"{"sessionId":"s","startedAt":"2026-11-20","endedAt":"2026-11-19"}"#;
    let _ = Shop::default()
        .when(&[(Kind::Session, body)])
        .then(|it| assert_eq!(it.quarantine.values().next(), Some(&vec!["endedAt".to_owned()])));
}

#[test]
fn of_more_than_64_sessions_of_an_id_the_older_ones_stay_counted() {
    let bodies: Vec<String> = (1..=70)
        .map(|n| {
            let time = format!("2026-{:02}-{:02}T10:00:00Z", 1 + n / 28, 1 + n % 28);
            activity(&format!("a{n}"), "").replace("2026-11-20T", &time)
        })
        .collect();
    let events: Vec<_> = bodies.iter().map(|body| (Kind::Activity, &**body)).collect();
    let late = activity("late", "").replace("2026-11-20T", "2026-01-04T10:00:00Z");
    let _ = Shop::default()
        .when(&events)
        .then(|it| assert_eq!(sessions(it), [70, 70, 0]))
        .when(&[(Kind::Activity, &late)])
        .then(|it| {
            assert_eq!((sessions(it), it.root.activities), ([70, 70, 0], 71));
            let kept = it.total(Family::SessionDevices, Slice::WHOLE, Level::Month);
            assert_eq!(kept, [70, 70, 0]);
            let LedgerRow::Sessions(row) = &it.ledger["s:s"] else { panic!("sessions") };
            assert_eq!(row.iter().count(), 64);
        });
}
