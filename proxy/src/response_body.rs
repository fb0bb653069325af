//! The body of an answer: a problem's bytes, or the upstream's frames as they come. The first byte leaves at once, a slow
//! caller slows the upstream, and an upstream that breaks off aborts the connection: it never looks like a clean end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use lambdaroute_proxy_config::cause::Cause;

use crate::observation::Observation;
use crate::report::CauseCounts;

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
    counted: Option<Counted>,
}

impl ResponseBody {
    /// A body of ours.
    pub(crate) fn bytes(bytes: Bytes) -> Self {
        ResponseBody { start: Some(bytes).filter(|bytes| !bytes.is_empty()), upstream: None, counted: None }
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
        self.start.is_none() && self.upstream.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.upstream.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let start = self.start.as_ref().map_or(0, |start| start.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + start);
        }
        hint.set_lower(hint.lower() + start);
        hint
    }
}
