//! The order and the page of a list of products or customers.

use crate::http::parameters::values::{Own, Text};
use crate::http::parameters::{Parameter, Query};
use crate::http::problem::FieldError;
use crate::query::cursor;
use crate::query::ranked::{After, Rank, SORT, Sort};

const CURSOR: Parameter<Own<After>> = cursor::parameter();
const SEARCH: Parameter<Text> = Parameter::query(
    "search",
    "Those whose id begins so, by id, and behind them those with names that have words which begin so.",
    Text { min: 1, max: 64, allowed: "must be a text of 1 to 64 characters" },
);

/// The order of a list of entities, and the page of it.
#[derive(Debug, Clone)]
pub struct List {
    /// The order.
    pub sort: Sort,
    /// What is searched for.
    pub search: Option<String>,
    /// The place that the page begins behind.
    pub after: Option<After>,
}

impl List {
    /// Reads them; a search is by id.
    pub fn read(query: &mut Query) -> Self {
        let (sort, search) = (query.take(&SORT), query.take(&SEARCH));
        let after = query.take(&CURSOR);
        let by = if search.is_some() { Sort::Id } else { Sort::By(Rank::NetSales) };
        let sort = sort.unwrap_or(by);
        if search.is_some() && sort != Sort::Id {
            query.wrong(FieldError::new("sort", "must be id, or left out, with search"));
        }
        if after.as_ref().is_some_and(|after| !after.is_of(sort, search.is_some())) {
            query.wrong(FieldError::new("cursor", "must be of a list in the same order"));
        }
        List { sort, search, after }
    }
}
