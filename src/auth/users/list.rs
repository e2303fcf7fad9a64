//! The parameters of `GET /api/users`.

use serde_json::json;

use crate::http::parameters::values::{OneOf, Own, Whole, Word};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::rights::role::Role;
use crate::store::platform::directory::{AccountsWanted, SortBy};

const SEARCH_CHARACTERS_MAX: usize = 100;

const PAGE: Parameter<Whole<u32>> =
    Parameter::query("page", "Which page, from 1.", Whole { min: 1, max: 1_000_000 });
const LIMIT: Parameter<Whole<u32>> =
    Parameter::query("limit", "The most accounts of a page.", Whole { min: 1, max: 100 });
const SORT: Parameter<OneOf<Sort>> = Parameter::query(
    "sort",
    "The field that sorts them; with a `-` before it the last comes first.",
    OneOf::new(),
);
const ROLE: Parameter<OneOf<Role>> =
    Parameter::query("role", "Those of this role alone.", OneOf::new()).missing_if_empty();
const SEARCH: Parameter<Own<String>> = Parameter::query(
    "search",
    "Those with this text in their first name, last name or e-mail alone.",
    Own {
        read: search,
        schema: || json!({ "type": "string", "maxLength": SEARCH_CHARACTERS_MAX }),
        written: |text| json!(text),
    },
)
.example("ann")
.missing_if_empty();
const IS_ACTIVE: Parameter<OneOf<Which>> =
    Parameter::query("isActive", "Those that may sign in, or may not, or both.", OneOf::new());

/// The page, and the accounts, that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The page, from 1.
    pub number: u32,
    /// The number of accounts on a page.
    pub limit: u32,
    /// The accounts.
    pub wanted: AccountsWanted,
}

/// The accounts that may sign in, those that may not, or both.
#[derive(Debug, Clone, Copy)]
enum Which {
    Active,
    Inactive,
    All,
}

/// The field that accounts are sorted by, and whether the last comes first.
#[derive(Debug, Clone, Copy)]
struct Sort(SortBy, bool);

impl Parameters for Page {
    fn read(query: &mut Query) -> Self {
        let (number, limit) = (query.take_or(&PAGE, 1), query.take_or(&LIMIT, 20));
        let Sort(sort_by, descending) = query.take_or(&SORT, Sort(SortBy::CreatedAt, true));
        let wanted = AccountsWanted {
            role: query.take(&ROLE),
            search: query.take(&SEARCH).filter(|text| !text.is_empty()),
            is_active: query.take_or(&IS_ACTIVE, Which::Active).is_active(),
            sort_by,
            descending,
            skip: u64::from(number - 1) * u64::from(limit),
            limit,
        };
        Page { number, limit, wanted }
    }
}

impl Word for Sort {
    const ALL: &'static [Self] = &[
        Sort(SortBy::CreatedAt, false),
        Sort(SortBy::CreatedAt, true),
        Sort(SortBy::UpdatedAt, false),
        Sort(SortBy::UpdatedAt, true),
        Sort(SortBy::Name, false),
        Sort(SortBy::Name, true),
    ];

    fn word(self) -> &'static str {
        match self {
            Sort(SortBy::CreatedAt, false) => "createdAt",
            Sort(SortBy::CreatedAt, true) => "-createdAt",
            Sort(SortBy::UpdatedAt, false) => "updatedAt",
            Sort(SortBy::UpdatedAt, true) => "-updatedAt",
            Sort(SortBy::Name, false) => "name",
            Sort(SortBy::Name, true) => "-name",
        }
    }
}

fn search(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let fits = text.chars().count() <= SEARCH_CHARACTERS_MAX && !text.contains(char::is_control);
    fits.then(|| text.to_owned()).ok_or("must be a text of at most 100 characters")
}

impl Word for Which {
    const ALL: &'static [Self] = &[Which::Active, Which::Inactive, Which::All];

    fn word(self) -> &'static str {
        match self {
            Which::Active => "true",
            Which::Inactive => "false",
            Which::All => "all",
        }
    }
}

impl Which {
    fn is_active(self) -> Option<bool> {
        match self {
            Which::Active => Some(true),
            Which::Inactive => Some(false),
            Which::All => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use projections::time::Time;

    use super::*;
    use crate::http::problem::Problem;

    fn read(query: &str) -> Result<Page, String> {
        Page::parse(&format!("/api/users?{query}").parse().unwrap(), Time(0))
            .map_err(|errors| Problem::invalid(errors).message().to_owned())
    }

    #[test]
    fn nothing_given_is_the_newest_active_accounts() {
        let asked = read("role=&search=").unwrap();
        assert_eq!(asked, read("").unwrap());
        assert_eq!((asked.number, asked.limit, asked.wanted.skip), (1, 20, 0));
        let wanted = asked.wanted;
        assert_eq!((wanted.sort_by, wanted.descending), (SortBy::CreatedAt, true));
        assert_eq!((wanted.is_active, wanted.role, wanted.search), (Some(true), None, None));
    }

    #[test]
    fn everything_given_is_taken() {
        let asked =
            read("page=3&limit=100&sort=name&role=user&search=%20a%2Bb+c&isActive=all").unwrap();
        assert_eq!((asked.wanted.skip, asked.wanted.limit), (200, 100));
        assert_eq!((asked.wanted.sort_by, asked.wanted.descending), (SortBy::Name, false));
        assert_eq!((asked.wanted.role, asked.wanted.is_active), (Some(Role::Viewer), None));
        assert_eq!(asked.wanted.search.as_deref(), Some("a+b c"));
    }

    #[test]
    fn what_cannot_be_is_named() {
        let long = format!("search={}", "x".repeat(101));
        for (query, field) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("page=1000001", "page"),
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("sort=password", "sort"),
            ("sort=--name", "sort"),
            ("sort=", "sort"),
            ("role=root", "role"),
            ("role[$ne]=admin", "role[$ne]"),
            ("search=%00", "search"),
            ("search[$regex]=.*", "search[$regex]"),
            (&*long, "search"),
            ("isActive=1", "isActive"),
            ("isActive=", "isActive"),
            ("select=password", "select"),
        ] {
            let message = read(query).unwrap_err();
            assert!(message.contains(&format!("failed: {field} ")), "{query}: {message}");
        }
    }
}
