//! A route of the table as the request path needs it: everything that is the same for each request, made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use lambdaroute_proxy_config::v1alpha1::{AuthType, Route, route::Upstream};

use crate::access::{Access, AccessError};
use crate::body::MAX_BODY;
use crate::body_memory::RouteBodyMemory;
use crate::key_sets::KeySets;
use crate::limit::admission::RouteLimits;
use crate::metrics::RouteMetrics;
use crate::upstream::Origin;

/// Lambda's longest run (15 minutes) and a margin.
const FIRST_BYTE: Duration = Duration::from_secs(15 * 60 + 5);

/// One route, ready to serve.
pub(crate) struct ServedRoute {
    /// The uid of its LambdaRoute.
    pub(crate) id: Arc<str>,
    /// The function URL's host: sent and signed.
    pub(crate) host: HeaderValue,
    /// The Region to sign for.
    pub(crate) region: Box<str>,
    /// Whether requests are signed (AWS_IAM) or pass as they are (NONE).
    pub(crate) signed: bool,
    /// Where to dial: the function URL's host, or what the operator said.
    pub(crate) origin: Arc<Origin>,
    /// The most bytes of a request's body.
    pub(crate) max_body: u64,
    /// Until the answer's headers.
    pub(crate) first_byte: Duration,
    /// Between pieces of the answer. Absent: for ever.
    pub(crate) stream_idle: Option<Duration>,
    /// What its bodies take of the memory that is for bodies.
    pub(crate) body_memory: RouteBodyMemory,
    /// How much it takes. Absent: any number of requests.
    pub(crate) limits: Option<RouteLimits>,
    /// Who may call it, and what becomes of their headers.
    pub(crate) access: Access,
    /// For the log.
    pub(crate) function_arn: Box<str>,
    pub(crate) metrics: Arc<RouteMetrics>,
    /// When a failure was last logged, in seconds since the epoch.
    logged: AtomicU64,
}

/// Why a route can't be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unservable {
    /// It has no upstream that this version knows, or its host is no host.
    #[error("the route's upstream can't be dialled")]
    Upstream,
    /// Something of who may call it can't be kept.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl ServedRoute {
    /// From a valid route of the table. `endpoint`: dialled in place of the function URL. `previous`: the version that this
    /// one replaces; what must not begin anew is taken from it.
    pub(crate) fn new(
        id: &Arc<str>,
        route: &Route,
        endpoint: Option<&Arc<Origin>>,
        metrics: Arc<RouteMetrics>,
        limits: Option<RouteLimits>,
        key_sets: &KeySets,
        previous: Option<&ServedRoute>,
    ) -> Result<Self, Unservable> {
        let Some(Upstream::FunctionUrl(url)) = &route.upstream else { return Err(Unservable::Upstream) };
        let signed = match url.auth_type() {
            AuthType::AwsIam => true,
            AuthType::None => false,
            AuthType::Unspecified => return Err(Unservable::Upstream),
        };
        let origin = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => Arc::new(Origin::of_function_url(&url.host).map_err(|_| Unservable::Upstream)?),
        };
        let timeouts = route.timeouts.unwrap_or_default();
        let milliseconds = |ms: u64| Some(ms).filter(|ms| *ms != 0).map(Duration::from_millis);
        Ok(ServedRoute {
            id: id.clone(),
            host: HeaderValue::from_str(&url.host).map_err(|_| Unservable::Upstream)?,
            region: url.region.as_str().into(),
            signed,
            origin,
            max_body: if route.max_request_body == 0 { MAX_BODY } else { route.max_request_body },
            first_byte: milliseconds(timeouts.first_byte_ms).unwrap_or(FIRST_BYTE),
            stream_idle: milliseconds(timeouts.stream_idle_ms),
            body_memory: previous.map(|previous| previous.body_memory.clone()).unwrap_or_default(),
            limits,
            access: Access::new(route, key_sets)?,
            function_arn: url.function_arn.as_str().into(),
            metrics,
            logged: AtomicU64::new(0),
        })
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.metrics.namespace
    }

    pub(crate) fn name(&self) -> &str {
        &self.metrics.name
    }

    /// Whether a failure of this route is to be logged now: at most once a second, so that an outage can't flood the log.
    pub(crate) fn may_log(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        self.logged.swap(now, Ordering::Relaxed) != now
    }
}
