//! The one path that a request takes: who calls, how much, its body held and hashed, then to the function and back
//! ([`crate::exchange`]).

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{CONNECTION, EXPECT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::Body;
use hyper::body::Incoming;
use lambdaroute_proxy_config::cause::{Cause, Owner};

use crate::access::{Admission, Caller};
use crate::access_log::AccessLog;
use crate::answer::{Answer, preflight};
use crate::aws::CredentialStore;
use crate::body::{Received, check_length, receive};
use crate::body_memory::{BodyMemory, Budget};
use crate::client_address::{Client, TrustedProxies};
use crate::contact::Contact;
use crate::cors::origin;
use crate::head_limit::HeadLimit;
use crate::lifecycle::Lifecycle;
use crate::limit::admission::Told;
use crate::limit::subject::{Recognised, Subject};
use crate::metrics::Metrics;
use crate::moment::Moment;
use crate::observation::Observation;
use crate::problem::{Format, Refused, problem};
use crate::report::CauseCounts;
use crate::request_form::check_form;
use crate::response_body::{Counted, ResponseBody};
use crate::served_route::ServedRoute;
use crate::upstream::Upstream;
use crate::upstream_request::no_credentials;

/// The longest rest of a body that is read after a refusal to keep the connection for the next request: less than what a new
/// connection costs.
const READ_TO_GO_ON: u64 = 64 * 1024;

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
    /// Some of it may have been read.
    begun: bool,
}

impl Unread {
    fn of(headers: &HeaderMap, body: Incoming) -> Self {
        Unread { body, waits: headers.contains_key(EXPECT), begun: false }
    }

    /// Sees to what a caller has sent, or is about to, beside an answer that didn't wait for it. The connection of one that
    /// is long, has no known end or has gone wrong ends after the answer, which says so.
    fn settle(self, mut response: Response<ResponseBody>, version: Version) -> Response<ResponseBody> {
        // Over HTTP/2 the stream is reset after the answer, with NO_ERROR (RFC 9113 section 8.1): nothing need be read.
        if version == Version::HTTP_2 || self.body.is_end_stream() {
            return response;
        }
        let is_unasked = self.waits && !self.begun;
        if is_unasked || self.begun || self.body.size_hint().upper().is_none_or(|left| left > READ_TO_GO_ON) {
            set_close(&mut response, version);
        }
        if is_unasked { response } else { response.map(|body| body.discarding(self.body)) }
    }
}

impl Proxy {
    /// Answers a request of a caller at this address. `route`: what the port serves now. `is_last`: no other is served on
    /// its connection. One future, not one in another: each would be copied into the next.
    pub(crate) async fn serve(
        self: Arc<Self>,
        route: Option<Arc<ServedRoute>>,
        peer: IpAddr,
        request: Request<Incoming>,
        is_last: bool,
    ) -> Result<Response<ResponseBody>, Infallible> {
        let version = request.version();
        let Some(route) = route else {
            let (parts, body) = request.into_parts();
            let refused = Refused::new(Cause::NotProgrammed, "no route is programmed on this port");
            let response = refuse(&refused, Format::of(&parts.headers));
            let mut response = Unread::of(&parts.headers, body).settle(response, version);
            set_close(&mut response, version);
            return Ok(response);
        };
        let is_last = is_last || self.lifecycle.is_leaving();
        let (parts, body) = request.into_parts();
        let client = self.trusted_proxies.client(peer, &parts.headers);
        let origin = route.access.cors.as_ref().map(|_| origin(&parts.headers));
        let mut observation = Observation::begin(route.metrics.clone(), &parts, client.address, &self.access_log);
        let mut unread = Some(Unread::of(&parts.headers, body));
        let format = Format::of(&parts.headers);
        let mut told = None;
        let admitted = self.admit(&route, &client, &parts, &mut told, &mut observation);
        if admitted.is_err() && told.is_none() {
            told = look(&route, &client, &parts, &observation);
        }
        let answered = match admitted {
            Ok(Admission::Preflight(headers)) => Ok(preflight(headers)),
            Ok(Admission::Caller(identity)) => {
                let caller = Caller { client, identity };
                self.forward(&route, &caller, parts, &mut unread, &mut observation).await
            }
            Err(refused) => Err(refused),
        };
        let answer = answered.unwrap_or_else(|refused| self.refused(&route, &refused, format));
        let mut response = self.told(&route, answer, origin.flatten().as_ref(), told, observation);
        if let Some(unread) = unread {
            response = unread.settle(response, version);
        }
        if is_last || self.lifecycle.is_leaving() {
            set_close(&mut response, version);
        }
        Ok(response)
    }

    /// A refusal as an answer.
    fn refused(&self, route: &ServedRoute, refused: &Refused, format: Format) -> Answer {
        self.log(route, refused);
        Answer { response: refuse(refused, format), cause: Some(refused.cause), is_preflight: false }
    }

    /// An answer with what the route tells callers besides, counted from here on.
    fn told(
        &self,
        route: &ServedRoute,
        answer: Answer,
        origin: Option<&HeaderValue>,
        told: Told,
        mut observation: Observation,
    ) -> Response<ResponseBody> {
        let Answer { mut response, cause, is_preflight } = answer;
        if let Some(cors) = &route.access.cors
            && !is_preflight
        {
            cors.answer(origin, response.headers_mut());
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
        response.map(|body| body.counted(counted))
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
        if self.contact.is_too_old(Moment::now) {
            return Err(Refused::new(Cause::NotProgrammed, "the route table is too old to serve"));
        }
        check_form(parts)?;
        self.head_limit.check(parts)?;
        // Who calls.
        let time = SystemTime::now();
        let now = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
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
        // How much: what the body says of itself.
        check_length(&parts.headers, route.max_body)?;
        // Whether it can be signed.
        if route.signed && !self.credentials.are_valid_at(route.origin.clock_offset().apply(time)) {
            return Err(no_credentials());
        }
        // What the route allows: last, because it takes something.
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
        let received = match unread {
            // Boxed: most requests have no body, and each request's future would be as large as this is.
            Some(pending) if !pending.body.is_end_stream() => {
                Box::pin(self.receive(route, &parts.headers, pending)).await?
            }
            _ => Received::EMPTY,
        };
        *unread = None;
        observation.tell(|entry| entry.bytes_in = received.length() as u64);
        // To the function and back.
        self.exchange(route, caller, parts, &received, observation).await
    }

    async fn receive(
        &self,
        route: &ServedRoute,
        headers: &HeaderMap,
        pending: &mut Unread,
    ) -> Result<Received, Refused> {
        let budget = Budget { process: &self.bodies, route: &route.body_memory };
        let Unread { body, begun, .. } = pending;
        receive(headers, body, begun, route.max_body, self.body_idle_timeout, budget).await
    }

    /// For the operator. What callers do wrong is counted, not logged.
    fn log(&self, route: &ServedRoute, refused: &Refused) {
        let owner = refused.cause.owner();
        if matches!(owner, Owner::Aws | Owner::Proxy) && route.may_log(SystemTime::now()) {
            tracing::warn!(
                namespace = route.namespace(),
                name = route.name(),
                function = route.function_arn,
                cause = refused.cause.as_str(),
                reason = refused.reason,
                remedy = refused.cause.operator(),
                "request failed"
            );
        }
    }
}

/// What a caller is told of limits who was refused before they were asked.
fn look(route: &ServedRoute, client: &Client, parts: &Parts, observation: &Observation) -> Told {
    let limits = route.limits.as_ref()?;
    let subject = Subject { address: client.address, headers: &parts.headers, caller: None };
    limits.look(&subject, limits.time(observation.begun()))
}

fn refuse(refused: &Refused, format: Format) -> Response<ResponseBody> {
    problem(refused, format).map(ResponseBody::bytes)
}

fn set_close(response: &mut Response<ResponseBody>, version: Version) {
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
