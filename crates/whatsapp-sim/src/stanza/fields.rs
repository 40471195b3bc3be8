//! Reading stanzas that somebody else has written: everything may be missing.

use std::borrow::Cow;

use wacore_binary::{Jid, Node, NodeContent, NodeValue};

/// Access to a stanza's parts that takes what is malformed for missing.
pub(crate) trait Fields {
    /// An attribute as text.
    fn text(&self, name: &str) -> Option<Cow<'_, str>>;
    /// An attribute as an address.
    fn jid(&self, name: &str) -> Option<Jid>;
    /// The first child of that name.
    fn child(&self, tag: &str) -> Option<&Node>;
    /// All the children.
    fn all(&self) -> &[Node];
    /// The content, if it is bytes or text.
    fn content(&self) -> Option<&[u8]>;
    /// The content of the first child of that name.
    fn content_of(&self, tag: &str) -> Option<&[u8]>;
    /// The content of the first child of that name, if it has that length.
    fn array_of<const N: usize>(&self, tag: &str) -> Option<[u8; N]>;
    /// The content of the first child of that name as a number, most significant byte first.
    fn number_of(&self, tag: &str) -> Option<u32>;
}

impl Fields for Node {
    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attrs.get(name).map(|value| value.as_str())
    }

    fn jid(&self, name: &str) -> Option<Jid> {
        self.attrs.get(name).and_then(NodeValue::to_jid)
    }

    fn child(&self, tag: &str) -> Option<&Node> {
        self.get_optional_child(tag)
    }

    fn all(&self) -> &[Node] {
        self.children().unwrap_or_default()
    }

    fn content(&self) -> Option<&[u8]> {
        match self.content.as_ref()? {
            NodeContent::Bytes(bytes) => Some(bytes),
            NodeContent::String(text) => Some(text.as_bytes()),
            NodeContent::Nodes(_) => None,
        }
    }

    fn content_of(&self, tag: &str) -> Option<&[u8]> {
        self.child(tag)?.content()
    }

    fn array_of<const N: usize>(&self, tag: &str) -> Option<[u8; N]> {
        self.content_of(tag)?.try_into().ok()
    }

    fn number_of(&self, tag: &str) -> Option<u32> {
        let bytes = self.content_of(tag)?;
        (bytes.len() <= 4)
            .then(|| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}
