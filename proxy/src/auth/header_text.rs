//! Text of others as a header's value, so that none of it can be read as something else. Pure.

use http::HeaderValue;

/// The most bytes of such a value.
pub(crate) const LONGEST: usize = 8 * 1024;

/// Visible ASCII and the spaces between stay as they are; `%` and everything else is percent-encoded, byte by byte of its
/// UTF-8: whoever reads it gets the text back with one decoding. Absent: it is too long.
pub(crate) fn header_text(text: &str) -> Option<HeaderValue> {
    let mut encoded = String::with_capacity(text.len());
    push(&mut encoded, text, |_| false);
    finish(encoded)
}

/// A list: its items, parted by commas; commas within an item are encoded too, so that no item can be read as two.
pub(crate) fn header_list<'a>(items: impl IntoIterator<Item = &'a str>) -> Option<HeaderValue> {
    let mut encoded = String::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            encoded.push(',');
        }
        push(&mut encoded, item, |byte| byte == b',');
    }
    finish(encoded)
}

fn push(encoded: &mut String, text: &str, also: impl Fn(u8) -> bool) {
    let bytes = text.as_bytes();
    for (index, &byte) in bytes.iter().enumerate() {
        let inner_space = byte == b' ' && index > 0 && index + 1 < bytes.len();
        if (byte.is_ascii_graphic() && byte != b'%' && !also(byte)) || inner_space {
            encoded.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn finish(encoded: String) -> Option<HeaderValue> {
    if encoded.len() > LONGEST { None } else { HeaderValue::try_from(encoded).ok() }
}
