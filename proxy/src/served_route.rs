//! A route of the table as the request path needs it: everything that is the same for each request, made once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::uri::{Authority, Scheme};
use lambdaroute_proxy_config::v1alpha1::{AuthType, Route, route::Upstream};

use crate::args::FunctionUrlEndpoint;
use crate::metrics::RouteMetrics;

/// One route, ready to serve.
pub(crate) struct ServedRoute {
    /// The uid of its LambdaRoute.
    pub(crate) id: Arc<str>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The function URL's host: sent and signed.
    pub(crate) host: HeaderValue,
    /// The Region to sign for.
    pub(crate) region: String,
    /// Whether requests are signed (AWS_IAM) or pass as they are (NONE).
    pub(crate) signed: bool,
    /// Where to dial: the function URL's host, or what the operator said.
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// For the log.
    pub(crate) function_arn: String,
    pub(crate) metrics: Arc<RouteMetrics>,
    /// When a failure was last logged, in seconds since the epoch.
    logged: AtomicU64,
}

/// The route has no upstream that this version knows, or its host is no host.
#[derive(Debug, thiserror::Error)]
#[error("the route's upstream can't be dialled")]
pub(crate) struct NoUpstream;

impl ServedRoute {
    /// From a valid route of the table.
    pub(crate) fn new(
        id: &str,
        route: &Route,
        endpoint: Option<&FunctionUrlEndpoint>,
        metrics: Arc<RouteMetrics>,
    ) -> Result<Self, NoUpstream> {
        let Some(Upstream::FunctionUrl(url)) = &route.upstream else { return Err(NoUpstream) };
        let signed = match url.auth_type() {
            AuthType::AwsIam => true,
            AuthType::None => false,
            AuthType::Unspecified => return Err(NoUpstream),
        };
        let (scheme, authority) = match endpoint {
            Some(endpoint) => (endpoint.scheme.clone(), endpoint.authority.clone()),
            None => (Scheme::HTTPS, url.host.parse().map_err(|_| NoUpstream)?),
        };
        Ok(ServedRoute {
            id: id.into(),
            namespace: route.namespace.clone(),
            name: route.name.clone(),
            host: HeaderValue::from_str(&url.host).map_err(|_| NoUpstream)?,
            region: url.region.clone(),
            signed,
            scheme,
            authority,
            function_arn: url.function_arn.clone(),
            metrics,
            logged: AtomicU64::new(0),
        })
    }

    /// Whether a failure of this route is to be logged now: at most once a second, so that an outage can't flood the log.
    pub(crate) fn may_log(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        self.logged.swap(now, Ordering::Relaxed) != now
    }
}
