//! The list of topics: figures that change together. A commit names the topics that it touched; a
//! view of other topics stays as it is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! topics {
    ($($(#[$doc:meta])* $Topic:ident = $name:literal,)*) => {
        /// A set of figures that change together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Topic {
            $($(#[$doc])* $Topic,)*
        }

        impl Topic {
            /// All of them.
            pub const ALL: &[Topic] = &[$(Topic::$Topic),*];

            /// Its name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Topic::$Topic => $name,)* }
            }
        }
    };
}

topics! {
    /// Sales.
    Sales = "sales",
    /// Orders: each with its lines, statuses and refunds, and the refunds of transactions.
    Orders = "orders",
    /// Products: their catalogue, sums, views and ratings.
    Products = "products",
    /// Customers.
    Customers = "customers",
    /// Activities.
    Behaviour = "behaviour",
    /// Ratings.
    Feedback = "feedback",
}

/// A set of topics. On the wire it is an object with a boolean for each: `{"sales":true,...}`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Topics(u32);

impl Topics {
    /// Every topic.
    pub const ALL: Topics = Topics::of(Topic::ALL);

    /// The set of these topics.
    #[must_use]
    pub const fn of(topics: &[Topic]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < topics.len() {
            bits |= 1 << topics[at] as u32;
            at += 1;
        }
        Topics(bits)
    }

    /// Adds a topic.
    pub fn insert(&mut self, topic: Topic) {
        self.0 |= 1 << topic as u32;
    }

    /// Whether a topic is in the set.
    #[must_use]
    pub const fn contains(self, topic: Topic) -> bool {
        self.0 & 1 << topic as u32 != 0
    }

    /// Whether a topic is in both sets.
    #[must_use]
    pub const fn intersects(self, other: Topics) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The topics of either set.
    #[must_use]
    pub const fn union(self, other: Topics) -> Self {
        Topics(self.0 | other.0)
    }

    /// The topics of the set.
    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.iter().copied().filter(move |topic| self.contains(*topic))
    }
}

/// The position of the last event that changed each topic. As it is stored: an object of the topics
/// that were changed at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed([u64; Topic::ALL.len()]);

impl Changed {
    /// No change is known, except that there was none after a position.
    #[must_use]
    pub fn unknown(position: u64) -> Self {
        Changed([position; Topic::ALL.len()])
    }

    /// Notes the topics that the event at a position touched.
    pub fn note(&mut self, touched: Topics, position: u64) {
        for topic in touched.iter() {
            self.0[topic as usize] = position;
        }
    }

    /// The last change of any of these; 0 where none is asked about.
    #[must_use]
    pub fn of(&self, topics: Topics) -> u64 {
        topics.iter().map(|topic| self.0[topic as usize]).max().unwrap_or(0)
    }
}

impl Serialize for Changed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let changed = Topic::ALL.iter().map(|topic| (topic.as_str(), self.0[*topic as usize]));
        serializer.collect_map(changed.filter(|(_, position)| *position > 0))
    }
}

/// A topic that this version does not know is left out.
impl<'de> Deserialize<'de> for Changed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let of = |topic: &Topic| named.get(topic.as_str()).copied().unwrap_or_default();
        Ok(Changed(std::array::from_fn(|at| of(&Topic::ALL[at]))))
    }
}

impl fmt::Debug for Topics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Topics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Topic::ALL.len()))?;
        for topic in Topic::ALL {
            map.serialize_entry(topic.as_str(), &self.contains(*topic))?;
        }
        map.end()
    }
}

/// A topic that this version does not know is left out, and one that is not named is not in the
/// set.
impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Topics;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of topics")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Topics, A::Error> {
                let mut topics = Topics::default();
                while let Some(name) = map.next_key::<String>()? {
                    match Topic::ALL.iter().find(|topic| topic.as_str() == name) {
                        Some(topic) if map.next_value()? => topics.insert(*topic),
                        Some(_) => {}
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(topics)
            }
        }
        deserializer.deserialize_map(Names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_an_object_on_the_wire_and_reads_back() {
        let topics = Topics::of(&[Topic::Sales, Topic::Feedback]);
        let text = serde_json::to_string(&topics).unwrap();
        let all: BTreeMap<&str, bool> = serde_json::from_str(&text).unwrap();
        let is_in = |it: &Topic| (it.as_str(), matches!(it, Topic::Sales | Topic::Feedback));
        assert_eq!(all, Topic::ALL.iter().map(is_in).collect());
        assert_eq!(serde_json::from_str::<Topics>(&text).ok(), Some(topics));
        let other = serde_json::from_str::<Topics>(r#"{"to come":true,"feedback":true}"#);
        assert_eq!(other.ok(), Some(Topics::of(&[Topic::Feedback])));
    }

    #[test]
    fn a_topic_that_was_not_touched_stays_where_it_was() {
        let sales = Topics::of(&[Topic::Sales]);
        let both = Topics::of(&[Topic::Sales, Topic::Products]);
        let mut changed = Changed::unknown(5);
        changed.note(Topics::of(&[Topic::Products]), 9);
        assert_eq!((changed.of(sales), changed.of(both)), (5, 9));
        assert_eq!(changed.of(Topics::default()), 0);
        let mut some = Changed::default();
        some.note(sales, 7);
        let text = serde_json::to_string(&some).unwrap();
        assert_eq!(text, r#"{"sales":7}"#);
        assert_eq!(serde_json::from_str::<Changed>(&text).ok(), Some(some));
        assert!(serde_json::from_str::<Changed>(r#"{"to come":3}"#).is_ok());
    }

    #[test]
    fn sets_intersect_where_one_topic_is_in_both() {
        let (some, other) = (Topics::of(&[Topic::Sales]), Topics::of(&[Topic::Products]));
        assert!(some.intersects(Topics::ALL) && !some.intersects(other));
        assert_eq!(some.union(other).iter().count(), 2);
        assert!(Topics::default().is_empty());
    }
}
