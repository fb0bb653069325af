//! A request's body: buffered up to a limit and hashed while it arrives. SigV4 needs the hash before the first byte leaves.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::Body;
use http_body_util::BodyExt;
use lambdaroute_proxy_config::cause::Cause;
use sha2::{Digest, Sha256};

use crate::problem::Refused;

/// The most that is taken of a body: the 6 MB of Lambda's synchronous invocations.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const MAX_BODY: usize = 6 * 1024 * 1024;

/// A whole body and its hash.
pub(crate) struct Buffered {
    pub(crate) bytes: Bytes,
    /// SHA-256 in hex.
    pub(crate) sha256: String,
}

/// Refuses what says itself that it is too large, before anything is read.
pub(crate) fn check_length(headers: &HeaderMap) -> Result<(), Refused> {
    if declared_length(headers).is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    Ok(())
}

/// Reads the body to its end. The first poll makes hyper answer `Expect: 100-continue`: whatever refuses a request does it
/// before.
pub(crate) async fn buffer<B>(headers: &HeaderMap, body: B, idle: Duration) -> Result<Buffered, Refused>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut body = body;
    let mut hash = Sha256::new();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut length = 0;
    loop {
        let frame = match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => return Err(Refused::new(Cause::RequestTimeout, "the body didn't arrive in time")),
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                return Err(Refused::new(Cause::BadRequest, "the body ended before its time").because(error));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        // Trailers are dropped: they can't be signed, and a function URL has no place for them.
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length > MAX_BODY {
            return Err(too_large());
        }
        hash.update(&data);
        if first.is_empty() {
            first = data;
        } else if !data.is_empty() {
            if rest.is_empty() {
                let declared = declared_length(headers).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
                rest.reserve(declared.max(length).min(MAX_BODY));
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    let bytes = if rest.is_empty() { first } else { rest.freeze() };
    Ok(Buffered { bytes, sha256: hex::encode(hash.finalize()) })
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large() -> Refused {
    Refused::new(Cause::RequestTooLarge, format!("a request body may have at most {MAX_BODY} bytes"))
}

#[cfg(test)]
mod tests;
