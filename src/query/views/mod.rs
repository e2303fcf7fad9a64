//! The endpoints: one file for each view, and the list of them. A view has a path, parameters and a
//! way to read its figures; see [`super::answer`] for all the rest.

pub mod actives;
pub mod behaviour;
pub mod customers;
pub mod dashboard;
pub mod feedback;
pub mod funnel;
mod history;
pub mod live;
pub mod order;
pub mod orders;
pub mod products;
pub mod retention;
pub mod revenue;
pub mod sales;
pub mod segments;
pub mod sessions;
pub mod summary;
pub mod transaction;
pub mod transactions;
pub mod users;

use super::answer::route;
use super::deps::Deps;
use crate::http::Routes;

/// Adds the route of a view.
type Add = fn(Routes<Deps>) -> Routes<Deps>;

/// Every view.
const ALL: &[Add] = &[
    route::<sales::SalesMetrics>,
    route::<transactions::TransactionMetrics>,
    route::<revenue::RevenueMetrics>,
    route::<users::UserMetrics>,
    route::<dashboard::Dashboard>,
    route::<behaviour::BehaviourMetrics>,
    route::<actives::ActiveMetrics>,
    route::<sessions::SessionMetrics>,
    route::<funnel::FunnelMetrics>,
    route::<feedback::FeedbackMetrics>,
    route::<live::LiveMetrics>,
    route::<retention::RetentionMetrics>,
    route::<segments::SegmentMetrics>,
    route::<products::ProductMetrics>,
    route::<customers::CustomerMetrics>,
    route::<summary::Summary>,
    route::<orders::Orders>,
    route::<order::OneOrder>,
    route::<transaction::OneTransaction>,
];

/// The routes of all of them.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    ALL.iter().fold(Routes::new(), |routes, add| add(routes)).with_state(deps)
}
