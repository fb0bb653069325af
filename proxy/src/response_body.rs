//! The body of an answer: a problem's bytes, or the upstream's frames as they come. The first byte leaves at once, a slow
//! caller slows the upstream, and an upstream that breaks off or stalls aborts the connection: it never looks like a clean
//! end.
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

use crate::caller_streams::{body_gave, body_waits};
use crate::observation::Observation;
use crate::report::CauseCounts;
use crate::upstream::Lease;

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

/// Why an answer is aborted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The upstream's connection broke.
    #[error("the upstream's answer broke off")]
    Upstream(#[source] hyper::Error),
    /// Nothing came for as long as the route allows.
    #[error("the upstream's answer stalled")]
    Stalled,
}

impl BodyError {
    const fn cause(&self) -> Cause {
        match self {
            BodyError::Upstream(_) => Cause::UpstreamReset,
            BodyError::Stalled => Cause::UpstreamTimeout,
        }
    }
}

/// An upstream's answer while it is read.
struct FromUpstream {
    body: Incoming,
    /// Goes back to the pool when the answer has been read to its end.
    lease: Option<Lease>,
    /// The longest pause.
    idle: Option<Duration>,
    /// The end of the present pause; made at the first one.
    pause: Option<Pin<Box<Sleep>>>,
    paused: bool,
}

impl FromUpstream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.paused = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Upstream)));
        }
        let Some(idle) = self.idle else { return Poll::Pending };
        if !self.paused {
            self.paused = true;
            let end = Instant::now() + idle;
            match &mut self.pause {
                Some(pause) => pause.as_mut().reset(end),
                None => self.pause = Some(Box::pin(sleep_until(end))),
            }
        }
        match &mut self.pause {
            Some(pause) => pause.as_mut().poll(cx).map(|()| Some(Err(BodyError::Stalled))),
            None => Poll::Pending,
        }
    }
}

impl Drop for FromUpstream {
    /// A connection whose answer was not read to its end is closed with its lease.
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take()
            && self.body.is_end_stream()
        {
            lease.give_back();
        }
    }
}

/// See the module.
pub(crate) struct ResponseBody {
    /// Goes first: a problem, or what was read of the upstream's body to classify it.
    start: Option<Bytes>,
    upstream: Option<FromUpstream>,
    /// Read after `start`, before the end.
    discarded: Option<Discarded>,
    counted: Option<Counted>,
}

impl ResponseBody {
    /// Bytes that are there.
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

    /// The upstream's, with what has been read of it. `idle`: the longest pause between its pieces.
    pub(crate) fn upstream(start: Bytes, body: Incoming, lease: Lease, idle: Option<Duration>) -> Self {
        let upstream = FromUpstream { body, lease: Some(lease), idle, pause: None, paused: false };
        ResponseBody { upstream: Some(upstream), ..Self::bytes(start) }
    }

    /// Watches the body to its end.
    pub(crate) fn counted(mut self, counted: Counted) -> Self {
        self.counted = Some(counted);
        self
    }
}

impl ResponseBody {
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(start) = self.start.take() {
            if let Some(counted) = &mut self.counted {
                counted.observation.passed(start.len());
            }
            return Poll::Ready(Some(Ok(Frame::data(start))));
        }
        if let Some(discarded) = &mut self.discarded {
            ready!(discarded.poll(cx));
            self.discarded = None;
        }
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        let frame = ready!(upstream.poll(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(counted), Some(data)) = (&mut self.counted, frame.data_ref()) {
                    counted.observation.passed(data.len());
                }
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "the answer is aborted");
                let cause = error.cause();
                if let Some(counted) = &mut self.counted {
                    counted.observation.cause(cause);
                    counted.counts.add(&counted.route_id, cause);
                }
            }
            None => {
                // The lease must not wait until the caller has read the last piece.
                if let Some(lease) = upstream.lease.take() {
                    lease.give_back();
                }
                self.upstream = None;
                self.counted = None;
            }
        }
        Poll::Ready(frame)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = self.next(cx);
        match &frame {
            Poll::Pending => body_waits(),
            Poll::Ready(Some(Ok(frame))) => body_gave(frame.data_ref().map_or(0, Bytes::len)),
            Poll::Ready(_) => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.start.is_none()
            && self.discarded.is_none()
            && self.upstream.as_ref().is_none_or(|upstream| upstream.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.discarded.is_some() {
            // A known length would be the end of it: nothing would be read after it.
            return SizeHint::default();
        }
        let upstream = self.upstream.as_ref().map(|upstream| upstream.body.size_hint());
        let mut hint = upstream.unwrap_or_else(|| SizeHint::with_exact(0));
        let start = self.start.as_ref().map_or(0, |start| start.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + start);
        }
        hint.set_lower(hint.lower() + start);
        hint
    }
}
