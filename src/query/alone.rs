//! Figures over time under filters of their own, of which one can be given at a time.

use super::params::{Earlier, Ranged, Ranging};
use crate::http::parameters::values::{Text, in_words};
use crate::http::parameters::{Parameter, Parameters, Query};
use crate::http::problem::FieldError;

/// Figures that have such filters.
pub trait Filtered: Ranging {
    /// The filters.
    const FILTERS_ALONE: &'static [Parameter<Text>];
}

/// The parameters of such figures.
#[derive(Debug)]
pub struct Alone<V> {
    /// The range.
    pub range: Ranged<V>,
    /// The filter that is given, by its place among the filters, and its value.
    pub which: Option<(usize, String)>,
}

/// A filter by a text.
#[must_use]
pub const fn value(name: &'static str, about: &'static str) -> Parameter<Text> {
    let allowed = "must be a text of 1 to 256 characters";
    Parameter::query(name, about, Text { min: 1, max: 256, allowed })
}

impl<V: Filtered> Parameters for Alone<V> {
    fn read(query: &mut Query) -> Self {
        Alone { range: Ranged::read(query), which: given(query, V::FILTERS_ALONE) }
    }
}

impl<V> Earlier for Alone<V> {
    fn earlier(&self) -> Option<Self> {
        Some(Alone { range: self.range.earlier()?, which: self.which.clone() })
    }
}

impl<V> Clone for Alone<V> {
    fn clone(&self) -> Self {
        Alone { range: self.range.clone(), which: self.which.clone() }
    }
}

fn given(query: &mut Query, filters: &[Parameter<Text>]) -> Option<(usize, String)> {
    let values: Vec<_> = filters.iter().map(|filter| query.take(filter)).collect();
    let given = values.into_iter().enumerate().filter_map(|(at, value)| Some((at, value?)));
    let mut given: Vec<(usize, String)> = given.collect();
    if given.len() > 1 {
        let (at, _) = given.pop()?;
        let names = in_words(filters.iter().map(Parameter::name));
        let message = format!("must be given alone: one of {names} at a time");
        query.wrong(FieldError::new(filters[at].name(), message));
    }
    given.pop()
}
