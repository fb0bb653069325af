//! Which characters of a target may stand as they are, and how the others are escaped.

/// What SigV4 leaves as it is: `unreserved` of RFC 3986 section 2.3.
const UNRESERVED: u8 = 1;
/// What else a path segment may hold: the rest of `pchar` of RFC 3986 section 3.3.
const IN_SEGMENT: u8 = 2;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        if character.is_ascii_alphanumeric() || matches!(character, b'-' | b'_' | b'.' | b'~') {
            classes[byte] = UNRESERVED;
        } else if matches!(character, b'!' | b'$' | b'&'..=b',' | b';' | b'=' | b':' | b'@') {
            classes[byte] = IN_SEGMENT;
        }
        byte += 1;
    }
    classes
}

pub(super) fn is_unreserved(byte: u8) -> bool {
    CLASSES[usize::from(byte)] == UNRESERVED
}

pub(super) fn may_stand_in_segment(byte: u8) -> bool {
    CLASSES[usize::from(byte)] != 0
}

/// How many unreserved bytes there are at the start.
pub(super) fn unreserved(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_unreserved(*byte)).unwrap_or(bytes.len())
}

/// Appends `%XX`, in upper case.
pub(super) fn push_escape(to: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    to.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

/// The byte that `%XX` at the start of `bytes` stands for.
pub(super) fn unescape(bytes: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    match bytes {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}
