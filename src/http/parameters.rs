//! The parameters of a request's query: each is read as what it has to be, and every one that is
//! not, that is unknown or given twice, is named.

use axum::extract::Query;
use axum::http::Uri;

use super::problem::{FieldError, Problem};

/// The parameters of a query. One that is not what it has to be is read as missing and kept in
/// mind: nothing may be done before [`Parameters::finish`] says that all were right.
#[derive(Debug)]
pub struct Parameters {
    given: Vec<(String, String)>,
    names: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// Of a request.
    #[must_use]
    pub fn of(uri: &Uri) -> Self {
        let given = Query::try_from_uri(uri).map(|Query(given)| given);
        let message = "must be name=value pairs joined by &";
        let error = given.is_err().then(|| FieldError::new("query", message));
        Parameters {
            given: given.unwrap_or_default(),
            names: Vec::new(),
            errors: error.into_iter().collect(),
        }
    }

    /// Reads a parameter, where it is given.
    pub fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        allowed: &'static str,
    ) -> Option<T> {
        self.names.push(name);
        let mut values = Vec::new();
        self.given.retain_mut(|(given, value)| {
            let is_it = given == name;
            if is_it {
                values.push(std::mem::take(value));
            }
            !is_it
        });
        let wrong = match &*values {
            [] => return None,
            [value] => match read(value) {
                Some(value) => return Some(value),
                None => allowed,
            },
            _ => "must be given once",
        };
        self.errors.push(FieldError::new(name, wrong));
        None
    }

    /// The same, where an empty text is a missing one: so forms send it.
    pub fn take_filled<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
        allowed: &'static str,
    ) -> Option<T> {
        self.given.retain(|(given, value)| given != name || !value.is_empty());
        self.take(name, read, allowed)
    }

    /// Reads a whole number in plain digits, from 1 to `max`.
    pub fn number(&mut self, name: &'static str, max: u32, allowed: &'static str) -> Option<u32> {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let read =
            |text: &str| text.parse().ok().filter(|it| plain(text) && (1..=max).contains(it));
        self.take(name, read, allowed)
    }

    /// Goes on where every parameter was right and there is none besides those that were read.
    ///
    /// # Errors
    /// A 400 that names those that were not.
    pub fn finish(mut self) -> Result<(), Problem> {
        let names = self.names.join(", ");
        for (name, _) in self.given {
            let name: String = name.chars().take(64).collect();
            let message = format!("is no parameter of this endpoint; it takes {names}");
            self.errors.push(FieldError::new(name, message));
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid(self.errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(query: &str) -> Result<Option<u32>, String> {
        let uri: Uri = format!("/?{query}").parse().unwrap();
        let mut parameters = Parameters::of(&uri);
        let limit = parameters.number("limit", 100, "must be a whole number from 1 to 100");
        parameters.finish().map(|()| limit).map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn a_number_is_plain_digits_within_its_bounds() {
        assert_eq!((limit(""), limit("limit=100")), (Ok(None), Ok(Some(100))));
        for text in ["", "0", "101", "+5", "-1", "5.0", "1e1", "99999999999999", "%00"] {
            let message = limit(&format!("limit={text}")).unwrap_err();
            assert!(message.contains("limit must be a whole number"), "{text}: {message}");
        }
    }

    #[test]
    fn one_that_is_unknown_or_given_twice_is_named() {
        let message = limit("page[$gt]=1").unwrap_err();
        assert!(message.contains("page[$gt] is no parameter"), "{message}");
        assert!(limit("limit=5&limit=5").unwrap_err().contains("limit must be given once"));
        assert!(limit("limit=5&x=1&y=2").is_err());
    }
}
