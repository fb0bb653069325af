//! To the function and back: sign, send, tell whose the answer is, and make it the caller's. Once more with a new signature
//! if AWS refused the first for its time or its token; never for a request that may have run.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambdaroute_proxy_config::cause::Cause;

use crate::access::Caller;
use crate::answer::Answer;
use crate::body::Received;
use crate::classify::{PEEK_LIMIT, Peek, Verdict, classify, peek, told};
use crate::headers::to_caller;
use crate::observation::{Observation, X_AMZN_REQUESTID};
use crate::problem::{PROXY_STATUS, Refused, set_proxy_status};
use crate::resign::{Attempt, Resign, resign};
use crate::response_body::ResponseBody;
use crate::serve::Proxy;
use crate::served_route::ServedRoute;
use crate::trace_context::{Fresh, propagate};
use crate::upstream::Lease;
use crate::upstream_request::{no_credentials, upstream_request};

/// AWS's own errors come in one piece; one that stalls is not worth a caller's wait.
const PEEK_TIMEOUT: Duration = Duration::from_secs(10);

/// No answer of the function's.
struct Rejected {
    refused: Refused,
    /// What to change, if it can be otherwise the next time.
    again: Option<Resign>,
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        Rejected { refused, again: None }
    }
}

impl Proxy {
    /// Sends what a caller sent, and gives what the function answered.
    pub(crate) async fn exchange(
        &self,
        route: &ServedRoute,
        caller: &Caller,
        mut parts: Parts,
        received: &Received,
        observation: &mut Observation,
    ) -> Result<Answer, Refused> {
        parts.extensions.clear();
        let bodiless = parts.method == Method::HEAD;
        let mut parts = Some(parts);
        let (mut is_second, mut trace) = (false, None);
        loop {
            // After all waiting: a signature is good for minutes.
            let (sent, offset) = (SystemTime::now(), route.origin.clock_offset());
            let time = offset.apply(sent);
            let credentials =
                if route.signed { Some(self.credentials.valid_at(time).ok_or_else(no_credentials)?) } else { None };
            let signing = credentials.as_deref().map(|credentials| (credentials, time));
            // What the caller said is needed once more only where AWS may refuse a first signature for its time.
            let said = if route.signed && !is_second { parts.clone() } else { parts.take() };
            let Some(said) = said else { return Err(Refused::new(Cause::Internal, "a third attempt")) };
            let mut request = upstream_request(route, caller, said, received, signing)?;
            let trace_id = propagate(request.headers_mut(), || *trace.get_or_insert_with(|| fresh_trace(sent)));
            observation.tell(|entry| entry.trace_id = Some(trace_id));
            observation.sent();
            let (response, lease) = self.upstream.send(&route.origin, request, route.first_byte).await?;
            observation.upstream_answered(response.headers().get(X_AMZN_REQUESTID));
            let expires = credentials.as_ref().and_then(|credentials| credentials.expires);
            let attempt = Attempt { sent, received: sent, offset, expires, bodiless };
            let Rejected { refused, again } = match tell(route, response, lease, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(rejected) => rejected,
            };
            if refused.cause == Cause::LambdaSignatureRefused
                && credentials.as_ref().is_some_and(|credentials| credentials.expires.is_none())
            {
                // Nothing says when they end, so the request isn't sent again; but the next one should do better.
                self.credentials.want();
            }
            let (Some(again), Some(credentials), false) = (again, credentials, is_second) else { return Err(refused) };
            is_second = true;
            match again {
                Resign::Clock(offset) => {
                    tracing::warn!(
                        offset_ms = offset.milliseconds(),
                        "AWS's clock differs from this machine's; signing by AWS's"
                    );
                    route.origin.set_clock_offset(offset);
                    self.credentials.know_clock(offset);
                }
                Resign::Token => {
                    if Box::pin(self.credentials.other_than(&credentials)).await.is_none() {
                        return Err(refused);
                    }
                }
            }
        }
    }
}

/// Tells whose the answer is, and makes it the caller's.
async fn tell(
    route: &ServedRoute,
    response: Response<Incoming>,
    lease: Lease,
    attempt: Attempt,
) -> Result<Answer, Rejected> {
    let (mut parts, mut body) = response.into_parts();
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        // Nobody asked for another protocol, so whatever follows is no answer.
        return Err(Refused::new(Cause::UpstreamReset, "the function URL switched to another protocol unasked").into());
    }
    let error_type =
        parts.headers.get("x-amzn-errortype").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let (start, ended) = match peek(parts.status, error_type.as_deref()) {
        Peek::Nothing => (Bytes::new(), false),
        // Boxed: they are rare, and each request's future would be as large as they are.
        Peek::FirstFrame => Box::pin(read_start(&mut body, 1)).await?,
        Peek::Start => Box::pin(read_start(&mut body, PEEK_LIMIT)).await?,
    };
    let cause = match classify(parts.status, error_type.as_deref(), &start) {
        Verdict::Function => None,
        Verdict::Kept(cause) => Some(cause),
        Verdict::Replaced(cause) => {
            if ended || body.is_end_stream() {
                lease.give_back();
            }
            let error_type = error_type.unwrap_or_default();
            let attempt = Attempt { received: SystemTime::now(), ..attempt };
            let again = resign(&error_type, &start, &parts.headers, attempt);
            let reason = told(parts.status, &error_type, parts.headers.get(X_AMZN_REQUESTID));
            let mut refused = Refused::new(cause, DETAIL_OF_AWS).because(reason);
            refused.retry_after = parts.headers.remove(RETRY_AFTER);
            return Err(Rejected { refused, again });
        }
    };
    to_caller(&mut parts.headers);
    if let Some(cause) = cause {
        set_proxy_status(&mut parts.headers, cause);
    } else {
        parts.headers.remove(PROXY_STATUS);
    }
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    let body = ResponseBody::upstream(start, body, lease, route.stream_idle);
    Ok(Answer { response: Response::from_parts(parts, body), cause, is_preflight: false })
}

const DETAIL_OF_AWS: &str = "AWS Lambda answered in place of the function; whoever runs this route finds the reason in the \
                             proxy's log and in the LambdaRoute's conditions";

/// Reads until there are `limit` bytes, or the end; tells whether it is the end.
async fn read_start(body: &mut Incoming, limit: usize) -> Result<(Bytes, bool), Refused> {
    let mut start = Vec::new();
    while start.len() < limit {
        // What takes longer isn't AWS's: a function may answer its head, and its first byte much later.
        let Ok(frame) = tokio::time::timeout(PEEK_TIMEOUT, body.frame()).await else { break };
        match frame {
            None => return Ok((start.into(), true)),
            Some(Err(error)) => {
                return Err(
                    Refused::new(Cause::UpstreamReset, "the answer of the function URL broke off").because(error)
                );
            }
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    start.extend_from_slice(data);
                }
            }
        }
    }
    Ok((start.into(), false))
}

/// Of the thread's own source of chance, which asks the system for some once in thousands of requests.
fn fresh_trace(now: SystemTime) -> Fresh {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Fresh { seconds: u32::try_from(since.as_secs()).unwrap_or(u32::MAX), random: rand::random() }
}

#[cfg(test)]
mod tests;
