//! Commands that insert, replace or remove many documents, put together byte by byte: a batch writes
//! thousands, and each copy of them is felt.

use std::io::Write;

use mongodb::bson::spec::ElementType;
use mongodb::bson::{self, RawDocumentBuf, cstr, raw::CStr};
use serde::Serialize;

use super::names::Model;
use super::{Doing, Error};

/// `MongoDB` takes 100,000 operations and 16 MB in a command. One of a megabyte is put together, copied
/// by the driver and sent in memory that the one before has left.
const COMMAND_OPERATIONS: usize = 50_000;
const COMMAND_BYTES: usize = 1 << 20;
pub(super) const ENCODING: &str = "encoding a commit";
/// The byte that closes a document.
const END: u8 = 0;

/// One command, and the number of documents that it must have found or made, if that is known.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) body: RawDocumentBuf,
    pub(super) operations: Option<i64>,
}

/// The commands of one commit into one generation, and the number of documents that they write.
pub(super) struct Writes {
    pub(super) generation: u32,
    pub(super) commands: Vec<Command>,
    pub(super) count: usize,
}

impl Writes {
    pub(super) fn collect(&mut self, model: Model, verb: Verb) -> Collect<'_> {
        Collect::new(self, verb, model.name(self.generation))
    }
}

#[derive(Clone, Copy)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
}

impl Verb {
    /// The command's name, and that of its list.
    fn names(self) -> (&'static CStr, &'static str) {
        match self {
            Verb::Insert => (cstr!("insert"), "documents"),
            Verb::Update => (cstr!("update"), "updates"),
            Verb::Delete => (cstr!("delete"), "deletes"),
        }
    }
}

/// Collects the operations of one kind on one collection into as few commands as may be.
pub(super) struct Collect<'a> {
    writes: &'a mut Writes,
    verb: Verb,
    /// The command up to its list.
    head: Vec<u8>,
    /// The list's elements.
    list: Vec<u8>,
    len: usize,
    /// The document that is being encoded, and its id.
    document: Vec<u8>,
    id: Vec<u8>,
}

impl<'a> Collect<'a> {
    pub(super) fn new(writes: &'a mut Writes, verb: Verb, collection: String) -> Self {
        let (command, list) = verb.names();
        let mut head = RawDocumentBuf::new();
        head.append(command, collection);
        let mut head = head.into_bytes();
        head.pop();
        element(&mut head, ElementType::Array, list.as_bytes());
        let [list, document, id] = [const { Vec::new() }; 3];
        Collect { writes, verb, head, list, len: 0, document, id }
    }

    pub(super) fn push(&mut self, operation: &RawDocumentBuf) {
        self.element(&[operation.as_bytes()]);
    }

    /// A document with its `_id` before its other elements.
    pub(super) fn insert(&mut self, id: &str, document: &impl Serialize) -> Result<(), Error> {
        self.with(id, document, |collect, id, document| {
            let length = length_of(id.len() + document.len());
            collect.element(&[&length, id, &document[4..]]);
        })
    }

    /// A document in the place of the one with its id: `$set` would leave the fields that it no longer
    /// has.
    pub(super) fn replace(&mut self, id: &str, document: &impl Serialize) -> Result<(), Error> {
        const Q: &[u8] = b"\x03q\0";
        const U: &[u8] = b"\x03u\0";
        self.with(id, document, |collect, id, document| {
            let q = 4 + id.len() + 1;
            let length = length_of(4 + Q.len() + q + U.len() + document.len() + 1);
            collect.element(&[&length, Q, &length_of(q), id, &[END], U, document, &[END]]);
        })
    }

    /// Encodes an id, as an element, and a document.
    fn with(
        &mut self,
        id: &str,
        document: &impl Serialize,
        then: impl FnOnce(&mut Self, &[u8], &[u8]),
    ) -> Result<(), Error> {
        let mut of_id = std::mem::take(&mut self.id);
        let mut encoded = std::mem::take(&mut self.document);
        of_id.clear();
        encoded.clear();
        element(&mut of_id, ElementType::String, b"_id");
        of_id.extend_from_slice(&length_of(id.len() + 1));
        of_id.extend_from_slice(id.as_bytes());
        of_id.push(END);
        bson::serialize_to_buffer(document, &mut encoded).doing(ENCODING)?;
        then(self, &of_id, &encoded);
        (self.id, self.document) = (of_id, encoded);
        Ok(())
    }

    fn element(&mut self, parts: &[&[u8]]) {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if self.len >= COMMAND_OPERATIONS
            || (self.len > 0 && self.list.len() + size > COMMAND_BYTES)
        {
            self.flush();
        }
        self.list.push(ElementType::EmbeddedDocument as u8);
        // Nothing refuses to be written into memory.
        let _ = write!(self.list, "{}", self.len);
        self.list.push(END);
        for part in parts {
            self.list.extend_from_slice(part);
        }
        self.len += 1;
    }

    fn flush(&mut self) {
        let list = std::mem::take(&mut self.list);
        let mut body = Vec::with_capacity(self.head.len() + list.len() + 6);
        body.extend_from_slice(&self.head);
        body.extend_from_slice(&length_of(4 + list.len() + 1));
        body.extend_from_slice(&list);
        body.extend_from_slice(&[END, END]);
        let length = length_of(body.len());
        body[..4].copy_from_slice(&length);
        let body = RawDocumentBuf::from_bytes(body).expect("a document that says its length");
        let operations = match self.verb {
            Verb::Delete => None,
            Verb::Insert | Verb::Update => i64::try_from(self.len).ok(),
        };
        self.writes.count += std::mem::take(&mut self.len);
        self.writes.commands.push(Command { body, operations });
    }

    pub(super) fn end(mut self) {
        if self.len > 0 {
            self.flush();
        }
    }
}

/// The head of an element: its type and its name.
fn element(bytes: &mut Vec<u8>, kind: ElementType, name: &[u8]) {
    bytes.push(kind as u8);
    bytes.extend_from_slice(name);
    bytes.push(END);
}

/// The length of a document or an array as BSON writes it, itself included.
fn length_of(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    fn commands(of: impl Fn(&mut Collect<'_>), verb: Verb) -> Vec<Command> {
        let mut writes = Writes { generation: 1, commands: Vec::new(), count: 0 };
        let mut collect = Collect::new(&mut writes, verb, "rows".to_owned());
        of(&mut collect);
        collect.end();
        writes.commands
    }

    #[test]
    fn a_command_is_what_the_driver_would_have_made_of_it() {
        let made = commands(
            |collect| {
                collect.insert("a", &rawdoc! { "n": 1 }).unwrap();
                collect.push(&rawdoc! { "_id": "b" });
            },
            Verb::Insert,
        );
        let expected = rawdoc! {
            "insert": "rows",
            "documents": [{ "_id": "a", "n": 1 }, { "_id": "b" }],
        };
        assert_eq!((made[0].body.as_bytes(), made.len()), (expected.as_bytes(), 1));
        assert_eq!(made[0].operations, Some(2));
        let made = commands(|collect| collect.push(&rawdoc! { "q": {}, "limit": 0 }), Verb::Delete);
        let expected = rawdoc! { "delete": "rows", "deletes": [{ "q": {}, "limit": 0 }] };
        assert_eq!(made[0].body.as_bytes(), expected.as_bytes());
        assert_eq!(made[0].operations, None);
        let update = |collect: &mut Collect<'_>| collect.replace("a", &rawdoc! { "n": 1 }).unwrap();
        let made = commands(update, Verb::Update);
        let expected = rawdoc! {
            "update": "rows",
            "updates": [{ "q": { "_id": "a" }, "u": { "n": 1 } }],
        };
        assert_eq!(made[0].body.as_bytes(), expected.as_bytes());
        assert!(commands(|_| (), Verb::Update).is_empty());
    }

    #[test]
    fn a_command_is_never_larger_than_the_server_takes() {
        let text = "x".repeat(1 << 20);
        let made = commands(
            |collect| {
                for n in 0..30 {
                    collect.insert(&n.to_string(), &rawdoc! { "t": &*text }).unwrap();
                }
            },
            Verb::Insert,
        );
        assert_eq!(made.iter().filter_map(|it| it.operations).sum::<i64>(), 30);
        assert!(made.len() > 1 && made.iter().all(|it| it.body.as_bytes().len() < 16 << 20));
    }
}
