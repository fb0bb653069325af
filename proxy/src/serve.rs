//! The one path that a request takes: check, buffer and hash, clean, sign, forward, classify, pass on.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use lambdaroute_proxy_config::cause::{Cause, Owner};

use crate::aws::CredentialStore;
use crate::body::{Buffered, buffer, check_length};
use crate::canonical::{Query, wire_path};
use crate::classify::{PEEK_LIMIT, Peek, Verdict, classify, peek};
use crate::contact::Contact;
use crate::headers::{Caller, to_caller, to_upstream, wants_upgrade};
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::observation::Observation;
use crate::problem::{PROXY_STATUS, Refused, problem, set_proxy_status};
use crate::remedy::remedy;
use crate::report::CauseCounts;
use crate::response_body::{Counted, ResponseBody};
use crate::served_route::ServedRoute;
use crate::sign::{SignError, Signable, sign};
use crate::upstream::Upstream;

/// AWS's own errors come in one piece; one that stalls is not worth a caller's wait.
const PEEK_TIMEOUT: Duration = Duration::from_secs(10);

/// What all requests share.
pub(crate) struct Proxy {
    pub(crate) credentials: Arc<CredentialStore>,
    pub(crate) upstream: Upstream,
    pub(crate) contact: Arc<Contact>,
    pub(crate) counts: Arc<CauseCounts>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) body_idle_timeout: Duration,
}

/// An answer, and why it isn't the function's own.
struct Answer {
    response: Response<ResponseBody>,
    cause: Option<Cause>,
}

impl Proxy {
    /// Answers a request of a caller at this address. `route`: what the port serves now.
    pub(crate) async fn serve(
        &self,
        route: Option<Arc<ServedRoute>>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let version = request.version();
        let mut response = match route {
            Some(route) => self.observe(&route, peer, request).await,
            None => {
                let mut response = refuse(&Refused::new(Cause::NotProgrammed, "no route is programmed on this port"));
                set_close(&mut response, version);
                response
            }
        };
        if self.lifecycle.is_leaving() {
            set_close(&mut response, version);
        }
        Ok(response)
    }

    async fn observe(&self, route: &ServedRoute, peer: IpAddr, request: Request<Incoming>) -> Response<ResponseBody> {
        let mut observation = Observation::begin(route.metrics.clone(), request.method());
        let Answer { mut response, cause } = match self.forward(route, peer, request).await {
            Ok(answer) => answer,
            Err(refused) => {
                self.log(route, &refused);
                Answer { response: refuse(&refused), cause: Some(refused.cause) }
            }
        };
        observation.status(response.status());
        if let Some(cause) = cause {
            observation.cause(cause);
            self.counts.add(&route.id, cause);
            if cause.owner() == Owner::Aws {
                self.metrics.upstream_error(cause.as_str());
            }
        }
        let counted = Counted { observation, route_id: route.id.clone(), counts: self.counts.clone() };
        let body = std::mem::replace(response.body_mut(), ResponseBody::bytes(Bytes::new()));
        response.map(|_| body.counted(counted))
    }

    async fn forward(&self, route: &ServedRoute, peer: IpAddr, request: Request<Incoming>) -> Result<Answer, Refused> {
        if self.contact.is_too_old(SystemTime::now) {
            return Err(Refused::new(Cause::NotProgrammed, "the route table is too old to serve"));
        }
        check_request(&request)?;
        if let Err(refused) = check_length(request.headers()) {
            return Ok(refuse_and_discard(&refused, request.headers().contains_key(EXPECT), request.into_body()));
        }
        if route.signed && self.credentials.valid_at(SystemTime::now()).is_none() {
            return Err(no_credentials());
        }
        let (parts, mut body) = request.into_parts();
        let body = match buffer(&parts.headers, &mut body, self.body_idle_timeout).await {
            Err(refused) if refused.cause == Cause::RequestTooLarge => {
                return Ok(refuse_and_discard(&refused, false, body));
            }
            buffered => buffered?,
        };
        let request = self.upstream_request(route, peer, parts, body)?;
        let response = self.upstream.send(request).await?;
        answer(response).await
    }

    /// The request as it leaves. What is sent is what is signed.
    fn upstream_request(
        &self,
        route: &ServedRoute,
        peer: IpAddr,
        mut parts: http::request::Parts,
        body: Buffered,
    ) -> Result<Request<Full<Bytes>>, Refused> {
        let path = wire_path(parts.uri.path());
        let query = parts.uri.query().map(Query::parse).unwrap_or_default();
        let uri = upstream_uri(route, &path, &query)?;
        let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        let host = parts.headers.get(HOST).cloned().or(authority);
        let caller = Caller { address: peer, host: host.as_ref() };
        to_upstream(&mut parts.headers, &route.host, &caller, !route.signed);
        let has_payload =
            !body.bytes.is_empty() || !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if has_payload {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.bytes.len()));
        }
        if route.signed {
            let now = SystemTime::now();
            let credentials = self.credentials.valid_at(now).ok_or_else(no_credentials)?;
            let signable = Signable {
                method: &parts.method,
                path: &path,
                query: &query,
                payload: &body.sha256,
                payload_header: has_payload,
            };
            sign(&mut parts.headers, &signable, &credentials, &route.region, now).map_err(unsignable)?;
        }
        parts.uri = uri;
        parts.version = Version::HTTP_11;
        parts.extensions = http::Extensions::new();
        Ok(Request::from_parts(parts, Full::new(body.bytes)))
    }

    /// For the operator. What callers do wrong is counted, not logged.
    fn log(&self, route: &ServedRoute, refused: &Refused) {
        let owner = refused.cause.owner();
        if matches!(owner, Owner::Aws | Owner::Proxy) && route.may_log(SystemTime::now()) {
            tracing::warn!(
                namespace = route.namespace,
                name = route.name,
                function = route.function_arn,
                cause = refused.cause.as_str(),
                reason = refused.reason,
                remedy = remedy(refused.cause),
                "request failed"
            );
        }
    }
}

/// What can be said before the body is read.
fn check_request(request: &Request<Incoming>) -> Result<(), Refused> {
    if request.method() == Method::CONNECT {
        return Err(Refused::new(Cause::BadRequest, "CONNECT can't be forwarded to a function"));
    }
    if request.uri().path() == "*" {
        return Err(Refused::new(Cause::BadRequest, "the target * can't be forwarded to a function"));
    }
    if wants_upgrade(request.headers()) {
        return Err(Refused::new(Cause::UpgradeUnsupported, "a function URL can't change the protocol"));
    }
    Ok(())
}

fn upstream_uri(route: &ServedRoute, path: &str, query: &Query) -> Result<Uri, Refused> {
    let mut target = path.to_owned();
    let query = query.wire();
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query);
    }
    let too_long = |_| Refused::new(Cause::BadRequest, "path and query are too long");
    let target = PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(too_long)?;
    let uri = Uri::builder().scheme(route.scheme.clone()).authority(route.authority.clone()).path_and_query(target);
    uri.build().map_err(|error| Refused::new(Cause::Internal, "the upstream request can't be made").because(error))
}

/// Tells whose the answer is, and makes it the caller's.
async fn answer(response: Response<Incoming>) -> Result<Answer, Refused> {
    let (mut parts, mut body) = response.into_parts();
    let error_type =
        parts.headers.get("x-amzn-errortype").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let start = match peek(parts.status, error_type.as_deref()) {
        Peek::Nothing => Bytes::new(),
        Peek::FirstFrame => read_start(&mut body, 1).await?,
        Peek::Start => read_start(&mut body, PEEK_LIMIT).await?,
    };
    let cause = match classify(parts.status, error_type.as_deref(), &start) {
        Verdict::Function => None,
        Verdict::Kept(cause) => Some(cause),
        Verdict::Replaced(cause) => {
            let mut refused = Refused::new(cause, DETAIL_OF_AWS).because(format!(
                "{} {}: {}",
                parts.status.as_u16(),
                error_type.unwrap_or_default(),
                String::from_utf8_lossy(&start)
            ));
            refused.retry_after = parts.headers.remove(http::header::RETRY_AFTER);
            return Err(refused);
        }
    };
    to_caller(&mut parts.headers);
    if let Some(cause) = cause {
        set_proxy_status(&mut parts.headers, cause);
    } else {
        parts.headers.remove(PROXY_STATUS);
    }
    parts.version = Version::HTTP_11;
    parts.extensions = http::Extensions::new();
    Ok(Answer { response: Response::from_parts(parts, ResponseBody::upstream(start, body)), cause })
}

const DETAIL_OF_AWS: &str = "AWS Lambda answered in place of the function; whoever runs this route finds the reason in the \
                             proxy's log and in the LambdaRoute's conditions";

/// Reads until there are `limit` bytes, or the end.
async fn read_start(body: &mut Incoming, limit: usize) -> Result<Bytes, Refused> {
    let mut start = Vec::new();
    while start.len() < limit {
        let frame = tokio::time::timeout(PEEK_TIMEOUT, body.frame()).await;
        match frame.map_err(|_| Refused::new(Cause::UpstreamTimeout, "the answer of the function URL doesn't go on"))? {
            None => break,
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
    Ok(start.into())
}

fn no_credentials() -> Refused {
    Refused::new(Cause::NoCredentials, "the proxy has no valid AWS credentials at this moment")
}

fn unsignable(error: SignError) -> Refused {
    match error {
        SignError::ContentType => Refused::new(Cause::BadRequest, error.to_string()),
        SignError::Internal => Refused::new(Cause::Internal, error.to_string()),
    }
}

/// Refuses what is too large. A caller who waits for `100 Continue` hasn't sent anything that would have to be read.
fn refuse_and_discard(refused: &Refused, waits: bool, body: Incoming) -> Answer {
    let response = refuse(refused);
    let response = if waits { response } else { response.map(|problem| problem.discarding(body)) };
    Answer { response, cause: Some(refused.cause) }
}

fn refuse(refused: &Refused) -> Response<ResponseBody> {
    problem(refused).map(ResponseBody::bytes)
}

fn set_close(response: &mut Response<ResponseBody>, version: Version) {
    if version <= Version::HTTP_11 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
