//! The statuses of orders, and what an order counts as by them.

use projections::sales::Status;
use projections::time::Time;

use super::orders::{Content, Placed};

/// The statuses of an order, of its payment and of its delivery, among all.
pub const PARTS: [std::ops::Range<usize>; 3] = [0..5, 5..8, 8..12];
const DELIVERED: usize = 3;
const CANCELLED: usize = 4;
const UNPAID: usize = 5;
const REFUSED: usize = 6;
const PAID: usize = 7;
const UNASSIGNED: usize = 8;

pub fn is_sold(status: Status) -> bool {
    matches!(status, Status::Completed | Status::Returned)
}

/// What an order counts as, by its status and that of its payment.
pub fn counts_as(placed: &Placed, content: &Content) -> Status {
    let [order, payment, _] = placed.steps.map(|step| step.map(|(step, _)| step));
    let method = content.event.payment_method.as_deref().unwrap_or_default();
    match (order, payment) {
        (Some(CANCELLED), Some(PAID)) => Status::Returned,
        (Some(CANCELLED), _) | (_, Some(REFUSED)) => Status::Failed,
        (Some(DELIVERED), Some(UNPAID)) if method.eq_ignore_ascii_case("cod") => Status::Completed,
        (_, Some(UNPAID)) | (Some(0), None) => Status::Pending,
        _ => Status::Completed,
    }
}

/// The earliest time of a status.
pub fn first(placed: &Placed, step: usize) -> Option<Time> {
    placed.told.iter().filter(|(told, _)| *told == step).map(|(_, at)| *at).min()
}

/// The time at which an order came back as a whole, if it did.
pub fn returned_at(placed: &Placed, content: &Content) -> Option<Time> {
    let times = [Some(content.event.at), first(placed, CANCELLED), first(placed, PAID)];
    let is_returned = counts_as(placed, content) == Status::Returned;
    times.into_iter().flatten().max().filter(|_| is_returned)
}

/// The statuses of one part in the order of their first times, the present one last.
pub fn steps(placed: &Placed, part: std::ops::Range<usize>) -> Vec<(usize, Time)> {
    let present = placed.steps.iter().flatten().find(|(step, _)| part.contains(step));
    let Some((present, _)) = present else { return vec![] };
    let mut steps: Vec<_> = part.filter_map(|step| Some((step, first(placed, step)?))).collect();
    steps.sort_by_key(|(step, at)| (step == present, *at));
    steps
}

/// Whether a status regularly comes after another one.
pub fn follows(from: usize, to: usize) -> bool {
    match to {
        UNASSIGNED => true,
        _ => from < to && from != DELIVERED,
    }
}
