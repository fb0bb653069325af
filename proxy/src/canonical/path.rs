//! The path: dot segments and empty segments removed, escapes kept as they came, what must be escaped escaped. The signed
//! form, for every service but S3, is the sent one escaped once more.

use super::characters::{may_stand_in_segment, push_escape, unescape, unreserved};

/// Writes both forms. They end with a slash where the caller's path did. A `%` that starts no escape is escaped itself.
pub(super) fn push(raw: &[u8], sent: &mut Vec<u8>, signed: &mut Vec<u8>) {
    sent.push(b'/');
    signed.push(b'/');
    let mut segments = raw.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        match dots(segment) {
            Some(0 | 1) => {}
            Some(_) => {
                pop(sent);
                pop(signed);
            }
            None => {
                push_segment(segment, sent, signed);
                if segments.peek().is_some() {
                    sent.push(b'/');
                    signed.push(b'/');
                }
            }
        }
    }
}

/// Takes the last segment off a path that ends with a slash. The root stays.
fn pop(path: &mut Vec<u8>) {
    let parent = path.iter().rev().skip(1).position(|byte| *byte == b'/');
    path.truncate(parent.map_or(1, |from_end| path.len() - 1 - from_end));
}

/// How many dots the segment is made of, if of nothing else and at most two. `%2e` is a dot: some read it so before they
/// normalise.
fn dots(segment: &[u8]) -> Option<usize> {
    let mut rest = segment;
    let mut dots = 0;
    while let [first, after @ ..] = rest {
        rest = match first {
            b'.' => after,
            b'%' if unescape(rest) == Some(b'.') => &rest[3..],
            _ => return None,
        };
        dots += 1;
    }
    (dots <= 2).then_some(dots)
}

fn push_segment(segment: &[u8], sent: &mut Vec<u8>, signed: &mut Vec<u8>) {
    let mut rest = segment;
    loop {
        let (plain, after) = rest.split_at(unreserved(rest));
        sent.extend_from_slice(plain);
        signed.extend_from_slice(plain);
        let [byte, next @ ..] = after else { return };
        if may_stand_in_segment(*byte) || unescape(after).is_some() {
            sent.push(*byte);
            push_escape(signed, *byte);
        } else {
            push_escape(sent, *byte);
            // The escape's own `%`, escaped; its digits are unreserved.
            push_escape(signed, b'%');
            signed.extend_from_slice(&sent[sent.len() - 2..]);
        }
        rest = next;
    }
}
