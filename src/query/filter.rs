//! Which sales are asked for, by what they are of.

use projections::family::{Dimension, Family};

use crate::http::parameters::values::Text;
use crate::http::parameters::{Parameter, Query};
use crate::http::problem::FieldError;

const CATEGORY: Parameter<Text> = value("category", "The sales of one category.");
const PAYMENT_METHOD: Parameter<Text> =
    value("paymentMethod", "The sales that were paid by one method.");
const COUNTRY: Parameter<Text> = value("country", "The sales that were shipped to one country.");
const PRODUCT: Parameter<Text> =
    id("productId", "The sales of one product. Not together with another of these filters.");
const USER: Parameter<Text> =
    id("userId", "The purchases of one customer. Not together with another of these filters.");

const fn value(name: &'static str, about: &'static str) -> Parameter<Text> {
    let allowed = "must be a text of 1 to 64 characters";
    Parameter::query(name, about, Text { min: 1, max: 64, allowed })
}

const fn id(name: &'static str, about: &'static str) -> Parameter<Text> {
    let allowed = "must be an id of 1 to 128 characters";
    Parameter::query(name, about, Text { min: 1, max: 128, allowed })
}

/// What sales are counted by, beside time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The category of the line.
    Category,
    /// The payment method.
    PaymentMethod,
    /// The shipping country.
    Country,
}

impl By {
    /// All of them, in the order of a cell's codes.
    pub const ALL: [By; 3] = [By::Category, By::PaymentMethod, By::Country];

    /// Its vocabulary.
    #[must_use]
    pub fn dimension(self) -> Dimension {
        match self {
            By::Category => Dimension::Category,
            By::PaymentMethod => Dimension::PaymentMethod,
            By::Country => Dimension::Country,
        }
    }

    /// The families that sales, and what came back, are counted by it alone in.
    #[must_use]
    pub fn families(self) -> (Family, Family) {
        match self {
            By::Category => (Family::Categories, Family::ReturnCategories),
            By::PaymentMethod => (Family::PaymentMethods, Family::ReturnPaymentMethods),
            By::Country => (Family::Destinations, Family::ReturnDestinations),
        }
    }
}

/// Which sales are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    #[default]
    None,
    /// Those of one value of some dimensions, in the order of [`By::ALL`].
    Values([Option<String>; 3]),
    /// Those of one product.
    Product(String),
    /// Those of one customer.
    Customer(String),
}

impl Filter {
    /// Reads it from the parameters of a request.
    pub fn read(query: &mut Query) -> Self {
        let values = [query.take(&CATEGORY), query.take(&PAYMENT_METHOD), query.take(&COUNTRY)];
        let (product, user) = (query.take(&PRODUCT), query.take(&USER));
        let has_values = values.iter().any(Option::is_some);
        match (has_values, product, user) {
            (false, None, None) => Filter::None,
            (true, None, None) => Filter::Values(values),
            (false, Some(product), None) => Filter::Product(product),
            (false, None, Some(user)) => Filter::Customer(user),
            (_, product, _) => {
                let field = if product.is_some() { "productId" } else { "userId" };
                let message =
                    "must be given without category, paymentMethod, country and any other id";
                query.wrong(FieldError::new(field, message));
                Filter::None
            }
        }
    }

    /// The value that is asked for of a dimension.
    #[must_use]
    pub fn value(&self, by: By) -> Option<&str> {
        match self {
            Filter::Values(values) => values[by as usize].as_deref(),
            _ => None,
        }
    }
}
