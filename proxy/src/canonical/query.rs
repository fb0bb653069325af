//! The query: strict percent-encoding, `+` read as a space, each pair with a `=`; order and duplicates kept on the wire,
//! sorted in the canonical form. Query authentication (`X-Amz-*`) of a caller never leaves.

use super::{is_unreserved, push_escape, unescape};

/// A query in the form that is sent. A function reads `rawQueryString`, so its order is the caller's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Name and value, encoded.
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads what came after the `?`. Empty pairs (`a=1&&b=2`) go; a `%` that starts no escape stands for itself.
    pub(crate) fn parse(raw: &str) -> Self {
        let pairs = raw
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .filter(|(name, _)| !name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"x-amz-")))
            .map(|(name, value)| (encode(&name), encode(&value)))
            .collect();
        Query { pairs }
    }

    /// The query to send, without `?`. Empty: none.
    pub(crate) fn wire(&self) -> String {
        join(self.pairs.iter())
    }

    /// The canonical query string of SigV4: sorted by encoded name, then encoded value.
    pub(crate) fn signed(&self) -> String {
        let mut sorted: Vec<_> = self.pairs.iter().collect();
        sorted.sort();
        join(sorted.into_iter())
    }
}

fn join<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.push_str(value);
    }
    query
}

fn decode(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [first, after @ ..] = rest {
        if let Some(byte) = unescape(rest) {
            decoded.push(byte);
            rest = &rest[3..];
        } else {
            decoded.push(if *first == b'+' { b' ' } else { *first });
            rest = after;
        }
    }
    decoded
}

fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if is_unreserved(byte) {
            encoded.push(char::from(byte));
        } else {
            push_escape(&mut encoded, byte);
        }
    }
    encoded
}
