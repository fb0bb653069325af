//! The one form of a request target that every canonicaliser reads the same: what is sent is what is signed.
//!
//! Pure. Works on bytes: escapes that aren't UTF-8 survive. Rules: RFC 3986 sections 2.1 and 5.2.4, and AWS's
//! "Create a signed AWS API request"
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use bytes::Bytes;
use http::uri::PathAndQuery;

mod characters;
mod path;
mod query;

use query::Pair;

/// What a target with an extraordinarily long query may leave behind in a buffer that is kept.
const KEPT: usize = 16 * 1024;

/// A request target in both its forms, made in one pass. Kept from request to request: its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Target {
    /// Path, and `?` with the query if there is one.
    sent: Vec<u8>,
    /// Path escaped once more, line feed, sorted query.
    signed: Vec<u8>,
    pairs: Vec<Pair>,
}

/// `http` takes targets of up to 65,534 bytes, and escaping makes them longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("path and query are too long")]
pub(crate) struct TooLong;

impl Target {
    /// Reads a caller's target in place of the one before: the path, and what came after the `?`.
    pub(crate) fn read(&mut self, path: &str, query: Option<&str>) {
        if self.sent.capacity() > KEPT {
            *self = Target::default();
        }
        self.sent.clear();
        self.signed.clear();
        path::push(path.as_bytes(), &mut self.sent, &mut self.signed);
        self.signed.push(b'\n');
        if let Some(query) = query {
            query::push(query.as_bytes(), &mut self.sent, &mut self.signed, &mut self.pairs);
        }
    }

    /// The target to send. Without an allocation if that is what the caller sent.
    ///
    /// # Errors
    /// It is too long: the caller's mistake.
    pub(crate) fn to_send(&self, callers: Option<&PathAndQuery>) -> Result<PathAndQuery, TooLong> {
        match callers.filter(|callers| callers.as_str().as_bytes() == self.sent) {
            Some(same) => Ok(same.clone()),
            None => PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(&self.sent)).map_err(|_| TooLong),
        }
    }

    /// The second and third line of SigV4's canonical request.
    pub(crate) fn signed(&self) -> &[u8] {
        &self.signed
    }
}

#[cfg(test)]
mod tests;
