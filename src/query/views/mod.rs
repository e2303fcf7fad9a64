//! The endpoints: one file for each view, and the list of them. A view has a path, parameters and a
//! way to read its figures; see [`super::answer`] for all the rest. [`ask`] finds a view by its path:
//! what a batch has, or a client listens to, is any view with any parameters.

pub mod actives;
pub mod actives_customers;
pub mod behaviour;
mod counted;
pub mod customer;
pub mod customer_list;
pub mod customers;
pub mod dashboard;
pub mod explain;
pub mod feedback;
pub mod funnel;
pub mod funnel_customers;
mod history;
mod list;
pub mod live;
pub mod order;
pub mod orders;
pub mod product;
pub mod product_list;
pub mod products;
pub mod retention;
pub mod retention_customers;
pub mod revenue;
pub mod sales;
pub mod sales_customers;
pub mod segments;
pub mod sessions;
mod sold;
pub mod summary;
pub mod transaction;
pub mod transaction_list;
pub mod transactions;
pub mod users;
pub mod widget;

use axum::http::Uri;
use projections::time::Time;

use super::answer::route;
use super::deps::Deps;
use super::error::Error;
use super::question::Question;
use super::view::View;
use crate::http::Routes;
use crate::rights::access::Access;
use crate::rights::caller::Caller;
use crate::rights::role::Rights;

/// A view, whatever its type is.
#[derive(Debug)]
pub struct Listed {
    path: &'static str,
    access: Access,
    add: fn(Routes<Deps>) -> Routes<Deps>,
    ask: fn(&Uri, Rights, Time, &str) -> Result<Question, Error>,
}

/// Every view.
pub const ALL: &[Listed] = &[
    of::<sales::SalesMetrics>(),
    of::<transactions::TransactionMetrics>(),
    of::<revenue::RevenueMetrics>(),
    of::<users::UserMetrics>(),
    of::<dashboard::Dashboard>(),
    of::<behaviour::BehaviourMetrics>(),
    of::<actives::ActiveMetrics>(),
    of::<sessions::SessionMetrics>(),
    of::<funnel::FunnelMetrics>(),
    of::<feedback::FeedbackMetrics>(),
    of::<live::LiveMetrics>(),
    of::<retention::RetentionMetrics>(),
    of::<segments::SegmentMetrics>(),
    of::<products::ProductMetrics>(),
    of::<customers::CustomerMetrics>(),
    of::<explain::Explanation>(),
    of::<sales_customers::SalesCustomers>(),
    of::<actives_customers::ActiveCustomers>(),
    of::<funnel_customers::FunnelCustomers>(),
    of::<retention_customers::RetentionCustomers>(),
    of::<summary::Summary>(),
    of::<summary::Overview>(),
    of::<product_list::Products>(),
    of::<product::OneProduct>(),
    of::<customer_list::Customers>(),
    of::<customer::OneCustomer>(),
    of::<orders::Orders>(),
    of::<order::OneOrder>(),
    of::<transaction_list::Transactions>(),
    of::<transaction::OneTransaction>(),
    routed_elsewhere::<widget::Widget>(),
];

/// A view whose address has a router of its own.
const fn routed_elsewhere<V: View>() -> Listed {
    Listed { add: |routes| routes, ..of::<V>() }
}

const fn of<V: View>() -> Listed {
    let (path, access) = (V::ROUTE.path, V::ROUTE.access);
    Listed { path, access, add: route::<V>, ask: Question::to::<V> }
}

/// Why there is no question.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No view is at that path.
    #[error("no view is at this path")]
    NoView,
    /// The caller may not ask it.
    #[error("{0} is needed")]
    Forbidden(Access),
    /// Its parameters are not right.
    #[error(transparent)]
    Invalid(#[from] Error),
}

/// The question that a path with its query is, such as `/api/metrics/sales?period=day`, for a caller
/// who may ask it.
///
/// # Errors
/// [`Refused`].
pub fn ask(uri: &Uri, caller: &Caller, now: Time, language: &str) -> Result<Question, Refused> {
    let view = at(uri)?;
    if !view.access.admits(caller) {
        return Err(Refused::Forbidden(view.access));
    }
    Ok((view.ask)(uri, caller.rights(), now, language)?)
}

/// The same with these rights, for a caller whose access was judged before.
///
/// # Errors
/// [`Refused::NoView`], [`Refused::Invalid`].
pub fn ask_with(uri: &Uri, rights: Rights, now: Time, language: &str) -> Result<Question, Refused> {
    Ok((at(uri)?.ask)(uri, rights, now, language)?)
}

fn at(uri: &Uri) -> Result<&'static Listed, Refused> {
    ALL.iter().find(|view| is_at(view.path, uri.path())).ok_or(Refused::NoView)
}

/// Whether a path is one of a route's, whose parameters stand in braces.
fn is_at(route: &str, path: &str) -> bool {
    let (mut route, mut path) = (route.split('/'), path.split('/'));
    loop {
        match (route.next(), path.next()) {
            (None, None) => return true,
            (Some(part), Some(segment)) if part == segment => {}
            (Some(part), Some(segment)) if part.starts_with('{') && !segment.is_empty() => {}
            _ => return false,
        }
    }
}

/// The routes of all of them.
#[must_use]
pub fn routes(deps: Deps) -> Routes {
    let views = ALL.iter().fold(Routes::new(), |routes, view| (view.add)(routes));
    views.with_state(deps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_found_by_its_path_alone() {
        let found = |path: &str| ALL.iter().filter(|view| is_at(view.path, path)).count();
        for path in ["/api/metrics/sales", "/api/orders", "/api/orders/7", "/api/orders/a%2Fb"] {
            assert_eq!(found(path), 1, "{path}");
        }
        for path in ["/api/metrics", "/api/orders/", "/api/orders/7/x", "/api/auth/me", "", "/"] {
            assert_eq!(found(path), 0, "{path}");
        }
    }
}
