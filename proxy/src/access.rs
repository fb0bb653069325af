//! Who may call a route: everything of it that decides about a caller before anything is spent on the request, in its
//! order. Pure. Made once for each version of a route.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method};
use lambdaroute_proxy_config::SourceRangeError;
use lambdaroute_proxy_config::cause::Cause;
use lambdaroute_proxy_config::v1alpha1::Route;

use crate::auth::{AuthError, Authentication, Identity, Outcome};
use crate::client_address::Client;
use crate::cors::{Cors, CorsError, is_preflight, origin};
use crate::headers::{HeaderRules, HeaderRulesError};
use crate::key_sets::KeySets;
use crate::problem::Refused;
use crate::source_ranges::SourceRanges;

/// See the module.
#[derive(Debug)]
pub(crate) struct Access {
    source_ranges: Option<SourceRanges>,
    /// Absent: the function answers for itself, and nothing is taken for what most routes don't say.
    pub(crate) cors: Option<Box<Cors>>,
    /// Absent: whoever reaches the port may call.
    pub(crate) authentication: Option<Authentication>,
    /// What becomes of the headers of a request.
    pub(crate) headers: HeaderRules,
}

/// Why a route can't be served: never half of what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("source_ranges: {0}")]
    SourceRange(#[from] SourceRangeError),
    #[error(transparent)]
    Cors(#[from] CorsError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Headers(#[from] HeaderRulesError),
}

/// What is to be done with a request that isn't refused.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is a preflight: these headers are its whole answer.
    Preflight(HeaderMap),
    /// It goes on. Absent: nobody asked who calls.
    Caller(Option<Identity>),
}

/// Who calls: from where, and as whom, if the route asks.
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) identity: Option<Identity>,
}

impl Access {
    /// # Errors
    /// Something in it that this version can't keep.
    pub(crate) fn new(route: &Route, key_sets: &KeySets) -> Result<Self, AccessError> {
        Ok(Access {
            source_ranges: route.source_ranges.as_ref().map(SourceRanges::new).transpose()?,
            cors: route.cors.as_ref().map(Cors::new).transpose()?.map(Box::new),
            authentication: route.auth.as_ref().map(|auth| Authentication::new(auth, key_sets)).transpose()?,
            headers: HeaderRules::new(route)?,
        })
    }

    /// Whether a caller at this trusted address may go on with a request of this method and these headers, at this time
    /// (seconds since the epoch). `stale`: told the ids of key sets that may be old.
    ///
    /// # Errors
    /// The caller's address isn't admitted, no method recognises the caller, or one does and doesn't admit.
    pub(crate) fn admit(
        &self,
        client: IpAddr,
        method: &Method,
        headers: &HeaderMap,
        now: u64,
        stale: impl FnMut(Arc<str>),
    ) -> Result<Admission, Refused> {
        if self.source_ranges.as_ref().is_some_and(|ranges| !ranges.admit(client)) {
            return Err(Refused::new(Cause::Forbidden, "this route isn't for callers at this address"));
        }
        if let Some(cors) = &self.cors
            && is_preflight(method, headers)
        {
            return Ok(Admission::Preflight(cors.preflight(origin(headers).as_ref())));
        }
        let Some(authentication) = &self.authentication else { return Ok(Admission::Caller(None)) };
        let Outcome { caller, stale_key_sets } = authentication.identify(headers, now);
        stale_key_sets.into_iter().for_each(stale);
        match caller {
            Ok(identity) => Ok(Admission::Caller(Some(identity))),
            Err(denied) => {
                let mut refused = Refused::new(denied.cause, denied.detail.to_string());
                refused.challenges = denied.challenges;
                Err(refused)
            }
        }
    }
}

#[cfg(test)]
mod tests;
