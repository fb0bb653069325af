//! What a route says about the headers of requests, made once. Pure.

use http::{HeaderMap, HeaderName, HeaderValue};
use lambdaroute_proxy_config::v1alpha1::Route;
use lambdaroute_proxy_config::v1alpha1::auth_method::Method;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct HeaderRules {
    /// What a caller's request loses, in lower case with hyphens: the headers of keys and of forwarded claims, whichever
    /// method recognised the caller, those that the route sets, and those that it removes.
    dropped: Box<[Box<str>]>,
    set: Box<[(HeaderName, HeaderValue)]>,
    forward_authorization_as: Option<HeaderName>,
}

/// A header that can't be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {0:?} has a name or a value that no header can have")]
pub(crate) struct HeaderRulesError(String);

impl HeaderRules {
    /// # Errors
    /// A name or a value that no header can have; the value isn't told.
    pub(crate) fn new(route: &Route) -> Result<Self, HeaderRulesError> {
        let name = |name: &str| HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderRulesError(name.to_owned()));
        let mut dropped: Vec<&str> = Vec::new();
        for method in route.auth.iter().flat_map(|auth| &auth.methods) {
            match &method.method {
                Some(Method::ApiKey(api_key)) => dropped.push(&api_key.header),
                Some(Method::Jwt(jwt)) => dropped.extend(jwt.forward_claims.iter().map(|claim| claim.header.as_str())),
                Some(Method::ServiceAccount(_)) | None => {}
            }
        }
        let mut set = Vec::new();
        for header in route.request_headers.iter().flat_map(|headers| &headers.set) {
            dropped.push(&header.name);
            let value = HeaderValue::from_bytes(&header.value).map_err(|_| HeaderRulesError(header.name.clone()));
            let mut value = value?;
            // It may come from a Secret.
            value.set_sensitive(true);
            set.push((name(&header.name)?, value));
        }
        dropped.extend(route.request_headers.iter().flat_map(|headers| &headers.remove).map(String::as_str));
        let mut forward_authorization_as = None;
        if !route.forward_authorization_as.is_empty() {
            dropped.push(&route.forward_authorization_as);
            forward_authorization_as = Some(name(&route.forward_authorization_as)?);
        }
        let dropped = dropped.into_iter().map(|name| name.to_ascii_lowercase().replace('_', "-").into()).collect();
        Ok(HeaderRules { dropped, set: set.into(), forward_authorization_as })
    }

    /// Whether a caller's header of this name (in lower case, with hyphens) is dropped.
    pub(super) fn drops(&self, name: &str) -> bool {
        self.dropped.iter().any(|dropped| **dropped == *name)
    }

    /// Sets what the route sets.
    pub(super) fn set(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
    }

    /// The name under which the caller's Authorization goes on. Absent: it doesn't.
    pub(super) fn forward_authorization_as(&self) -> Option<&HeaderName> {
        self.forward_authorization_as.as_ref()
    }
}
