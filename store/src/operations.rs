//! Commands that insert, replace or remove many documents, put together byte by byte: a batch writes
//! thousands, and each copy of them is felt.

use mongodb::bson::spec::ElementType;
use mongodb::bson::{RawDocumentBuf, cstr, raw::CStr, rawdoc};

use super::names::Model;

/// `MongoDB` takes 100,000 operations and 16 MB in a command; this leaves room for the bytes around
/// them.
const COMMAND_OPERATIONS: usize = 50_000;
const COMMAND_BYTES: usize = 12 << 20;
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
}

impl<'a> Collect<'a> {
    pub(super) fn new(writes: &'a mut Writes, verb: Verb, collection: String) -> Self {
        let (command, list) = verb.names();
        let mut head = RawDocumentBuf::new();
        head.append(command, collection);
        let mut head = head.into_bytes();
        head.pop();
        element(&mut head, ElementType::Array, list.as_bytes());
        Collect { writes, verb, head, list: Vec::new(), len: 0 }
    }

    pub(super) fn push(&mut self, operation: &RawDocumentBuf) {
        self.element(&[operation.as_bytes()]);
    }

    /// A document with its `_id` before its other elements.
    pub(super) fn push_with_id(&mut self, id: &str, body: &RawDocumentBuf) {
        let id = rawdoc! { "_id": id };
        let (id, body) = (id.as_bytes(), body.as_bytes());
        let length = length_of(id.len() + body.len() - 5);
        self.element(&[&length, &id[4..id.len() - 1], &body[4..]]);
    }

    fn element(&mut self, parts: &[&[u8]]) {
        let size: usize = parts.iter().map(|part| part.len()).sum();
        if self.len >= COMMAND_OPERATIONS
            || (self.len > 0 && self.list.len() + size > COMMAND_BYTES)
        {
            self.flush();
        }
        element(&mut self.list, ElementType::EmbeddedDocument, self.len.to_string().as_bytes());
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
                collect.push_with_id("a", &rawdoc! { "n": 1 });
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
        assert!(commands(|_| (), Verb::Update).is_empty());
    }

    #[test]
    fn a_command_is_never_larger_than_the_server_takes() {
        let text = "x".repeat(1 << 20);
        let made = commands(
            |collect| {
                (0..30)
                    .for_each(|n| collect.push_with_id(&n.to_string(), &rawdoc! { "t": &*text }));
            },
            Verb::Insert,
        );
        assert_eq!(made.iter().filter_map(|it| it.operations).sum::<i64>(), 30);
        assert!(made.len() > 1 && made.iter().all(|it| it.body.as_bytes().len() < 16 << 20));
    }
}
