//! The query: strict percent-encoding, `+` read as a space, each pair with a `=`; order and duplicates kept in what is sent
//! (a function reads `rawQueryString`), sorted in what is signed. Query authentication (`X-Amz-*`) of a caller never leaves.

use super::characters::{push_escape, unescape, unreserved};

/// Where a pair stands in what is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    start: usize,
    equals: usize,
    end: usize,
}

/// Name and value, encoded: what SigV4 sorts by.
fn parts(pair: Pair, sent: &[u8]) -> (&[u8], &[u8]) {
    (&sent[pair.start..pair.equals], &sent[pair.equals + 1..pair.end])
}

/// Writes `?` and the query to `sent`, if there is anything to send, and the sorted query to `signed`. Empty pairs
/// (`a=1&&b=2`) go; a `%` that starts no escape stands for itself.
pub(super) fn push(raw: &[u8], sent: &mut Vec<u8>, signed: &mut Vec<u8>, pairs: &mut Vec<Pair>) {
    pairs.clear();
    let query = sent.len() + 1;
    for pair in raw.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let before = sent.len();
        sent.push(if pairs.is_empty() { b'?' } else { b'&' });
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = pair.split_at(equals.unwrap_or(pair.len()));
        push_component(name, sent);
        if is_of_aws(&sent[before + 1..]) {
            sent.truncate(before);
            continue;
        }
        let equals = sent.len();
        sent.push(b'=');
        push_component(value.get(1..).unwrap_or_default(), sent);
        pairs.push(Pair { start: before + 1, equals, end: sent.len() });
    }
    if pairs.is_sorted_by_key(|pair| parts(*pair, sent)) {
        signed.extend_from_slice(sent.get(query..).unwrap_or_default());
        return;
    }
    pairs.sort_unstable_by(|a, b| parts(*a, sent).cmp(&parts(*b, sent)));
    for (index, pair) in pairs.iter().enumerate() {
        if index > 0 {
            signed.push(b'&');
        }
        signed.extend_from_slice(&sent[pair.start..pair.end]);
    }
}

/// Whether an encoded name is one of SigV4's own: with it the request would have two signatures.
fn is_of_aws(name: &[u8]) -> bool {
    name.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"x-amz-"))
}

fn push_component(raw: &[u8], to: &mut Vec<u8>) {
    let mut rest = raw;
    loop {
        let (plain, after) = rest.split_at(unreserved(rest));
        to.extend_from_slice(plain);
        let [first, next @ ..] = after else { return };
        let (byte, next) = match unescape(after) {
            Some(byte) => (byte, &after[3..]),
            None if *first == b'+' => (b' ', next),
            None => (*first, next),
        };
        if super::characters::is_unreserved(byte) {
            to.push(byte);
        } else {
            push_escape(to, byte);
        }
        rest = next;
    }
}
