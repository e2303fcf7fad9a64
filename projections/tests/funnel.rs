//! The funnel, on the smallest logs.

use projections::bucket::Level;
use projections::event::Kind;
use projections::family::Family;
use projections::testing::{Documents, Shop};
use projections::time::Time;

const DAY_MS: i64 = 24 * 3_600_000;
const MINUTE_MS: i64 = 60_000;

const V: &str = "viewed_product";
const A: &str = "added_to_cart";
const P: &str = "purchased";

/// 2026-11-05T10:00:00Z.
const BEGINS_MS: i64 = 1_793_872_800_000;

/// A shop after these steps of one customer, each so many milliseconds from the beginning.
fn after(steps: &[(&str, i64)]) -> Shop {
    let mug = r#"{"productId":"mug","name":"Mug","category":"Mugs","price":1}"#;
    let bodies: Vec<String> = (steps.iter().enumerate())
        .map(|(n, (kind, ms))| {
            let at = Time(BEGINS_MS + ms).to_rfc3339();
            format!(
                r#"{{"activityId":"{n}","userId":"u","activityType":"{kind}","timestamp":"{at}",
                "productId":"mug","device":"phone"}}"#
            )
        })
        .collect();
    let steps: Vec<_> = bodies.iter().map(|body| (Kind::Activity, &**body)).collect();
    Shop::default().given(&[(Kind::Product, mug)]).given(&steps)
}

/// Attempts: viewed, added, purchased.
fn attempts(documents: &Documents) -> [i64; 3] {
    documents.total(Family::Funnel, None, Level::Day)
}

fn attempts_of(steps: &[(&str, i64)]) -> [i64; 3] {
    attempts(after(steps).then(|_| {}).documents())
}

#[test]
fn a_view_an_addition_and_a_purchase_are_one_attempt() {
    let shop = after(&[(V, 0), (V, 1), (A, 2), (A, 3), (P, 4), (P, 5)]);
    let _ = shop.then(|it| {
        assert_eq!(attempts(it), [1, 1, 1]);
        let cell = &it.rollups["funnel/-/day/2026-11-05/00020000"];
        // 10:00 is the 41st quarter hour of the day; the one device has code 2.
        assert_eq!(cell.iter().collect::<Vec<_>>(), [(2 * 128 + 40, [1, 1, 1])]);
        assert_eq!(it.vocabularies["category/2026-11"].name(2), "Mugs");
        assert_eq!(it.vocabularies["category/ever"].name(2), "Mugs");
    });
}

#[test]
fn steps_convert_in_their_order_alone() {
    assert_eq!(attempts_of(&[(A, 0), (P, 1), (V, 2)]), [1, 0, 0]);
    assert_eq!(attempts_of(&[(V, 0), (P, 1), (A, 2)]), [1, 1, 0]);
    assert_eq!(attempts_of(&[(V, 0), (P, 1), (A, 2), (P, 3)]), [1, 1, 1]);
    // At one time they follow each other as on the log.
    assert_eq!(attempts_of(&[(V, 0), (A, 0), (P, 0)]), [1, 1, 1]);
    assert_eq!(attempts_of(&[(P, 0), (A, 0), (V, 0)]), [1, 0, 0]);
}

#[test]
fn the_next_view_after_a_purchase_begins_another_attempt() {
    let twice = [(V, 0), (A, 1), (P, 2), (V, 3), (A, 4), (P, 5)];
    assert_eq!(attempts_of(&twice), [2, 2, 2]);
    let _ = after(&twice).then(|it| {
        assert_eq!(it.total(Family::FunnelUsers, None, Level::Ever), [2, 2, 2]);
        assert_eq!(it.rows(Family::FunnelUsers, None, Level::Ever, 0).len(), 1);
    });
}

#[test]
fn seven_days_after_its_view_an_attempt_is_over() {
    let week = 7 * DAY_MS;
    assert_eq!(attempts_of(&[(V, 0), (A, week), (P, week)]), [1, 1, 1]);
    assert_eq!(attempts_of(&[(V, 0), (A, week), (P, week + 1)]), [1, 1, 0]);
    assert_eq!(attempts_of(&[(V, 0), (A, week + 1)]), [1, 0, 0]);
    assert_eq!(attempts_of(&[(V, 0), (V, week)]), [1, 0, 0]);
    assert_eq!(attempts_of(&[(V, 0), (V, week + 1)]), [2, 0, 0]);
}

#[test]
fn what_comes_late_within_a_day_is_put_in_its_place() {
    assert_eq!(attempts_of(&[(P, 2), (A, 1), (V, 0)]), [1, 1, 1]);
    assert_eq!(attempts_of(&[(P, DAY_MS), (A, 1), (V, 0)]), [1, 1, 1]);
    // A late view takes the place of the one that began the attempt.
    let shop = after(&[(V, 15 * MINUTE_MS), (A, 16 * MINUTE_MS), (V, 0)]);
    let _ = shop.then(|it| {
        let cell = &it.rollups["funnel/-/day/2026-11-05/00020000"];
        assert_eq!(cell.iter().collect::<Vec<_>>(), [(2 * 128 + 40, [1, 1, 0])]);
    });
}

#[test]
fn more_than_a_day_late_a_view_counts_alone_and_other_steps_not_at_all() {
    let late = DAY_MS + 1;
    assert_eq!(attempts_of(&[(P, late), (A, 1), (V, 0)]), [1, 0, 0]);
    assert_eq!(attempts_of(&[(V, late), (V, 0), (A, 0), (A, late)]), [2, 1, 0]);
}

#[test]
fn what_settled_for_want_of_room_is_not_put_in_order_again() {
    let mut steps: Vec<(&str, i64)> = (1..=33).map(|n| (A, n * MINUTE_MS)).collect();
    steps.push((V, MINUTE_MS - 1));
    assert_eq!(attempts_of(&steps), [1, 0, 0]);
    // The first of them settled; behind it there is order.
    steps.push((V, MINUTE_MS));
    assert_eq!(attempts_of(&steps), [2, 1, 0]);
}
