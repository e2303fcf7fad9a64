//! The parameters of `GET /api/users`.

use axum::http::Uri;

use crate::auth::role::Role;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::store::platform::directory::{AccountsWanted, SortBy};

const LIMIT: u32 = 20;
const LIMIT_MAX: u32 = 100;
const PAGE_MAX: u32 = 1_000_000;
const SEARCH_CHARACTERS_MAX: usize = 100;

/// Which page of which accounts is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The page, from 1.
    pub page: u32,
    /// How many are on a page.
    pub limit: u32,
    /// Which accounts.
    pub wanted: AccountsWanted,
}

/// Those that may sign in, those that may not, or both.
#[derive(Debug, Clone, Copy)]
enum Which {
    Active,
    Inactive,
    All,
}

impl Asked {
    /// Reads the query of a URI. An empty `role` or `search` is a missing one, as forms send it.
    ///
    /// # Errors
    /// A 400 that names every parameter that is wrong.
    pub fn parse(uri: &Uri) -> Result<Self, Problem> {
        let mut query = Parameters::of(uri);
        let page = query.number("page", PAGE_MAX, "must be a whole number from 1 to 1000000");
        let limit = query.number("limit", LIMIT_MAX, "must be a whole number from 1 to 100");
        let sort = query.take(
            "sort",
            sort,
            "must be createdAt, updatedAt or name, with a - before it for the last first",
        );
        let role =
            query.take_filled("role", Role::parse, "must be admin, manager, analyst or viewer");
        let search =
            query.take_filled("search", search, "must be a text of at most 100 characters");
        let which = query.take("isActive", Which::parse, "must be true, false or all");
        query.finish()?;
        let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(LIMIT));
        let (sort_by, descending) = sort.unwrap_or((SortBy::CreatedAt, true));
        let wanted = AccountsWanted {
            role,
            is_active: which.unwrap_or(Which::Active).is_active(),
            search: search.filter(|text| !text.is_empty()),
            sort_by,
            descending,
            skip: u64::from(page - 1) * u64::from(limit),
            limit,
        };
        Ok(Asked { page, limit, wanted })
    }
}

fn sort(text: &str) -> Option<(SortBy, bool)> {
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let by = match name {
        "createdAt" => SortBy::CreatedAt,
        "updatedAt" => SortBy::UpdatedAt,
        "name" => SortBy::Name,
        _ => return None,
    };
    Some((by, descending))
}

fn search(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = text.chars().count() <= SEARCH_CHARACTERS_MAX && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

impl Which {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Which::Active),
            "false" => Some(Which::Inactive),
            "all" => Some(Which::All),
            _ => None,
        }
    }

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
    use super::*;

    fn read(query: &str) -> Result<Asked, String> {
        Asked::parse(&format!("/api/users?{query}").parse().unwrap())
            .map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn nothing_given_is_the_newest_active_accounts() {
        let asked = read("role=&search=").unwrap();
        assert_eq!(asked, read("").unwrap());
        assert_eq!((asked.page, asked.limit, asked.wanted.skip), (1, 20, 0));
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
