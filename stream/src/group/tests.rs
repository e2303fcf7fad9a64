use super::*;

const LIMITS: Limits = Limits { messages: 4, bytes: 100, in_flight: 2, few: 1 };

fn group() -> (Group<u32>, LaneId) {
    let mut group = Group::new(LIMITS);
    let lane = group.open();
    (group, lane)
}

fn of(id: &str) -> Entity {
    Entity(Kind::Product, id.into())
}

/// Queues events, each of an entity of its own unless it is named.
fn push(group: &mut Group<u32>, lane: LaneId, events: &[(u32, &str)]) {
    for (event, entity) in events {
        group.push(lane, of(entity), 1, *event);
    }
}

/// The batches that are sent now.
fn sent(group: &mut Group<u32>) -> Vec<(u64, Vec<u32>)> {
    std::iter::from_fn(|| group.next()).map(|it| (it.number, it.events)).collect()
}

fn stored(position: u64) -> Answer {
    Answer::Stored(at(position))
}

fn refused() -> Answer {
    Answer::Refused { reason: "no".to_owned(), of_all: false }
}

fn at(position: u64) -> Stored {
    Stored { position, duplicate: false }
}

#[test]
fn one_alone_goes_at_once_and_the_rest_gathers_until_it_is_answered() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a")]);
    let [(first, one)] = &*sent(&mut group) else { panic!("one shipment") };
    assert_eq!(one, &[1]);
    push(&mut group, lane, &[(2, "b"), (3, "c")]);
    assert_eq!(sent(&mut group), [], "a batch is under way");
    group.answered(*first, stored(7));
    assert_eq!(group.take_told(), [(1, Ok(at(7)))]);
    let [(second, two)] = &*sent(&mut group) else { panic!("one shipment") };
    assert_eq!(two, &[2, 3]);
    group.answered(*second, stored(11));
    assert_eq!(
        group.take_told(),
        [(2, Ok(at(10))), (3, Ok(at(11)))],
        "the position is the last one's"
    );
}

#[test]
fn what_fills_a_batch_goes_beside_others_up_to_the_bound() {
    let (mut group, lane) = group();
    let names: Vec<String> = (0..12).map(|it| it.to_string()).collect();
    let events: Vec<(u32, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    push(&mut group, lane, &events);
    let shipments = sent(&mut group);
    assert_eq!(shipments.iter().map(|it| it.1.len()).collect::<Vec<_>>(), [4, 4]);
    group.answered(shipments[1].0, stored(100));
    assert_eq!(sent(&mut group).iter().map(|it| it.1.len()).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_batch_has_its_bound_of_bytes_and_what_is_larger_goes_alone() {
    let (mut group, lane) = group();
    for (event, bytes) in [(1, 60), (2, 60), (3, 40), (4, 500)] {
        group.push(lane, of(&event.to_string()), bytes, event);
    }
    let first = sent(&mut group);
    assert_eq!(first.iter().map(|it| it.1.clone()).collect::<Vec<_>>(), [vec![1], vec![2, 3]]);
    group.answered(first[0].0, stored(1));
    assert_eq!(sent(&mut group).first().map(|it| it.1.clone()), Some(vec![4]));
}

#[test]
fn lanes_take_turns_so_one_with_much_holds_nobody_up() {
    let (mut group, file) = group();
    for event in 0..1_000 {
        group.push(file, of(&event.to_string()), 1, event);
    }
    let busy = sent(&mut group);
    let caller = group.open();
    push(&mut group, caller, &[(7_777, "x")]);
    group.answered(busy[0].0, stored(4));
    let [(_, next)] = &*sent(&mut group) else { panic!("one shipment") };
    assert!(next.contains(&7_777), "{next:?}");
}

#[test]
fn events_of_one_entity_share_a_batch_in_order_and_wait_while_another_has_one() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a"), (2, "a"), (3, "b"), (4, "a")]);
    let first = sent(&mut group);
    assert_eq!(first[0].1, [1, 2, 3, 4]);
    push(&mut group, lane, &[(5, "a"), (6, "c"), (7, "d"), (8, "a"), (9, "e"), (10, "f")]);
    let second = sent(&mut group);
    assert_eq!(second[0].1, [6, 7, 9, 10], "an entity that is under way is passed by");
    group.answered(second[0].0, stored(20));
    assert_eq!(sent(&mut group), []);
    group.answered(first[0].0, stored(4));
    assert_eq!(sent(&mut group)[0].1, [5, 8]);
}

#[test]
fn a_refused_batch_is_halved_until_each_event_has_its_own_answer() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a"), (2, "b"), (3, "b"), (4, "c")]);
    let mut sizes = Vec::new();
    while let [(number, events)] = &*sent(&mut group) {
        sizes.push(events.clone());
        let answer = if events.contains(&2) { refused() } else { stored(events[0].into()) };
        group.answered(*number, answer);
    }
    assert_eq!(sizes, [vec![1, 2, 3, 4], vec![1, 2], vec![1], vec![2], vec![4]]);
    let refusal = Err(Refusal::Refused("no".to_owned()));
    assert_eq!(
        group.take_told(),
        [(1, Ok(at(1))), (2, refusal), (3, Err(Refusal::Unsent)), (4, Ok(at(4)))],
        "behind a refused event the rest of its entity is not sent"
    );
    push(&mut group, lane, &[(5, "b"), (6, "a")]);
    assert_eq!(group.take_told(), [(5, Err(Refusal::Unsent))]);
    assert_eq!(sent(&mut group)[0].1, [6]);
}

#[test]
fn what_would_refuse_any_event_is_not_asked_for_each() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a"), (2, "a"), (3, "b")]);
    let number = sent(&mut group)[0].0;
    group.answered(number, Answer::Refused { reason: "full".to_owned(), of_all: true });
    let full = || Err(Refusal::Refused("full".to_owned()));
    assert_eq!(group.take_told(), [(1, full()), (2, Err(Refusal::Unsent)), (3, full())]);
    assert_eq!(sent(&mut group), []);
}

#[test]
fn one_that_is_too_large_holds_up_nothing_of_its_entity() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a"), (2, "a")]);
    let number = sent(&mut group)[0].0;
    group.answered(number, Answer::TooLarge(9));
    let number = sent(&mut group)[0].0;
    group.answered(number, Answer::TooLarge(9));
    let (number, events) = sent(&mut group).remove(0);
    assert_eq!(events, [2]);
    group.answered(number, stored(3));
    assert_eq!(group.take_told(), [(1, Err(Refusal::TooLarge(9))), (2, Ok(at(3)))]);
}

#[test]
fn unknown_is_unknown_for_each_event_and_what_was_not_sent_is_unsent() {
    let (mut group, lane) = group();
    let other = group.open();
    push(&mut group, lane, &[(1, "a"), (2, "b")]);
    push(&mut group, other, &[(3, "c"), (4, "d")]);
    let number = sent(&mut group)[0].0;
    group.answered(number, refused());
    let (number, half) = sent(&mut group).remove(0);
    assert_eq!(half, [1, 3], "lanes take turns");
    push(&mut group, lane, &[(5, "a"), (6, "a")]);
    let innocent = group.open();
    push(&mut group, innocent, &[(7, "a")]);
    assert_eq!(sent(&mut group), [], "all of it is about an entity that is under way");
    group.answered(number, Answer::Unknown);
    let mut told = group.take_told();
    told.sort_by_key(|(event, _)| *event);
    let (unknown, unsent) = (Err(Refusal::Unknown), Err(Refusal::Unsent));
    assert_eq!(told[..2], [(1, unknown.clone()), (2, unsent.clone())]);
    assert_eq!(told[2..4], [(3, unknown), (4, unsent.clone())]);
    assert_eq!(told[4..], [(5, unsent.clone()), (6, unsent)]);
    assert_eq!(sent(&mut group)[0].1, [7], "a lane that had nothing in it goes on");
}

#[test]
fn too_many_batches_waits_and_goes_as_it_was() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a"), (2, "b"), (3, "c")]);
    let shipment = group.next().expect("a shipment");
    group.answered(shipment.number, Answer::Busy);
    push(&mut group, lane, &[(4, "d")]);
    assert_eq!(sent(&mut group), [], "it is still under way");
    group.woken(shipment.number);
    let again = group.next().expect("the same");
    assert_eq!((again.events, again.tries), (vec![1, 2, 3], 1));
    assert_eq!(group.take_told(), []);
}

#[test]
fn a_caller_that_goes_takes_back_what_is_not_sent() {
    let (mut group, lane) = group();
    push(&mut group, lane, &[(1, "a"), (2, "b")]);
    let (number, _) = sent(&mut group).remove(0);
    push(&mut group, lane, &[(3, "c"), (4, "a"), (5, "d"), (6, "e")]);
    let (full, _) = sent(&mut group).remove(0);
    let other = group.open();
    push(&mut group, other, &[(7, "a")]);
    group.answered(number, refused());
    let mut unsent = group.close(lane);
    unsent.sort_unstable();
    assert_eq!(unsent, [1, 2, 4], "the rest is sent");
    group.answered(full, stored(9));
    assert_eq!(sent(&mut group).remove(0).1, [7], "its entities are free");
    assert!(group.close(lane).is_empty());
}

#[test]
fn a_broken_batch_and_what_is_queued_take_turns() {
    let mut group = Group::new(Limits { in_flight: 1, ..LIMITS });
    let (lane, other) = (group.open(), group.open());
    push(&mut group, lane, &[(1, "a"), (2, "b"), (3, "c"), (4, "d")]);
    let mut order = Vec::new();
    for step in 10..16 {
        push(&mut group, other, &[(step, &format!("other {step}"))]);
        let Some(Shipment { number, events, .. }) = group.next() else { break };
        let is_refused = events.len() > 1 && events[0] < 10;
        order.push(events);
        group.answered(number, if is_refused { refused() } else { stored(1) });
    }
    assert_eq!(order[..4], [vec![1, 10, 2, 3], vec![1, 10], vec![4, 11, 12], vec![1]]);
}

#[test]
fn a_few_events_go_each_by_itself_where_no_two_are_about_one_entity() {
    let mut group = Group::new(Limits { few: 3, ..LIMITS });
    let (lane, other) = (group.open(), group.open());
    push(&mut group, lane, &[(1, "a"), (2, "b")]);
    push(&mut group, other, &[(3, "c")]);
    let shipment = group.next().expect("a shipment");
    assert_eq!((shipment.events, shipment.is_batch), (vec![1, 3, 2], false));
    push(&mut group, lane, &[(4, "b"), (5, "d")]);
    push(&mut group, other, &[(6, "e")]);
    assert_eq!(sent(&mut group), [], "it is under way");
    let each = vec![stored(7), Answer::Unknown, refused()];
    group.answered(shipment.number, Answer::Each(each));
    let refusal = Err(Refusal::Refused("no".to_owned()));
    assert_eq!(
        group.take_told(),
        [(1, Ok(at(7))), (6, Err(Refusal::Unsent)), (3, Err(Refusal::Unknown)), (2, refusal)],
        "each has the answer to itself"
    );
    assert_eq!(sent(&mut group)[0].1, [5], "behind a refused event its entity's rest is unsent");
    assert_eq!(group.take_told(), [(4, Err(Refusal::Unsent))]);
}

#[test]
fn events_of_one_entity_share_a_batch_however_few_they_are() {
    let mut group = Group::new(Limits { few: 3, ..LIMITS });
    let lane = group.open();
    push(&mut group, lane, &[(1, "a"), (2, "a")]);
    let shipment = group.next().expect("a shipment");
    assert_eq!((shipment.events, shipment.is_batch), (vec![1, 2], true));
}
