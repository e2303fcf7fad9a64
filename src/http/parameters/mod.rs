//! The parameters of a request. Each is declared once, as a [`Parameter`]: that reads it, bounds it,
//! says what is allowed where it is wrong, and describes it for the API's document.
//!
//! # Layout
//!
//! - here: a parameter, and the parameters of an endpoint together; [`values`]: the values of one.

pub mod values;

use axum::extract::{FromRequestParts, Query as Pairs};
use axum::http::Uri;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use projections::time::Time;
use serde_json::{Value, json};

use self::values::Values;
use super::problem::{FieldError, FieldErrors, Location, Problem};

/// An unknown parameter is named by so many characters of its name.
const NAME_SHOWN_CHARS: usize = 64;

/// Parameters that clients add so that no cache on the way answers.
const BUSTERS: [&str; 3] = ["_", "t", "refresh"];

/// The place of a parameter in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Header,
}

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<V> {
    place: Place,
    name: &'static str,
    about: &'static str,
    values: V,
    example: Option<&'static str>,
    is_missing_if_empty: bool,
}

impl<V: Copy> Parameter<V> {
    const fn at(place: Place, name: &'static str, about: &'static str, values: V) -> Self {
        Parameter { place, name, about, values, example: None, is_missing_if_empty: false }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// One of the query string.
    #[must_use]
    pub const fn query(name: &'static str, about: &'static str, values: V) -> Self {
        Self::at(Place::Query, name, about, values)
    }

    /// One of the path.
    #[must_use]
    pub const fn path(name: &'static str, about: &'static str, values: V) -> Self {
        Self::at(Place::Path, name, about, values)
    }

    /// One in a header.
    #[must_use]
    pub const fn header(name: &'static str, about: &'static str, values: V) -> Self {
        Self::at(Place::Header, name, about, values)
    }

    /// With an example for the document.
    #[must_use]
    pub const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    /// Takes an empty text for a missing one, as forms send it.
    #[must_use]
    pub const fn missing_if_empty(mut self) -> Self {
        self.is_missing_if_empty = true;
        self
    }
}

impl<V: Values> Parameter<V> {
    /// Reads one value of it.
    ///
    /// # Errors
    /// Fails with a message that says what is allowed.
    pub fn read(&self, text: &str) -> Result<V::Value, FieldError> {
        let location = match self.place {
            Place::Path => Location::Params,
            Place::Query => Location::Query,
            Place::Header => Location::Headers,
        };
        self.values.read(text).map_err(|allowed| FieldError::new(self.name, allowed).at(location))
    }

    /// Describes it as `OpenAPI` has it.
    #[must_use]
    pub fn described(&self, default: Option<&V::Value>) -> Value {
        let mut schema = self.values.schema();
        if let Some(default) = default {
            schema["default"] = self.values.written(default);
        }
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        let mut described = json!({
            "name": self.name,
            "in": place,
            "required": self.place == Place::Path,
            "description": self.about,
            "schema": schema,
        });
        if let Some(value) = self.example.and_then(|example| self.values.read(example).ok()) {
            described["example"] = self.values.written(&value);
        }
        described
    }
}

/// The parameters that an endpoint takes in its query string and at the end of its path, together.
pub trait Parameters: Sized {
    /// Reads each of them, all of them every time. One that is wrong is kept as an error by
    /// `query`, and read as missing.
    fn read(query: &mut Query) -> Self;

    /// Reads them from the query string of a URI; `now` is the server's time.
    ///
    /// # Errors
    /// Fails with every parameter that is unknown, given twice or wrong, and says what is allowed.
    fn parse(uri: &Uri, now: Time) -> Result<Self, Vec<FieldError>> {
        let mut query = Query::of(uri, now);
        let read = Self::read(&mut query);
        query.finish(Self::described)?;
        Ok(read)
    }

    /// Describes each of them as `OpenAPI` has it.
    #[must_use]
    fn described() -> Vec<Value> {
        let mut query = Query::describing();
        Self::read(&mut query);
        query.described.unwrap_or_default()
    }
}

/// For an endpoint that takes none, and refuses any.
impl Parameters for () {
    fn read(_: &mut Query) -> Self {}
}

/// The query string of a request while it is read; or nothing, while the parameters that would be
/// read are described.
#[derive(Debug)]
pub struct Query {
    /// The last segment of the path.
    segment: String,
    /// The one before.
    before_last: String,
    given: Vec<Given>,
    now: Time,
    errors: FieldErrors,
    described: Option<Vec<Value>>,
}

#[derive(Debug)]
struct Given {
    name: String,
    value: String,
    is_taken: bool,
}

impl Query {
    fn of(uri: &Uri, now: Time) -> Self {
        let pairs = Pairs::<Vec<(String, String)>>::try_from_uri(uri);
        let mut errors = FieldErrors::default();
        if pairs.is_err() {
            let error = FieldError::new("query", "must be name=value pairs joined by &");
            errors.add(0, error.at(Location::Query));
        }
        let pairs = pairs.map(|Pairs(pairs)| pairs).unwrap_or_default();
        let given = |(name, value)| Given { name, value, is_taken: false };
        let mut segments = uri
            .path()
            .rsplit('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned());
        let [segment, before_last] = [(); 2].map(|()| segments.next().unwrap_or_default());
        let given = pairs.into_iter().map(given).collect();
        Query { segment, before_last, given, now, errors, described: None }
    }

    fn describing() -> Self {
        let errors = FieldErrors::default();
        let (segment, before_last, given) = (String::new(), String::new(), Vec::new());
        Query { segment, before_last, given, now: Time(0), errors, described: Some(Vec::new()) }
    }

    /// Reads a parameter, where it is given.
    pub fn take<V: Values>(&mut self, parameter: &Parameter<V>) -> Option<V::Value> {
        self.describe(parameter, None);
        self.read(parameter)
    }

    /// Reads a parameter that has to be given; one that is not is read as missing, and an error.
    pub fn needed<V: Values>(&mut self, parameter: &Parameter<V>) -> Option<V::Value> {
        if let Some(described) = &mut self.described {
            let mut needed = parameter.described(None);
            needed["required"] = json!(true);
            described.push(needed);
        }
        if !self.given.iter().any(|given| given.name == parameter.name) {
            let allowed = parameter.read("").err().map(|error| error.message);
            let message = allowed.unwrap_or_else(|| "must be given".into());
            self.wrong(FieldError::new(parameter.name, message));
        }
        self.read(parameter)
    }

    /// Reads a parameter that is given once or more often, `most` times at most.
    pub fn take_all<V: Values>(&mut self, parameter: &Parameter<V>, most: usize) -> Vec<V::Value> {
        self.take_times(parameter, 1, most)
    }

    /// Reads a parameter that can be given often, `most` times at most.
    pub fn take_any<V: Values>(&mut self, parameter: &Parameter<V>, most: usize) -> Vec<V::Value> {
        self.take_times(parameter, 0, most)
    }

    fn take_times<V: Values>(
        &mut self,
        parameter: &Parameter<V>,
        least: usize,
        most: usize,
    ) -> Vec<V::Value> {
        if let Some(described) = &mut self.described {
            let mut one = parameter.described(None);
            let items = one["schema"].take();
            one["schema"] =
                json!({ "type": "array", "items": items, "minItems": least, "maxItems": most });
            if let Some(example) = one.get_mut("example") {
                *example = json!([example.take()]);
            }
            one["required"] = (least > 0).into();
            described.push(one);
        }
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for (place, given) in self.given.iter_mut().enumerate() {
            if given.name != parameter.name {
                continue;
            }
            given.is_taken = true;
            match parameter.read(&given.value) {
                Ok(value) => values.push(value),
                Err(error) => errors.push((place, error)),
            }
        }
        for (place, error) in errors {
            self.errors.add(place, error);
        }
        if self.is_right() && !(least..=most).contains(&values.len()) {
            let message = format!("must be given {least} to {most} times");
            self.wrong(FieldError::new(parameter.name, message));
        }
        values
    }

    /// Reads a parameter that is a segment of the path before the last; as [`Query::segment`].
    pub fn segment_before_last<V: Values>(&mut self, parameter: &Parameter<V>) -> Option<V::Value> {
        std::mem::swap(&mut self.segment, &mut self.before_last);
        let read = self.segment(parameter);
        std::mem::swap(&mut self.segment, &mut self.before_last);
        read
    }

    /// Reads the parameter that is the last segment of the path; one that is wrong is read as missing.
    pub fn segment<V: Values>(&mut self, parameter: &Parameter<V>) -> Option<V::Value> {
        self.describe(parameter, None);
        match parameter.read(&self.segment) {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.add(0, error);
                None
            }
        }
    }

    /// Reads a parameter that stands for `default` where it is not given.
    pub fn take_or<V: Values>(&mut self, parameter: &Parameter<V>, default: V::Value) -> V::Value {
        self.describe(parameter, Some(&default));
        self.read(parameter).unwrap_or(default)
    }

    /// Takes no notice of parameters of these names, where nothing else does.
    pub fn ignore(&mut self, names: &[&str]) {
        for given in self.given.iter_mut().filter(|given| names.contains(&&*given.name)) {
            given.is_taken = true;
        }
    }

    /// The server's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Whether nothing was wrong so far.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.errors.is_empty()
    }

    /// Keeps an error of parameters that are right each by itself.
    pub fn wrong(&mut self, error: FieldError) {
        let place = self.given.iter().position(|given| given.name == error.field);
        self.errors.add(place.unwrap_or(self.given.len()), error.at(Location::Query));
    }

    fn describe<V: Values>(&mut self, parameter: &Parameter<V>, default: Option<&V::Value>) {
        if let Some(described) = &mut self.described {
            described.push(parameter.described(default));
        }
    }

    fn read<V: Values>(&mut self, parameter: &Parameter<V>) -> Option<V::Value> {
        let mut found: Option<usize> = None;
        for (place, given) in self.given.iter_mut().enumerate() {
            if given.name != parameter.name {
                continue;
            }
            given.is_taken = true;
            if parameter.is_missing_if_empty && given.value.is_empty() {
                continue;
            }
            if found.replace(place).is_some() {
                let error = FieldError::new(parameter.name, "must be given once");
                self.errors.add(place, error.at(Location::Query));
                return self.skip(parameter.name);
            }
        }
        let place = found?;
        match parameter.read(&self.given[place].value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.errors.add(place, error);
                None
            }
        }
    }

    /// Takes the other values of a parameter that was given more than once.
    fn skip<T>(&mut self, name: &str) -> Option<T> {
        for given in self.given.iter_mut().filter(|given| given.name == name) {
            given.is_taken = true;
        }
        None
    }

    /// Names those that were not right, in the order in which they were given, and those that the
    /// endpoint does not take.
    fn finish(mut self, all: impl FnOnce() -> Vec<Value>) -> Result<(), Vec<FieldError>> {
        self.ignore(&BUSTERS);
        if self.given.iter().any(|given| !given.is_taken) {
            let all = all();
            let of_query = all.iter().filter(|it| it["in"] == "query");
            let names: Vec<_> = of_query.filter_map(|it| it["name"].as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("is no parameter of this endpoint; it takes {names}");
            for (place, given) in self.given.iter().enumerate().filter(|(_, it)| !it.is_taken) {
                let name: String = given.name.chars().take(NAME_SHOWN_CHARS).collect();
                let error = FieldError::new(name, message.clone());
                self.errors.add(place, error.at(Location::Query));
            }
        }
        self.errors.finish()
    }
}

/// The parameters of a request, for a handler.
#[derive(Debug)]
pub struct Params<P>(pub P);

impl<S: Sync, P: Parameters> FromRequestParts<S> for Params<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let now = Time(chrono::Utc::now().timestamp_millis());
        P::parse(&parts.uri, now).map(Params).map_err(Problem::invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::values::{Flag, Whole};
    use super::*;

    const LIMIT: Parameter<Whole<u32>> =
        Parameter::query("limit", "How many there are at most.", Whole { min: 1, max: 100 });
    const DRY: Parameter<Flag> = Parameter::query("dryRun", "Only tries it.", Flag).example("true");

    #[derive(Debug, PartialEq)]
    struct Page {
        limit: Option<u32>,
        dry: bool,
    }

    impl Parameters for Page {
        fn read(query: &mut Query) -> Self {
            Page { limit: query.take(&LIMIT), dry: query.take_or(&DRY, false) }
        }
    }

    fn page(query: &str) -> Result<Page, Vec<(String, String)>> {
        let page = Page::parse(&format!("/?{query}").parse().unwrap(), Time(0));
        let pair = |it: FieldError| (it.field.into_owned(), it.message.into_owned());
        page.map_err(|errors| errors.into_iter().map(pair).collect())
    }

    fn refused(query: &str) -> Vec<String> {
        page(query).unwrap_err().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn a_number_is_plain_digits_within_its_bounds() {
        assert_eq!(page(""), Ok(Page { limit: None, dry: false }));
        assert_eq!(page("limit=100&dryRun=true"), Ok(Page { limit: Some(100), dry: true }));
        for text in ["", "0", "101", "+5", "-1", "5.0", "1e1", "99999999999999", "%00"] {
            let message = "must be a whole number from 1 to 100".to_owned();
            assert_eq!(page(&format!("limit={text}")), Err(vec![("limit".to_owned(), message)]));
        }
    }

    #[test]
    fn one_that_is_unknown_or_given_twice_is_named() {
        let message = "is no parameter of this endpoint; it takes limit, dryRun".to_owned();
        assert_eq!(page("page[$gt]=1"), Err(vec![("page[$gt]".to_owned(), message)]));
        let message = "must be given once".to_owned();
        assert_eq!(page("limit=5&limit=5"), Err(vec![("limit".to_owned(), message)]));
        assert_eq!(refused("limit=5&limit=5&limit=6"), ["limit"]);
        assert_eq!(refused(&"x".repeat(100)), ["x".repeat(64)]);
        let of_none = <()>::parse(&"/?x=1".parse().unwrap(), Time(0)).unwrap_err();
        assert_eq!(of_none[0].message, "is no parameter of this endpoint; it takes none");
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once_in_the_order_it_was_given() {
        assert_eq!(refused("y=1&dryRun=1&x&limit=0&dryRun"), ["y", "x", "limit", "dryRun"]);
    }

    #[test]
    fn what_is_read_is_described() {
        let [limit, dry] = &Page::described()[..] else { panic!() };
        assert_eq!((&limit["name"], &limit["in"]), (&json!("limit"), &json!("query")));
        let schema = json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": 100 });
        assert_eq!((&limit["schema"], &limit["required"]), (&schema, &json!(false)));
        let schema = json!({ "type": "boolean", "default": false });
        assert_eq!((&dry["schema"], &dry["example"]), (&schema, &json!(true)));
        assert!(<()>::described().is_empty());
    }
}
