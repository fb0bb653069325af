//! The one path that a request takes: check, hold and hash, clean, sign, forward, classify, pass on. More than 300 lines
//! as long as sending and answering have no rooms of their own.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lambdaroute_proxy_config::cause::{Cause, Owner};

use crate::access::{Admission, Caller};
use crate::access_log::AccessLog;
use crate::aws::CredentialStore;
use crate::body::{Received, check_length, receive};
use crate::body_memory::{BodyMemory, Reservation};
use crate::classify::{PEEK_LIMIT, Peek, Verdict, classify, peek};
use crate::client_address::{Client, TrustedProxies};
use crate::contact::Contact;
use crate::cors::origin;
use crate::head_limit::HeadLimit;
use crate::headers::{to_caller, wants_upgrade};
use crate::lifecycle::Lifecycle;
use crate::limit::admission::Told;
use crate::limit::subject::{Recognised, Subject};
use crate::metrics::Metrics;
use crate::observation::{Observation, X_AMZN_REQUESTID};
use crate::problem::{Format, PROXY_STATUS, Refused, problem, set_proxy_status};
use crate::report::CauseCounts;
use crate::response_body::{Counted, ResponseBody};
use crate::served_route::ServedRoute;
use crate::trace_context::{Fresh, propagate};
use crate::upstream::{Lease, Upstream};
use crate::upstream_request::{no_credentials, upstream_request};

/// AWS's own errors come in one piece; one that stalls is not worth a caller's wait.
const PEEK_TIMEOUT: Duration = Duration::from_secs(10);

/// What all requests of a worker share. But for the connections to function URLs, which are the worker's own, it is the
/// whole process's.
pub(crate) struct Proxy {
    pub(crate) credentials: Arc<CredentialStore>,
    pub(crate) upstream: Upstream,
    pub(crate) contact: Arc<Contact>,
    pub(crate) counts: Arc<CauseCounts>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) access_log: Arc<AccessLog>,
    pub(crate) bodies: Arc<BodyMemory>,
    pub(crate) head_limit: HeadLimit,
    pub(crate) body_idle_timeout: Duration,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// A request's body until it is read.
struct Unread {
    body: Incoming,
    /// The caller sends it once it is asked for with `100 Continue`, which reading it does.
    waits: bool,
}

impl Unread {
    /// What a caller has sent or is about to: it must be read, or the answer is lost.
    fn rest(self) -> Option<Incoming> {
        (!self.waits && !self.body.is_end_stream()).then_some(self.body)
    }
}

/// An answer, and why it isn't the function's own.
struct Answer {
    response: Response<ResponseBody>,
    cause: Option<Cause>,
    /// It says already what CORS has to say.
    is_preflight: bool,
}

impl Proxy {
    /// Answers a request of a caller at this address. `route`: what the port serves now. `is_last`: no other is served on
    /// its connection.
    pub(crate) async fn serve(
        &self,
        route: Option<Arc<ServedRoute>>,
        peer: IpAddr,
        request: Request<Incoming>,
        is_last: bool,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let version = request.version();
        let is_last = is_last || route.is_none() || self.lifecycle.is_leaving();
        let mut response = match route {
            Some(route) => self.observe(&route, peer, request).await,
            None => {
                let refused = Refused::new(Cause::NotProgrammed, "no route is programmed on this port");
                refuse(&refused, Format::of(request.headers()))
            }
        };
        if is_last || self.lifecycle.is_leaving() {
            set_close(&mut response, version);
        }
        Ok(response)
    }

    async fn observe(&self, route: &ServedRoute, peer: IpAddr, request: Request<Incoming>) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        let client = self.trusted_proxies.client(peer, &parts.headers);
        let cors = route.access.cors.as_ref().map(|cors| (cors, origin(&parts.headers)));
        let mut observation = Observation::begin(route.metrics.clone(), &parts, client.address, &self.access_log);
        let mut unread = Some(Unread { body, waits: parts.headers.contains_key(EXPECT) });
        let format = Format::of(&parts.headers);
        let mut told = None;
        let admitted = self.admit(route, &client, &parts, &mut told, &mut observation);
        if admitted.is_err() && told.is_none() {
            told = look(route, &client, &parts, &observation);
        }
        let answered = match admitted {
            Ok(Admission::Preflight(headers)) => Ok(preflight(headers)),
            Ok(Admission::Caller(identity)) => {
                let caller = Caller { client, identity };
                self.forward(route, &caller, parts, &mut unread, &mut observation).await
            }
            Err(refused) => Err(refused),
        };
        let Answer { mut response, cause, is_preflight } = match answered {
            Ok(answer) => answer,
            Err(refused) => {
                self.log(route, &refused);
                let response = match unread.and_then(Unread::rest) {
                    Some(rest) => refuse(&refused, format).map(|problem| problem.discarding(rest)),
                    None => refuse(&refused, format),
                };
                Answer { response, cause: Some(refused.cause), is_preflight: false }
            }
        };
        if let Some((cors, origin)) = cors
            && !is_preflight
        {
            cors.answer(origin.as_ref(), response.headers_mut());
        }
        if let Some(limits) = &route.limits {
            limits.tell(response.headers_mut(), told);
        }
        observation.status(response.status());
        if let Some(cause) = cause {
            observation.cause(cause);
            self.counts.add(&route.id, cause);
            if cause.owner() == Owner::Aws {
                self.metrics.upstream_error(cause);
            }
        }
        let counted = Counted { observation, route_id: route.id.clone(), counts: self.counts.clone() };
        let body = std::mem::replace(response.body_mut(), ResponseBody::bytes(Bytes::new()));
        response.map(|_| body.counted(counted))
    }

    /// The order is the contract: whatever refuses a request does it before its body is asked for, and what costs a caller
    /// something (a limit) comes after what may refuse it for nothing. `told`: what the caller is told of limits.
    fn admit(
        &self,
        route: &ServedRoute,
        client: &Client,
        parts: &Parts,
        told: &mut Told,
        observation: &mut Observation,
    ) -> Result<Admission, Refused> {
        // Its form, and the table's age.
        if self.contact.is_too_old(SystemTime::now) {
            return Err(Refused::new(Cause::NotProgrammed, "the route table is too old to serve"));
        }
        check_request(parts)?;
        self.head_limit.check(parts)?;
        // Who calls.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let stale = |id| self.counts.stale_key_set(id);
        let identity = match route.access.admit(client.address, &parts.method, &parts.headers, now, stale)? {
            Admission::Caller(identity) => identity,
            preflight @ Admission::Preflight(_) => return Ok(preflight),
        };
        if let Some(identity) = &identity {
            observation.tell(|entry| {
                entry.auth = Some(String::from_utf8_lossy(identity.method()).into_owned());
                entry.consumer = Some(identity.name().to_owned());
            });
        }
        // How much: what the body says of itself, then what the route allows.
        check_length(&parts.headers, route.max_body)?;
        if let Some(limits) = &route.limits {
            let subject = Subject {
                address: client.address,
                headers: &parts.headers,
                caller: identity.as_ref().map(|identity| identity as &dyn Recognised),
            };
            let (permit, of_limits) = limits.admit(&subject, limits.time(observation.begun())).verdict();
            *told = of_limits;
            observation.hold(permit?);
        }
        // Whether it can be signed.
        if route.signed && self.credentials.valid_at(SystemTime::now()).is_none() {
            return Err(no_credentials());
        }
        Ok(Admission::Caller(identity))
    }

    /// The body is asked for, read and hashed from here on. `unread`: taken once it is read.
    async fn forward(
        &self,
        route: &ServedRoute,
        caller: &Caller,
        parts: Parts,
        unread: &mut Option<Unread>,
        observation: &mut Observation,
    ) -> Result<Answer, Refused> {
        let received = self.receive(route, &parts, unread).await?;
        observation.tell(|entry| entry.bytes_in = received.length() as u64);
        let mut request = upstream_request(route, caller, parts, &received, &self.credentials, SystemTime::now())?;
        let trace_id = propagate(request.headers_mut(), fresh_trace);
        observation.tell(|entry| entry.trace_id = Some(trace_id));
        // To the function and back.
        observation.sent();
        let (response, lease) = self.upstream.send(&route.origin, request, route.first_byte).await?;
        observation.upstream_answered(response.headers().get(X_AMZN_REQUESTID));
        answer(route, response, lease).await
    }

    async fn receive(
        &self,
        route: &ServedRoute,
        parts: &Parts,
        unread: &mut Option<Unread>,
    ) -> Result<Received, Refused> {
        let Some(pending) = unread else { return Err(Refused::new(Cause::Internal, "the body was read before")) };
        let reservation = Reservation::empty(&self.bodies, &route.body_memory);
        let Unread { body, waits } = pending;
        let received =
            receive(&parts.headers, body, waits, route.max_body, self.body_idle_timeout, reservation).await?;
        *unread = None;
        Ok(received)
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
                remedy = refused.cause.operator(),
                "request failed"
            );
        }
    }
}

/// The answer to a preflight: the function isn't asked.
fn preflight(headers: HeaderMap) -> Answer {
    let mut response = Response::new(ResponseBody::bytes(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers;
    Answer { response, cause: None, is_preflight: true }
}

/// What can be said before the body is read.
fn check_request(parts: &Parts) -> Result<(), Refused> {
    if parts.method == Method::CONNECT {
        return Err(Refused::new(Cause::BadRequest, "CONNECT can't be forwarded to a function"));
    }
    if parts.uri.path() == "*" {
        return Err(Refused::new(Cause::BadRequest, "the target * can't be forwarded to a function"));
    }
    if wants_upgrade(&parts.headers) {
        return Err(Refused::new(Cause::UpgradeUnsupported, "a function URL can't change the protocol"));
    }
    Ok(())
}

/// Tells whose the answer is, and makes it the caller's.
async fn answer(route: &ServedRoute, response: Response<Incoming>, lease: Lease) -> Result<Answer, Refused> {
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
    let body = ResponseBody::upstream(start, body, lease, route.stream_idle);
    Ok(Answer { response: Response::from_parts(parts, body), cause, is_preflight: false })
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

/// What a caller is told of limits who was refused before they were asked.
fn look(route: &ServedRoute, client: &Client, parts: &Parts, observation: &Observation) -> Told {
    let limits = route.limits.as_ref()?;
    let subject = Subject { address: client.address, headers: &parts.headers, caller: None };
    limits.look(&subject, limits.time(observation.begun()))
}

/// Of the thread's own source of chance, which asks the system for some once in thousands of requests.
fn fresh_trace() -> Fresh {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Fresh { seconds: u32::try_from(since.as_secs()).unwrap_or(u32::MAX), random: rand::random() }
}

fn refuse(refused: &Refused, format: Format) -> Response<ResponseBody> {
    problem(refused, format).map(ResponseBody::bytes)
}

fn set_close(response: &mut Response<ResponseBody>, version: Version) {
    if version <= Version::HTTP_11 && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
