//! A request's body: held up to a limit and hashed while it arrives. SigV4 needs the hash before the first byte leaves.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt;
use lambdaroute_proxy_config::cause::Cause;
use tokio::time::{Instant, timeout_at};

use crate::body_memory::Budget;
use crate::patience::SLOWEST;
use crate::problem::Refused;
use crate::request_body::Held;
use crate::sign::{PayloadHash, PayloadHasher};

/// The most that is taken of a body where the route says nothing: the 6 MB of Lambda's synchronous invocations.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(crate) const MAX_BODY: u64 = 6 * 1024 * 1024;
/// Smaller pieces are copied together: each piece that is kept keeps the whole buffer that it was read into, which nobody
/// counts, and a caller chooses how large they are.
const COPIED_BELOW: usize = 32 * 1024;
/// As much is copied into one piece.
const COPY: usize = 16 * 1024;
/// Memory is taken as a body comes, in steps of this: who declares a length and sends nothing takes nothing from others.
const STEP: usize = 16 * 1024;

/// A body must come in at [`SLOWEST`] at least, once it had the time of one pause: who sends a byte now and then would hold
/// memory for as long as they like. And after this much more it must be there, whatever its length: it holds memory, and a
/// permit of its route. At Lambda's 6 MB that is 50 KiB a second.
const LONGEST: Duration = Duration::from_secs(120);
/// After so much of a body the worker's other connections have their turn: a caller on a fast network has the next bytes there
/// whenever they are asked for, and its whole body would come first.
const TURN: usize = 256 * 1024;

/// A whole body and its hash.
pub(crate) struct Received {
    /// Absent: the body is empty.
    pub(crate) held: Option<Arc<Held>>,
    /// Of exactly these bytes.
    pub(crate) hash: PayloadHash,
}

impl Received {
    /// No body.
    pub(crate) const EMPTY: Received = Received { held: None, hash: PayloadHash::EMPTY };

    pub(crate) fn length(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.length)
    }
}

/// Refuses what says itself that it is too large, before anything is read.
pub(crate) fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), Refused> {
    if declared_length(headers).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    Ok(())
}

/// Reads a body to its end. The first poll makes hyper answer `Expect: 100-continue`: whatever refuses a request does it
/// before. `begun`: set then. `limit`: the most bytes. `idle`: the longest pause.
pub(crate) async fn receive<B>(
    headers: &HeaderMap,
    body: &mut B,
    begun: &mut bool,
    limit: u64,
    idle: Duration,
    budget: Budget<'_>,
) -> Result<Received, Refused>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let declared = declared_length(headers).and_then(|length| usize::try_from(length).ok());
    let mut reservation = budget.reservation();
    // Not taken yet, but what can't fit isn't asked for.
    reservation.has_room_for(declared.unwrap_or(0)).map_err(|_| overloaded())?;
    *begun = true;
    let mut hash = PayloadHasher::default();
    let mut pieces = Pieces::default();
    let mut length = 0;
    let mut turn = TURN;
    let since = Instant::now();
    loop {
        let pace = since + idle + Duration::from_secs(length as u64 / u64::from(SLOWEST)).min(LONGEST);
        let frame = match timeout_at(pace.min(Instant::now() + idle), body.frame()).await {
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
        if length as u64 > limit {
            return Err(too_large(limit));
        }
        let step = length.next_multiple_of(STEP);
        let taken = declared.filter(|declared| *declared >= length).map_or(step, |declared| declared.min(step));
        reservation.grow_to(taken).map_err(|_| overloaded())?;
        hash.update(&data);
        pieces.push(data, declared.map(|declared| declared.saturating_sub(length)));
        if length >= turn {
            turn = length + TURN;
            tokio::task::yield_now().await;
        }
    }
    // The HTTP library says so itself, but not of every end of a stream.
    if declared.is_some_and(|declared| declared != length) {
        return Err(Refused::new(Cause::BadRequest, "the body isn't as long as it says"));
    }
    let pieces = pieces.finish();
    let held = (length > 0).then(|| Arc::new(Held { pieces, length, _reservation: reservation }));
    Ok(Received { held, hash: hash.finish() })
}

/// The body in as few pieces as are worth it.
#[derive(Default)]
struct Pieces {
    whole: Vec<Bytes>,
    /// Small ones, copied together.
    copied: BytesMut,
}

impl Pieces {
    /// `left`: what is still to come, if that is known.
    fn push(&mut self, data: Bytes, left: Option<usize>) {
        if data.len() >= COPIED_BELOW || (left == Some(0) && self.copied.is_empty()) {
            self.end_copy();
            self.whole.push(data);
            return;
        }
        if self.copied.len() + data.len() > self.copied.capacity() {
            self.end_copy();
            self.copied =
                BytesMut::with_capacity(left.map_or(COPY, |left| COPY.min(data.len() + left)).max(data.len()));
        }
        self.copied.extend_from_slice(&data);
    }

    fn end_copy(&mut self) {
        if !self.copied.is_empty() {
            self.whole.push(std::mem::take(&mut self.copied).freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.end_copy();
        self.whole
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: u64) -> Refused {
    Refused::new(Cause::RequestTooLarge, format!("a request body may have at most {limit} bytes"))
}

fn overloaded() -> Refused {
    let mut refused = Refused::new(Cause::Overloaded, "the proxy has no memory left for request bodies at this moment");
    refused.retry_after = Some(HeaderValue::from_static("1"));
    refused
}

#[cfg(test)]
mod tests;
