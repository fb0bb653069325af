//! The path: dot segments and empty segments removed, escapes kept as they came, what must be escaped escaped.

use super::{is_unreserved, push_escape, unescape};

/// The path to send. Ends with a slash where the caller's did. A `%` that starts no escape is escaped itself.
pub(crate) fn wire_path(raw: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_with_slash = false;
    for segment in raw.split('/') {
        ends_with_slash = true;
        match dots(segment) {
            Some(0 | 1) => {}
            Some(_) => {
                segments.pop();
            }
            None => {
                segments.push(segment);
                ends_with_slash = false;
            }
        }
    }
    let mut wire = String::with_capacity(raw.len() + 1);
    for segment in &segments {
        wire.push('/');
        push_segment(&mut wire, segment);
    }
    if ends_with_slash || segments.is_empty() {
        wire.push('/');
    }
    wire
}

/// The canonical URI of SigV4 for every service but S3: the path as sent, escaped once more.
pub(crate) fn signed_path(wire: &str) -> String {
    let mut signed = String::with_capacity(wire.len() + 16);
    for byte in wire.bytes() {
        if byte == b'/' || is_unreserved(byte) {
            signed.push(char::from(byte));
        } else {
            push_escape(&mut signed, byte);
        }
    }
    signed
}

/// How many dots the segment is made of, if of nothing else. `%2e` is a dot: some read it so before they normalise.
fn dots(segment: &str) -> Option<usize> {
    let mut rest = segment.as_bytes();
    let mut dots = 0;
    while !rest.is_empty() {
        if rest[0] == b'.' {
            rest = &rest[1..];
        } else if unescape(rest) == Some(b'.') {
            rest = &rest[3..];
        } else {
            return None;
        }
        dots += 1;
    }
    (dots <= 2).then_some(dots)
}

fn push_segment(wire: &mut String, segment: &str) {
    let bytes = segment.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        // `pchar` of RFC 3986 section 3.3.
        let keep = is_unreserved(byte)
            || matches!(
                byte,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@'
            )
            || (byte == b'%' && unescape(&bytes[at..]).is_some());
        if keep {
            wire.push(char::from(byte));
        } else {
            push_escape(wire, byte);
        }
    }
}
