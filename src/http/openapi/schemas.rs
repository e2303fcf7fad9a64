//! Schemas by name, as types have them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{PartialSchema, ToSchema};

/// Schemas by name.
#[derive(Debug, Clone, Default)]
pub struct Schemas(pub(super) BTreeMap<String, Value>);

impl Schemas {
    /// Adds one. Two of one name are the same.
    pub fn add(&mut self, name: &str, schema: Value) {
        let had = self.0.insert(name.to_owned(), schema);
        debug_assert!(had.is_none_or(|had| had == self.0[name]), "two schemas are named {name}");
    }

    /// Adds that of a type and those that it refers to.
    pub fn add_type<T: ToSchema>(&mut self) {
        let mut all = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut all);
        for (name, schema) in all {
            self.add(&name, json(&schema));
        }
    }

    /// Adds that of a type that is answered, and refers to it. A member of an answer that may be
    /// null is always there: serde leaves one out only where that is said, and then it is never
    /// null.
    pub fn answered<T: ToSchema>(&mut self) -> Value {
        let mut all = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut all);
        for (name, schema) in all {
            let mut schema = json(&schema);
            require_nullable(&mut schema);
            self.add(&name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }

    /// The schema of an object that is referred to, with some of its members alone.
    #[must_use]
    pub fn some_of(&self, reference: &Value, is_in: impl Fn(&str) -> bool) -> Value {
        let whole = named(reference).and_then(|name| self.0.get(name));
        let Some(properties) = whole.and_then(|whole| whole["properties"].as_object()) else {
            return reference.clone();
        };
        if properties.keys().all(|name| is_in(name)) {
            return reference.clone();
        }
        let properties: Map<_, _> =
            properties.clone().into_iter().filter(|(name, _)| is_in(name)).collect();
        let required = whole.and_then(|whole| whole["required"].as_array());
        let is_required = |name: &&Value| name.as_str().is_some_and(&is_in);
        let required: Vec<_> = required.into_iter().flatten().filter(is_required).collect();
        json!({ "type": "object", "required": required, "properties": properties })
    }

    /// Those that a document refers to, and those that they do, by name.
    #[must_use]
    pub fn referred_to_by(&self, document: &Value) -> BTreeMap<&str, &Value> {
        let (mut found, mut left) = (BTreeMap::new(), vec![document]);
        while let Some(part) = left.pop() {
            let of_reference = named(part).and_then(|name| self.0.get_key_value(name));
            if let Some((name, schema)) = of_reference
                && found.insert(name.as_str(), schema).is_none()
            {
                left.push(schema);
            }
            match part {
                Value::Object(members) => left.extend(members.values()),
                Value::Array(all) => left.extend(all),
                _ => {}
            }
        }
        found
    }

    /// Adds others.
    pub fn merge(&mut self, others: Schemas) {
        for (name, schema) in others.0 {
            self.add(&name, schema);
        }
    }
}

/// A schema of a type, where it stands.
#[must_use]
pub fn of<T: PartialSchema>() -> Value {
    json(&T::schema())
}

/// A text that is one of these.
#[must_use]
pub fn words(words: &[&str]) -> Object {
    let words = words.iter().copied();
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build()
}

/// The name of the schema that is referred to.
fn named(reference: &Value) -> Option<&str> {
    reference["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

fn json(schema: &impl Serialize) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

fn require_nullable(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let nullable = |(name, it): (&String, &Value)| may_be_null(it).then(|| name.clone());
            let properties = members.get("properties").and_then(Value::as_object);
            let nullable: Vec<_> = properties.into_iter().flatten().filter_map(nullable).collect();
            if !nullable.is_empty()
                && let Some(required) =
                    members.entry("required").or_insert_with(|| json!([])).as_array_mut()
            {
                for name in nullable {
                    if !required.iter().any(|it| *it == name) {
                        required.push(name.into());
                    }
                }
            }
            members.values_mut().for_each(require_nullable);
        }
        Value::Array(all) => all.iter_mut().for_each(require_nullable),
        _ => {}
    }
}

fn may_be_null(schema: &Value) -> bool {
    let is_null = |it: &Value| *it == "null";
    let types = schema["type"].as_array().into_iter().flatten();
    let one_of = schema["oneOf"].as_array().into_iter().flatten();
    types.chain(one_of.map(|it| &it["type"])).any(is_null)
}
