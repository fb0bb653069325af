//! The one form of a request target that every canonicaliser reads the same: what is sent is what is signed.
//!
//! Pure. Works on bytes: escapes that aren't UTF-8 survive. Rules: RFC 3986 sections 2.1 and 5.2.4, and AWS's
//! "Create a signed AWS API request"
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

mod path;
mod query;

pub(crate) use path::{signed_path, wire_path};
pub(crate) use query::Query;

/// Appends `%XX`, in upper case.
fn push_escape(to: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    to.push('%');
    to.push(char::from(HEX[usize::from(byte >> 4)]));
    to.push(char::from(HEX[usize::from(byte & 15)]));
}

/// `unreserved` of RFC 3986: the only characters that SigV4 leaves as they are.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// The byte that `%XX` at the start of `bytes` stands for.
fn unescape(bytes: &[u8]) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    match bytes {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
