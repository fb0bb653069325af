//! Which headers a manifest may name: one rule for every field that names one (the header of an API key, of a forwarded
//! claim, of a limit's key, those to set and to remove, the caller's Authorization under another name). Pure.
//!
//! The lists of `cors` are not of these: they name what a browser may send and read, not what the proxy changes.

/// Why a header can't be named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// Not a field name (RFC 9110 section 5.1), or a longer one than anybody needs.
    #[error("{0:?} is not a header name: give 1 to {MAX_HEADER_NAME} letters, digits or characters of !#$%&'*+-.^_`|~")]
    Syntax(String),
    /// The proxy itself decides about this header.
    #[error("header {name:?} can't be named here: {why}; choose another name")]
    Reserved {
        /// As it was given.
        name: String,
        /// Whose it is.
        why: &'static str,
    },
}

/// The most bytes of a header's name.
pub const MAX_HEADER_NAME: usize = 256;

/// Under this name oauth2-proxy and others pass a caller's Authorization on: the one `x-forwarded-` that says nothing about
/// the way of a request.
const FORWARDED_AUTHORIZATION: &str = "x-forwarded-authorization";

/// Whether a manifest may name this header. In any case of letters; underscores count as hyphens, because some servers read
/// both as one.
///
/// # Errors
/// It is no header name, or one that the proxy decides about.
pub fn check_header_name(name: &str) -> Result<(), HeaderNameError> {
    if name.is_empty() || name.len() > MAX_HEADER_NAME || !name.bytes().all(is_token) {
        return Err(HeaderNameError::Syntax(name.to_owned()));
    }
    match reserved(&plain(name)) {
        Some(why) => Err(HeaderNameError::Reserved { name: name.to_owned(), why }),
        None => Ok(()),
    }
}

/// A name as it is compared with others: in lower case, with hyphens for underscores.
pub(crate) fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Whether a header is of one hop alone (RFC 9110 section 7.6.1, and those of older use), by its name in lower case.
pub fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Whose a header is, by its name in lower case, with hyphens.
fn reserved(name: &str) -> Option<&'static str> {
    Some(match name {
        "host" => "Host is the function URL's own",
        "authorization" => "Authorization carries the signature towards AWS",
        _ if is_hop_by_hop(name) => "it is of one connection alone (hop-by-hop)",
        "content-length" => "the proxy says the length of what it sends",
        "expect" => "the proxy answers Expect itself",
        "forwarded" => "what is true about the caller's address is said by the proxy alone",
        "traceparent" | "tracestate" => "the trace context is kept by the proxy",
        FORWARDED_AUTHORIZATION => return None,
        _ if name.starts_with("x-amz-") => "x-amz- headers belong to the signature",
        _ if name.starts_with("x-amzn-") => "x-amzn- headers belong to AWS",
        _ if name.starts_with("x-forwarded-") => "what is true about the caller's way here is said by the proxy alone",
        _ if name.starts_with("x-lambdaroute-") => "x-lambdaroute- headers tell the function who called",
        _ => return None,
    })
}

/// `tchar` of RFC 9110 section 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

#[cfg(test)]
mod tests;
