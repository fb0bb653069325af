//! The body of an answer: a problem's bytes, or the upstream's frames as they come. The first byte leaves at once, a slow
//! caller slows the upstream, and an upstream that breaks off aborts the connection: it never looks like a clean end.
//! A refusal that comes before the request's body is read goes on reading for a while after it: a connection that is closed
//! with unread data on it takes the answer with it (RFC 9112 section 9.6).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lambdaroute_proxy_config::cause::Cause;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::observation::Observation;
use crate::report::CauseCounts;

/// The most that is read of a refused body, and for how long: enough for a caller who writes on before it reads.
const DISCARD: (usize, Duration) = (32 * 1024 * 1024, Duration::from_secs(5));

/// A refused request's body, on its way to nowhere.
struct Discarded {
    body: Incoming,
    left: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Discarded {
    /// Ready when there is nothing left to read, or it has been enough.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.left == 0 || self.deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    self.left = self.left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                }
                Some(Err(_)) | None => return Poll::Ready(()),
            }
        }
    }
}

/// What an upstream failure in the middle is counted for.
pub(crate) struct Counted {
    pub(crate) observation: Observation,
    pub(crate) route_id: Arc<str>,
    pub(crate) counts: Arc<CauseCounts>,
}

/// See the module.
pub(crate) struct ResponseBody {
    /// Goes first: a problem, or what was read of the upstream's body to classify it.
    start: Option<Bytes>,
    upstream: Option<Incoming>,
    /// Read after `start`, before the end.
    discarded: Option<Discarded>,
    counted: Option<Counted>,
}

impl ResponseBody {
    /// A body of ours.
    pub(crate) fn bytes(bytes: Bytes) -> Self {
        let start = Some(bytes).filter(|bytes| !bytes.is_empty());
        ResponseBody { start, upstream: None, discarded: None, counted: None }
    }

    /// Goes on reading what the caller sends, so that it comes to read the answer.
    pub(crate) fn discarding(mut self, body: Incoming) -> Self {
        let (left, time) = DISCARD;
        let deadline = Box::pin(sleep_until(Instant::now() + time));
        self.discarded = Some(Discarded { body, left, deadline });
        self
    }

    /// The upstream's, with what has been read of it.
    pub(crate) fn upstream(start: Bytes, upstream: Incoming) -> Self {
        ResponseBody { upstream: Some(upstream), ..Self::bytes(start) }
    }

    /// Watches the body to its end.
    pub(crate) fn counted(mut self, counted: Counted) -> Self {
        self.counted = Some(counted);
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        if let Some(discarded) = &mut self.discarded {
            ready!(discarded.poll(cx));
            self.discarded = None;
        }
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(upstream).poll_frame(cx));
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "the upstream's answer broke off");
                if let Some(counted) = &mut self.counted {
                    counted.observation.cause(Cause::UpstreamReset);
                    counted.counts.add(&counted.route_id, Cause::UpstreamReset);
                }
            }
            None => self.counted = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.start.is_none() && self.discarded.is_none() && self.upstream.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        if self.discarded.is_some() {
            // A known length would be the end of it: nothing would be read after it.
            return SizeHint::default();
        }
        let mut hint = self.upstream.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let start = self.start.as_ref().map_or(0, |start| start.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + start);
        }
        hint.set_lower(hint.lower() + start);
        hint
    }
}
