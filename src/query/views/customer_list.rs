//! `GET /api/customers`.

use projections::customers::{self as all, CustomerDocument};
use projections::topic::{Topic, Topics};
use serde::Serialize;
use utoipa::ToSchema;

use super::list::List;
use super::sold::Sold;
use crate::http::openapi::{Get, Tag};
use crate::http::parameters::values::{OneOf, Text, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::query::Error;
use crate::query::cursor::Pagination;
use crate::query::known::is_of;
use crate::query::memory::ReadContext;
use crate::query::params::{Ranged, Ranging};
use crate::query::range::Used;
use crate::query::ranked::{CUSTOMERS, Wanted, page};
use crate::query::view::{Figures, METRICS, View};
use crate::store::read::Known;

const COUNTRY: Parameter<Text> = Parameter::query(
    "country",
    "Those whose profile has one country; `(none)`, those whose profile has none.",
    Text { min: 1, max: 64, allowed: "must be a text of 1 to 64 characters" },
);
const ACCOUNT: Parameter<OneOf<Account>> = Parameter::query(
    "account",
    "Those who bought without an account, or all others.",
    OneOf::new(),
);

/// Whether a customer has an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Account {
    Identified,
    Guest,
}

impl Word for Account {
    const ALL: &'static [Self] = &[Account::Identified, Account::Guest];

    fn word(self) -> &'static str {
        match self {
            Account::Identified => "identified",
            Account::Guest => "guest",
        }
    }
}

/// The page that is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    range: Ranged<Customers>,
    list: List,
    country: Option<String>,
    account: Option<Account>,
}

/// Customers, a page at a time.
#[allow(clippy::struct_field_names)] // the member is named so on the wire
#[derive(Debug, Serialize, ToSchema)]
pub struct Customers {
    customers: Vec<Listed>,
    pagination: Pagination,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    range: Option<Used>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListedCustomer)]
struct Listed {
    user_id: String,
    /// Whether they bought without an account.
    is_guest: bool,
    #[schema(value_type = Option<String>)]
    username: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    email: Option<Box<str>>,
    #[schema(value_type = Option<String>)]
    country: Option<Box<str>>,
    sold: Sold,
}

impl View for Customers {
    const ROUTE: Get = Get {
        path: "/api/customers",
        access: METRICS,
        id: "listCustomers",
        tag: Tag::Figures,
        summary: "Customers, a page at a time",
        about: "Every customer who is known, with what they bought in the range, or ever.",
    };
}

impl Ranging for Customers {
    const TREND_DAYS: u64 = 30;
    const LIST: usize = 20;
    const FILTERS: bool = false;
    const PERIODS: bool = false;
    const COMPARES: bool = false;
}

impl Parameters for Asked {
    fn read(query: &mut Query) -> Self {
        let range = Ranged::read(query);
        let list = List::read(query);
        Asked { range, list, country: query.take(&COUNTRY), account: query.take(&ACCOUNT) }
    }
}

impl Figures for Customers {
    const TOPICS: Topics = Topics::of(&[Topic::Sales, Topic::Customers]);
    type Parameters = Asked;

    async fn read(from: ReadContext<'_>, asked: &Asked) -> Result<Self, Error> {
        let Asked { range, list, country, account } = asked;
        let limit = u32::try_from(range.limit).unwrap_or(u32::MAX);
        let found = page::<all::Customers>(
            from,
            &Wanted {
                of: CUSTOMERS,
                asked: range,
                sort: list.sort,
                search: list.search.as_deref(),
                after: list.after.as_ref(),
                limit,
                is_wanted: &|_, document| {
                    let of_profile = document.profile.as_ref().and_then(|it| it.country.as_deref());
                    country.as_ref().is_none_or(|it| is_of(of_profile, it))
                        && account.is_none_or(|it| (it == Account::Guest) == document.guest)
                },
                names: &names,
            },
            |document| document.ordinal,
        )
        .await?;
        let ordinals = found.found.iter().map(|it| it.document.ordinal).collect();
        let sums = CUSTOMERS.sums(from, range, ordinals).await?;
        let (statuses, checkpoint) = (range.statuses.of(from.snapshot), &from.snapshot.checkpoint);
        let listed = |Known { id, document }: Known<CustomerDocument>| {
            let sum = sums.get(&document.ordinal).copied().unwrap_or_default();
            let sold = Sold::of(&sum, statuses, &checkpoint.settings);
            let is_guest = document.guest;
            let profile = document.profile.map(|it| (it.username, it.email, it.country));
            let (username, email, country) = profile.unwrap_or_default();
            Listed { user_id: id, is_guest, username, email, country, sold }
        };
        Ok(Customers {
            customers: found.found.into_iter().map(listed).collect(),
            pagination: Pagination::of(limit, found.next.as_ref()),
            range: range.range.map(|range| range.used(checkpoint.root.first_quarter)),
        })
    }
}

/// The texts that a customer is known by.
fn names(document: &CustomerDocument) -> Vec<&str> {
    let Some(profile) = &document.profile else { return Vec::new() };
    let names = [&profile.username, &profile.email, &profile.first_name, &profile.last_name];
    names.into_iter().flatten().map(|name| &**name).collect()
}
