//! The quarantined messages, and the decisions about them.
//!
//! The rows are a generation's, written by the fold and made anew with it. A decision about one
//! stands beside the generations, by its position in the log, and is joined here.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use serde::{Deserialize, Serialize};

use super::commit::{QuarantineReason, Quarantined};
use super::generation::Checkpoint;
use super::names::{Model, RESOLUTIONS};
use super::time::{self, DateTime};
use super::{Doing, Error, Store};

/// The age at which a replay that was begun and never noted counts as abandoned.
const ABANDONED: Duration = Duration::from_mins(1);
/// The server's code for a second document of the same `_id`.
const DUPLICATE_KEY: i32 = 11000;

/// The stage of a decision about a quarantined message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A replay was begun: it may be on the log.
    Begun,
    /// It is on the log again.
    Replayed,
    /// It was given up.
    Discarded,
}

/// A decision about a quarantined message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    /// The message's position.
    #[serde(rename = "_id")]
    pub position: u64,
    /// The identity of the log that it is a position of.
    pub incarnation: String,
    /// Its stage.
    pub state: State,
    /// The instant of that stage.
    pub at: DateTime,
    /// Its author, as in the audit.
    pub by: String,
    /// The position that it has now, once it was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<u64>,
    /// Whether the replayed event differs from the quarantined message.
    #[serde(default)]
    pub edited: bool,
    /// The id of the replayed message, so that the same can be replayed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Why it was discarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A quarantined message and the decision about it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Kept {
    /// The message.
    pub row: Quarantined,
    /// The decision, if there is one.
    #[serde(default)]
    pub resolution: Option<Resolution>,
}

/// Why a message is quarantined, and where it is on the log again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Refused {
    /// Its position.
    #[serde(rename = "_id")]
    pub position: u64,
    /// Every reason.
    pub reasons: Vec<QuarantineReason>,
    /// The position that it has now, once it was replayed.
    #[serde(default, rename = "replayedAt")]
    pub replayed_at: Option<u64>,
}

/// The stages to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Which {
    /// Those without a decision, and those with a replay that was begun and not noted.
    #[default]
    Open,
    /// Those that were replayed.
    Replayed,
    /// Those that were discarded.
    Discarded,
    /// All of them.
    All,
}

/// The quarantined messages to read; a filter that is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuarantineWanted {
    /// Subjects, each with all that begin with it and a dot; and whether all others are wanted
    /// instead.
    pub subjects: Option<(Vec<String>, bool)>,
    /// The field that a reason is about; empty for the whole message.
    pub field: Option<String>,
    /// The code of a reason.
    pub reason: Option<String>,
    /// The stages.
    pub which: Which,
    /// After this position.
    pub after: Option<u64>,
    /// From this position.
    pub from_position: Option<u64>,
    /// Up to and with this position.
    pub to_position: Option<u64>,
    /// Stored by the log not before this, milliseconds since 1970.
    pub from: Option<i64>,
    /// Stored by the log before this, milliseconds since 1970.
    pub to: Option<i64>,
    /// The largest number of messages.
    pub limit: u32,
}

impl Store {
    /// Quarantined messages of a generation, the oldest first.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn quarantined(
        &self,
        generation: u32,
        incarnation: &str,
        wanted: &QuarantineWanted,
    ) -> Result<Vec<Kept>, Error> {
        const DOING: &str = "reading the quarantine";
        let mut stages = vec![doc! { "$match": filter(wanted) }, doc! { "$sort": { "_id": 1 } }];
        stages.extend(join(incarnation));
        stages.extend(by_state(wanted.which).map(|state| doc! { "$match": state }));
        stages.push(doc! { "$limit": i64::from(wanted.limit) });
        let found = self
            .database
            .collection::<Document>(&Model::QUARANTINE.name(generation))
            .aggregate(stages)
            .with_type::<Kept>()
            .await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }

    /// The quarantined message at a position.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn quarantined_at(
        &self,
        generation: u32,
        incarnation: &str,
        position: u64,
    ) -> Result<Option<Kept>, Error> {
        let wanted = QuarantineWanted {
            from_position: Some(position),
            to_position: Some(position),
            which: Which::All,
            limit: 1,
            ..QuarantineWanted::default()
        };
        Ok(self.quarantined(generation, incarnation, &wanted).await?.pop())
    }

    /// Those of some messages that are quarantined, without their content.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn refused_among(
        &self,
        generation: u32,
        incarnation: &str,
        positions: &[u64],
    ) -> Result<Vec<Refused>, Error> {
        const DOING: &str = "reading the quarantine";
        let positions: Vec<Bson> = positions.iter().map(|it| number(*it)).collect();
        let mut stages = vec![
            doc! { "$match": { "_id": { "$in": positions } } },
            doc! { "$project": { "reasons": 1 } },
        ];
        stages.extend(join(incarnation));
        stages.push(doc! { "$project": {
            "_id": "$row._id",
            "reasons": "$row.reasons",
            "replayedAt": "$resolution.replayedAt",
        } });
        let found = self
            .database
            .collection::<Document>(&Model::QUARANTINE.name(generation))
            .aggregate(stages)
            .with_type::<Refused>()
            .await;
        found.doing(DOING)?.try_collect().await.doing(DOING)
    }

    /// Notes a decision about a message that has none. A replay that was begun can be begun again:
    /// the same one at any time, another one after a minute. False if there is another decision.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn resolve(&self, resolution: &Resolution) -> Result<bool, Error> {
        const DOING: &str = "noting what became of a quarantined message";
        let mut free = vec![doc! { "incarnation": { "$ne": resolution.incarnation.as_str() } }];
        if resolution.state == State::Begun {
            let long_ago = time::earlier(time::now(), ABANDONED);
            free.push(doc! { "state": "begun", "messageId": resolution.message_id.as_deref() });
            free.push(doc! { "state": "begun", "at": { "$lt": long_ago } });
        }
        let replacement = self
            .database
            .collection::<Resolution>(RESOLUTIONS)
            .replace_one(doc! { "_id": number(resolution.position), "$or": free }, resolution)
            .upsert(true)
            .await;
        match replacement {
            Ok(_) => Ok(true),
            Err(driver) if is_duplicate(&driver) => Ok(false),
            Err(driver) => Err(Error::Driver { doing: DOING, driver }),
        }
    }

    /// Notes the end of a replay that was begun: at `Some` position, or not at all. Nothing changes
    /// if another was begun meanwhile.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn end_replay(&self, begun: &Resolution, at: Option<u64>) -> Result<(), Error> {
        const DOING: &str = "noting what became of a quarantined message";
        let resolutions = self.database.collection::<Document>(RESOLUTIONS);
        let filter = doc! {
            "_id": number(begun.position),
            "incarnation": begun.incarnation.as_str(),
            "state": "begun",
            "messageId": begun.message_id.as_deref(),
        };
        match at {
            Some(at) => {
                let set = doc! { "state": "replayed", "replayedAt": number(at), "at": time::now() };
                resolutions.update_one(filter, doc! { "$set": set }).await.doing(DOING)?;
            }
            None => {
                resolutions.delete_one(filter).await.doing(DOING)?;
            }
        }
        Ok(())
    }

    /// The messages of a log behind a position about which a decision was noted, each with the
    /// reasons why a generation has it quarantined; none if it has not.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn decided(
        &self,
        generation: u32,
        incarnation: &str,
        after: u64,
    ) -> Result<BTreeMap<u64, Vec<QuarantineReason>>, Error> {
        #[derive(Deserialize)]
        struct Decided {
            #[serde(rename = "_id")]
            position: u64,
            row: Vec<Reasons>,
        }
        #[derive(Deserialize)]
        struct Reasons {
            reasons: Vec<QuarantineReason>,
        }
        const DOING: &str = "reading the decisions about quarantined messages";
        let of = doc! { "_id": { "$gt": number(after) }, "incarnation": incarnation };
        let row = doc! { "$lookup": {
            "from": Model::QUARANTINE.name(generation),
            "localField": "_id",
            "foreignField": "_id",
            "pipeline": [{ "$project": { "reasons": 1 } }],
            "as": "row",
        } };
        let resolutions = self.database.collection::<Document>(RESOLUTIONS);
        let stages = [doc! { "$match": of }, row, doc! { "$project": { "row": 1 } }];
        let found = resolutions.aggregate(stages).with_type::<Decided>().await.doing(DOING)?;
        let found: Vec<Decided> = found.try_collect().await.doing(DOING)?;
        let reasons = |row: Vec<Reasons>| row.into_iter().flat_map(|it| it.reasons).collect();
        Ok(found.into_iter().map(|it| (it.position, reasons(it.row))).collect())
    }

    /// Whether a generation counts a message about which a decision was noted: its fold understands
    /// it, and had it before the decision was made.
    ///
    /// # Errors
    /// [`Error::Driver`].
    pub async fn counts_decided(&self, of: &Checkpoint) -> Result<bool, Error> {
        let decided = self.decided(of.generation, &of.incarnation, 0).await?;
        let mut folded = decided.range(..=of.position);
        Ok(folded.any(|(_, reasons)| reasons.is_empty()))
    }

    /// Makes the decisions about the messages of a log those of the log that is taken for it.
    pub(super) async fn move_resolutions(&self, from: &str, to: &str) -> Result<(), Error> {
        self.database
            .collection::<Document>(RESOLUTIONS)
            .update_many(doc! { "incarnation": from }, doc! { "$set": { "incarnation": to } })
            .await
            .doing("accepting the log")?;
        Ok(())
    }
}

fn join(incarnation: &str) -> [Document; 2] {
    [
        doc! { "$lookup": {
            "from": RESOLUTIONS,
            "localField": "_id",
            "foreignField": "_id",
            "pipeline": [{ "$match": { "incarnation": { "$eq": incarnation } } }],
            "as": "resolution",
        } },
        doc! { "$replaceRoot": { "newRoot": {
            "row": "$$ROOT",
            "resolution": { "$first": "$resolution" },
        } } },
    ]
}

fn by_state(which: Which) -> Option<Document> {
    match which {
        Which::Open => Some(doc! { "resolution.state": { "$nin": ["replayed", "discarded"] } }),
        Which::Replayed => Some(doc! { "resolution.state": "replayed" }),
        Which::Discarded => Some(doc! { "resolution.state": "discarded" }),
        Which::All => None,
    }
}

fn filter(wanted: &QuarantineWanted) -> Document {
    let mut all = Vec::new();
    if let Some((subjects, others)) = &wanted.subjects {
        // Subjects that go on after a dot sort before those that go on after the next character.
        let one = |subject: &String| {
            let keys = doc! { "$gte": format!("{subject}."), "$lt": format!("{subject}/") };
            [doc! { "subject": subject.as_str() }, doc! { "subject": keys }]
        };
        let any: Vec<_> = subjects.iter().flat_map(one).collect();
        all.push(if *others {
            doc! { "$nor": any }
        } else {
            doc! { "$or": any }
        });
    }
    if let Some(field) = &wanted.field {
        all.push(doc! { "reasons.field": field.as_str() });
    }
    if let Some(code) = &wanted.reason {
        all.push(doc! { "reasons.code": code.as_str() });
    }
    for (bound, position) in
        [("$gt", wanted.after), ("$gte", wanted.from_position), ("$lte", wanted.to_position)]
    {
        all.extend(position.map(|it| doc! { "_id": { bound: number(it) } }));
    }
    for (bound, at) in [("$gte", wanted.from), ("$lt", wanted.to)] {
        all.extend(at.map(|at| doc! { "at": { bound: at } }));
    }
    if all.is_empty() {
        doc! {}
    } else {
        doc! { "$and": all }
    }
}

fn number(position: u64) -> Bson {
    Bson::Int64(i64::try_from(position).unwrap_or(i64::MAX))
}

fn is_duplicate(error: &mongodb::error::Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) => error.code == DUPLICATE_KEY,
        ErrorKind::Command(error) => error.code == DUPLICATE_KEY,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::bson;

    use super::*;

    #[test]
    fn a_kind_is_its_subject_and_what_follows_a_dot() {
        let wanted = |others| QuarantineWanted {
            subjects: Some((vec!["shop.stock".to_owned()], others)),
            after: Some(7),
            ..QuarantineWanted::default()
        };
        let one = bson!([
            { "subject": "shop.stock" },
            { "subject": { "$gte": "shop.stock.", "$lt": "shop.stock/" } },
        ]);
        let after = doc! { "_id": { "$gt": 7_i64 } };
        assert_eq!(
            filter(&wanted(false)),
            doc! { "$and": [{ "$or": one.clone() }, after.clone()] }
        );
        assert_eq!(filter(&wanted(true)), doc! { "$and": [{ "$nor": one }, after] });
        assert_eq!(filter(&QuarantineWanted::default()), doc! {});
    }
}
