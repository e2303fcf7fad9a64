//! The list of entities. An entity has a document for its statements, an ordinal that rollups count
//! it under, and a row of a tally for its counts.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! entities {
    ($($(#[$doc:meta])* $Entity:ident { tally: $tally:literal, names: $names:literal, next: $next:literal },)*) => {
        /// An entity that figures are counted by.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Entity {
            $($(#[$doc])* $Entity,)*
        }

        impl Entity {
            /// All of them.
            pub const ALL: &[Entity] = &[$(Entity::$Entity),*];
            const COUNT: usize = Entity::ALL.len();

            /// The beginning of the ids of its tallies.
            #[must_use]
            pub fn tally(self) -> &'static str {
                match self { $(Entity::$Entity => $tally,)* }
            }

            /// The beginning of the ids of its names; see [`Entity::name_id`].
            #[must_use]
            pub fn names(self) -> &'static str {
                match self { $(Entity::$Entity => $names,)* }
            }

            /// The field of the checkpoint that has the ordinal of the next one.
            fn next(self) -> &'static str {
                match self { $(Entity::$Entity => $next,)* }
            }
        }
    };
}

entities! {
    /// Customers, by `userId`.
    Customer { tally: "customers", names: "buyers", next: "nextCustomer" },
    /// Products, by `productId`.
    Product { tally: "products", names: "sold", next: "nextProduct" },
}

impl Entity {
    /// The id of the document that has the id behind an ordinal: `buyers/0000002a`.
    #[must_use]
    pub fn name_id(self, ordinal: u32) -> String {
        format!("{}/{ordinal:08x}", self.names())
    }
}

/// The ordinal of the next of each entity, which is the number of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ordinals([u32; Entity::COUNT]);

impl Ordinals {
    /// The ordinal of the next one.
    #[must_use]
    pub fn of(&self, entity: Entity) -> u32 {
        self.0[entity as usize]
    }

    /// Takes that ordinal, and moves on to the next.
    pub fn take(&mut self, entity: Entity) -> u32 {
        let next = &mut self.0[entity as usize];
        *next += 1;
        *next - 1
    }
}

impl FromIterator<(Entity, u32)> for Ordinals {
    fn from_iter<I: IntoIterator<Item = (Entity, u32)>>(all: I) -> Self {
        let mut ordinals = Ordinals::default();
        for (entity, next) in all {
            ordinals.0[entity as usize] = next;
        }
        ordinals
    }
}

/// The ordinals as fields of the checkpoint, one for each entity.
impl Serialize for Ordinals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Entity::COUNT))?;
        for entity in Entity::ALL {
            map.serialize_entry(entity.next(), &self.of(*entity))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Ordinals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Ordinals;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the ordinals of entities")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordinals, A::Error> {
                let mut ordinals = Ordinals::default();
                while let Some(name) = map.next_key::<String>()? {
                    match Entity::ALL.iter().find(|entity| entity.next() == name) {
                        Some(entity) => ordinals.0[*entity as usize] = map.next_value()?,
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(ordinals)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn ordinals_are_fields_among_others() {
        let mut ordinals = Ordinals::default();
        assert_eq!([ordinals.take(Entity::Product), ordinals.take(Entity::Product)], [0, 1]);
        let text = serde_json::to_string(&ordinals).unwrap();
        let fields: BTreeMap<&str, u32> = serde_json::from_str(&text).unwrap();
        assert_eq!((fields["nextCustomer"], fields["nextProduct"]), (0, 2));
        assert_eq!(fields.len(), Entity::COUNT);
        let read = serde_json::from_str(r#"{"nextOther":"x","nextProduct":2}"#).ok();
        assert_eq!(read, Some(ordinals));
    }

    #[test]
    fn a_name_is_of_one_entity() {
        assert_eq!(Entity::Customer.name_id(42), "buyers/0000002a");
        assert_eq!(Entity::Product.name_id(42), "sold/0000002a");
    }
}
