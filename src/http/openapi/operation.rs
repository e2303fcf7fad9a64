//! The description of a route, declared with it: no route is put on the server without.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::headers;
use super::schemas::Schemas;
use crate::http::etag;
use crate::http::parameters::values::Values;
use crate::http::parameters::{Parameter, Parameters};
use crate::http::problem::ProblemType;
use crate::rights::access::Access;

/// A group of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// Figures.
    Figures,
    /// Dashboards.
    Dashboards,
    /// Changes, as they happen.
    Push,
    /// Rules that are told of.
    Alerts,
    /// Insights.
    Insights,
    /// Events onto the log.
    Events,
    /// Events that could not be understood.
    Quarantine,
    /// Read models and their generations.
    Projections,
    /// Signing in and out.
    SignIn,
    /// Accounts.
    Users,
    /// API keys.
    Keys,
    /// The actions of callers.
    Audit,
    /// The service itself.
    Service,
}

impl Tag {
    /// All of them, in the order of the document.
    pub const ALL: [Tag; 13] = [
        Tag::Figures,
        Tag::Dashboards,
        Tag::Push,
        Tag::Alerts,
        Tag::Insights,
        Tag::Events,
        Tag::Quarantine,
        Tag::Projections,
        Tag::SignIn,
        Tag::Users,
        Tag::Keys,
        Tag::Audit,
        Tag::Service,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tag::Figures => "Figures",
            Tag::Dashboards => "Dashboards",
            Tag::Push => "Push",
            Tag::Alerts => "Alerts",
            Tag::Insights => "Insights",
            Tag::Events => "Events",
            Tag::Quarantine => "Quarantine",
            Tag::Projections => "Projections",
            Tag::SignIn => "Sign-in",
            Tag::Users => "Users",
            Tag::Keys => "API keys",
            Tag::Audit => "Audit",
            Tag::Service => "Service",
        }
    }

    /// The description of its operations.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Tag::Figures => {
                "Figures of the read models. Every answer says in `X-Position` which event of the log it \
                 reflects; with `X-Min-Position` and `Prefer: wait=5` an answer waits for an event."
            }
            Tag::Dashboards => "The dashboard of a person, and the data of its widgets.",
            Tag::Push => "Figures as they change, by server-sent events or a WebSocket.",
            Tag::Alerts => "Rules about figures, and the times at which they came to hold.",
            Tag::Insights => "Forecasts, anomalies and recommendations: none yet.",
            Tag::Events => {
                "Events onto the log: sales, activities, ratings, products, stock, customers."
            }
            Tag::Quarantine => {
                "Events that could not be understood: seen, tried, sent again, given up."
            }
            Tag::Projections => "The state of the read models, and their next generation.",
            Tag::SignIn => "Registering, signing in and out, sessions and passwords.",
            Tag::Users => "Accounts, one's own and those of others.",
            Tag::Keys => "API keys, for programs that send events or read figures.",
            Tag::Audit => "The audit: actions of people and programs, refused ones included.",
            Tag::Service => "The health of the service, its metrics and its own documentation.",
        }
    }
}

/// A `GET` route that a view declares: all that its type does not say.
#[derive(Debug, Clone, Copy)]
pub struct Get {
    /// Its path.
    pub path: &'static str,
    /// The access that it needs.
    pub access: Access,
    /// Its name in the document, such as `getSales`.
    pub id: &'static str,
    /// Its group.
    pub tag: Tag,
    /// Its summary, in a few words.
    pub summary: &'static str,
    /// The rest of its description.
    pub about: &'static str,
}

/// The description of a route.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) tag: Tag,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<ProblemType>,
    pub(super) missing: Option<&'static str>,
    pub(super) refused: Vec<(u16, &'static str)>,
    pub(super) schemas: Schemas,
}

impl Operation {
    /// An operation with this name in the document, this summary and this answer.
    #[must_use]
    pub fn new(tag: Tag, id: &'static str, summary: &'static str, answer: Answer) -> Self {
        let operation = Operation {
            tag,
            id,
            summary,
            about: "",
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
            missing: None,
            refused: Vec::new(),
            schemas: Schemas::default(),
        };
        operation.or(answer)
    }

    /// Sets the rest of the description.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Takes these parameters in its query string.
    #[must_use]
    pub fn takes<P: Parameters>(mut self) -> Self {
        self.parameters.extend(P::described());
        self
    }

    /// Takes a parameter in its path or a header.
    #[must_use]
    pub fn with<V: Values>(mut self, parameter: &Parameter<V>) -> Self {
        self.parameters.push(parameter.described(None));
        self
    }

    /// Takes a JSON object of this schema.
    #[must_use]
    pub fn body(self, schema: &Value, example: &Value) -> Self {
        let mut content = json!({ "schema": schema });
        if !example.is_null() {
            content["example"] = example.clone();
        }
        let content = json!({ "application/json": content });
        self.content(&content, true)
    }

    /// Takes a body of one of several media types.
    #[must_use]
    pub fn content(mut self, content: &Value, required: bool) -> Self {
        self.body = Some(json!({ "required": required, "content": content }));
        self
    }

    /// Knows a schema by name.
    #[must_use]
    pub fn knows(mut self, name: &str, schema: Value) -> Self {
        self.schemas.add(name, schema);
        self
    }

    /// Knows the schema of a type by name.
    #[must_use]
    pub fn knows_type<T: ToSchema>(mut self) -> Self {
        self.schemas.add_type::<T>();
        self
    }

    /// Has another answer.
    #[must_use]
    pub fn or(mut self, mut answer: Answer) -> Self {
        self.schemas.merge(std::mem::take(&mut answer.schemas));
        self.answers.push(answer);
        self
    }

    /// Answers 404 where this is so.
    #[must_use]
    pub fn or_missing(mut self, when: &'static str) -> Self {
        self.missing = Some(when);
        self
    }

    /// Answers a status that no type of problem says, where this is so.
    #[must_use]
    pub fn or_refused(mut self, status: u16, when: &'static str) -> Self {
        self.refused.push((status, when));
        self
    }

    /// Answers problems of these types, besides those that its access brings along.
    #[must_use]
    pub fn or_problems(mut self, problems: &[ProblemType]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// The names of the parameters in a place: `path`, `query` or `header`.
    #[must_use]
    pub fn names(&self, place: &str) -> Vec<&str> {
        self.parameters_in(place).into_iter().filter_map(|it| it["name"].as_str()).collect()
    }

    /// The parameters in a place: `path`, `query` or `header`.
    #[must_use]
    pub fn parameters_in(&self, place: &str) -> Vec<&Value> {
        self.parameters.iter().filter(|it| it["in"] == place).collect()
    }

    /// The schema of what it answers, taken out of its envelope, and those that it refers to.
    #[must_use]
    pub fn answered(&self) -> Option<(&Schemas, &Value)> {
        let (_, schema) = self.answers.first()?.content.as_ref()?;
        Some((&self.schemas, schema.pointer("/properties/data").unwrap_or(schema)))
    }

    /// Answers with a file that callers may keep.
    #[must_use]
    pub fn of_file(tag: Tag, id: &'static str, summary: &'static str, answer: Answer) -> Self {
        let known = Answer::empty(304, "The caller has it.");
        Operation::new(tag, id, summary, answer.headers(headers::OF_FILES))
            .or(known.headers(headers::OF_FILES))
            .with(&etag::PARAMETER)
    }

    /// Its name in the document.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }
}

/// An answer that is no problem.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) content: Option<(&'static str, Value)>,
    pub(super) headers: Vec<&'static str>,
    schemas: Schemas,
}

impl Answer {
    fn new(about: &'static str, content: Option<(&'static str, Value)>) -> Self {
        let schemas = Schemas::default();
        Answer { status: 200, about, content, headers: Vec::new(), schemas }
    }

    /// JSON with a type in its `data`.
    #[must_use]
    pub fn data<T: ToSchema>(about: &'static str) -> Self {
        let mut schemas = Schemas::default();
        let data = schemas.answered::<T>();
        let content = Some(("application/json", enveloped(&[("data", data)])));
        Answer { schemas, ..Self::new(about, content) }
    }

    /// JSON with a type in its `data`, and a message.
    #[must_use]
    pub fn data_and_message<T: ToSchema>(about: &'static str) -> Self {
        let mut schemas = Schemas::default();
        let members = [("message", json!({ "type": "string" })), ("data", schemas.answered::<T>())];
        let content = Some(("application/json", enveloped(&members)));
        Answer { schemas, ..Self::new(about, content) }
    }

    /// JSON with a message alone.
    #[must_use]
    pub fn message(about: &'static str) -> Self {
        let members = [("message", json!({ "type": "string" }))];
        Self::new(about, Some(("application/json", enveloped(&members))))
    }

    /// JSON that is a type, in no envelope.
    #[must_use]
    pub fn whole<T: ToSchema>(about: &'static str) -> Self {
        let mut schemas = Schemas::default();
        let content = Some(("application/json", schemas.answered::<T>()));
        Answer { schemas, ..Self::new(about, content) }
    }

    /// A JSON object that a schema cannot say more of.
    #[must_use]
    pub fn object(about: &'static str) -> Self {
        Self::new(about, Some(("application/json", json!({ "type": "object" }))))
    }

    /// A text of a media type.
    #[must_use]
    pub fn text(media_type: &'static str, about: &'static str) -> Self {
        Self::new(about, Some((media_type, json!({ "type": "string" }))))
    }

    /// No body.
    #[must_use]
    pub fn empty(status: u16, about: &'static str) -> Self {
        Self::new(about, None).status(status)
    }

    /// With another status than 200.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// With a header of the document's.
    #[must_use]
    pub fn headers(mut self, names: &[&'static str]) -> Self {
        self.headers.extend(names);
        self
    }
}

fn enveloped(members: &[(&str, Value)]) -> Value {
    let mut properties = Map::new();
    properties.insert("success".to_owned(), json!({ "type": "boolean", "const": true }));
    let mut required = vec!["success"];
    for (name, schema) in members {
        properties.insert((*name).to_owned(), schema.clone());
        required.push(name);
    }
    json!({ "type": "object", "required": required, "properties": properties })
}
